//! `/openapi.json`: this very API, described.

use axum::Json;
use axum::http::Method;

use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::openapi::describe;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let summary = "Describes this API (OpenAPI 3.1)";
    vec![
        Endpoint::new(Method::GET, "/api/v1/openapi.json", summary, openapi)
            .access(Access::Anybody)
            .answer::<serde_json::Map<String, serde_json::Value>>(),
    ]
}

async fn openapi() -> Json<serde_json::Value> {
    Json(describe(&super::endpoints()))
}
