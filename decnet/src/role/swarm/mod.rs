//! `decnet swarm …`: an operator asks swarmctl.

mod authority;
mod bundle;
mod controller;
mod deckies;
mod master;
mod rollouts;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use axum::http::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::cli::WrongUse;
use crate::edge::clock;
use crate::edge::fresh::Fresh;
use crate::edge::http::Upstream;
use crate::edge::log::{say, say_json};
use crate::edge::pki;
use crate::logic::rollout::{Forgive, Revert, Wish};
use crate::logic::swarm::succession::Rotate;
use crate::logic::swarm::{
    Enroll, Enrolled, Host, HostStatus, Listed, MasterRenewal, MoveMaster, Outcomes, Teardown,
    Token, TokenWish,
};
use crate::logic::table::Table;
use crate::role::operator::Show;

use controller::Controller;
pub use rollouts::Act;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Show the authority, or have another take its place.
    Authority {
        /// What is wanted, when something is.
        wish: Option<Rotate>,
        /// How the answer is shown.
        show: Show,
    },
    /// Ask every node how it is.
    Check(Show),
    /// Show the deckies.
    Deckies {
        /// Those only of this node, by name or number.
        host: Option<String>,
        /// Those only that are so.
        state: Option<String>,
        /// How they are shown.
        show: Show,
    },
    /// Make the deckies what a file says.
    Deploy {
        /// The file.
        config: PathBuf,
        /// Over which nodes; over all when none is named.
        hosts: Vec<String>,
        /// How the answer is shown.
        show: Show,
    },
    /// Let a node go.
    Decommission {
        /// Which, by name or number.
        host: String,
        /// Whether it was said that this is meant.
        yes: bool,
    },
    /// Take in a node.
    Enroll {
        /// As whom.
        wish: Enroll,
        /// Where its identity goes.
        out_dir: Option<PathBuf>,
        /// How the answer is shown.
        show: Show,
    },
    /// Have nodes take a release again that failed there.
    Forgive {
        /// Which release, and which nodes.
        wish: Forgive,
        /// How the answer is shown.
        show: Show,
    },
    /// Show the nodes.
    List {
        /// Those only that are so.
        status: Option<HostStatus>,
        /// How they are shown.
        show: Show,
    },
    /// Tell the nodes where the master is.
    MoveMaster {
        /// Where.
        wish: MoveMaster,
        /// How the answer is shown.
        show: Show,
    },
    /// Give the master another key.
    RenewMaster {
        /// What becomes of the old one.
        wish: MasterRenewal,
        /// How the answer is shown.
        show: Show,
    },
    /// Have nodes go back to the release that they had before.
    Rollback {
        /// Which.
        wish: Revert,
        /// How the answer is shown.
        show: Show,
    },
    /// Show rollouts, or do something with one.
    Rollouts {
        /// Which; all when it is not said.
        id: Option<String>,
        /// What to do with it.
        act: Act,
        /// How the answer is shown.
        show: Show,
    },
    /// Take deckies away.
    Teardown {
        /// Which.
        wish: Teardown,
        /// How the answer is shown.
        show: Show,
    },
    /// Let a node join by itself.
    Token {
        /// As whom.
        wish: TokenWish,
        /// How the answer is shown.
        show: Show,
    },
    /// Bring nodes a release.
    Update {
        /// Which nodes, and how.
        wish: Wish,
        /// The release.
        source: Source,
        /// How the answer is shown.
        show: Show,
    },
}

/// Where a release comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is packed and signed.
    Bundle(PathBuf),
    /// It is a tree.
    Root {
        /// Where.
        root: PathBuf,
        /// What of it is left out.
        exclude: Vec<String>,
        /// With which keys it is signed.
        keys: Vec<PathBuf>,
    },
}

/// What `decnet swarm` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where swarmctl is.
    pub url: Upstream,
    /// Where its token is, in `swarm`.
    pub state_dir: PathBuf,
    /// What to do.
    pub command: Command,
}

/// Does what is asked.
///
/// # Errors
///
/// [`WrongUse`] when the controller cannot be reached; otherwise what it says.
pub fn run(settings: Settings) -> Result<ExitCode> {
    let controller = Controller::new(settings.url, &settings.state_dir)?;
    match settings.command {
        Command::Authority { wish, show } => authority::rotate(&controller, wish.as_ref(), show),
        Command::Check(show) => check(&controller, show),
        Command::Deckies { host, state, show } => {
            deckies::list(&controller, host.as_deref(), state.as_deref(), show)
        }
        Command::Deploy { config, hosts, show } => {
            deckies::deploy(&controller, &config, hosts, show)
        }
        Command::Teardown { wish, show } => deckies::teardown(&controller, &wish, show),
        Command::Token { wish, show } => token(&controller, &wish, show),
        Command::Decommission { host, yes } => decommission(&controller, &host, yes),
        Command::Enroll { wish, out_dir, show } => {
            enroll(&controller, &wish, out_dir.as_deref(), show)
        }
        Command::Forgive { wish, show } => rollouts::forgive(&controller, &wish, show),
        Command::List { status, show } => list(&controller, status, show),
        Command::MoveMaster { wish, show } => master::relocate(&controller, &wish, show),
        Command::RenewMaster { wish, show } => master::renew(&controller, wish, show),
        Command::Rollback { wish, show } => rollouts::roll_back(&controller, &wish, show),
        Command::Rollouts { id, act, show } => {
            rollouts::look(&controller, id.as_deref(), act, show)
        }
        Command::Update { wish, source, show } => {
            rollouts::update(&controller, &wish, &source, show)
        }
    }
}

fn check(controller: &Controller, show: Show) -> Result<ExitCode> {
    let outcomes: Outcomes = controller.ask(Method::POST, "/swarm/check", None)?;
    if show == Show::Json {
        say_json(&outcomes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["NODE", "ANSWERS", "DETAIL"]);
    for outcome in outcomes.results {
        let answers = if outcome.ok { "yes" } else { "no" };
        table.row([outcome.host_name.to_string(), answers.to_owned(), outcome.detail]);
    }
    say(&table.to_string());
    Ok(ExitCode::SUCCESS)
}

fn list(controller: &Controller, status: Option<HostStatus>, show: Show) -> Result<ExitCode> {
    let query = status.map(|status| format!("?host_status={}", status.as_str()));
    let path = format!("/swarm/hosts{}", query.unwrap_or_default());
    let hosts: Vec<Listed> = controller.ask(Method::GET, &path, None)?;
    if show == Show::Json {
        say_json(&hosts)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        "NAME",
        "ADDRESS",
        "PORT",
        "STATUS",
        "RELEASE",
        "LAST SEEN",
        "ENROLLED",
        "CERTIFICATES",
    ]);
    for Listed { host, certificates } in hosts {
        let seen = host.last_seen.map_or_else(|| "never".to_owned(), |seen| seen.to_string());
        table.row([
            host.name.to_string(),
            address(&host),
            host.agent_port.to_string(),
            status_of(&host),
            host.release.unwrap_or_else(|| "-".to_owned()),
            seen,
            host.enrolled_at.to_string(),
            certificates.marker(clock::now()),
        ]);
    }
    say(&table.to_string());
    rollouts::quarantined(controller)?;
    Ok(ExitCode::SUCCESS)
}

/// Where a node is reached, and where it speaks from when that is another place.
fn address(host: &Host) -> String {
    let reached = host.places().next().unwrap_or_default();
    match host.heard_from.as_deref().filter(|from| *from != reached) {
        Some(from) => format!("{reached} (speaks from {from})"),
        None => reached.to_owned(),
    }
}

fn status_of(host: &Host) -> String {
    let status = host.status.as_str();
    match &host.damaged {
        Some(what) => format!("{status}; its record is damaged: {what}"),
        None => status.to_owned(),
    }
}

fn decommission(controller: &Controller, which: &str, yes: bool) -> Result<ExitCode> {
    let hosts: Vec<Host> = controller.ask(Method::GET, "/swarm/hosts", None)?;
    let uuid: Option<Uuid> = which.parse().ok();
    let found = hosts.into_iter().find(|host| {
        let named = host.name.as_str() == which && host.status != HostStatus::Decommissioned;
        named || Some(host.host_uuid) == uuid
    });
    let Some(host) = found else { bail!("there is no node `{which}`: see `decnet swarm list`") };
    if !yes {
        let name = &host.name;
        let message = format!("`{name}` would be shut out at once: say --yes if that is meant");
        return Err(WrongUse(message).into());
    }
    controller.tell(Method::DELETE, &format!("/swarm/hosts/{}", host.host_uuid))?;
    say(&format!("{} is decommissioned", host.name));
    Ok(ExitCode::SUCCESS)
}

fn enroll(
    controller: &Controller,
    wish: &Enroll,
    out_dir: Option<&Path>,
    show: Show,
) -> Result<ExitCode> {
    if out_dir.is_none() && show != Show::Json {
        let why = "the keys exist only in the answer: name a directory for them with --out-dir, \
                   or take them with --json";
        return Err(WrongUse(why.to_owned()).into());
    }
    wish.check().map_err(|error| WrongUse(error.to_string()))?;
    let updater_dir = out_dir.filter(|_| wish.issue_updater_bundle).map(|dir| {
        let mut name = dir.as_os_str().to_owned();
        name.push("-updater");
        PathBuf::from(name)
    });
    let dirs: Vec<&Path> = out_dir.into_iter().chain(updater_dir.as_deref()).collect();
    // Before anything is asked: keys that cannot be written would be lost.
    let mut fresh = Fresh::default();
    dirs.iter().try_for_each(|dir| fresh.make_dir(dir))?;
    let answer: Value =
        controller.ask(Method::POST, "/swarm/enroll", Some(&serde_json::to_value(wish)?))?;
    fresh.keep();
    let enrolled: Enrolled = serde_json::from_value(answer.clone())
        .context("swarmctl answers what this release cannot read")?;
    let ca = &enrolled.ca_cert_pem;
    if let Some(dir) = out_dir {
        pki::write(dir, "worker", ca, &enrolled.worker_cert_pem, &enrolled.worker_key_pem)?;
    }
    if let (Some(dir), Some(updater)) = (&updater_dir, &enrolled.updater) {
        pki::write(dir, "updater", ca, &updater.updater_cert_pem, &updater.updater_key_pem)?;
    }
    if show == Show::Json {
        say(&answer.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{} is enrolled as {}", enrolled.name, enrolled.host_uuid));
    for dir in dirs {
        say(&format!("its identity is in `{}`: bring it to the node", dir.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets a node join by itself.
fn token(controller: &Controller, wish: &TokenWish, show: Show) -> Result<ExitCode> {
    wish.check().map_err(|error| WrongUse(error.to_string()))?;
    let body = serde_json::to_value(wish)?;
    let token: Token = controller.ask(Method::POST, "/swarm/tokens", Some(&body))?;
    if show == Show::Json {
        say_json(&token)?;
        return Ok(ExitCode::SUCCESS);
    }
    let Token { token, name, expires_at, node_port } = token;
    if wish.rejoin {
        say(&format!("until {expires_at} {name} is taken back as soon as it is heard, by itself"));
        say("where that is not enough, by this command on it, which makes new keys,");
        say("with an address of this machine that it reaches in the place of MASTER:");
        let master = format!("https://MASTER:{node_port}");
        say(&format!("  decnet join --rejoin --master {master} --token {token}"));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("{name} may join once, until {expires_at}, by this command on it,"));
    say("with an address of this machine that it reaches in the place of MASTER:");
    say(&format!("  decnet join --master https://MASTER:{node_port} --token {token}"));
    Ok(ExitCode::SUCCESS)
}
