//! The master as whoever joins meets it, and what is wrong with the clock of this machine when it looks
//! like a stranger.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::body::Body;
use axum::http::{Request, header};
use rustls::pki_types::ServerName;

use super::{DEADLINE, MAX_ANSWER, Settings};
use crate::edge::clock;
use crate::edge::http::SecureServer;
use crate::edge::pki::{self, Time};
use crate::logic::swarm::MASTER;
use crate::logic::time::Timestamp;

/// The master, whose certificate must be good at some time.
pub(super) fn server(settings: &Settings, time: Time) -> Result<SecureServer> {
    let master = &settings.master;
    Ok(SecureServer {
        host: master.host.clone(),
        port: master.port,
        name: ServerName::try_from(MASTER).context("the name is none")?,
        config: Arc::new(pki::joining_config(settings.token.authority, time)?),
    })
}

/// What is wrong with the clock of this machine: the master is the right one, and its certificate is
/// not good by this clock. Nothing is told to it but this question.
pub(super) async fn wrong(settings: &Settings) -> Result<String> {
    let server = server(settings, Time::Any)?;
    let request = Request::get("/health").body(Body::empty())?;
    let answer = tokio::time::timeout(DEADLINE, server.answer(request, MAX_ANSWER)).await;
    let there = answer.ok().and_then(Result::ok).and_then(|answer| {
        let date = answer.headers().get(header::DATE)?.to_str().ok()?.to_owned();
        Timestamp::of_http(&date)
    });
    let here = clock::now();
    let gap = there.map(|there| gap(here, there)).unwrap_or_default();
    Ok(format!(
        "the clock of this machine is wrong: it says {}{gap}; set it, and join again",
        here.format("%Y-%m-%d %H:%M:%S UTC")
    ))
}

/// How far two clocks are apart.
fn gap(here: Timestamp, there: Timestamp) -> String {
    let span = here.since(there).max(there.since(here)).as_secs();
    let (count, unit) = match span {
        172_800.. => (span / 86_400, "days"),
        7_200.. => (span / 3_600, "hours"),
        _ => (span / 60, "minutes"),
    };
    let order = if here < there { "behind" } else { "ahead of" };
    let there = there.format("%Y-%m-%d %H:%M:%S UTC");
    format!(", {count} {unit} {order} the master's, which says {there}")
}
