//! `/users`: who may log in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::edge::store::{Role, User};
use crate::edge::{clock, random};
use crate::logic::password;
use crate::logic::time::Timestamp;
use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::extract::{Caller, Named, Sent};
use crate::role::api::problem::{Answer, Problem};

/// Longest user name.
const MAX_NAME: usize = 32;

/// Most users.
const MAX_USERS: usize = 1_000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let admin = |endpoint: Endpoint| endpoint.access(Access::Admin);
    vec![
        admin(Endpoint::new(Method::GET, "/api/v1/users", "Lists users", list)).answer::<Users>(),
        admin(Endpoint::new(Method::POST, "/api/v1/users", "Adds a user", add))
            .body::<NewUser>()
            .status(StatusCode::CREATED)
            .answer::<FirstPassword>(),
        admin(Endpoint::new(Method::DELETE, "/api/v1/users/{name}", "Removes a user", remove))
            .status(StatusCode::NO_CONTENT),
        admin(Endpoint::new(
            Method::POST,
            "/api/v1/users/{name}/reset-password",
            "Makes a new first password for a user",
            reset_password,
        ))
        .answer::<FirstPassword>(),
        admin(Endpoint::new(
            Method::PUT,
            "/api/v1/users/{name}/role",
            "Changes what a user may do",
            set_role,
        ))
        .body::<NewRole>()
        .answer::<Listed>(),
    ]
}

/// Everybody, by name.
#[derive(Serialize, JsonSchema)]
struct Users {
    users: Vec<Listed>,
}

/// Someone who may log in.
#[derive(Serialize, JsonSchema)]
struct Listed {
    username: String,
    role: Role,
    /// Whether the password must be changed first.
    must_change_password: bool,
    /// When the password was last set.
    #[schemars(with = "String")]
    changed: Timestamp,
}

/// Someone to add: a name of 1 to 32 of `a-z`, `0-9`, `.`, `_` and `-`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    username: String,
    role: Role,
}

/// What a user may do from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

/// A first password. It is shown this once and must be changed at the first login.
#[derive(Serialize, JsonSchema)]
struct FirstPassword {
    username: String,
    password: String,
}

async fn list(State(app): State<Arc<App>>) -> Answer<Json<Users>> {
    let users = app.database.ask(|store| store.users()).await?;
    Ok(Json(Users { users: users.into_iter().map(listed).collect() }))
}

async fn add(
    State(app): State<Arc<App>>,
    Sent(new): Sent<NewUser>,
) -> Answer<(StatusCode, Json<FirstPassword>)> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    if !(1..=MAX_NAME).contains(&new.username.len()) || !new.username.bytes().all(plain) {
        let detail = "username: takes 1 to 32 of a-z, 0-9, `.`, `_` and `-`";
        return Err(Problem::invalid(detail));
    }
    let (password, hash) = first_password(&app).await?;
    let user = User {
        name: new.username.clone(),
        role: new.role,
        password: hash,
        must_change: true,
        changed: clock::now(),
    };
    let added = app.database.ask(move |store| {
        let room = store.users()?.len() < MAX_USERS;
        Ok(room && store.add_user(&user)?)
    });
    if !added.await? {
        let detail = "there is a user of that name, or there are 1000 users";
        return Err(Problem::new(StatusCode::CONFLICT, "user_exists", detail));
    }
    Ok((StatusCode::CREATED, Json(FirstPassword { username: new.username, password })))
}

async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Answer<StatusCode> {
    not_oneself(&caller, &name)?;
    let user = user(&app, name).await?;
    let removed = app.database.ask(move |store| store.remove_user(&user.name)).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(last_admin()) }
}

async fn reset_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
) -> Answer<Json<FirstPassword>> {
    not_oneself(&caller, &name)?;
    let user = user(&app, name).await?;
    let (password, hash) = first_password(&app).await?;
    let user = User { password: hash, must_change: true, changed: clock::now(), ..user };
    let username = user.name.clone();
    app.database.ask(move |store| store.save_user(&user)).await?;
    Ok(Json(FirstPassword { username, password }))
}

async fn set_role(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(name): Named<String>,
    Sent(new): Sent<NewRole>,
) -> Answer<Json<Listed>> {
    not_oneself(&caller, &name)?;
    let user = User { role: new.role, ..user(&app, name).await? };
    let saved = user.clone();
    if app.database.ask(move |store| store.save_user(&saved)).await? {
        Ok(Json(listed(user)))
    } else {
        Err(last_admin())
    }
}

fn listed(user: User) -> Listed {
    let User { name: username, role, must_change: must_change_password, changed, .. } = user;
    Listed { username, role, must_change_password, changed }
}

async fn user(app: &App, name: String) -> Answer<User> {
    let found = app.database.ask(move |store| store.user(&name)).await?;
    found.ok_or_else(|| Problem::missing("user"))
}

async fn first_password(app: &App) -> Answer<(String, String)> {
    let mut letters = [0; 16];
    random::fill(&mut letters);
    let password = password::readable(letters);
    let hash = app.hash(password.clone()).await?;
    Ok((password, hash))
}

/// Whoever removes or demotes oneself by mistake cannot undo it.
fn not_oneself(caller: &Caller, name: &str) -> Answer<()> {
    if caller.name != name {
        return Ok(());
    }
    let detail = "not to oneself: another admin must do it";
    Err(Problem::new(StatusCode::CONFLICT, "oneself", detail))
}

fn last_admin() -> Problem {
    Problem::new(StatusCode::CONFLICT, "last_admin", "the last admin stays admin")
}
