use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Bench, PASSWORD, Token};
use crate::edge::store::Role;

#[tokio::test]
async fn a_new_user_gets_a_first_password_and_must_change_it() {
    let bench = Bench::new();
    let admin = bench.admin().await;
    let body = json!({ "username": "eve", "role": "viewer" });
    let (status, answer) = bench.post("/api/v1/users", Some(&admin), &body).await;
    assert_eq!(status, StatusCode::CREATED);
    let password = answer["password"].as_str().unwrap().to_owned();
    let eve = bench.log_in("eve", &password).await;
    assert_eq!(bench.get("/api/v1/stats", &eve).await.0, StatusCode::FORBIDDEN);
    let (_, list) = bench.get("/api/v1/users", &admin).await;
    assert_eq!(list["users"][1]["username"], json!("eve"));
    assert_eq!(list["users"][1]["must_change_password"], json!(true));
    assert!(!list.to_string().contains("argon2"));
    let (status, answer) = bench.post("/api/v1/users", Some(&admin), &body).await;
    assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("user_exists")));
}

#[tokio::test]
async fn a_name_that_is_none_is_refused() {
    let bench = Bench::new();
    let admin = bench.admin().await;
    let long = "x".repeat(33);
    for name in ["", "Eve", "e/ve", "<b>", "e ve", long.as_str()] {
        let body = json!({ "username": name, "role": "viewer" });
        let (status, _) = bench.post("/api/v1/users", Some(&admin), &body).await;
        assert_eq!(status.as_u16(), 422, "{name}");
    }
    let body = json!({ "username": "eve", "role": "root" });
    assert_eq!(bench.post("/api/v1/users", Some(&admin), &body).await.0.as_u16(), 422);
}

#[tokio::test]
async fn a_viewer_looks_and_does_nothing_else() {
    let bench = Bench::new();
    bench.admin().await;
    bench.user("eve", Role::Viewer, false);
    let eve = bench.log_in("eve", PASSWORD).await;
    for path in ["events", "attackers", "sessions", "credentials", "deckies", "stats", "capture"] {
        let (status, _) = bench.get(&format!("/api/v1/{path}"), &eve).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let table = [
        (Method::GET, "users", Value::Null),
        (Method::GET, "config", Value::Null),
        (Method::POST, "users", json!({ "username": "bob", "role": "admin" })),
        (Method::DELETE, "users/admin", Value::Null),
        (Method::POST, "users/admin/reset-password", Value::Null),
        (Method::PUT, "users/eve/role", json!({ "role": "admin" })),
    ];
    for (method, path, body) in table {
        let path = format!("/api/v1/{path}");
        let (status, answer) = bench.ask(method, &path, Some(&eve), Some(&body)).await;
        assert_eq!((status.as_u16(), &answer["code"]), (403, &json!("forbidden")), "{path}");
    }
}

#[tokio::test]
async fn a_change_of_role_counts_at_once() {
    let bench = Bench::new();
    let admin = bench.admin().await;
    bench.user("eve", Role::Admin, false);
    let eve = bench.log_in("eve", PASSWORD).await;
    assert_eq!(bench.get("/api/v1/users", &eve).await.0, StatusCode::OK);
    let body = json!({ "role": "viewer" });
    let (status, answer) =
        bench.ask(Method::PUT, "/api/v1/users/eve/role", Some(&admin), Some(&body)).await;
    assert_eq!((status, &answer["role"]), (StatusCode::OK, &json!("viewer")));
    assert_eq!(bench.get("/api/v1/users", &eve).await.0, StatusCode::UNAUTHORIZED);
    let eve = bench.log_in("eve", PASSWORD).await;
    assert_eq!(bench.get("/api/v1/users", &eve).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_removed_user_is_nobody_at_once() {
    let bench = Bench::new();
    let admin = bench.admin().await;
    bench.user("eve", Role::Viewer, false);
    let eve = bench.log_in("eve", PASSWORD).await;
    let remove = |name: &str| {
        let path = format!("/api/v1/users/{name}");
        let (bench, admin): (&Bench, &Token) = (&bench, &admin);
        async move { bench.ask(Method::DELETE, &path, Some(admin), None).await.0.as_u16() }
    };
    assert_eq!(remove("eve").await, 204);
    assert_eq!(bench.get("/api/v1/stats", &eve).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(remove("eve").await, 404);
    assert_eq!(remove("admin").await, 409);
}

#[tokio::test]
async fn a_new_first_password_ends_every_login_of_before() {
    let bench = Bench::new();
    let admin = bench.admin().await;
    bench.user("eve", Role::Viewer, false);
    let eve = bench.log_in("eve", PASSWORD).await;
    let path = "/api/v1/users/eve/reset-password";
    let (status, answer) = bench.ask(Method::POST, path, Some(&admin), None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(bench.get("/api/v1/stats", &eve).await.0, StatusCode::UNAUTHORIZED);
    let eve = bench.log_in("eve", answer["password"].as_str().unwrap()).await;
    assert_eq!(bench.get("/api/v1/stats", &eve).await.0, StatusCode::FORBIDDEN);
    let path = "/api/v1/users/admin/reset-password";
    assert_eq!(bench.ask(Method::POST, path, Some(&admin), None).await.0.as_u16(), 409);
}
