//! Whether this release could serve where the updater does not: on its port, with its identity, at
//! this machine's clock.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::watch;

use super::super::probe::Probe;
use super::super::{Callers, Settings};
use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::{self, Authorize, Identity};
use crate::edge::{random, release};
use crate::logic::trust::CertRole;
use crate::logic::update::Seen;

/// Serves, and is reached.
///
/// # Errors
///
/// What is in the way, which is no fault of the updater's release.
pub(super) async fn serve(settings: &Settings, identity: &Arc<Identity>) -> Result<()> {
    let listener = http::listen((settings.host, settings.port).into()).await?;
    let authorize: Arc<dyn Authorize> = Arc::new(Callers::of(identity, None));
    let (_offer, config) =
        watch::channel(Arc::new(pki::server_config(identity, authorize.clone())?));
    let boot = random::uuid();
    let health = json!({ "release": release::name(), "pid": std::process::id(), "boot_id": boot });
    let app = Router::new().route("/health", get(async move || Json(health)));
    let secure = Secure::new(config, authorize);
    let runtime = tokio::runtime::Handle::current();
    let probe = Probe::of(runtime, settings.reached_at(), identity, CertRole::Updater);
    let (ours, _) = boot.as_u64_pair();
    let reached = async {
        match probe.see().await {
            Seen::Answer { process, .. } if process.nonce == ours => Ok(()),
            Seen::Answer { .. } => bail!("another program answers on {}", settings.reached_at()),
            Seen::Gone | Seen::Hindered(_) | Seen::Silent => {
                bail!("nobody is reached on {}", settings.reached_at())
            }
        }
    };
    let served = http::serve_tls(listener, secure, Limits::default(), app, std::future::pending());
    tokio::select! {
        () = served => bail!("the server has ended"),
        reached = reached => reached.context("cannot serve here either"),
    }
}
