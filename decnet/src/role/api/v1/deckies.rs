//! `/deckies`: the deckies, and how often each was touched.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use crate::edge::store::TouchedDecky;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/api/v1/deckies", "Lists the deckies", list)
            .answer::<Deckies>(),
    ]
}

/// Every decky, by name.
#[derive(Serialize, JsonSchema)]
struct Deckies {
    deckies: Vec<TouchedDecky>,
}

async fn list(State(app): State<Arc<App>>) -> Answer<Json<Deckies>> {
    Ok(Json(Deckies { deckies: app.database.ask(|store| store.deckies()).await? }))
}
