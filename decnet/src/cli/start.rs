//! From what was said to the role that does it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::agent::AgentArgs;
use super::args::{
    ApiArgs, BpfAction, BpfArgs, Cli, EventArgs, EventsArgs, LabAction, LabArgs, Role, UpArgs,
    WebArgs,
};
use super::{WrongUse, file};
use crate::edge::sinks::ToJournal;
use crate::edge::{clock, release};
use crate::logic::event::Kind;
use crate::logic::time::Timestamp;
use crate::role;

/// Runs the role.
pub(super) fn role(cli: Cli) -> Result<ExitCode> {
    if let Role::Api(_) | Role::Swarmctl(_) | Role::Web(_) = cli.role {
        // From here on the updater leaves the release that they run from where it is.
        release::running();
    }
    match cli.role {
        Role::Agent(ref args) => role::agent::run(&agent(&cli, args)?).map(|()| ExitCode::SUCCESS),
        Role::Api(args) => role::api::run(&api(args)).map(|()| ExitCode::SUCCESS),
        Role::Bpf(args) => bpf(&args),
        Role::Capture(args) => role::capture::run(&role::capture::Settings {
            decky: args.decky,
            write: args.write,
            span: args.seconds.map(Duration::from_secs),
            run_dir: args.dir.run_dir,
        }),
        Role::Confine { dir } => role::confine::run(&dir),
        Role::Deploy(args) => {
            role::operator::deploy(&args.dir.run_dir, &cli.config, show(args.json))
        }
        Role::Doctor(args) => role::doctor::run(args.interface.as_deref(), args.json),
        Role::Escape { attempt } => role::doctor::sandbox::run(attempt),
        Role::Events(args) => role::events::run(&events(args)?),
        Role::Face => role::face::run().map(|()| ExitCode::SUCCESS),
        Role::Files(args) => role::files::run(&args.into()),
        Role::Join(args) => role::join::run(&args.try_into()?).map(|()| ExitCode::SUCCESS),
        Role::Keeper => role::keeper::run().map(|()| ExitCode::SUCCESS),
        Role::Lab(LabArgs { action: LabAction::Shell { dir, command } }) => {
            role::lab::shell(&dir.run_dir, &command)
        }
        Role::Personas => Ok(role::lists::personas()),
        Role::Release(args) => role::release::run(args.into()),
        Role::Selfcheck => role::selfcheck::run(),
        Role::Services => Ok(role::lists::services()),
        Role::Status(args) => role::operator::status(&args.dir.run_dir, show(args.json)),
        Role::Swarm(args) => role::swarm::run(args.settings(cli.config)),
        Role::Swarmctl(args) => role::swarmctl::run(&args.into()).map(|()| ExitCode::SUCCESS),
        Role::Teardown(args) => role::operator::teardown(&args.dir.run_dir, args.decky),
        Role::Up(ref args) => role::up::run(&up(&cli, args)?),
        Role::Updater(args) => {
            let rescue = args.rescue;
            let settings = args.settings(cli.config);
            let run = if rescue { role::updater::rescue } else { role::updater::run };
            run(&settings).map(|()| ExitCode::SUCCESS)
        }
        Role::Visitor => role::up::visitor::run(),
        Role::Web(args) => role::web::run(&web(args)).map(|()| ExitCode::SUCCESS),
    }
}

fn api(args: ApiArgs) -> role::api::Settings {
    let ApiArgs { host, port, state_dir, user, web_key } = args;
    role::api::Settings { host, port, state_dir, user, web_key }
}

fn web(args: WebArgs) -> role::web::Settings {
    let WebArgs { host, port, api_url, user, web_key } = args;
    role::web::Settings { host, port, api_url, user, web_key }
}

fn bpf(args: &BpfArgs) -> Result<ExitCode> {
    let run_dir = &args.run_dir;
    match args.action {
        BpfAction::Load => role::bpf::load(run_dir, args.user.as_deref()),
        BpfAction::Status => role::bpf::status(run_dir),
        BpfAction::Unload => role::bpf::unload(run_dir),
    }
}

fn show(json: bool) -> role::operator::Show {
    if json { role::operator::Show::Json } else { role::operator::Show::Table }
}

fn events(args: EventsArgs) -> Result<role::events::Settings> {
    use role::events::Show;
    let kinds = kinds(&args.kind)?;
    Ok(role::events::Settings {
        follow: args.follow,
        show: match (args.json, args.syslog) {
            (true, _) => Show::Json,
            (_, true) => Show::Syslog,
            _ => Show::Text,
        },
        kinds,
        since: args.since.as_deref().map(since).transpose()?,
        decky: args.decky,
        source: args.source,
        lines: args.lines,
        state_dir: args.state_dir,
        run_dir: args.run_dir,
    })
}

/// The kinds of these names, or whose names begin so where one ends in `.`.
fn kinds(names: &[String]) -> Result<Vec<Kind>> {
    let mut found = Vec::new();
    for name in names {
        let of_name = |kind: &&Kind| {
            let text = kind.as_str();
            text == name || (name.ends_with('.') && text.starts_with(name.as_str()))
        };
        let before = found.len();
        found.extend(Kind::ALL.iter().filter(of_name));
        if found.len() == before {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let all = all.join(", ");
            return Err(
                WrongUse(format!("`--kind {name}` is no kind of event: there are {all}")).into()
            );
        }
    }
    Ok(found)
}

/// A time, or one so long ago.
fn since(text: &str) -> Result<Timestamp> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let span = units.into_iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds)?.checked_mul(1_000_000_000)
    });
    let Some(span) = span else {
        let takes = "it takes a time such as 2026-11-23T08:00:00Z, or 90s, 10m, 2h, 7d";
        return Err(WrongUse(format!("`--since {text}`: {takes}")).into());
    };
    Ok(Timestamp(clock::now().0.saturating_sub(span)))
}

fn up(cli: &Cli, args: &UpArgs) -> Result<role::up::Settings> {
    journal(&args.events)?;
    let mut agent_args = vec![
        "--standalone".to_owned(),
        format!("--events-journal={}", args.events.events_journal),
        format!("--events-syslog-sd-id={}", args.events.events_syslog_sd_id),
        format!("--events-store-limit={}", args.events.events_store_limit),
        format!("--log-level={}", cli.log_level),
        format!("--node={}", node(args.node.clone())?),
    ];
    if let Some(path) = &args.events.events_syslog_file {
        agent_args.push(format!("--events-syslog-file={}", path.display()));
    }
    if let Some(missed) = file::missed(&cli.config) {
        return Err(WrongUse(missed).into());
    }
    Ok(role::up::Settings {
        interface: args.interface.clone(),
        deckies: args.deckies,
        services: args.services.clone(),
        once: args.once,
        visitor: !args.no_visitor,
        web: (args.host, args.port).into(),
        state_dir: args.state_dir.clone(),
        run_dir: args.run_dir.clone(),
        user: args.user.clone(),
        config: (cli.config.clone(), file::read(&cli.config)?),
        agent_args,
    })
}

fn agent(cli: &Cli, args: &AgentArgs) -> Result<role::agent::Settings> {
    let config = file::read(&cli.config)?;
    if let Some(missed) = file::missed(&cli.config) {
        // No reason to end: a node whose master says what it has may have none.
        tracing::warn!("{missed}");
    }
    Ok(role::agent::Settings {
        interface: args.interface.clone(),
        config: cli.config.clone(),
        fleet: config.fleet,
        node: node(args.node.clone())?,
        state_dir: args.dirs.state_dir.clone(),
        run_dir: args.dirs.run_dir.clone(),
        user: args.user.clone(),
        journal: journal(&args.events)?,
        syslog_file: args.events.events_syslog_file.clone(),
        syslog_sd_id: args.events.events_syslog_sd_id.clone(),
        remote: remote(args),
        metrics: args.metrics.metrics,
        store_limit: args.events.events_store_limit.saturating_mul(1024 * 1024),
    })
}

/// Where the master commands the agent: wherever an identity was asked for, or is, or was.
fn remote(args: &AgentArgs) -> Option<role::agent::remote::Remote> {
    let was = role::agent::remote::was_node(&args.dirs.state_dir);
    let usual = || Some(args.etc_dir.join("agent")).filter(|dir| was || dir.is_dir());
    let dir = args.agent_dir.clone().or_else(usual).filter(|_| !args.standalone)?;
    let (address, master) = ((args.host, args.port).into(), args.master.clone());
    Some(role::agent::remote::Remote { address, dir, master })
}

/// What the node is called.
fn node(name: Option<String>) -> Result<String> {
    if let Some(name) = name {
        return Ok(name);
    }
    let name = nix::unistd::gethostname().context("cannot read the hostname")?;
    Ok(name.to_string_lossy().into_owned())
}

fn journal(args: &EventArgs) -> Result<ToJournal> {
    match args.events_journal.as_str() {
        "auto" => Ok(ToJournal::UnderSystemd),
        "always" => Ok(ToJournal::Always),
        "never" => Ok(ToJournal::Never),
        other => {
            Err(WrongUse(format!("`--events-journal {other}`: it takes auto, always or never"))
                .into())
        }
    }
}
