use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;

use super::Bench;
use crate::role::api::endpoint::Access;
use crate::role::api::v1::endpoints;

async fn description() -> Value {
    let bench = Bench::new();
    let request = Request::get("/api/v1/openapi.json").body(Body::empty()).unwrap();
    let response = bench.send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn every_route_is_described() {
    let api = description().await;
    assert_eq!(api["openapi"], "3.1.0");
    let paths = api["paths"].as_object().unwrap();
    let mut told: Vec<(String, String)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| (path.clone(), method.to_uppercase()))
        })
        .collect();
    let mut served: Vec<(String, String)> = endpoints()
        .iter()
        .map(|endpoint| (endpoint.path.to_owned(), endpoint.method.to_string()))
        .collect();
    served.sort();
    told.sort();
    assert_eq!(told, served);
}

#[tokio::test]
async fn the_contracts_routes_are_there() {
    let api = description().await;
    let routes = [
        "POST /auth/login",
        "POST /auth/logout",
        "POST /auth/change-password",
        "GET /events",
        "GET /events/histogram",
        "GET /stream",
        "GET /attackers",
        "GET /attackers/{ip}",
        "GET /sessions",
        "GET /sessions/{id}",
        "GET /credentials",
        "GET /deckies",
        "GET /stats",
        "GET /capture",
        "GET /health",
        "GET /users",
        "POST /users",
        "DELETE /users/{name}",
        "POST /users/{name}/reset-password",
        "PUT /users/{name}/role",
        "GET /config",
        "GET /openapi.json",
    ];
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        let operation = &api["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        assert!(operation.is_object(), "{route}");
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_id_is_one() {
    let api = description().await;
    let text = api.to_string();
    for part in text.split(r##""$ref":"#"##).skip(1) {
        let target = part.split('"').next().unwrap();
        assert!(api.pointer(target).is_some(), "{target}");
    }
    let mut ids: Vec<&str> = text.split(r#""operationId":""#).skip(1).collect();
    ids.iter_mut().for_each(|id| *id = id.split('"').next().unwrap());
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (endpoints().len(), endpoints().len()));
}

#[tokio::test]
async fn only_these_routes_ask_nobody_who_is_there() {
    let bench = Bench::new();
    let mut open = Vec::new();
    for endpoint in endpoints() {
        let path = endpoint.path.replace("{ip}", "10.0.0.1").replace("{id}", "0000000000000005");
        let request =
            Request::builder().method(&endpoint.method).uri(path.replace("{name}", "eve"));
        let response = bench.send(request.body(Body::empty()).unwrap()).await;
        if response.status() == StatusCode::UNAUTHORIZED {
            assert_ne!(endpoint.access, Access::Anybody);
        } else {
            open.push(endpoint.path);
        }
    }
    open.sort_unstable();
    assert_eq!(open, ["/api/v1/auth/login", "/api/v1/health", "/api/v1/openapi.json"]);
}
