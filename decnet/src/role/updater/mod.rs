//! `decnet updater`: owns the releases of this node, and installs what the master sends.
//!
//! Three parts: the HTTP side takes requests and spools what is sent; one thread carries out one
//! update after another (`edge::update`); the supervisor starts and stops the agent. What was
//! interrupted is ended before anybody is listened to.

mod answer;
mod app;
mod check;
mod engine;
mod forgive;
mod form;
mod gate;
mod host;
mod identity;
mod judge;
mod launch;
mod life;
mod look;
mod parts;
mod probe;
mod room;
mod spool;
mod told;
mod trial;
mod trust;
mod uploads;

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::fcntl::Flock;

use crate::cli::WrongUse;
use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::{Authorize, Identity, PkiError};
use crate::edge::release::{self, running};
use crate::edge::systemd::{self, Word};
use crate::edge::trusted::Trusted;
use crate::edge::{apart, child, files, memory, random, signals};
use crate::logic::trust::{Caller, CertRole, Fingerprint};
use crate::role::{daemon, metrics, notice};
use app::App;
use engine::Engine;
use identity::Known;

pub use judge::rescue;

/// Name of the certificate and the key in the updater's directory.
pub const NAME: &str = "updater";
/// Name of the lock in the state directory.
const LOCK: &str = "lock";
/// How long a process that is being replaced may take to let go of it.
const HANDOVER: Duration = Duration::from_secs(5);
/// What makes the identity.
const REMEDY: &str =
    "`decnet join` makes it here, or `decnet swarm enroll --updater` on the master";

/// What `decnet updater` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Where its identity and the root of trust are.
    pub updater_dir: PathBuf,
    /// Where the agent's identity is; said to an agent that it starts itself.
    pub agent_dir: PathBuf,
    /// Where releases are.
    pub install_dir: PathBuf,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// Where the agent's lock is.
    pub run_dir: PathBuf,
    /// The configuration file.
    pub config: PathBuf,
    /// Where the agent of this node answers.
    pub agent: SocketAddr,
    /// Bytes of the disk that are left to others.
    pub reserve: u64,
    /// Most bytes of what is sent.
    pub most: u64,
    /// How long a new release must go on answering.
    pub soak: Duration,
    /// How long a new updater may take to be reached.
    pub patience: Duration,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
///
/// When its identity or a directory is not there, or the port cannot be had. Without a root of trust
/// it serves, and installs nothing.
pub fn run(settings: &Settings) -> Result<()> {
    apart::close_memory()?;
    // Held as long as this process lives, so that nobody removes what it runs from.
    let release = running();
    let identity = daemon::begin(|| identity(settings))?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    launch::be_judged(settings, release)?;
    let _held = daemon::begin(|| hold(settings))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let trusted = Arc::new(Trusted::open(&settings.state_dir.join("updater"), &identity));
        let identity = trusted.serve_as(&identity);
        let authorize = Arc::new(Callers::of(&identity, Some(trusted.clone())));
        let (known, config) = Known::new(settings, identity, authorize.clone(), trusted.clone())?;
        let mut beats = tokio::spawn(life::beat());
        let (engine, heard) = Engine::start(settings, known.clone(), release)?;
        heard.recovered.await.context("the updater's thread has ended")??;
        // A recovery may take its time; what follows is no start any more.
        beats.abort();
        beats = tokio::spawn(daemon::beat());
        let address = SocketAddr::new(settings.host, settings.port);
        let listener = daemon::begin_in(async || Ok(http::listen(address).await?)).await?;
        let Some(listener) = listener else { return Ok(()) };
        let address = listener.local_addr().context("cannot tell the port")?;
        let name = known.now().caller.name.clone();
        tracing::info!(%address, release = release::name(), name, "the updater is listening");
        let boot = random::uuid();
        let app = daemon::begin_in(async || App::new(settings, engine.clone(), release, boot));
        let Some(app) = app.await? else { return Ok(()) };
        systemd::tell(&[Word::Ready]);
        if engine.status().attempt.is_none() {
            known.say_idle(&engine.status().idle);
        }
        tokio::spawn(known.clone().watch(settings.clone(), engine.clone()));
        let (counted, told) = (known.clone(), settings.clone());
        metrics::serve(settings.metrics, NAME, move || vec![counted.gauge(&told)]);
        let app = app::router(Arc::new(app), known).merge(notice::routes(trusted));
        let secure = Secure::new(config, authorize);
        let (told, mut ended) = (signals::stop()?, heard.ended);
        let mut is_told = true;
        let stop = async {
            tokio::select! {
                () = told => {}
                // It never says anything but that it is over, as it is too once nobody asks it.
                _ = ended.changed() => is_told = false,
            }
        };
        memory::forget_start();
        http::serve_tls(listener, secure, limits(), app, stop).await;
        systemd::tell(&[Word::Stopping]);
        beats.abort();
        if !is_told {
            bail!("the thread of the updates has ended: the next start goes on where it was");
        }
        tracing::info!("the updater has stopped");
        Ok(())
    })
}

/// What a connection may take.
fn limits() -> Limits {
    Limits {
        head_time: Duration::from_secs(120),
        each: 16,
        // What is sent goes to the disk, and each route counts for itself.
        bytes: u64::MAX,
        bytes_each: u64::MAX,
        ..Limits::default()
    }
}

/// Makes the directory of its state, and takes the lock that makes it the only one.
fn hold(settings: &Settings) -> Result<Flock<File>> {
    let state = settings.state_dir.join("updater");
    files::make_dir(&state)?;
    let lock = state.join(LOCK);
    life::lock(&lock, HANDOVER)?
        .with_context(|| format!("another updater is running here (it holds `{}`)", lock.display()))
}

/// Reads what the updater is known by.
fn identity(settings: &Settings) -> Result<Identity> {
    identity::places(settings).read().map_err(|error| match error {
        PkiError::Missing { .. } | PkiError::Unfit { .. } => WrongUse(error.to_string()).into(),
        other => other.into(),
    })
}

/// Lets in the master, and this node's own updater: the release before looks whether this one serves.
#[derive(Debug)]
struct Callers {
    own: String,
    /// The certificate that this updater shows.
    shown: Mutex<Fingerprint>,
    /// None where a release only tries whether it could serve.
    masters: Option<Arc<Trusted>>,
}

impl Callers {
    fn of(identity: &Identity, masters: Option<Arc<Trusted>>) -> Self {
        let shown = Mutex::new(identity.caller.fingerprint);
        Self { own: identity.caller.name.clone(), shown, masters }
    }

    /// This updater shows another certificate from now on.
    fn is_now(&self, print: Fingerprint) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = print;
    }
}

impl Authorize for Callers {
    fn authorizes(&self, caller: &Caller) -> bool {
        match caller.role {
            CertRole::Updater => {
                let is_revoked = |masters: &Arc<Trusted>| masters.revokes(&caller.fingerprint);
                caller.name == self.own && !self.masters.as_ref().is_some_and(is_revoked)
            }
            _ => self.masters.as_ref().is_some_and(|masters| masters.authorizes(caller)),
        }
    }

    /// Whoever judges this updater has its own certificate. That it has ended, or is not good yet by
    /// this clock, does not say that the updater does not serve.
    fn forgives(&self, caller: &Caller) -> bool {
        let shown = *self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        caller.role == CertRole::Updater && caller.fingerprint == shown
    }
}
