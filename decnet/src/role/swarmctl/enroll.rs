//! `POST /swarm/enroll`: a node gets its certificates, and the master remembers them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use uuid::Uuid;

use super::app::App;
use super::problem::Problem;
use super::{join, succession};
use crate::edge::clock;
use crate::edge::pki::{Issued, Wish};
use crate::logic::swarm::{Checked, Enroll, Enrolled, Host, HostStatus, UpdaterBundle};
use crate::logic::trust::CertRole;

pub(super) async fn enroll(
    State(app): State<Arc<App>>,
    body: Result<Json<Enroll>, JsonRejection>,
) -> Result<(StatusCode, Json<Enrolled>), Problem> {
    let Json(wish) = body?;
    let checked = wish.check()?;
    let worker = issue(&app, &checked, CertRole::Agent)?;
    let updater = wish.issue_updater_bundle.then(|| issue(&app, &checked, CertRole::Updater));
    let updater = updater.transpose()?;
    let host = Host {
        host_uuid: Uuid::now_v7(),
        name: checked.name,
        address: wish.address,
        agent_port: wish.agent_port,
        sans: wish.sans,
        notes: wish.notes,
        status: HostStatus::Enrolled,
        release: None,
        client_cert_fingerprint: worker.certified.fingerprint,
        next_cert_fingerprint: None,
        updater_cert_fingerprint: updater.as_ref().map(|updater| updater.certified.fingerprint),
        enrolled_at: clock::now(),
        last_seen: None,
        heard_from: None,
        reached_at: None,
        report: None,
        damaged: None,
    };
    app.hosts().add(&host)?;
    let updater_certified = updater.as_ref().map(|updater| &updater.certified);
    join::keep_ends(&app, host.host_uuid, Some(&worker.certified), updater_certified)?;
    tracing::info!(name = %host.name, node = %host.host_uuid, "enrolled a node");
    let enrolled = Enrolled {
        host_uuid: host.host_uuid,
        name: host.name,
        address: host.address,
        agent_port: host.agent_port,
        fingerprint: worker.certified.fingerprint,
        ca_cert_pem: app.authorities().bundle_pem(),
        worker_cert_pem: worker.certified.cert_pem,
        worker_key_pem: worker.key_pem,
        updater: updater.map(|updater| UpdaterBundle {
            fingerprint: updater.certified.fingerprint,
            updater_cert_pem: updater.certified.cert_pem,
            updater_key_pem: updater.key_pem,
        }),
    };
    Ok((StatusCode::CREATED, Json(enrolled)))
}

fn issue(app: &App, checked: &Checked, role: CertRole) -> Result<Issued, Problem> {
    let Checked { name, addresses, names } = checked;
    succession::issue(app, &Wish { host: name, role, addresses, names })
}
