//! `POST /swarm/teardown`: takes deckies away, from one node or from all.

use std::sync::Arc;

use anyhow::Result;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde_json::json;

use super::app::App;
use super::converge;
use super::deploy::{each, outcomes, targets, under_way};
use super::nodes::{self, TEARDOWN};
use super::problem::Problem;
use crate::edge::clock;
use crate::edge::hosts::HostsError;
use crate::logic::name::DeckyName;
use crate::logic::swarm::{Host, NodeReport, Outcomes, Teardown};

pub(super) async fn teardown(
    State(app): State<Arc<App>>,
    body: Result<Json<Teardown>, JsonRejection>,
) -> Result<Json<Outcomes>, Problem> {
    let Json(asked) = body?;
    let _turn = app.deploying.try_lock().or(Err(under_way()))?;
    let hosts = having(&app, targets(&app, &asked.hosts)?, asked.decky.as_ref())?;
    if let (Some(decky), true) = (&asked.decky, hosts.is_empty()) {
        let detail = format!("decky: there is no `{decky}`");
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    want_less(&app, &hosts, asked.decky.as_ref())?;
    let (app, decky) = (&app, &asked.decky);
    let answers = each(&hosts, |host| async move { take_away(app, &host, decky.as_ref()).await });
    Ok(Json(outcomes(answers.await)))
}

/// Those of `hosts` that have the decky, when one is named: of which it is wanted, or else who says
/// so, as a node does whose deckies are of its own file.
fn having(
    app: &App,
    mut hosts: Vec<Host>,
    decky: Option<&DeckyName>,
) -> Result<Vec<Host>, HostsError> {
    let Some(name) = decky else { return Ok(hosts) };
    let wanted = app.hosts().all_wanted()?;
    let is_wanted = |host: &Host| {
        wanted.get(&host.host_uuid).is_some_and(|all| all.iter().any(|one| one.name == *name))
    };
    if hosts.iter().any(is_wanted) {
        hosts.retain(is_wanted);
        return Ok(hosts);
    }
    let fleet = app.hosts().fleet()?;
    let says = |host: &Host| {
        fleet.iter().any(|one| one.host_uuid == host.host_uuid && one.decky.name == *name)
    };
    hosts.retain(says);
    Ok(hosts)
}

fn want_less(app: &App, hosts: &[Host], decky: Option<&DeckyName>) -> Result<(), HostsError> {
    let wanted = app.hosts().all_wanted()?;
    let less = hosts.iter().filter_map(|host| {
        let id = host.host_uuid;
        let mut deckies = match (wanted.get(&id), decky) {
            (Some(deckies), _) => deckies.clone(),
            (None, None) => Vec::new(),
            // Its deckies are of its own file: it is asked, and nothing is wanted of it.
            (None, Some(_)) => return None,
        };
        deckies.retain(|one| decky.is_some_and(|name| one.name != *name));
        Some((id, deckies))
    });
    let less = less.collect();
    app.hosts().want(&less, clock::now())
}

async fn take_away(app: &App, host: &Host, decky: Option<&DeckyName>) -> Result<NodeReport> {
    if app.hosts().wanted_generation(host.host_uuid)?.is_some() {
        return converge::push(app, host).await;
    }
    let body = json!({ "decky": decky });
    let report: NodeReport = nodes::ask(app, host, TEARDOWN, Some(&body)).await?;
    converge::record(app, host.host_uuid, report.clone());
    Ok(report)
}
