//! `decnet swarmctl`: the master's side of a fleet. It enrols nodes and knows how each is.
//!
//! Operators come over HTTP with the token of a file that only they can read; nodes are asked over
//! TLS as the master, each by the certificate that was made for it.

mod app;
mod check;
mod converge;
mod deploy;
mod enroll;
mod join;
mod master;
mod node;
mod nodes;
mod notices;
mod places;
mod problem;
mod renewals;
mod rollouts;
mod succession;
mod teardown;
mod tokens;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::sync::watch;

use crate::edge::http::{self, Limits, Secure};
use crate::edge::pki::Authorities;
use crate::edge::systemd::{self, Word};
use crate::edge::{apart, child, clock, files, privileges, random, signals};
use crate::role::{daemon, metrics};
use app::App;

/// Connections of nodes at a time.
const NODES: usize = 1_024;

/// What it is called.
const ROLE: &str = "swarmctl";
/// Name of its directory below the state directory.
const DIR: &str = "swarm";

/// What `decnet swarmctl` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on for operators.
    pub host: IpAddr,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Where nodes reach it.
    pub nodes: SocketAddr,
    /// Where updaters listen.
    pub updater_port: u16,
    /// Where the authority was, in `ca`, before it was in the state directory.
    pub etc_dir: PathBuf,
    /// Where state is kept, in `swarm`, and the authority in `swarm/ca`.
    pub state_dir: PathBuf,
    /// Whom to serve as, when started as root.
    pub user: Option<String>,
    /// Where metrics are served, if anywhere.
    pub metrics: Option<SocketAddr>,
}

/// Where the authority is: below `etc_dir`, as long as nobody has brought it from there.
fn authority(settings: &Settings) -> PathBuf {
    let here = settings.state_dir.join(DIR).join("ca");
    let before = settings.etc_dir.join("ca");
    if !here.exists() && before.join("ca.crt").exists() { before } else { here }
}

/// Where the operators' token is, below the state directory.
pub fn token_path(state_dir: &Path) -> PathBuf {
    state_dir.join(DIR).join("token")
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
///
/// When the authority or the record of nodes cannot be opened, or the port cannot be had.
pub fn run(settings: &Settings) -> Result<()> {
    let swarm = settings.state_dir.join(DIR);
    // Every connection has one.
    crate::edge::limits::raise_files();
    daemon::begin(|| settle(settings, &swarm))?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    apart::alone()?;
    let ca = authority(settings);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let beats = tokio::spawn(daemon::beat());
        let address = SocketAddr::new(settings.host, settings.port);
        let listen =
            async |address| daemon::begin_in(async || Ok(http::listen(address).await?)).await;
        let Some(operators) = listen(address).await? else { return Ok(()) };
        let Some(nodes) = listen(settings.nodes).await? else { return Ok(()) };
        let for_nodes = nodes.local_addr().context("cannot tell the port")?;
        let open = async || {
            files::make_dir(&ca)?;
            let authorities = Authorities::open_or_make(&ca, clock::now())?;
            let token = token(&token_path(&settings.state_dir))?;
            let ports = (for_nodes.port(), settings.updater_port);
            let app = App::open(swarm.clone(), (ca.clone(), authorities), token, ports)?;
            succession::resume(&app)?;
            Ok(Arc::new(app))
        };
        let Some(app) = daemon::begin_in(open).await? else { return Ok(()) };
        let (offer, config) = watch::channel(node::config(&app)?);
        let address = operators.local_addr().context("cannot tell the port")?;
        let authority = app.authorities().current().fingerprint();
        tracing::info!(%address, nodes = %for_nodes, %authority, "swarmctl is listening");
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "the operators' token crosses the network in the clear");
        }
        tokio::spawn(converge::watch(app.clone(), offer));
        app.give_notice().ok().context("the authority cannot sign what it has to say")?;
        tokio::spawn(rollouts::watch(app.clone()));
        tokio::spawn(renewals::watch(app.clone()));
        let counted = app.clone();
        metrics::serve(settings.metrics, ROLE, move || vec![renewals::gauge(&counted)]);
        tokio::spawn(notices::watch(app.clone()));
        tokio::spawn(succession::watch(app.clone()));
        let secure = Secure::new(config, Arc::new(node::Enrolled(app.clone())));
        let limits =
            Limits { connections: NODES, each: 8, bytes_each: 20 << 20, ..Limits::default() };
        let of_nodes = node::router(app.clone());
        tokio::spawn(http::serve_tls(nodes, secure, limits, of_nodes, std::future::pending()));
        let of_operators = app::router(app.clone());
        // Now the token can be read and both ports answer.
        daemon::serves(&format!("nodes are heard at {for_nodes}"));
        // Bundles go to the disk.
        let limits = Limits { bytes: u64::MAX, bytes_each: u64::MAX, ..Limits::default() };
        http::serve(operators, limits, of_operators, signals::stop()?).await;
        systemd::tell(&[Word::Stopping]);
        beats.abort();
        converge::flush(&app);
        tracing::info!("swarmctl has stopped");
        Ok(())
    })
}

/// Becomes the user that it serves as, with a directory for its state.
fn settle(settings: &Settings, swarm: &Path) -> Result<()> {
    let user = settings.user.as_deref();
    if privileges::is_root() {
        files::make_open_dir(&settings.state_dir)?;
        files::make_room(&settings.state_dir, DIR, privileges::daemon(ROLE, user)?)?;
    }
    privileges::serve_as(ROLE, user)?;
    Ok(files::make_dir(swarm)?)
}

/// The operators' token, made when there is none.
fn token(path: &Path) -> Result<String> {
    if let Some(bytes) = files::read(path)? {
        let text = String::from_utf8(bytes).unwrap_or_default();
        let text = text.trim();
        anyhow::ensure!(
            text.len() >= 32,
            "`{}` holds no token: remove it, and another is made",
            path.display()
        );
        return Ok(text.to_owned());
    }
    let mut bytes = [0; 32];
    random::fill(&mut bytes);
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    files::replace(path, token.as_bytes())?;
    Ok(token)
}
