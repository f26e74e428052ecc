use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::{Bench, PASSWORD, Token, WEB_KEY};
use crate::edge::clock;
use crate::edge::http::Peer;
use crate::edge::store::Role;
use crate::logic::vouch::HEADER;

const LOGIN: &str = "/api/v1/auth/login";
const CHANGE: &str = "/api/v1/auth/change-password";

fn code(answer: &Value) -> &str {
    assert!(answer["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer}");
    answer["code"].as_str().unwrap()
}

#[tokio::test]
async fn a_login_is_answered_with_a_token_that_works() {
    let bench = Bench::new();
    bench.user("eve", Role::Viewer, false);
    let body = json!({ "username": "eve", "password": PASSWORD });
    let (status, answer) = bench.post(LOGIN, None, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&answer["token_type"], &answer["role"]), (&json!("bearer"), &json!("viewer")));
    assert_eq!(answer["must_change_password"], json!(false));
    let token = Token(answer["access_token"].as_str().unwrap().to_owned());
    assert_eq!(bench.get("/api/v1/stats", &token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    let bench = Bench::new();
    bench.user("eve", Role::Viewer, false);
    let wrong = json!({ "username": "eve", "password": "not it at all" });
    let unknown = json!({ "username": "bob", "password": "not it at all" });
    let (wrong, unknown) =
        (bench.post(LOGIN, None, &wrong).await, bench.post(LOGIN, None, &unknown).await);
    assert_eq!(wrong, unknown);
    assert_eq!((wrong.0, code(&wrong.1)), (StatusCode::UNAUTHORIZED, "bad_login"));
}

#[tokio::test]
async fn what_is_no_login_is_refused_by_what_is_wrong_with_it() {
    let bench = Bench::new();
    let long = "x".repeat(300);
    let table = [
        (json!({ "username": "eve" }), 422),
        (json!({ "username": "eve", "password": 7 }), 422),
        (json!({ "username": "eve", "password": "x", "admin": true }), 422),
        (json!({ "username": "eve", "password": long }), 422),
        (json!({ "username": long, "password": "x" }), 422),
        (json!([]), 422),
    ];
    for (body, expected) in table {
        let (status, answer) = bench.post(LOGIN, None, &body).await;
        assert_eq!((status.as_u16(), code(&answer)), (expected, "invalid"), "{body}");
    }
    let send = |kind: &'static str, body: Vec<u8>| {
        let request = Request::post(LOGIN).header(header::CONTENT_TYPE, kind);
        bench.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(send("text/plain", b"{}".to_vec()).await.status().as_u16(), 415);
    assert_eq!(send("application/json", b"{".to_vec()).await.status().as_u16(), 422);
    assert_eq!(send("application/json", b"[".repeat(10_000)).await.status().as_u16(), 422);
    assert_eq!(send("application/json", b" ".repeat(20_000)).await.status().as_u16(), 413);
}

#[tokio::test]
async fn nothing_but_a_new_password_until_the_first_is_changed() {
    let bench = Bench::new();
    bench.user("admin", Role::Admin, true);
    let first = bench.log_in("admin", PASSWORD).await;
    for path in ["stats", "events", "users", "stream", "config"] {
        let (status, answer) = bench.get(&format!("/api/v1/{path}"), &first).await;
        assert_eq!((status.as_u16(), code(&answer)), (403, "password_change_required"), "{path}");
    }
    let refused = [
        (json!({ "old_password": "wrong password", "new_password": "something new" }), 401),
        (json!({ "old_password": PASSWORD, "new_password": "short" }), 422),
        (json!({ "old_password": PASSWORD, "new_password": PASSWORD }), 422),
        (json!({ "old_password": PASSWORD }), 422),
    ];
    for (body, expected) in refused {
        let (status, _) = bench.post(CHANGE, Some(&first), &body).await;
        assert_eq!(status.as_u16(), expected, "{body}");
    }
    let other = bench.log_in("admin", PASSWORD).await;
    let body = json!({ "old_password": PASSWORD, "new_password": "something new" });
    let (status, answer) = bench.post(CHANGE, Some(&first), &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["must_change_password"], json!(false));
    let token = Token(answer["access_token"].as_str().unwrap().to_owned());
    assert_eq!(bench.get("/api/v1/users", &token).await.0, StatusCode::OK);
    for ended in [first, other] {
        assert_eq!(bench.get("/api/v1/stats", &ended).await.0, StatusCode::UNAUTHORIZED);
    }
    bench.log_in("admin", "something new").await;
}

#[tokio::test]
async fn a_logout_ends_that_login_and_no_other() {
    let bench = Bench::new();
    let (one, other) = (bench.admin().await, bench.log_in("admin", PASSWORD).await);
    let ended = bench.ask(Method::POST, "/api/v1/auth/logout", Some(&one), None).await;
    assert_eq!(ended, (StatusCode::NO_CONTENT, Value::Null));
    let (status, answer) = bench.get("/api/v1/stats", &one).await;
    assert_eq!((status.as_u16(), code(&answer)), (401, "unauthorized"));
    assert_eq!(bench.get("/api/v1/stats", &other).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_token_is_nobody() {
    let bench = Bench::new();
    let Token(good) = bench.admin().await;
    let other = crate::logic::token::TokenKey::new(&[9; 32]);
    let (forged, _) = other.sign("admin", "id", clock::now());
    let values = [
        format!("bearer {good}"),
        format!("Bearer  {good}"),
        format!("Basic {good}"),
        good.clone(),
        format!("Bearer {forged}"),
        format!("Bearer {}", "A".repeat(5_000)),
        "Bearer ".to_owned(),
    ];
    for value in values {
        let request = Request::get("/api/v1/stats").header(header::AUTHORIZATION, &value);
        let response = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{value}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
    let request = Request::get(format!("/api/v1/stats?token={good}")).body(Body::empty()).unwrap();
    assert_eq!(bench.send(request).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_guesser_must_wait_and_others_need_not() {
    let bench = Bench::new();
    bench.user("eve", Role::Viewer, false);
    let login = |from: &str, name: &str, password: &str| {
        let body = json!({ "username": name, "password": password }).to_string();
        let request = Request::post(LOGIN)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(Peer(format!("{from}:1").parse().unwrap()));
        bench.send(request.body(Body::from(body)).unwrap())
    };
    for number in 0..10 {
        let name = format!("user-{number}");
        assert_eq!(login("192.0.2.1", &name, "guess").await.status().as_u16(), 401);
    }
    let refused = login("192.0.2.1", "eve", PASSWORD).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
    for number in 0..20 {
        let from = format!("192.0.2.{}", 10 + number);
        let status = login(&from, "eve", PASSWORD).await.status();
        assert_eq!(status, StatusCode::OK, "a login that is right costs nothing");
    }
    for number in 0..10 {
        let from = format!("192.0.2.{}", 100 + number);
        assert_eq!(login(&from, "eve", "guess").await.status().as_u16(), 401);
    }
    // Whoever guesses at a name locks nobody else out of it.
    assert_eq!(login("192.0.2.200", "eve", PASSWORD).await.status().as_u16(), 200);
}

#[tokio::test]
async fn twelve_wrong_passwords_from_one_address_lock_out_nobody_but_it() {
    let bench = Bench::new();
    bench.admin().await;
    let login = |router: axum::Router, from: &str, password: &str| {
        let body = json!({ "username": "admin", "password": password }).to_string();
        let request = Request::post(LOGIN)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(Peer("127.0.0.1:1".parse().unwrap()))
            // As `decnet web` says it.
            .header(HEADER, WEB_KEY.vouch(from.parse().unwrap(), clock::now()));
        let request = request.body(Body::from(body)).unwrap();
        async { tower::ServiceExt::oneshot(router, request).await.unwrap().status().as_u16() }
    };
    assert_eq!(login(bench.router.clone(), "192.0.2.9", PASSWORD).await, 200);
    for _ in 0..12 {
        login(bench.router.clone(), "192.0.2.1", "guess").await;
    }
    assert_eq!(login(bench.router.clone(), "192.0.2.1", PASSWORD).await, 429);
    for from in ["192.0.2.9", "192.0.2.2", "2001:db8::1"] {
        assert_eq!(login(bench.router.clone(), from, PASSWORD).await, 200, "{from}");
    }
    // After a restart it is known still who was here.
    let kept = crate::role::api::v1::kept_guesses(&bench.store);
    assert_eq!(kept.logins().count(), 4);
}

#[tokio::test]
async fn who_has_a_token_cannot_guess_the_password_with_it() {
    let bench = Bench::new();
    let token = bench.admin().await;
    let change = |old: &str| json!({ "old_password": old, "new_password": "something new" });
    for _ in 0..10 {
        let (status, _) = bench.post(CHANGE, Some(&token), &change("a guess of mine")).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let (status, answer) = bench.post(CHANGE, Some(&token), &change(PASSWORD)).await;
    assert_eq!((status.as_u16(), code(&answer)), (429, "too_many_logins"));
}

#[tokio::test]
async fn the_key_stays_the_same_over_restarts() {
    let bench = Bench::new();
    let token = bench.admin().await;
    let settings = crate::role::api::Settings {
        host: [127, 0, 0, 1].into(),
        port: 0,
        state_dir: bench.dir.path().to_owned(),
        user: None,
        web_key: "/nowhere".into(),
    };
    let store = crate::edge::store::Store::open(&crate::edge::store::path(bench.dir.path()));
    let app =
        std::sync::Arc::new(crate::role::api::App::new(store.unwrap(), &settings, None).unwrap());
    let again = Bench { router: crate::role::api::router(app.clone()), app, ..bench };
    assert_eq!(again.get("/api/v1/stats", &token).await.0, StatusCode::OK);
}
