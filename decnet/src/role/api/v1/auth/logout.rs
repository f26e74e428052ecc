//! `/auth/logout`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};

use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::extract::Caller;
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Logs out: the token is good no more";
    vec![
        Endpoint::new(Method::POST, "/api/v1/auth/logout", summary, logout)
            .access(Access::Newcomer)
            .status(StatusCode::NO_CONTENT),
    ]
}

async fn logout(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    app.database.ask(move |store| store.remove_token(&caller.token_id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
