//! Whether the face's sandbox holds on this kernel, shown by trying to get out of it.

use std::fs::File;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use caps::CapSet;
use nix::sys::signal::kill;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};
use nix::unistd::{Pid, Uid, setuid};

use crate::edge::{child, namespace, sandbox};

/// How long the attempts may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that must not be possible: what it is, and whether it was.
type Attempt = (&'static str, fn(&Held) -> bool);

/// What the process had before the sandbox was closed, as a face has its sockets.
struct Held {
    socket: std::os::fd::OwnedFd,
    parent: Pid,
}

const ATTEMPTS: [Attempt; 10] = [
    ("read a file", |_| File::open("/etc/passwd").is_ok()),
    ("write a file", |_| File::create("/tmp/decnet-escape").is_ok()),
    ("list processes", |_| std::fs::read_dir("/proc").is_ok()),
    ("open a connection", |_| TcpStream::connect("127.0.0.1:1").is_ok_or_refused()),
    ("send a datagram", |_| UdpSocket::bind("127.0.0.1:0").is_ok()),
    ("connect a socket that it was given", |held| {
        let there = SockaddrIn::new(127, 0, 0, 1, 1);
        connect(held.socket.as_fd().as_raw_fd(), &there) != Err(nix::errno::Errno::EPERM)
    }),
    ("run a program", |_| Command::new("/bin/true").spawn().is_ok()),
    ("signal another process", |held| kill(held.parent, None).is_ok()),
    ("become another user", |_| setuid(Uid::from_raw(65_533)).is_ok()),
    ("keep a capability", |_| {
        [CapSet::Effective, CapSet::Permitted, CapSet::Bounding]
            .into_iter()
            .any(|set| caps::read(None, set).is_ok_and(|all| !all.is_empty()))
    }),
];

/// A connection that was made, or refused by the other side, was tried.
trait OkOrRefused {
    fn is_ok_or_refused(&self) -> bool;
}

impl<T> OkOrRefused for std::io::Result<T> {
    fn is_ok_or_refused(&self) -> bool {
        match self {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        }
    }
}

/// What a process in the face's sandbox could still do.
///
/// # Errors
///
/// When it cannot be put there.
pub(super) fn try_out() -> Result<Vec<String>> {
    let process = child::start_talking("escape", &[], None, Stdio::piped())?;
    let output = wait(process)?;
    let text = String::from_utf8_lossy(&output).into_owned();
    let Some((done, escapes)) = text.split_once('\n') else { bail!("it ended without a word") };
    if done != "tried" {
        bail!("{done}");
    }
    Ok(escapes.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn wait(mut process: std::process::Child) -> Result<Vec<u8>> {
    let began = std::time::Instant::now();
    while process.try_wait().context("cannot watch it")?.is_none() {
        if began.elapsed() > PATIENCE {
            drop(process.kill());
            bail!("it does not end");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(process.wait_with_output().context("cannot read what it says")?.stdout)
}

/// `decnet escape`: closes the sandbox on itself, tries to get out, and says what it could do.
///
/// # Errors
///
/// When the sandbox cannot be closed.
pub fn run() -> Result<ExitCode> {
    use std::io::Write as _;
    let parent = nix::unistd::getppid();
    let mut out = std::io::stdout();
    let closed = confine();
    match closed {
        Ok(socket) => {
            let held = Held { socket, parent };
            let escapes = ATTEMPTS.iter().filter(|(_, attempt)| attempt(&held));
            let names: Vec<&str> = escapes.map(|(name, _)| *name).collect();
            writeln!(out, "tried\n{}", names.join("\n"))?;
        }
        Err(error) => writeln!(out, "{error:#}")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn confine() -> Result<std::os::fd::OwnedFd> {
    namespace::isolate()?;
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
        .context("cannot make a socket")?;
    sandbox::close()?;
    Ok(socket)
}
