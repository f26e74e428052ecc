//! `/health`: whether the api answers, for whoever watches it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/api/v1/health", "Says whether the api answers", health)
            .access(Access::Anybody)
            .answer::<Health>(),
    ]
}

/// That the api answers.
#[derive(Serialize, JsonSchema)]
struct Health {
    /// Always `ok`; else there is an error.
    status: &'static str,
    /// Always `api`.
    role: &'static str,
    /// Of the program.
    version: &'static str,
}

async fn health(State(app): State<Arc<App>>) -> Answer<Json<Health>> {
    app.database.ask(|store| store.newest()).await?;
    Ok(Json(Health { status: "ok", role: "api", version: env!("CARGO_PKG_VERSION") }))
}
