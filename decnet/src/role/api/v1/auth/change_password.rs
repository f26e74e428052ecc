//! `/auth/change-password`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{LoggedIn, guesses, log_in};
use crate::edge::store::User;
use crate::edge::{clock, files};
use crate::logic::password;
use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::extract::{Caller, Sent};
use crate::role::api::first_login;
use crate::role::api::problem::{Answer, Problem};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Changes one's password, ends every login of before and logs in anew";
    vec![
        Endpoint::new(Method::POST, "/api/v1/auth/change-password", summary, change_password)
            .access(Access::Newcomer)
            .body::<Change>()
            .answer::<LoggedIn>(),
    ]
}

/// The password before and after.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    old_password: String,
    new_password: String,
}

async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(change): Sent<Change>,
) -> Answer<Json<LoggedIn>> {
    password::check(&change.new_password, &change.old_password, &caller.name)
        .map_err(|refused| Problem::invalid(format!("new_password: {refused}")))?;
    if change.old_password.len() > password::MAX_BYTES {
        return Err(Problem::invalid("old_password: too long"));
    }
    guesses::take_own(&app, &caller.name)?;
    let name = caller.name.clone();
    let user = app.database.ask(move |store| store.user(&name)).await?;
    let user = user.ok_or_else(Problem::unauthorized)?;
    if !app.matches(change.old_password, user.password.clone()).await? {
        let detail = "the old password is wrong";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "bad_login", detail));
    }
    guesses::right_own(&app, &caller.name);
    let password = app.hash(change.new_password).await?;
    let user = User { password, must_change: false, changed: clock::now(), ..user };
    let saved = user.clone();
    if !app.database.ask(move |store| store.save_user(&saved)).await? {
        return Err(Problem::unauthorized());
    }
    if let Err(error) = files::remove(&first_login::path(&app.state_dir)) {
        tracing::warn!(%error, "cannot remove the file of the first login, which is good no more");
    }
    Ok(Json(log_in(&app, &user).await?))
}
