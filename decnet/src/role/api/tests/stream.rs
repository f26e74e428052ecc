use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::{Bench, Token, until};
use crate::logic::event::Kind;
use crate::logic::status::CaptureStatus;

/// A message of a stream.
#[derive(Debug, PartialEq)]
struct Message {
    name: String,
    id: Option<i64>,
    data: Value,
}

struct Listening {
    body: BodyDataStream,
    text: String,
}

impl Listening {
    async fn start(bench: &Bench, token: &Token, from: Option<i64>) -> Self {
        let mut request = Request::get("/api/v1/stream");
        if let Some(from) = from {
            request = request.header("last-event-id", from);
        }
        let request = request.header("authorization", format!("Bearer {}", token.0));
        let response = bench.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut listening =
            Self { body: response.into_body().into_data_stream(), text: String::new() };
        assert_eq!(listening.next().await.unwrap().name, "stats");
        assert_eq!(listening.next().await.unwrap().name, "status");
        listening
    }

    /// The next message; none when the stream has ended.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                if message != ":" {
                    return Some(parse(&message));
                }
                continue;
            }
            let wait = tokio::time::timeout(Duration::from_secs(20), self.body.next());
            let piece = wait.await.expect("a message comes in time")?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The numbers of the next `count` events, whatever else comes.
    async fn events(&mut self, count: usize) -> Vec<i64> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let message = self.next().await.unwrap();
            if message.name == "event" {
                assert_eq!(message.data["seq"], json!(message.id.unwrap()));
                ids.push(message.id.unwrap());
            }
        }
        ids
    }

    async fn find(&mut self, name: &str) -> Message {
        loop {
            let message = self.next().await.unwrap();
            if message.name == name {
                return message;
            }
        }
    }
}

fn parse(text: &str) -> Message {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().map(str::to_owned)
    };
    Message {
        name: field("event: ").unwrap(),
        id: field("id: ").map(|id| id.parse().unwrap()),
        data: serde_json::from_str(&field("data: ").unwrap()).unwrap(),
    }
}

#[tokio::test]
async fn events_come_as_they_are_taken_in_order_and_once() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 3);
    let _following = bench.follow();
    let mut listening = Listening::start(&bench, &token, Some(3)).await;
    bench.append(Kind::ScanSyn, 2);
    assert_eq!(listening.events(2).await, [4, 5]);
    bench.append(Kind::ConnOpen, 300);
    assert_eq!(listening.events(300).await, (6..=305).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_resumes_is_sent_what_was_missed() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let _following = bench.follow();
    bench.append(Kind::ScanSyn, 130);
    until(|| bench.app.feed.listen().1 == 130).await;
    let mut listening = Listening::start(&bench, &token, Some(10)).await;
    bench.append(Kind::ScanSyn, 5);
    assert_eq!(listening.events(125).await, (11..=135).collect::<Vec<_>>());
}

#[tokio::test]
async fn whoever_was_away_too_long_is_told_of_the_gap() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let _following = bench.follow();
    bench.append(Kind::ScanSyn, 1_500);
    until(|| bench.app.feed.listen().1 == 1_500).await;
    let mut listening = Listening::start(&bench, &token, Some(100)).await;
    assert_eq!(listening.find("gap").await.data, json!({ "skipped": 400 }));
    assert_eq!(listening.events(1_000).await, (501..=1_500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_number_of_another_store_begins_with_what_comes() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    bench.append(Kind::ScanSyn, 3);
    let _following = bench.follow();
    for bogus in [999_999, i64::MAX, -5] {
        let mut listening = Listening::start(&bench, &token, Some(bogus)).await;
        let newest = bench.store.newest().unwrap();
        bench.append(Kind::ScanSyn, 1);
        let first = if bogus < 0 { 1 } else { newest + 1 };
        assert_eq!(listening.events(1).await, [first], "{bogus}");
    }
}

#[tokio::test]
async fn a_feed_that_cannot_keep_up_passes_over_the_middle_and_says_so() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let _following = bench.follow();
    let mut listening = Listening::start(&bench, &token, None).await;
    bench.append(Kind::ScanSyn, 1);
    assert_eq!(listening.events(1).await, [1]);
    bench.append(Kind::ScanSyn, 5_000);
    assert_eq!(listening.find("gap").await.data, json!({ "skipped": 4_900 }));
    assert_eq!(listening.events(100).await, (4_902..=5_001).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_counts_come_when_they_change() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let _following = bench.follow();
    let mut listening = Listening::start(&bench, &token, None).await;
    bench.append(Kind::ConnOpen, 7);
    let counters = CaptureStatus { seen: 9, submitted: 9, ..CaptureStatus::default() };
    bench.store.save_counters(&counters).unwrap();
    while listening.find("stats").await.data["events"] != json!(7) {}
    while listening.find("status").await.data["capture"]["seen"] != json!(9) {}
}

#[tokio::test]
async fn a_slow_listener_is_cut_off_and_told_so_and_the_others_are_not() {
    let mut bench = Bench::new();
    let token = bench.admin().await;
    let _following = bench.follow();
    let mut slow = Listening::start(&bench, &token, None).await;
    let mut quick = Listening::start(&bench, &token, None).await;
    for number in 1..=40 {
        bench.append(Kind::ScanSyn, 1);
        assert_eq!(quick.events(1).await, [number]);
    }
    assert_eq!(slow.find("cut").await.data, json!({ "code": "too_slow" }));
    assert_eq!(slow.next().await, None);
}

#[tokio::test]
async fn a_stream_is_for_whoever_is_logged_in_and_each_has_so_many() {
    let bench = Bench::new();
    let token = bench.admin().await;
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(Listening::start(&bench, &token, None).await);
    }
    let (status, answer) = bench.get("/api/v1/stream", &token).await;
    assert_eq!((status.as_u16(), &answer["code"]), (429, &json!("too_many_streams")));
    drop(open.pop());
    Listening::start(&bench, &token, None).await;
    let nobody = Request::get("/api/v1/stream").body(Body::empty()).unwrap();
    assert_eq!(bench.send(nobody).await.status(), StatusCode::UNAUTHORIZED);
    let bad = Request::get("/api/v1/stream")
        .header("authorization", format!("Bearer {}", token.0))
        .header("last-event-id", "abc");
    assert_eq!(bench.send(bad.body(Body::empty()).unwrap()).await.status().as_u16(), 422);
}

#[tokio::test]
async fn a_stream_ends_with_the_login() {
    let bench = Bench::new();
    let (token, other) = (bench.admin().await, bench.log_in("admin", super::PASSWORD).await);
    let mut ending = Listening::start(&bench, &token, None).await;
    let mut staying = Listening::start(&bench, &other, None).await;
    bench.post("/api/v1/auth/logout", Some(&token), &Value::Null).await;
    assert_eq!(ending.find("bye").await.data, json!({ "code": "unauthorized" }));
    assert_eq!(ending.next().await, None);
    let silence = tokio::time::timeout(Duration::from_millis(500), staying.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}
