//! A machine: a network namespace and a directory, and what runs there.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

use decnet::edge::links::Links;
use decnet::edge::{namespace, stack};

/// Where the program under test is.
pub fn decnet() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    // The bench is beside it; cargo puts tests into a folder below.
    let mut dirs = own.ancestors().skip(1).map(|dir| dir.join("decnet"));
    dirs.find(|program| program.is_file()).expect("`cargo build -p decnet` comes first")
}

/// `decnet`, by a program that takes its command line and becomes it.
pub fn command_by(program: &[&str]) -> Command {
    let own = decnet().display().to_string();
    let line: Vec<&str> = program.iter().copied().chain([own.as_str()]).collect();
    let (first, rest) = line.split_first().expect("decnet itself is there");
    let mut command = Command::new(first);
    command.args(rest);
    command
}

type Job = Box<dyn FnOnce() + Send>;

/// Starts processes from a thread that lives as long as this process: what is tied to it is killed
/// when this process is, and not when a test's thread ends.
static SPAWNER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    thread::spawn(move || jobs.into_iter().for_each(|job| job()));
    Mutex::new(sender)
});

/// Runs `act` on the spawner's thread, in `namespace`.
fn on_spawner<T: Send + 'static>(
    namespace: OwnedFd,
    act: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (sender, done) = channel();
    let job = move || {
        let home = namespace::current().expect("it has a namespace");
        namespace::enter(&namespace).expect("tests run as root");
        let result = act();
        namespace::enter(&home).expect("tests run as root");
        sender.send(result).expect("the test waits");
    };
    SPAWNER.lock().expect("no job panics").send(Box::new(job)).expect("it lives");
    done.recv().expect("the job ends")
}

/// A directory of a test's own, which is gone with it.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn make() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "the integration tests need root");
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("decnet-test-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).expect("a directory of our own");
        Self(dir)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A network namespace that was made just now, and a socket for its links.
pub(super) struct Fresh {
    pub(super) namespace: OwnedFd,
    pub(super) links: Links,
}

impl Fresh {
    /// Makes one, which this thread is in from now on.
    pub(super) fn make() -> Self {
        let namespace = namespace::create().expect("tests run as root");
        // Addresses can be used at once.
        stack::set("ipv6/conf/default/accept_dad", "0").expect("the kernel has IPv6");
        Self { namespace, links: Links::open().expect("a netlink socket") }
    }

    /// Sets its link and its loopback up.
    pub(super) async fn bring_up(&self, link: &str, addresses: &[(IpAddr, u8)]) {
        self.links.bring_up(link, addresses).await.expect("a link");
        self.links.bring_up("lo", &[]).await.expect("a loopback");
    }
}

/// Runs `make` to its end on a thread of its own, which may change its namespace.
pub(super) fn wired<T: Send + 'static>(make: impl AsyncFnOnce() -> T + Send + 'static) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(make())
    };
    thread::spawn(run).join().expect("a LAN can be made")
}

/// Runs `act` on a thread of its own in `namespace`.
pub(crate) fn within<T: Send>(namespace: &OwnedFd, act: impl FnOnce() -> T + Send) -> T {
    let run = || {
        namespace::enter(namespace).expect("tests run as root");
        act()
    };
    thread::scope(|scope| scope.spawn(run).join()).expect("the work does not panic")
}

/// A namespace and a directory.
pub struct Machine {
    pub dir: PathBuf,
    namespace: OwnedFd,
}

impl Machine {
    pub(super) fn new(dir: PathBuf, namespace: OwnedFd) -> Self {
        std::fs::create_dir_all(&dir).expect("the directory is ours");
        Self { dir, namespace }
    }

    /// Runs `act` on a thread of its own that is on this machine.
    pub fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        within(&self.namespace, act)
    }

    /// Puts this thread there.
    pub fn enter(&self) {
        namespace::enter(&self.namespace).expect("tests run as root");
    }

    /// Runs a command line and waits for it, at most 30 s.
    pub fn run(&self, line: &[&str]) -> Output {
        self.within(|| {
            let mut command = Command::new("timeout");
            command.arg("30").args(line).stdin(Stdio::null());
            command.output().expect("timeout is installed")
        })
    }

    /// Runs `decnet` and waits for it, at most 30 s.
    pub fn decnet(&self, args: &[&str]) -> Output {
        let program = decnet().display().to_string();
        self.run(&[&[program.as_str()], args].concat())
    }

    /// Starts a process that is tied to this one; it finds in `DECNET_PARENT` whom to end with.
    pub fn spawn(&self, mut command: Command) -> Child {
        let namespace = self.namespace.try_clone().expect("descriptors are left");
        command.env("DECNET_PARENT", std::process::id().to_string());
        on_spawner(namespace, move || command.spawn().expect("the program is there"))
    }
}
