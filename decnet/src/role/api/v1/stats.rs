//! `/stats`: how much there is of everything.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;

use crate::edge::store::Stats;
use crate::role::api::app::App;
use crate::role::api::endpoint::Endpoint;
use crate::role::api::problem::Answer;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::new(Method::GET, "/api/v1/stats", "Shows the totals", stats).answer::<Stats>()]
}

async fn stats(State(app): State<Arc<App>>) -> Answer<Json<Stats>> {
    Ok(Json(app.database.ask(|store| store.stats()).await?))
}
