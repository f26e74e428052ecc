//! An agent in a hostile hand: real TLS, its own certificate, and it says what it likes.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use axum::Json;
use axum::Router;
use axum::routing::any;
use decnet::edge::http::{Limits, Secure, serve_tls};
use decnet::edge::pki::{self, Identity};
use decnet::logic::trust::CertRole;
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use crate::world::{NODE_IP, World};

/// It runs until it is dropped.
#[derive(Debug)]
pub struct Liar {
    _stop: oneshot::Sender<()>,
}

impl Liar {
    /// Answers the master at this port of the node, by the identity in `etc_dir`, with this report,
    /// whatever is asked. Of each decky that it is told to make it says that another machine has the
    /// address, and that this is the address.
    #[must_use]
    pub fn start(world: &World, port: u16, etc_dir: &std::path::Path, report: Value) -> Self {
        let listener = world.as_node(|| TcpListener::bind((NODE_IP, port)));
        let listener = listener.expect("the port is free");
        listener.set_nonblocking(true).expect("it is ours");
        let identity = Identity::read(etc_dir, "worker", "enrol it").expect("it was enrolled");
        let config = pki::server_config(&identity, Arc::new(CertRole::Master));
        let (_, config) = watch::channel(Arc::new(config.expect("an identity")));
        let secure = Secure::new(config, Arc::new(CertRole::Master));
        let answer = move |body: Option<Json<Value>>| {
            let answer = answer(report.clone(), body.map(|body| body.0));
            async { Json(answer) }
        };
        let app = Router::new().fallback(any(answer));
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let stopped = async { drop(stopped.await) };
                serve_tls(listener, secure, Limits::default(), app, stopped).await;
            });
        });
        Self { _stop: stop }
    }
}

fn answer(mut report: Value, order: Option<Value>) -> Value {
    let Some(order) = order else { return report };
    report["generation"] = order["generation"].clone();
    let ordered = order["deckies"].as_array().into_iter().flatten().map(|decky| {
        json!({ "name": decky["name"], "ip": decky["ip"], "mac": "02:00:00:00:02:01",
            "hostname": "X", "persona": "debian-12", "services": [], "state": "failed",
            "conflict": decky["ip"] })
    });
    let said = report["deckies"].as_array().into_iter().flatten();
    let others = said.filter(|decky| {
        let names = order["deckies"].as_array().into_iter().flatten();
        names.into_iter().all(|one| one["name"] != decky["name"])
    });
    report["deckies"] = ordered.chain(others.cloned()).collect();
    report
}
