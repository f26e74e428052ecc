use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{Bench, event, seqs};
use crate::logic::event::{Creds, Data, Event, Kind, Outcome};
use crate::logic::status::{CaptureStatus, DeckyState, DeckyStatus};
use crate::logic::time::Timestamp;

/// A visit: a connection with a login, a fingerprint and a command.
fn visit(bench: &mut Bench) {
    let creds = Creds { user: Some("root".into()), password: Some("toor".into()), key: None };
    let login = Event {
        creds: Some(creds),
        outcome: Some(Outcome::Success),
        ..event(2, Kind::AuthAttempt)
    };
    let hassh = Data::new().with("hassh", "ec7378c1a92f5a8dde7e8b7a1ddf33d1");
    let print = Event { data: hassh, ..event(3, Kind::FingerprintSsh) };
    let bytes = Data::new().with("bytes_in", 1_u64).with("bytes_out", 2_u64);
    let close = Event { data: bytes, ..event(5, Kind::ConnClose) };
    let open = event(1, Kind::ConnOpen);
    bench.store.append(&[open, login, print, event(4, Kind::CmdInput), close]).unwrap();
}

#[tokio::test]
async fn an_attacker_is_shown_with_all_they_did() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    visit(&mut bench);
    let (_, list) = bench.get("/api/v1/attackers?sort=events&search=10.", &token).await;
    assert_eq!(list["attackers"][0]["ip"], json!("10.0.0.1"));
    assert_eq!((&list["attackers"][0]["deckies"], &list["next"]), (&json!(1), &Value::Null));
    let (_, one) = bench.get("/api/v1/attackers/10.0.0.1", &token).await;
    assert_eq!((&one["events"], &one["logins"]), (&json!(5), &json!(1)));
    assert_eq!(one["touches"][0]["decky"], json!("web-01"));
    assert_eq!(one["credentials"][0]["password"], json!("toor"));
    assert_eq!(one["latest_sessions"][0]["id"], json!("0000000000000005"));
    assert_eq!(one["fingerprints"][0]["print"]["hassh"], json!("ec7378c1a92f5a8dde7e8b7a1ddf33d1"));
    let (status, answer) = bench.get("/api/v1/attackers/10.0.0.9", &token).await;
    assert_eq!((status.as_u16(), &answer["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn a_session_is_shown_with_its_events_in_order() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    visit(&mut bench);
    let (_, list) = bench.get("/api/v1/sessions?source=10.0.0.1&decky=web-01", &token).await;
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
    let (_, one) = bench.get("/api/v1/sessions/0000000000000005", &token).await;
    assert_eq!(seqs(&one["timeline"]), [1, 2, 3, 4, 5]);
    assert_eq!((&one["user"], &one["bytes_out"]), (&json!("root"), &json!(2)));
    let (_, page) = bench.get("/api/v1/sessions/0000000000000005?limit=2", &token).await;
    assert_eq!(seqs(&page["timeline"]), [1, 2]);
    let next = page["next"].as_str().unwrap();
    let path = format!("/api/v1/sessions/0000000000000005?limit=5&cursor={next}");
    assert_eq!(seqs(&bench.get(&path, &token).await.1["timeline"]), [3, 4, 5]);
    let missing = bench.get("/api/v1/sessions/0000000000000006", &token).await;
    assert_eq!(missing.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn logins_are_listed_and_searched() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    visit(&mut bench);
    for (query, count) in [("", 1), ("?search=too", 1), ("?search=x&sort=tries", 0)] {
        let (_, list) = bench.get(&format!("/api/v1/credentials{query}"), &token).await;
        assert_eq!(list["credentials"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn deckies_and_counters_are_shown_as_last_saved() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let (_, empty) = bench.get("/api/v1/capture", &token).await;
    assert_eq!((&empty["seen"], &empty["exact"]), (&json!(0), &json!(true)));
    let decky = DeckyStatus {
        name: "web-01".parse().unwrap(),
        ip: [192, 168, 1, 110].into(),
        ip6: None,
        mac: event(1, Kind::ConnOpen).decky.unwrap().mac,
        hostname: "WEB01".into(),
        persona: "debian-12".into(),
        services: vec!["http".into()],
        state: DeckyState::Up,
        error: None,
        conflict: None,
    };
    bench.store.save_deckies(&[decky], Timestamp(1)).unwrap();
    let mut counters =
        CaptureStatus { seen: 10, submitted: 4, aggregated: 5, ..Default::default() };
    counters.drops.insert("bulk_full".into(), 1);
    bench.store.save_counters(&counters).unwrap();
    visit(&mut bench);
    let (_, list) = bench.get("/api/v1/deckies", &token).await;
    assert_eq!(list["deckies"][0]["decky"]["name"], json!("web-01"));
    assert_eq!(
        (&list["deckies"][0]["events"], &list["deckies"][0]["sources"]),
        (&json!(5), &json!(1))
    );
    let (_, capture) = bench.get("/api/v1/capture", &token).await;
    assert_eq!((&capture["dropped"], &capture["exact"]), (&json!(1), &json!(true)));
    bench.store.save_counters(&CaptureStatus { seen: 11, ..counters }).unwrap();
    let (_, capture) = bench.get("/api/v1/capture", &token).await;
    assert_eq!(capture["exact"], json!(false));
    let (_, stats) = bench.get("/api/v1/stats", &token).await;
    assert_eq!((&stats["deckies_up"], &stats["events"]), (&json!(1), &json!(5)));
}

#[tokio::test]
async fn health_and_config_say_who_this_is() {
    let bench = Bench::new();
    let token = bench.admin().await;
    let (_, health) = bench.ask(Method::GET, "/api/v1/health", None, None).await;
    assert_eq!((&health["status"], &health["role"]), (&json!("ok"), &json!("api")));
    let (_, config) = bench.get("/api/v1/config", &token).await;
    assert_eq!(config["login_seconds"], json!(43_200));
}

#[tokio::test]
async fn what_is_not_there_is_answered_as_json_with_the_same_headers() {
    let bench = Bench::new();
    let table = [
        (Method::GET, "/", 404, "not_found"),
        (Method::GET, "/api/v1/nothing", 404, "not_found"),
        (Method::GET, "/api/v1/../v1/stats", 404, "not_found"),
        (Method::DELETE, "/api/v1/events", 405, "method"),
        (Method::GET, "/api/v1/auth/login", 405, "method"),
    ];
    for (method, path, status, code) in table {
        let request = Request::builder().method(&method).uri(path).body(Body::empty()).unwrap();
        let response = bench.send(request).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], json!(code), "{method} {path}");
    }
}
