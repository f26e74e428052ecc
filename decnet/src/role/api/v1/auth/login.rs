//! `/auth/login`.
//!
//! Whether a user exists must not show: an unknown one takes the same steps, and as long, as a
//! known one with a wrong password.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{LoggedIn, guesses, log_in};
use crate::logic::password;
use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::extract::{Origin, Sent};
use crate::role::api::problem::{Answer, Problem};

/// Longest user name, in bytes.
const MAX_NAME: usize = 64;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/api/v1/auth/login", "Logs in", login)
            .access(Access::Anybody)
            .body::<Login>()
            .answer::<LoggedIn>(),
    ]
}

/// Who logs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

async fn login(
    State(app): State<Arc<App>>,
    Origin(source): Origin,
    Sent(login): Sent<Login>,
) -> Answer<Json<LoggedIn>> {
    if login.username.len() > MAX_NAME || login.password.len() > password::MAX_BYTES {
        return Err(Problem::invalid("username or password: too long"));
    }
    guesses::take(&app, source, &login.username)?;
    let name = login.username.clone();
    let user = app.database.ask(move |store| store.user(&name)).await?;
    let hash = user.as_ref().map_or(password::NOBODY, |user| &user.password).to_owned();
    let matches = app.matches(login.password, hash).await?;
    let Some(user) = user.filter(|_| matches) else {
        let detail = "user name or password is wrong";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "bad_login", detail));
    };
    guesses::right(&app, source, &user.name).await;
    Ok(Json(log_in(&app, &user).await?))
}
