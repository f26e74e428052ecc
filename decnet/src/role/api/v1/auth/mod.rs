//! `/auth`: logging in and out.

mod change_password;
mod guesses;
mod login;
mod logout;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::edge::store::{Role, User};
use crate::edge::{clock, random};
use crate::logic::time::Timestamp;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::problem::Answer;

pub(in crate::role::api) use guesses::kept as kept_guesses;

pub(super) fn endpoints() -> Vec<Endpoint> {
    [change_password::endpoints(), login::endpoints(), logout::endpoints()]
        .into_iter()
        .flatten()
        .collect()
}

/// A login: what to send along from now on, as `Authorization: Bearer …`.
#[derive(Serialize, JsonSchema)]
struct LoggedIn {
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// Until when it is good.
    #[schemars(with = "String")]
    expires_at: Timestamp,
    /// Who logged in.
    username: String,
    /// What they may do.
    role: Role,
    /// Whether the password must be changed before anything else is answered.
    must_change_password: bool,
}

/// Puts a token for `user` in force.
async fn log_in(app: &Arc<App>, user: &User) -> Answer<LoggedIn> {
    let mut id = [0; 16];
    random::fill(&mut id);
    let id = Uuid::from_bytes(id).simple().to_string();
    let now = clock::now();
    let (access_token, expires_at) = app.key.sign(&user.name, &id, now);
    let name = user.name.clone();
    app.database.ask(move |store| store.add_token(&id, &name, now, expires_at)).await?;
    Ok(LoggedIn {
        access_token,
        token_type: "bearer",
        expires_at,
        username: user.name.clone(),
        role: user.role,
        must_change_password: user.must_change,
    })
}
