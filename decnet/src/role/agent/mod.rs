//! `decnet agent`: makes the deckies of a node and captures who touches them.
//!
//! It holds two capabilities, CAP_NET_ADMIN and CAP_NET_RAW. The namespaces are the keeper's, the
//! visitors are the face's; what both and the capture programs see comes together here and is
//! written as events.

mod adoption;
mod capture;
mod captures;
mod control;
mod deckies;
mod engine;
mod evidence;
mod fleet;
mod heartbeat;
mod keeper;
mod leaving;
mod management;
mod masters;
mod orders;
pub(super) mod placing;
pub mod remote;
mod renewal;
mod reports;
mod restores;
mod ring;
mod routes;
mod supervision;
mod vault;
mod writer;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::sys::utsname::uname;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::cli::WrongUse;
use crate::edge::bpf::{Hook, Programs};
use crate::edge::links::Links;
use crate::edge::privileges::{self, AGENT};
use crate::edge::sinks::{Sinks, ToJournal};
use crate::edge::store::{self, Store};
use crate::edge::systemd::{self, Passed};
use crate::edge::{apart, child, clock, files, limits, listen, random};
use crate::logic::config::{self, DeckyWish};
use crate::logic::control::{Found, RUNNING, SOCKET};
use crate::logic::decky::Decky;
use crate::logic::event::Stamp;
use crate::logic::kernel;
use crate::logic::swarm::{Count, Deployment};

use crate::role::{daemon, metrics};
use capture::Capture;
use captures::Captures;
use control::Asked;
use engine::{Ears, Engine};
use fleet::Fleet;
use keeper::Keeper;
use leaving::Leaving;
use management::{Management, Watched};
use orders::Orders;
use placing::{Mode, Node};
use remote::{Health, Read, Remote, Serving};
use restores::Restores;
use supervision::Supervision;
use vault::Keeping;
use writer::Writer;

/// Name of its directory, below the state directory and below the run directory.
pub const DIR: &str = "agent";

/// Name of the lock, below the run directory.
pub const LOCK: &str = "agent/agent.lock";

/// Name of the directory of pins in the run directory.
pub const PINS: &str = "bpf";

/// What the agent is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The parent NIC; that of the default route when it is not said.
    pub interface: Option<String>,
    /// The configuration file that says the network and the deckies.
    pub config: PathBuf,
    /// What it says.
    pub fleet: config::Fleet,
    /// What the node is called in events.
    pub node: String,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// Where sockets and pins are.
    pub run_dir: PathBuf,
    /// Whom to serve as, when started as root.
    pub user: Option<String>,
    /// Whether events go to the journal.
    pub journal: ToJournal,
    /// A file to which events are appended as RFC 5424 lines.
    pub syslog_file: Option<PathBuf>,
    /// The structured-data name of those lines.
    pub syslog_sd_id: String,
    /// Where the master commands it; a node of its own has none.
    pub remote: Option<Remote>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Bytes that the store may use; beyond them the oldest events are forgotten.
    pub store_limit: u64,
}

/// Runs until it is told to stop.
///
/// # Errors
///
/// When something it needs is not there; the message says what was tried, on what, and what to do.
pub fn run(settings: &Settings) -> Result<()> {
    // Its programs are loaded before each start of its unit, and systemd keeps the deckies meanwhile:
    // so it begins anew as another process. A release is not held to be bad for a port that is in use.
    let told = run_once(settings).inspect_err(|error| {
        let number = systemd::number_of(error.as_ref());
        systemd::tell(&number.into_iter().collect::<Vec<_>>());
    });
    told.or_else(daemon::end_slowly)
}

fn run_once(settings: &Settings) -> Result<()> {
    let passed = systemd::passed();
    limits::raise_files();
    // Read first: another user's files cannot be read any more once it serves as its own.
    let own = dir(&settings.state_dir);
    let read = settings.remote.as_ref().map(|remote| remote.read(&own)).transpose()?;
    let programs = prepare(settings)?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    apart::alone()?;
    let lock = settings.run_dir.join(LOCK);
    let held = files::lock(&lock)?;
    let _held = held.with_context(|| {
        format!("another agent is running here (it holds `{}`)", lock.display())
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(settings, read, programs, passed));
    // Nothing may be left of an agent that has ended, also of one that could not begin.
    let removed = remove_traces(&settings.run_dir);
    served.and(removed)
}

/// Removes what an agent leaves in its run directory.
///
/// # Errors
///
/// When something cannot be removed; the rest is.
pub fn remove_traces(run_dir: &Path) -> Result<()> {
    let mut removed = Ok(());
    for name in [SOCKET, RUNNING, LOCK] {
        removed = removed.and(files::remove(&run_dir.join(name)));
    }
    removed.context("cannot remove what the agent has left")
}

/// Gets the capture programs, and becomes what the agent may be.
fn prepare(settings: &Settings) -> Result<Programs> {
    let name = uname().context("the kernel does not say its version")?;
    kernel::check(&name.release().to_string_lossy())?;
    if !privileges::is_root() {
        let lacking = privileges::lacking(&AGENT);
        if !lacking.is_empty() {
            let names: Vec<String> = lacking.iter().map(ToString::to_string).collect();
            bail!(
                "the agent lacks {}: start it as root, or as the systemd unit `decnet-agent.service`",
                names.join(" and ")
            );
        }
        make_rooms(settings)?;
        return Programs::open(&settings.run_dir.join(PINS)).context(
            "this release's capture programs are not loaded: run `decnet bpf load` as root, or \
             start the systemd unit `decnet-bpf.service`",
        );
    }
    let account = privileges::daemon(DIR, settings.user.as_deref())
        .map_err(|error| WrongUse(error.to_string()))?;
    for dir in [&settings.state_dir, &settings.run_dir] {
        files::make_open_dir(dir)?;
        files::make_room(dir, DIR, account)?;
    }
    files::make_room(&settings.state_dir, store::DIR, account)?;
    let programs = Programs::load()?;
    privileges::become_user(account, &AGENT)?;
    make_rooms(settings)?;
    Ok(programs)
}

/// Makes the agent's own directories, where they are not there.
fn make_rooms(settings: &Settings) -> Result<()> {
    files::make_dir(&dir(&settings.state_dir))?;
    Ok(files::make_dir(&settings.run_dir.join(DIR))?)
}

/// Where the agent keeps what it needs at its next start.
fn dir(state_dir: &Path) -> PathBuf {
    let mut dir = files::place(state_dir, DIR, placing::SEED);
    dir.pop();
    dir
}

/// What the deckies are to be at the start, and by which order of the master's: what it wanted last
/// goes before what the file says.
fn first_wish(settings: &Settings, node: &Node) -> Result<(Count, Vec<DeckyWish>, Mode)> {
    let deployment = settings.remote.as_ref().and_then(|_| node.deployment().transpose());
    Ok(match deployment.transpose()? {
        Some(Deployment { generation, deckies }) => {
            let wishes = deckies.into_iter().map(DeckyWish::from).collect();
            (generation, wishes, Mode::EachByItself)
        }
        None => (Count::default(), settings.fleet.deckies.clone(), Mode::AllOrNone),
    })
}

async fn serve(
    settings: &Settings,
    read: Option<Read>,
    mut programs: Programs,
    mut passed: Vec<Passed>,
) -> Result<()> {
    let boot = random::uuid();
    let dir = dir(&settings.state_dir);
    let mut keeping = Keeping::open(&mut passed);
    let kept = keeping.find();
    let (asking, requests) = control::queue();
    control::listen(&settings.run_dir.join(SOCKET), asking.clone())?;
    let links = Links::open()?;
    let wish = &settings.fleet.network;
    let name = settings.interface.as_deref().or(wish.interface.as_deref());
    let interface = placing::interface(&links, name).await?;
    let node = Node {
        seed: placing::seed(&dir)?,
        network: placing::network(&interface, wish)?,
        dir: dir.clone(),
        changed: true,
    };
    let (generation, deckies, mode) = first_wish(settings, &node)?;
    let standing = adoption::addresses(&kept);
    let placed = placing::place(node.clone(), interface.index, deckies, standing, mode).await;
    let placed = placed.with_context(|| format!("`{}`", settings.config.display()))?;
    let store = open_store(settings, &placed.deckies)?;
    let sinks =
        Sinks::open(settings.journal, settings.syslog_file.as_deref(), &settings.syslog_sd_id)?;
    node.save(placed.deckies.iter())?;
    let maps = programs.maps()?;
    let (prio, bulk) = programs.rings()?;
    programs.attach(&interface.name, Hook::of_kernel())?;
    be_found(settings, &interface.name)?;
    let (remote, place) = (settings.remote.clone(), (dir.as_path(), settings.metrics));
    let management = manage(remote, read, passed, Health::new(boot), place, asking);
    let supervision = Supervision::begin();
    let (ears, results) = Ears::open(requests)?;
    let engine = Engine {
        node,
        stamp: Stamp::new(&settings.node, boot),
        writer: Writer::start(store, sinks, settings.store_limit)
            .context("cannot start the writer")?,
        programs,
        maps,
        capture: Capture::new(prio),
        captures: Captures::new(bulk),
        fleet: Fleet::default(),
        keeper: Keeper::default(),
        links,
        parent: interface.index,
        results,
        waiting: Vec::new(),
        orders: Orders::after(generation),
        restores: Restores::default(),
        leaving: Leaving::default(),
        keeping,
        management,
        supervision,
    };
    engine.run(ears, placed, kept).await
}

/// Serves the master, where there is one, beside everything else.
fn manage(
    remote: Option<Remote>,
    read: Option<Read>,
    passed: Vec<Passed>,
    health: Health,
    (dir, counts): (&Path, Option<SocketAddr>),
    agent: mpsc::Sender<Asked>,
) -> Watched {
    let (said, watched) = watch::channel(Management::default());
    let listener = socket(passed);
    if let (Some(remote), Some(read)) = (remote, read) {
        let dir = dir.to_owned();
        let serving = Serving { remote, passed: listener, health, dir, agent, said };
        tokio::spawn(serving.go(read));
    } else if listener.is_some() {
        tracing::warn!("the socket that systemd passes is not served: the node has no identity");
    }
    let counted = watched.clone();
    metrics::serve(counts, "agent", move || vec![counted.borrow().gauge()]);
    Watched::new(watched)
}

/// The store, with the files of these deckies and of no others.
fn open_store(settings: &Settings, deckies: &[Decky]) -> Result<Store> {
    let mut store = Store::create(&store::path(&settings.state_dir))?;
    store.save_deckies(&[], clock::now())?;
    let keys: Vec<String> = deckies.iter().map(|decky| restores::key(&decky.identity)).collect();
    store.keep_files_of(&keys)?;
    store.forget_arriving()?;
    Ok(store)
}

/// Lets operators find this agent.
fn be_found(settings: &Settings, interface: &str) -> Result<()> {
    let found = Found {
        pid: std::process::id(),
        state_dir: settings.state_dir.clone(),
        interface: interface.to_owned(),
    };
    files::replace(&settings.run_dir.join(RUNNING), &serde_json::to_vec(&found)?)?;
    Ok(())
}

/// The socket at which the master is to be served, where systemd has passed one.
fn socket(passed: Vec<Passed>) -> Option<TcpListener> {
    let mut sockets = passed.into_iter().filter_map(|passed| listen::passed(passed.fd));
    let first = sockets.next();
    for other in sockets {
        tracing::warn!(address = ?other.local_addr(), "systemd passes more than one socket: this is not served");
    }
    let listener = first.map(TcpListener::from_std).transpose();
    listener.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot serve the socket that systemd has passed");
        None
    })
}
