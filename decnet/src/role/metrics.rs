//! `GET /metrics`: what a daemon counts, for Prometheus, at a port of this machine alone. It is off unless
//! it was said where, and no daemon waits for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;

use crate::edge::http::{self, Limits};
use crate::logic::metrics::{self, Gauge};

/// How long it is waited before a port is tried again that cannot be had.
const AGAIN: Duration = Duration::from_secs(15);
/// What the text is.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves what `gauges` says when it is asked, where that was wished.
pub(super) fn serve(
    address: Option<SocketAddr>,
    role: &'static str,
    gauges: impl Fn() -> Vec<Gauge> + Send + Sync + 'static,
) {
    let Some(address) = address else { return };
    let gauges: Arc<dyn Fn() -> Vec<Gauge> + Send + Sync> = Arc::new(gauges);
    let answer = move || {
        let mut all = vec![metrics::build(role, env!("CARGO_PKG_VERSION"))];
        all.extend(gauges());
        std::future::ready(([(header::CONTENT_TYPE, KIND)], metrics::text(&all)))
    };
    tokio::spawn(go(address, Router::new().route("/metrics", get(answer))));
}

async fn go(address: SocketAddr, app: Router) {
    let mut said = false;
    let listener = loop {
        match http::listen(address).await {
            Ok(listener) => break listener,
            Err(error) if !said => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "metrics cannot be served: it is tried again");
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    };
    tracing::info!(%address, "metrics are served");
    let limits = Limits { connections: 16, each: 16, ..Limits::default() };
    http::serve(listener, limits, app, std::future::pending()).await;
}
