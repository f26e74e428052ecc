use axum::http::StatusCode;
use serde_json::json;

use super::{Bench, HOUR, SECOND, event, seqs};
use crate::logic::event::{Event, Kind, SessionId};
use crate::logic::time::Timestamp;

#[tokio::test]
async fn an_event_is_answered_as_the_contract_writes_it() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 1);
    let (_, answer) = bench.get("/api/v1/events", &token).await;
    let expected = serde_json::to_value(event(1, Kind::ScanSyn)).unwrap();
    assert_eq!(answer["events"], json!([expected]));
    assert_eq!(answer["newest"], json!(1));
}

#[tokio::test]
async fn paging_shows_every_event_once() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 23);
    let (mut seen, mut path) = (Vec::new(), "/api/v1/events?limit=5".to_owned());
    loop {
        let (status, answer) = bench.get(&path, &token).await;
        assert_eq!(status, StatusCode::OK);
        seen.extend(seqs(&answer["events"]));
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/api/v1/events?limit=5&cursor={next}");
    }
    assert_eq!(seen, (1..=23).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn each_filter_is_understood() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let ssh = Event {
        service: Some("ssh".into()),
        session: Some(SessionId(0xabc)),
        ..event(2, Kind::ConnOpen)
    };
    bench.store.append(&[event(1, Kind::ScanSyn), ssh, event(3, Kind::ScanUdp)]).unwrap();
    let time = |seconds: u64| Timestamp(HOUR + seconds * SECOND).to_string();
    let table = [
        ("kind=scan.".to_owned(), vec![3, 1]),
        ("kind=scan.,conn.open".to_owned(), vec![3, 2, 1]),
        ("kind=conn.open".to_owned(), vec![2]),
        ("decky=web-01".to_owned(), vec![3, 2, 1]),
        ("decky=web-02".to_owned(), vec![]),
        ("source=10.0.0.1".to_owned(), vec![3, 2, 1]),
        ("source=10.0.0.2".to_owned(), vec![]),
        ("service=ssh".to_owned(), vec![2]),
        ("session=0000000000000abc".to_owned(), vec![2]),
        (format!("from={}", time(2)), vec![3, 2]),
        (format!("from={}&to={}", time(2), time(3)), vec![2]),
        ("search=%22number%22%3A3".to_owned(), vec![]),
        ("search=udp".to_owned(), vec![3]),
        ("search=".to_owned(), vec![3, 2, 1]),
    ];
    for (query, expected) in table {
        let (status, answer) = bench.get(&format!("/api/v1/events?{query}"), &token).await;
        assert_eq!(status, StatusCode::OK, "{query}: {answer}");
        assert_eq!(seqs(&answer["events"]), expected, "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_and_named() {
    let bench = Bench::new();
    let token = bench.admin().await;
    let long = format!("search={}", "x".repeat(300));
    let table = [
        ("events?kind=nonsense", "kind: `nonsense` is no kind of event"),
        ("events?kind=scan", "kind: `scan` is no kind of event"),
        ("events?decky=Web_01", "decky"),
        ("events?source=10.0.0", "source"),
        ("events?session=5", "session"),
        ("events?from=yesterday", "from"),
        ("events?limit=0", "limit: not between 1 and 500"),
        ("events?limit=501", "limit: not between 1 and 500"),
        ("events?limit=-1", "limit"),
        ("events?cursor=AAAA", "cursor: not a cursor of an earlier page"),
        ("events?offset=5", "unknown field `offset`"),
        (&format!("events?{long}"), "search: longer than 256 bytes"),
        ("events/histogram?minutes=0", "from, to, minutes"),
        ("events/histogram?from=1990-01-01T00:00:00Z", "from, to, minutes"),
        ("attackers/nobody", "path: invalid IP address syntax"),
        ("sessions/5", "path: not a session of 16 hexadecimal digits"),
        ("sessions?decky=-", "decky"),
        ("attackers?sort=first", "sort"),
    ];
    for (path, expected) in table {
        let (status, answer) = bench.get(&format!("/api/v1/{path}"), &token).await;
        let detail = answer["detail"].as_str().unwrap();
        assert_eq!((status.as_u16(), &answer["code"]), (422, &json!("invalid")), "{path}");
        assert!(detail.contains(expected), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_histogram_has_every_bucket() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 100);
    bench.append(Kind::ConnOpen, 20);
    let (from, to) = (Timestamp(HOUR), Timestamp(HOUR + 180 * SECOND));
    let path = format!("/api/v1/events/histogram?from={from}&to={to}");
    let (_, answer) = bench.get(&path, &token).await;
    let counts = |answer: &serde_json::Value| -> Vec<u64> {
        let buckets = answer["buckets"].as_array().unwrap();
        buckets.iter().map(|bucket| bucket["events"].as_u64().unwrap()).collect()
    };
    assert_eq!(counts(&answer), [59, 60, 1]);
    assert_eq!(answer["buckets"][1]["kinds"], json!({ "scan.syn": 41, "conn.open": 19 }));
    let (_, answer) = bench.get(&format!("{path}&kind=conn.&minutes=2"), &token).await;
    assert_eq!(counts(&answer), [19, 1]);
}

#[tokio::test]
async fn a_damaged_event_is_an_error_that_says_nothing_of_the_inside() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 1);
    let path = crate::edge::store::path(bench.dir.path());
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute("UPDATE events SET body = 'not JSON'", []).unwrap();
    let response = bench.get("/api/v1/stats", &token).await;
    assert_eq!(response.0, StatusCode::OK);
    let request = axum::http::Request::get("/api/v1/events")
        .header("authorization", format!("Bearer {}", token.0))
        .body(axum::body::Body::empty());
    let response = bench.send(request.unwrap()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("JSON"));
}
