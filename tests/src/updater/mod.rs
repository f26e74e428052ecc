//! Updaters that only play their part: real TLS, real certificates, and scripted behaviour.

mod routes;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use decnet::edge::http::{Limits, Secure, serve_tls};
use decnet::edge::pki::{self, Certified, Identity, Issued};
use decnet::logic::release::Digest;
use decnet::logic::swarm::Enrolled;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::master::Master;
use crate::world::{World, wait_for};

/// Port of all updaters.
pub const PORT: u16 = 8_766;

/// How an updater behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Something else is under way, for so many questions.
    Busy(u32),
    /// It hears what it is told, and the connection breaks; it goes on.
    Cuts,
    /// The connection breaks before it has heard anything, once.
    Deaf(bool),
    /// It does what it is told, and goes back to what it had.
    FallsBack,
    /// It does what it is told, says so, and is not there any more.
    FallsSilent,
    /// It does what it is told.
    #[default]
    Good,
    /// The release is not well.
    RollsBack,
    /// It answers this.
    Refuses(u16),
    /// What it has is damaged: nothing can be built on it.
    Unsound,
    /// It hears what it is told, and is not there any more.
    TakenDown,
    /// The agent gets the release; what the updater is told of itself it answers with this.
    RefusesSelf(u16),
    /// Uploads break off after so many bytes, again and again.
    Stutters(usize),
}

/// What an updater has and has heard.
#[derive(Debug, Default)]
pub struct Played {
    /// How it behaves.
    pub manner: Manner,
    /// How long an update takes.
    pub takes: Duration,
    /// The agent's release.
    pub current: Option<Digest>,
    /// The one before.
    pub prev: Option<Digest>,
    /// The updater's own.
    pub own: Option<Digest>,
    /// Every update that it has carried out.
    pub updates: Vec<Digest>,
    /// Bytes of every upload.
    pub received: usize,
    /// Every request.
    pub heard: Vec<String>,
    uploads: BTreeMap<String, Vec<u8>>,
    attempts: BTreeMap<String, Option<(u16, Value)>>,
}

/// A node of which there is only the updater.
#[derive(Clone)]
pub struct Updater {
    pub name: String,
    pub place: SocketAddr,
    identity: Arc<Identity>,
    played: Arc<Mutex<Played>>,
    stop: Arc<Mutex<Option<oneshot::Sender<()>>>>,
}

/// Many of them, on the master's machine.
pub struct Updaters<'a> {
    world: &'a World,
    handle: Handle,
    _stop: oneshot::Sender<()>,
}

impl<'a> Updaters<'a> {
    /// A place for them.
    pub fn new(world: &'a World) -> Self {
        let (ready, runs) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            ready.send(runtime.handle().clone()).expect("somebody waits");
            drop(runtime.block_on(stopped));
        });
        Self { world, handle: runs.recv().expect("it runs"), _stop: stop }
    }

    /// Enrols a node, which is not there yet.
    pub fn enroll(&self, master: &Master<'_>, number: u8) -> Updater {
        let (name, ip) = (format!("n-{number:03}"), format!("127.0.1.{number}"));
        let answer = master.json(&["enroll", "--name", &name, "--address", &ip, "--updater"]);
        let enrolled: Enrolled = serde_json::from_value(answer).expect("an identity");
        let papers = enrolled.updater.expect("it was asked for");
        let (cert, key) = (papers.updater_cert_pem, papers.updater_key_pem);
        let identity = identity(cert, key, &enrolled.ca_cert_pem);
        let place = SocketAddr::new(ip.parse().expect("an address"), PORT);
        let (played, stop) = (Arc::default(), Arc::default());
        Updater { name, place, identity: Arc::new(identity), played, stop }
    }

    /// Enrols a node, and is there with what its agent should show, not its updater.
    pub fn stranger(&self, master: &Master<'_>, number: u8) -> Updater {
        let (name, ip) = (format!("n-{number:03}"), format!("127.0.1.{number}"));
        let answer = master.json(&["enroll", "--name", &name, "--address", &ip, "--updater"]);
        let enrolled: Enrolled = serde_json::from_value(answer).expect("an identity");
        let (cert, key) = (enrolled.worker_cert_pem, enrolled.worker_key_pem);
        let identity = identity(cert, key, &enrolled.ca_cert_pem);
        let place = SocketAddr::new(ip.parse().expect("an address"), PORT);
        let (played, stop) = (Arc::default(), Arc::default());
        let stranger = Updater { name, place, identity: Arc::new(identity), played, stop };
        self.bring_up(&stranger);
        stranger
    }

    /// It is there from now on.
    pub fn bring_up(&self, updater: &Updater) {
        let bind = || self.world.as_visitor(|| TcpListener::bind(updater.place)).ok();
        let listener = wait_for(bind).expect("the port comes free");
        listener.set_nonblocking(true).expect("it can");
        let config = pki::server_config(&updater.identity, Arc::new(CertRole::Master));
        let (_, config) = watch::channel(Arc::new(config.expect("an identity")));
        let secure = Secure::new(config, Arc::new(CertRole::Master));
        let (stop, stopped) = oneshot::channel();
        let (app, limits) = (routes::router(updater.clone()), limits());
        self.handle.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            serve_tls(listener, secure, limits, app, async { drop(stopped.await) }).await;
        });
        *updater.stop.lock().expect("no panic") = Some(stop);
    }

    /// It is gone from now on.
    pub fn take_down(&self, updater: &Updater) {
        updater.vanish();
    }
}

fn limits() -> Limits {
    Limits { drain_time: Duration::from_millis(10), ..Limits::default() }
}

fn identity(cert_pem: String, key_pem: String, ca_pem: &str) -> Identity {
    let fingerprint = decnet::logic::trust::Fingerprint([0; 32]);
    let certified = Certified { cert_pem, fingerprint, not_after: Timestamp(0) };
    Identity::of(&Issued { certified, key_pem }, ca_pem).expect("it was just made")
}

impl Updater {
    /// What it has and has heard.
    pub fn played(&self) -> MutexGuard<'_, Played> {
        self.played.lock().expect("no panic")
    }

    /// The same, behaving so.
    pub fn behaves(self, manner: Manner) -> Self {
        self.played().manner = manner;
        self
    }

    /// It is not there any more.
    fn vanish(&self) {
        drop(self.stop.lock().expect("no panic").take());
    }
}
