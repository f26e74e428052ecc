//! What the api's tests share: an api over a store of its own, asked without a socket. Every
//! answer is held against the OpenAPI description of its route.

mod auth;
mod events;
mod first_login;
mod lists;
mod openapi;
mod shape;
mod stream;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;
use uuid::Uuid;

use super::app::App;
use super::{Settings, feed, router};
use crate::edge::store::{Role, Store, User, path};
use crate::logic::event::{Data, DeckyPart, Event, Kind, SCHEMA, SessionId, Source};
use crate::logic::mac::Mac;
use crate::logic::password;
use crate::logic::time::Timestamp;
use crate::logic::vouch::WebKey;

const HOUR: u64 = 1_795_420_800_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// What the api shares with `decnet web`.
const WEB_KEY: WebKey = WebKey::new([7; 32]);
const PASSWORD: &str = "a good password";

/// An api, and the store it reads.
struct Bench {
    dir: TempDir,
    store: Store,
    app: Arc<App>,
    router: Router,
}

/// Who asks.
#[derive(Clone, Debug)]
struct Token(String);

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(&path(dir.path())).unwrap();
        let settings = Settings {
            host: [127, 0, 0, 1].into(),
            port: 0,
            state_dir: dir.path().to_owned(),
            user: None,
            web_key: "/nowhere".into(),
        };
        let mut app =
            App::new(Store::open(&path(dir.path())).unwrap(), &settings, Some(WEB_KEY)).unwrap();
        app.pulse = Duration::from_millis(200);
        let app = Arc::new(app);
        let router = router(app.clone());
        Self { dir, store, app, router }
    }

    /// Adds a user whose password is [`PASSWORD`].
    fn user(&self, name: &str, role: Role, must_change: bool) {
        let password = password::hash(PASSWORD, [1; 16]);
        let changed = Timestamp(HOUR);
        let user = User { name: name.into(), role, password, must_change, changed };
        assert!(self.store.add_user(&user).unwrap());
    }

    /// Adds an admin and logs in.
    async fn admin(&self) -> Token {
        self.user("admin", Role::Admin, false);
        self.log_in("admin", PASSWORD).await
    }

    async fn log_in(&self, name: &str, password: &str) -> Token {
        let body = json!({ "username": name, "password": password });
        let (status, answer) = self.post("/api/v1/auth/login", None, &body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        Token(answer["access_token"].as_str().unwrap().to_owned())
    }

    async fn get(&self, path: &str, token: &Token) -> (StatusCode, Value) {
        self.ask(Method::GET, path, Some(token), None).await
    }

    async fn post(&self, path: &str, token: Option<&Token>, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, token, Some(body)).await
    }

    /// Asks, and holds the answer against the description.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&Token>,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(&method).uri(path);
        if let Some(Token(token)) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        let response = self.send(request.body(body).unwrap()).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 24).await.unwrap();
        let answer =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        shape::check(&method, path, status, &answer);
        (status, answer)
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Appends `count` events of `kind`, a second apart.
    fn append(&mut self, kind: Kind, count: u64) {
        let first = self.store.newest().unwrap().unsigned_abs() + 1;
        let events: Vec<Event> = (first..first + count).map(|seq| event(seq, kind)).collect();
        self.store.append(&events).unwrap();
    }

    /// Follows the store as the running api does.
    fn follow(&self) -> tokio::task::JoinHandle<()> {
        tokio::spawn(feed::follow(self.app.clone()))
    }
}

/// Event number `seq` of session 5 from 10.0.0.1 on `web-01`.
fn event(seq: u64, kind: Kind) -> Event {
    let part = DeckyPart {
        name: "web-01".parse().unwrap(),
        ip: [192, 168, 1, 110].into(),
        ip6: None,
        mac: Mac([0, 0x15, 0x5d, 1, 2, 3]),
        hostname: "WEB01".to_owned(),
        persona: "debian-12".into(),
    };
    Event {
        schema: SCHEMA.into(),
        id: Uuid::from_u128(seq.into()),
        ts: Timestamp(HOUR + seq * SECOND),
        node: "n1".into(),
        boot_id: Uuid::from_u128(7),
        seq,
        decky: Some(Arc::new(part)),
        src: Some(Source { ip: Some([10, 0, 0, 1].into()), ..Source::default() }),
        dst: None,
        transport: None,
        service: Some("http".into()),
        session: Some(SessionId(5)),
        event: kind,
        outcome: None,
        creds: None,
        data: Data::new().with("number", seq),
        raw: None,
    }
}

/// The numbers of the events in an answer.
fn seqs(events: &Value) -> Vec<u64> {
    events.as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// Waits for `ready`, which must become true soon.
async fn until(mut ready: impl FnMut() -> bool) {
    let waiting = async {
        while !ready() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it becomes ready");
}
