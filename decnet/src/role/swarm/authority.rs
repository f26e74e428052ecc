//! The authority: how it stands, and having another take its place.

use std::process::ExitCode;

use anyhow::Result;
use axum::http::Method;

use super::controller::Controller;
use crate::edge::clock;
use crate::edge::log::{say, say_json};
use crate::logic::credential::Validity;
use crate::logic::swarm::succession::{Member, Phase, Progress, Rotate, Standing, Succession};
use crate::logic::table::Table;
use crate::logic::time::Timestamp;
use crate::role::operator::Show;

/// Has it replaced where that is asked for, and shows how it stands.
pub(super) fn rotate(
    controller: &Controller,
    wish: Option<&Rotate>,
    show: Show,
) -> Result<ExitCode> {
    let standing: Standing = match wish {
        None => controller.ask(Method::GET, "/swarm/ca", None)?,
        Some(wish) => {
            let body = serde_json::to_value(wish)?;
            controller.ask(Method::POST, "/swarm/ca/rotate", Some(&body))?
        }
    };
    if show == Show::Json {
        say_json(&standing)?;
        return Ok(ExitCode::SUCCESS);
    }
    let validity = Validity { from: Timestamp(0), until: standing.until };
    say(&format!("authority {}: {}", standing.authority, validity.standing(clock::now())));
    if let Some(succession) = &standing.succession {
        say(&sentence(succession, &standing.nodes));
        say(&table(succession, standing.nodes).to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn sentence(succession: &Succession, nodes: &[Member]) -> String {
    let Succession { phase, old, new, began, ended, .. } = succession;
    match (phase, ended) {
        (Phase::Spreading, _) => {
            let behind = succession.behind(nodes).len();
            format!("{new} takes its place since {began}; both are trusted; {behind} behind")
        }
        (Phase::Ending, _) => format!("{new} takes the place of {old} now"),
        (Phase::Ended, ended) => {
            let ended = ended.unwrap_or(*began);
            format!("it took the place of {old} on {ended}, which no node trusts that has heard")
        }
    }
}

fn table(succession: &Succession, nodes: Vec<Member>) -> Table {
    let mut table = Table::new(["NODE", "AGENT", "UPDATER", "WAITED FOR"]);
    for member in nodes {
        let waits = match succession.phase {
            Phase::Ended => "-",
            _ if succession.left.contains(&member.host) => "no",
            _ if member.is_renewed() => "done",
            _ => "yes",
        };
        let updater = member.updater.as_ref().map_or_else(|| "-".to_owned(), Progress::to_string);
        table.row([member.name.to_string(), member.agent.to_string(), updater, waits.to_owned()]);
    }
    table
}
