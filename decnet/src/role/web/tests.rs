use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tower::ServiceExt as _;

use super::{assets, router};
use crate::edge::clock;
use crate::edge::http::{Limits, Peer, Upstream, serve};
use crate::logic::vouch::{HEADER, WebKey};

/// Serves `app` on a port of its own until the value is dropped; answers where.
async fn start(app: Router) -> (Upstream, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(serve(listener, Limits::default(), app, async {
        stopped.await.ok();
    }));
    (url.parse().unwrap(), stop)
}

async fn ask(app: &Router, request: Request<Body>) -> Response<Body> {
    app.clone().oneshot(request).await.unwrap()
}

async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

fn nowhere() -> Router {
    router("http://127.0.0.1:1".parse().unwrap(), None)
}

fn files_below(folder: &Path, root: &Path, to: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, root, to);
        } else {
            to.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_file_of_the_page_is_in_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut there = BTreeSet::new();
    files_below(&root, &root, &mut there);
    let served: BTreeSet<String> = assets::FILES.iter().map(|(path, _)| (*path).into()).collect();
    assert_eq!(served, there);
}

#[tokio::test]
async fn whatever_a_file_of_the_page_needs_is_served() {
    let app = nowhere();
    for (path, bytes) in assets::FILES {
        let text = String::from_utf8_lossy(bytes);
        let quoted = text.split(['"', '\'']).filter(|part| {
            let file = [".js", ".css", ".svg"].iter().any(|end| part.ends_with(end));
            file && (part.starts_with('/') || part.starts_with("./") || part.starts_with("../"))
        });
        for part in quoted {
            let base = Path::new("/").join(path).parent().unwrap().join(part);
            let mut full = std::path::PathBuf::new();
            for step in base.components() {
                match step {
                    std::path::Component::ParentDir => assert!(full.pop()),
                    std::path::Component::CurDir => {}
                    step => full.push(step),
                }
            }
            let request = Request::get(full.to_str().unwrap()).body(Body::empty()).unwrap();
            assert_eq!(ask(&app, request).await.status(), StatusCode::OK, "{path}: {part}");
        }
        for bad in ["http://", "https://", "innerHTML", "insertAdjacent", "document.write"] {
            let at = text.find(bad).map(|at| &text[at..(at + 60).min(text.len())]);
            let fine = at.is_none_or(|at| at.starts_with("http://www.w3.org/2000/svg"));
            assert!(fine, "{path}: {at:?}");
        }
    }
}

#[tokio::test]
async fn a_file_has_a_policy_and_is_sent_again_only_when_it_changed() {
    let app = nowhere();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let response = ask(&app, get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let etag = headers["etag"].to_str().unwrap();
    for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}")] {
        let request = Request::get("/index.html").header("if-none-match", &known);
        let response = ask(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(response.headers()["etag"], etag);
    }
    let stale = Request::get("/").header("if-none-match", "\"x\"").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, stale).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_file_of_the_page_is_not_there() {
    let app = nowhere();
    for path in ["/Cargo.toml", "/../Cargo.toml", "/index.html/", "/api", "/js", "/%2e%2e/lib.rs"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(ask(&app, request).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let post = Request::post("/").body(Body::empty()).unwrap();
    assert_eq!(ask(&app, post).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_request_is_passed_on_as_it_is_but_for_what_is_between_two() {
    let echo = async |method: Method, uri: axum::http::Uri, headers: HeaderMap, body: Bytes| {
        let headers: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = json!({ "method": method.as_str(), "uri": uri.to_string(), "headers": headers, "body": body });
        let extra = [("connection", "x-hop"), ("x-hop", "1"), ("x-kept", "1")];
        (StatusCode::CREATED, extra, answer.to_string())
    };
    let (api, _stop) = start(Router::new().fallback(any(echo))).await;
    let key = WebKey::new([7; 32]);
    let app = router(api.clone(), Some(key.clone()));
    let request = Request::put("/api/v1/users/a%2Fb/role?x=%20y")
        .header("authorization", "Bearer t")
        .header("connection", "close, x-private")
        .header("x-private", "1")
        .header("x-forwarded-for", "10.9.9.9")
        .header(HEADER, key.vouch([10, 9, 9, 9].into(), clock::now()))
        .header("host", "dashboard.example")
        .extension(Peer("192.0.2.7:5".parse().unwrap()));
    let response = ask(&app, request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert!(!response.headers().contains_key("x-hop"));
    assert_eq!(response.headers()["x-kept"], "1");
    let seen = json_of(response).await;
    assert_eq!((&seen["method"], &seen["body"]), (&json!("PUT"), &json!("{}")));
    assert_eq!(seen["uri"], json!("/api/v1/users/a%2Fb/role?x=%20y"));
    let mut headers: Vec<&str> =
        seen["headers"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    headers.sort_unstable();
    let host = format!("host: {}", api.to_string().trim_start_matches("http://"));
    let vouched = headers.pop().and_then(|last| last.strip_prefix("x-decnet-browser: "));
    let vouched = vouched.and_then(|said| key.check(said, clock::now()));
    assert_eq!(vouched, Some([192, 0, 2, 7].into()));
    assert_eq!(headers, ["authorization: Bearer t", "content-length: 2", &host]);
}

#[tokio::test]
async fn an_answer_is_streamed_and_ends_when_the_browser_leaves() {
    let gone = Arc::new(Notify::new());
    struct Tell(Arc<Notify>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let tell = gone.clone();
    let streaming = async move || {
        let tell = Tell(tell.clone());
        let pieces = stream::unfold((tell, 0), async |(tell, number)| {
            if number == 2 {
                std::future::pending::<()>().await;
            }
            Some((Ok::<_, Infallible>(format!("piece {number}\n")), (tell, number + 1)))
        });
        Body::from_stream(pieces).into_response()
    };
    let (api, _stop) = start(Router::new().route("/api/v1/stream", get(streaming))).await;
    let request = Request::get("/api/v1/stream").body(Body::empty()).unwrap();
    let mut body = ask(&router(api, None), request).await.into_body().into_data_stream();
    let mut text = String::new();
    while text != "piece 0\npiece 1\n" {
        let piece = tokio::time::timeout(Duration::from_secs(20), body.next()).await.unwrap();
        text.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    drop(body);
    tokio::time::timeout(Duration::from_secs(20), gone.notified()).await.unwrap();
}

#[tokio::test]
async fn an_api_that_is_down_is_said_so() {
    let request = Request::get("/api/v1/stats").body(Body::empty()).unwrap();
    let response = ask(&nowhere(), request).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    let answer = json_of(response).await;
    let detail = "cannot connect to http://127.0.0.1:1: is `decnet api` running?";
    assert_eq!(answer, json!({ "detail": detail, "code": "api_down" }));
}

#[tokio::test]
async fn an_api_that_breaks_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let request = Request::get("/api/v1/stats").body(Body::empty()).unwrap();
    let response = ask(&router(url.parse().unwrap(), None), request).await;
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(json_of(response).await["code"], json!("api_broke"));
}

#[tokio::test]
async fn a_body_that_is_too_large_goes_nowhere() {
    let request = Request::post("/api/v1/auth/login").body(Body::from(vec![b' '; 70_000])).unwrap();
    let response = ask(&nowhere(), request).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
