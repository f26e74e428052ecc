//! `decnet swarm deploy`, `teardown` and `deckies`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use axum::http::Method;

use super::controller::Controller;
use crate::cli::WrongUse;
use crate::edge::files;
use crate::edge::log::{say, say_json};
use crate::logic::swarm::{Deploy, FleetDecky, HostStatus, Outcomes, Teardown};
use crate::logic::table::Table;
use crate::role::operator::Show;

/// Makes the fleet's deckies what a file says.
pub(super) fn deploy(
    controller: &Controller,
    config: &Path,
    hosts: Vec<String>,
    show: Show,
) -> Result<ExitCode> {
    let path = config.display();
    let bytes = files::read(config)?.ok_or_else(|| {
        WrongUse(format!("there is no configuration file `{path}`: name one with --config"))
    })?;
    let config = String::from_utf8(bytes).with_context(|| format!("`{path}` is no text"))?;
    let body = serde_json::to_value(Deploy { config, hosts })?;
    let outcomes = controller
        .ask(Method::POST, "/swarm/deploy", Some(&body))
        .with_context(|| format!("`{path}` is not deployed"))?;
    print(&outcomes, show)
}

/// Takes deckies away.
pub(super) fn teardown(controller: &Controller, wish: &Teardown, show: Show) -> Result<ExitCode> {
    let body = serde_json::to_value(wish)?;
    print(&controller.ask(Method::POST, "/swarm/teardown", Some(&body))?, show)
}

/// One row for each node; it failed when one of them did.
fn print(outcomes: &Outcomes, show: Show) -> Result<ExitCode> {
    let failed = outcomes.results.iter().any(|outcome| !outcome.ok);
    if show == Show::Json {
        say_json(outcomes)?;
    } else {
        let mut table = Table::new(["NODE", "DONE", "DETAIL"]);
        for outcome in &outcomes.results {
            let done = if outcome.ok { "yes" } else { "no" };
            table.row([outcome.host_name.to_string(), done.to_owned(), outcome.detail.clone()]);
        }
        say(&table.to_string());
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Shows the deckies, those only of a node or of a state when one is named.
pub(super) fn list(
    controller: &Controller,
    host: Option<&str>,
    state: Option<&str>,
    show: Show,
) -> Result<ExitCode> {
    let mut deckies: Vec<FleetDecky> = controller.ask(Method::GET, "/swarm/deckies", None)?;
    deckies.retain(|decky| {
        let of_host =
            |host: &str| decky.host_name.as_str() == host || decky.host_uuid.to_string() == host;
        host.is_none_or(of_host) && state.is_none_or(|state| state == shown_state(decky))
    });
    if show == Show::Json {
        say_json(&deckies)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["DECKY", "HOST", "ADDRESS", "STATE", "SERVICES"]);
    for decky in &deckies {
        let state = match &decky.decky.error {
            Some(error) => format!("{}: {error}", shown_state(decky)),
            None => shown_state(decky).to_owned(),
        };
        table.row([
            decky.decky.name.to_string(),
            decky.host_name.to_string(),
            decky.decky.ip.to_string(),
            state,
            decky.decky.services.join(","),
        ]);
    }
    say(&table.to_string());
    Ok(ExitCode::SUCCESS)
}

/// How a decky is: nobody knows while its node does not answer.
fn shown_state(decky: &FleetDecky) -> &'static str {
    match decky.host_status {
        HostStatus::Unreachable => "unreachable",
        _ => decky.decky.state.as_str(),
    }
}
