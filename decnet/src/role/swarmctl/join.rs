//! `POST /join` and `POST /renew`: certificates for keys that never leave their node.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use uuid::Uuid;

use super::app::App;
use super::node::host;
use super::problem::Problem;
use super::renewals::sign;
use super::succession::{self, Holder};
use crate::edge::clock;
use crate::edge::hosts::{HostsError, StoredToken};
use crate::edge::http::Peer;
use crate::edge::pki::{self, Certified, Wish};
use crate::logic::swarm::{
    Checked, Enroll, Host, HostStatus, Join, JoinToken, Joined, Part, Renew, Renewed,
};
use crate::logic::trust::{Caller, CertRole, Fingerprint};

pub(super) async fn join(
    State(app): State<Arc<App>>,
    Extension(Peer(peer)): Extension<Peer>,
    body: Result<Json<Join>, JsonRejection>,
) -> Result<(StatusCode, Json<Joined>), Problem> {
    let Json(asked) = body?;
    let refused = |detail: String| {
        tracing::warn!(%peer, detail, "somebody could not join");
        Problem::new(StatusCode::UNAUTHORIZED, detail)
    };
    let unknown = || refused("the master does not know this token".to_owned());
    let id = asked.token.parse::<JoinToken>().ok().ok_or_else(unknown)?.id();
    let stored = app.hosts().token(id)?.ok_or_else(unknown)?;
    if stored.expires < clock::now() {
        return Err(refused(format!("the token has ended on {}: make another", stored.expires)));
    }
    if let Some(back) = stored.back {
        return take_back(&app, id, back, &asked);
    }
    let wish = stored.wish.enroll(&peer.ip().to_canonical().to_string());
    let made = certify(&app, &asked, &wish, wish.check()?)?;
    Ok((StatusCode::CREATED, Json(admit(&app, id, &stored, made)?)))
}

/// A node that is about to join.
struct Made {
    host: Host,
    key: String,
    worker: Certified,
    updater: Option<Certified>,
}

fn certify(app: &App, asked: &Join, wish: &Enroll, checked: Checked) -> Result<Made, Problem> {
    let Checked { name, addresses, names } = checked;
    let sign = |csr: &str, role| {
        let wish = Wish { host: &name, role, addresses: &addresses, names: &names };
        succession::sign(app, Holder::Given, csr, &wish)
    };
    let worker = sign(&asked.agent_csr_pem, CertRole::Agent)?;
    let updater = asked.updater_csr_pem.as_deref().filter(|_| wish.issue_updater_bundle);
    let updater = updater.map(|csr| sign(csr, CertRole::Updater)).transpose()?;
    let host = Host {
        host_uuid: Uuid::now_v7(),
        name,
        address: wish.address.clone(),
        agent_port: wish.agent_port,
        sans: wish.sans.clone(),
        notes: wish.notes.clone(),
        status: HostStatus::Enrolled,
        release: None,
        client_cert_fingerprint: worker.fingerprint,
        next_cert_fingerprint: None,
        updater_cert_fingerprint: updater.as_ref().map(|updater| updater.fingerprint),
        enrolled_at: clock::now(),
        last_seen: None,
        heard_from: None,
        reached_at: None,
        report: None,
        damaged: None,
    };
    let key = pki::requested_key(&asked.agent_csr_pem)?.to_string();
    Ok(Made { host, key, worker, updater })
}

/// Takes a node back that has made new keys: it is the node that it was, with all that is known of it.
fn take_back(
    app: &App,
    id: Fingerprint,
    back: Uuid,
    asked: &Join,
) -> Result<(StatusCode, Json<Joined>), Problem> {
    let gone = || Problem::new(StatusCode::UNAUTHORIZED, "the node is no part of the fleet");
    let found = app.hosts().host(back)?;
    let mut host =
        found.filter(|host| host.status != HostStatus::Decommissioned).ok_or_else(gone)?;
    let given = Holder::Given;
    let worker = sign(app, &host, (CertRole::Agent, given), &asked.agent_csr_pem)?;
    let updater =
        asked.updater_csr_pem.as_deref().filter(|_| host.updater_cert_fingerprint.is_some());
    let updater =
        updater.map(|csr| sign(app, &host, (CertRole::Updater, given), csr)).transpose()?;
    host.client_cert_fingerprint = worker.fingerprint;
    host.updater_cert_fingerprint = updater.as_ref().map(|updater| updater.fingerprint);
    let key = pki::requested_key(&asked.agent_csr_pem)?.to_string();
    app.hosts().take_back(id, &key, &host)?;
    keep_ends(app, back, Some(&worker), updater.as_ref())?;
    tracing::info!(name = %host.name, node = %back, "a node has come back");
    Ok((StatusCode::CREATED, Json(joined(app, host, worker, updater))))
}

/// Notes when certificates end that were just signed.
pub(super) fn keep_ends(
    app: &App,
    host: Uuid,
    worker: Option<&Certified>,
    updater: Option<&Certified>,
) -> Result<(), HostsError> {
    for (part, certified) in [(Part::Agent, worker), (Part::Updater, updater)] {
        if let Some(certified) = certified {
            app.hosts().ends(host, part, certified.not_after)?;
        }
    }
    Ok(())
}

fn joined(app: &App, host: Host, worker: Certified, updater: Option<Certified>) -> Joined {
    Joined {
        host_uuid: host.host_uuid,
        name: host.name,
        address: host.address,
        agent_port: host.agent_port,
        ca_cert_pem: app.authorities().bundle_pem(),
        worker_cert_pem: worker.cert_pem,
        updater_cert_pem: updater.map(|updater| updater.cert_pem),
    }
}

/// Makes it a node. One that has joined with the same key before, and did not hear of it, is the
/// node that it was.
fn admit(app: &App, id: Fingerprint, stored: &StoredToken, made: Made) -> Result<Joined, Problem> {
    let Made { mut host, key, worker, updater } = made;
    match &stored.used {
        None => app.hosts().join(id, &key, &host)?,
        Some((used, Some(before))) if *used == key => {
            host.host_uuid = *before;
            app.hosts().rejoin(&host)?;
        }
        Some(_) => return Err(HostsError::TokenUsed.into()),
    }
    keep_ends(app, host.host_uuid, Some(&worker), updater.as_ref())?;
    tracing::info!(name = %host.name, node = %host.host_uuid, address = host.address, "a node has joined");
    Ok(joined(app, host, worker, updater))
}

pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    body: Result<Json<Renew>, JsonRejection>,
) -> Result<Json<Renewed>, Problem> {
    let Json(asked) = body?;
    let host = host(&app, &caller)?;
    let known = Holder::Known(host.host_uuid);
    let signed = sign(&app, &host, (CertRole::Agent, known), &asked.csr_pem)?;
    app.hosts().renew(host.host_uuid, signed.fingerprint)?;
    tracing::info!(name = %host.name, until = %signed.not_after, "renewed a certificate");
    Ok(Json(Renewed { cert_pem: signed.cert_pem }))
}
