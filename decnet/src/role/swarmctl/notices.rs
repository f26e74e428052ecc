//! What the authority says to every daemon of the fleet, and how it gets there: with each answer to
//! a heartbeat, and brought to every agent and updater until each has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use axum::{Json, Router};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::app::App;
use super::nodes::{self, AT_ONCE, Daemon, Declined, NOTICE};
use super::problem::Problem;
use crate::edge::clock;
use crate::edge::hosts::HostsError;
use crate::edge::pki::Identity;
use crate::logic::swarm::{
    BadField, Count, Host, HostStatus, MAX_PLACES, MasterRenewal, MoveMaster, Notice, SignedNotice,
};

/// How often it is looked who has not heard the last notice.
const LOOK: Duration = Duration::from_secs(1);
/// After how many looks at most somebody is tried again.
const MOST_LOOKS: u64 = 60;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/swarm/master/renew", post(renew_master))
        .route("/swarm/master/move", post(move_master))
}

/// What the authority says now, signed.
pub(super) fn signed(app: &App) -> Result<Option<(Count, SignedNotice)>, Problem> {
    let Some(mut notice) = app.hosts().notice()? else { return Ok(None) };
    let authorities = app.authorities();
    // Before the first succession each node trusts whom it was given.
    if app.hosts().succession()?.is_some() {
        notice.authorities = authorities.trusted().map(ToOwned::to_owned).collect();
    }
    let text = notice.text();
    let message = Notice::message(&text);
    let signature = authorities.current().sign_words(&message)?;
    let more = authorities.next().map(|next| next.sign_words(&message)).transpose()?;
    let more = more.into_iter().collect();
    Ok(Some((notice.number, SignedNotice { text, signature, more })))
}

/// Gives the master another key, and takes the old one out of use where that is asked for.
async fn renew_master(
    State(app): State<Arc<App>>,
    body: Result<Json<MasterRenewal>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(MasterRenewal { revoke }) = body?;
    let before = app.master();
    let now: Arc<Identity> = app.replace_master()?;
    let (old, new) = (before.caller.fingerprint, now.caller.fingerprint);
    if revoke {
        app.hosts().revoke_master(old, clock::now())?;
        app.give_notice()?;
    }
    tracing::warn!(%old, %new, revoke, "the master has another key");
    let number = app.notice().map(|(number, _)| number);
    Ok(Json(json!({ "fingerprint": new, "before": old, "revoked": revoke, "notice": number })))
}

/// Tells every node where the master is reached from now on.
async fn move_master(
    State(app): State<Arc<App>>,
    body: Result<Json<MoveMaster>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(MoveMaster { places }) = body?;
    if places.is_empty() || places.len() > MAX_PLACES {
        let why = format!("it takes 1 to {MAX_PLACES}");
        return Err(BadField { field: "places", why }.into());
    }
    app.hosts().move_to(&places, clock::now())?;
    app.give_notice()?;
    let number = app.notice().map(|(number, _)| number);
    Ok(Json(json!({ "places": places, "notice": number })))
}

/// What one daemon has heard.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    number: Count,
    /// Looks until it is tried again, and how many it was the last time.
    wait: u64,
    last: u64,
}

/// Brings every daemon the last notice, and tries again those that are away.
pub(super) async fn watch(app: Arc<App>) {
    let mut told: BTreeMap<(Uuid, Daemon), Told> = BTreeMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some((number, signed)) = app.notice() else { continue };
        let Ok(hosts) = list(&app) else { continue };
        let mut due = Vec::new();
        for host in hosts {
            let updater = host.updater_cert_fingerprint.map(|_| Daemon::Updater);
            for daemon in [Some(Daemon::Agent), updater].into_iter().flatten() {
                let told = told.entry((host.host_uuid, daemon)).or_default();
                told.wait = told.wait.saturating_sub(1);
                if told.number < number && told.wait == 0 {
                    due.push((host.clone(), daemon));
                }
            }
        }
        let (app, signed) = (&app, &signed);
        let asked = stream::iter(due).map(|(host, daemon)| async move {
            (host.host_uuid, daemon, tell(app, &host, daemon, signed).await)
        });
        let answers: Vec<_> = asked.buffer_unordered(AT_ONCE).collect().await;
        for (host, daemon, answer) in answers {
            let told = told.entry((host, daemon)).or_default();
            match answer {
                Ok(()) => *told = Told { number, wait: 0, last: 0 },
                Err(error) => {
                    tracing::debug!(node = %host, error = format!("{error:#}"), "a daemon has not heard a notice");
                    told.last = (2 * told.last).clamp(1, MOST_LOOKS);
                    told.wait = told.last;
                }
            }
        }
    }
}

fn list(app: &App) -> Result<Vec<Host>, HostsError> {
    let mut hosts = app.hosts().list(None)?;
    hosts.retain(|host| host.status != HostStatus::Decommissioned);
    Ok(hosts)
}

/// What a daemon answers.
#[derive(Deserialize)]
struct Heard {
    #[serde(rename = "number")]
    _number: Count,
}

async fn tell(app: &App, host: &Host, daemon: Daemon, signed: &SignedNotice) -> Result<()> {
    match nodes::ask_daemon::<Heard>(app, host, daemon, NOTICE, Some(signed)).await {
        Ok(_) => Ok(()),
        // A release from before there were any: it is no better the next time.
        Err(error) if error.downcast_ref::<Declined>().is_some_and(is_unknown) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_unknown(declined: &Declined) -> bool {
    declined.status == axum::http::StatusCode::NOT_FOUND
}
