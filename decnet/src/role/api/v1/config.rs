//! `/config`: how this api is set up.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use crate::edge::store;
use crate::logic::{password, token};
use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Shows how the api is set up";
    vec![
        Endpoint::new(Method::GET, "/api/v1/config", summary, config)
            .access(Access::Admin)
            .answer::<Config>(),
    ]
}

/// How the api is set up.
#[derive(Serialize, JsonSchema)]
struct Config {
    /// Of the program.
    version: &'static str,
    /// The file of the store.
    store: String,
    /// Seconds for which a login is good.
    login_seconds: u64,
    /// Fewest characters of a password.
    password_chars: usize,
}

async fn config(State(app): State<Arc<App>>) -> Answer<Json<Config>> {
    Ok(Json(Config {
        version: env!("CARGO_PKG_VERSION"),
        store: store::path(&app.state_dir).display().to_string(),
        login_seconds: token::LIFETIME.as_secs(),
        password_chars: password::MIN_CHARS,
    }))
}
