//! `decnet up`: everything of one machine in one go.
//!
//! A supervisor: it makes the lab when there is no LAN, starts the agent, the api and the web as
//! they would run by themselves, says what happens, and ends them all. It stays root, to be able
//! to start the agent again, and talks to nobody but its children.

mod children;
mod dashboard;
mod fleet;
mod lab;
mod place;
mod summary;
pub mod visitor;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::edge::log::say;
use crate::edge::store::{self, Follower, Store};
use crate::edge::{child, clock, files, privileges, stop};
use crate::logic::config::Config;
use crate::logic::event::{Event, Kind};
use crate::logic::services::ServiceKind;
use crate::logic::status::{DeckyState, Status};
use crate::role;

use children::Children;
use lab::Lab;
use place::{Place, word};
use summary::Summary;

/// How often the store and the children are looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the deckies may take to come up.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long what the visitor did may take to be seen after it has gone.
const SETTLE: Duration = Duration::from_secs(15);

/// What `up` is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The LAN's interface; a lab is made without.
    pub interface: Option<String>,
    /// How many deckies, when the configuration names none.
    pub deckies: u32,
    /// Their services, when any are named.
    pub services: Vec<ServiceKind>,
    /// Whether to end after the visitor.
    pub once: bool,
    /// Whether the lab has a visitor.
    pub visitor: bool,
    /// Where the dashboard listens.
    pub web: SocketAddr,
    /// Where state is kept; a temporary directory when it is not said.
    pub state_dir: Option<PathBuf>,
    /// Where sockets are.
    pub run_dir: PathBuf,
    /// Whom the children serve as.
    pub user: Option<String>,
    /// The configuration file, and what it says.
    pub config: (PathBuf, Config),
    /// Further arguments for the agent.
    pub agent_args: Vec<String>,
}

/// Runs until it is told to stop, or with `once` until the visitor has been.
///
/// # Errors
///
/// When something it needs is not there, or the deckies do not come up. Nothing is left half made.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    if !privileges::is_root() {
        bail!(
            "`decnet up` makes network namespaces and loads capture programs, which takes root: \
             run it with sudo (`decnet doctor` says what else this machine lacks)"
        );
    }
    child::die_with_parent().context("cannot be tied to its parent")?;
    stop::listen()?;
    dashboard::check_port(settings.web)?;
    let visiting = settings.interface.is_none() && settings.visitor;
    if visiting {
        check_clients()?;
    }
    let account = privileges::account(settings.user.as_deref())?;
    let place = Place::prepare(settings, account)?;
    // One thread: it enters the lab to start what belongs there, and comes back.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let lab = match settings.interface {
        Some(_) => None,
        None => Some(runtime.block_on(make_lab(settings))?),
    };
    drop(runtime);
    if let Some(lab) = &lab {
        role::lab::write_down(&place.run_dir, lab.visitor())?;
    }
    let up = Up { settings, place, lab };
    let mut children = Children::default();
    let result = up.watch(&mut children, visiting);
    children.end();
    result
}

fn check_clients() -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    for (program, package) in visitor::CLIENTS {
        if !is_there(program) {
            bail!(
                "the lab's visitor uses `{program}`, which is not installed: `apt-get install \
                 {package}`, or leave the visitor out with --no-visitor"
            );
        }
    }
    Ok(())
}

async fn make_lab(settings: &Settings) -> Result<Lab> {
    let network = &settings.config.1.fleet.network;
    let subnet = network.subnet.unwrap_or_else(lab::default_subnet);
    let subnet6 = network.subnet6.unwrap_or_else(lab::default_subnet6);
    Lab::make(subnet, subnet6).await.context("cannot make a lab LAN")
}

struct Up<'a> {
    settings: &'a Settings,
    place: Place,
    lab: Option<Lab>,
}

impl Up<'_> {
    fn watch<'a>(&'a self, children: &mut Children<'a>, visiting: bool) -> Result<ExitCode> {
        let config = self.config()?;
        let known = self.newest_event();
        children.keep("agent", move || self.start_agent(&config.0))?;
        let mut store = self.open_store(children)?;
        dashboard::start(children, self.settings, &self.place.state_dir, &mut store)?;
        let mut follower = store.follow_after(known);
        let status = self.await_deckies(children, &store, &mut follower, config.1)?;
        let Some(status) = status else { return Ok(ExitCode::SUCCESS) };
        if self.lab.is_some() {
            self.tell_way_in();
        }
        let mut summary = Summary::of(&status.deckies);
        let mut visitor = None;
        if visiting && let Some(lab) = &self.lab {
            visitor = Some(self.start_visitor(lab, &status)?);
        }
        let mut gone_at = None;
        loop {
            if stop::is_asked() {
                if let Some(visitor) = &mut visitor {
                    children::end_one(visitor, "visitor");
                }
                return Ok(ExitCode::SUCCESS);
            }
            for (_, event) in follower.next(&store)? {
                summary.saw(&event);
                self.tell(&event);
            }
            if let Some(process) = &mut visitor
                && let Some(status) = process.try_wait().context("cannot watch the visitor")?
            {
                if !status.success() {
                    tracing::error!(%status, "the visitor failed");
                }
                (visitor, gone_at) = (None, Some(Instant::now()));
            }
            if self.settings.once
                && let Some(gone_at) = gone_at
                && (summary.is_complete() || gone_at.elapsed() >= SETTLE)
            {
                return conclude(&summary, &store);
            }
            children.revive();
            clock::pause(PAUSE);
        }
    }

    /// The configuration for the agent, and how many deckies it asks for.
    fn config(&self) -> Result<(PathBuf, usize)> {
        let (path, config) = &self.settings.config;
        let named = &config.fleet.deckies;
        if !named.is_empty() {
            return Ok((path.clone(), named.len()));
        }
        let deckies = fleet::deckies(self.settings.deckies, &self.settings.services)?;
        let path = self.place.run_dir.join("up.toml");
        let network = &config.fleet.network;
        let subnet6 = self.lab.is_some().then(lab::default_subnet6);
        let text = fleet::write(network.subnet, network.subnet6.or(subnet6), &deckies);
        files::replace(&path, text.as_bytes())?;
        Ok((path, deckies.len()))
    }

    fn start_agent(&self, config: &Path) -> Result<Child> {
        let text = |path: &Path| path.display().to_string();
        let mut args = vec![
            "--config".to_owned(),
            text(config),
            "--state-dir".to_owned(),
            text(&self.place.state_dir),
            "--run-dir".to_owned(),
            text(&self.place.run_dir),
        ];
        let interface = match &self.lab {
            Some(_) => Some(lab::NODE_LINK.to_owned()),
            None => self.settings.interface.clone(),
        };
        for (option, value) in [("--interface", interface), ("--user", self.settings.user.clone())]
        {
            args.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
        }
        args.extend(self.settings.agent_args.iter().cloned());
        let start = || child::start("agent", &args, None, None);
        let started = match &self.lab {
            Some(lab) => lab.as_node(start)?,
            None => start(),
        };
        Ok(started?)
    }

    /// The last event of earlier runs, 0 when there is none.
    fn newest_event(&self) -> i64 {
        let store = Store::open(&store::path(&self.place.state_dir));
        store.and_then(|store| store.newest()).unwrap_or(0)
    }

    /// The store, once the agent has made it.
    fn open_store(&self, children: &mut Children<'_>) -> Result<Store> {
        let path = store::path(&self.place.state_dir);
        let began = Instant::now();
        loop {
            if path.exists()
                && let Ok(store) = Store::open(&path)
            {
                return Ok(store);
            }
            if let Some(status) = children.ended("agent") {
                bail!("the agent ended before it had begun: {status}");
            }
            if began.elapsed() >= PATIENCE {
                bail!("the agent has made no store at `{}`", path.display());
            }
            clock::pause(PAUSE);
        }
    }

    /// Waits until the deckies answer, and says each; `None` when it is told to stop meanwhile.
    fn await_deckies(
        &self,
        children: &mut Children<'_>,
        store: &Store,
        follower: &mut Follower,
        wanted: usize,
    ) -> Result<Option<Status>> {
        let began = Instant::now();
        let mut started = false;
        loop {
            for (_, event) in follower.next(store)? {
                self.tell(&event);
                started |= event.event == Kind::AgentStart;
            }
            // Before that the store has the deckies of an earlier run.
            let status = if started { store.status()? } else { Status::default() };
            let failed = status.deckies.iter().find(|decky| decky.state == DeckyState::Failed);
            if let Some(decky) = failed {
                let why = decky.error.as_deref().unwrap_or("it does not come up");
                bail!("decky `{}`: {why}", decky.name);
            }
            let up = status.deckies.iter().filter(|decky| decky.state == DeckyState::Up).count();
            if started && up >= wanted {
                return Ok(Some(status));
            }
            if stop::is_asked() {
                return Ok(None);
            }
            if let Some(status) = children.ended("agent") {
                bail!("the agent ended before the deckies were up: {status}");
            }
            if began.elapsed() >= PATIENCE {
                bail!("only {up} of {wanted} deckies are up after {} s", PATIENCE.as_secs());
            }
            clock::pause(PAUSE);
        }
    }

    fn start_visitor(&self, lab: &Lab, status: &Status) -> Result<Child> {
        let errand = visitor::Errand {
            from: lab.visitor_ips[0],
            deckies: status.deckies.clone(),
            scratch: self.place.scratch(),
            user: self.settings.user.clone(),
        };
        let mut text = tempfile(&self.place.run_dir)?;
        serde_json::to_writer(&mut text, &errand)?;
        std::io::Seek::rewind(&mut text).context("cannot write the visitor's errand")?;
        let input = OwnedFd::from(text);
        let process =
            lab.as_visitor(|| child::start_talking("visitor", &[], Some(input), Stdio::inherit()))?;
        Ok(process?)
    }

    /// Says how people come to the visitor's place.
    fn tell_way_in(&self) {
        let program = std::env::current_exe().unwrap_or_else(|_unknown| "decnet".into());
        let (program, run_dir) = (program.display(), self.place.run_dir.display());
        say(&format!("visitor's place: {program} lab shell --run-dir {run_dir}"));
    }

    /// Says what people want to know at once.
    fn tell(&self, event: &Event) {
        match (event.event, &event.decky) {
            (Kind::DeckyUp, Some(decky)) => {
                let services =
                    event.data.value("services").map(ToString::to_string).unwrap_or_default();
                let (name, persona) = (decky.name.as_str(), &decky.persona);
                say(&format!(
                    "decky up: {name:16} {:16} {}  {persona:20} {services}",
                    decky.ip, decky.mac
                ));
            }
            (Kind::DeckyDown, Some(decky)) => say(&format!("decky down: {}", decky.name)),
            _ => {}
        }
    }
}

/// Prints what was seen; success when it was all.
fn conclude(summary: &Summary, store: &Store) -> Result<ExitCode> {
    say("");
    say(&summary.table().to_string());
    say("");
    say(&format!("events: {}", summary.counts()));
    let capture = store.status()?.capture;
    let drops: u64 = capture.drops.values().sum();
    say(&format!(
        "capture: {} packets seen = {} submitted + {} aggregated + {drops} dropped",
        capture.seen, capture.submitted, capture.aggregated
    ));
    if summary.is_complete() {
        say("everything that the visitor did was seen");
        return Ok(ExitCode::SUCCESS);
    }
    say("something that the visitor did was not seen");
    Ok(ExitCode::FAILURE)
}

/// A file that only its descriptor leads to.
fn tempfile(dir: &Path) -> Result<std::fs::File> {
    let path = dir.join(format!("errand-{}", word()));
    let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path);
    let file = file.with_context(|| format!("cannot make `{}`", path.display()))?;
    files::remove(&path)?;
    Ok(file)
}
