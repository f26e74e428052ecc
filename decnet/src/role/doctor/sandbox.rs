//! Whether the face's sandbox holds on this kernel, shown by trying to get out of it.

use std::fs::File;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, SockaddrIn, connect, sendto, socket,
};
use nix::unistd::{Pid, Uid, setuid};

use crate::edge::{child, clock, namespace, sandbox};

/// How long the attempts may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that must not be possible: what it is, and whether it was. Each ends the process that
/// tries it, unless a layer above the last one stops it.
type Attempt = (&'static str, fn(&Held) -> bool);

/// What the process had before the sandbox was closed, as a face has its sockets.
struct Held {
    stream: OwnedFd,
    datagrams: OwnedFd,
    parent: Pid,
}

/// Where nobody listens.
fn nowhere() -> SockaddrIn {
    SockaddrIn::new(127, 0, 0, 1, 1)
}

const ATTEMPTS: [Attempt; 12] = [
    ("read a file", |_| File::open("/etc/passwd").is_ok()),
    ("write a file", |_| File::create("/tmp/decnet-escape").is_ok()),
    ("list processes", |_| std::fs::read_dir("/proc").is_ok()),
    ("open a connection", |_| TcpStream::connect("127.0.0.1:1").is_ok_or_refused()),
    ("send a datagram", |_| UdpSocket::bind("127.0.0.1:0").is_ok()),
    ("connect a socket that it was given", |held| {
        connect(held.stream.as_fd().as_raw_fd(), &nowhere()) != Err(nix::errno::Errno::EPERM)
    }),
    ("begin a connection by sending", |held| {
        let flags = MsgFlags::from_bits_retain(libc::MSG_FASTOPEN);
        let socket = held.stream.as_raw_fd();
        sendto(socket, b"x", &nowhere(), flags) != Err(nix::errno::Errno::EPERM)
    }),
    ("send a datagram from a socket that it was given", |held| {
        sendto(held.datagrams.as_raw_fd(), b"x", &nowhere(), MsgFlags::empty()).is_ok()
    }),
    ("run a program", |_| Command::new("/bin/true").spawn().is_ok()),
    ("run code that it has written", |_| {
        let all = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE | ProtFlags::PROT_EXEC;
        let size = std::num::NonZeroUsize::MIN;
        #[expect(unsafe_code, reason = "the kernel is asked for memory")]
        // SAFETY: it is put where nothing is, and nobody uses it.
        let had = unsafe { mmap_anonymous(None, size, all, MapFlags::MAP_PRIVATE) };
        #[expect(unsafe_code, reason = "the kernel is given back its memory")]
        // SAFETY: it was had just now, in this size.
        had.is_ok_and(|at| unsafe { munmap(at, size.get()) }.is_ok())
    }),
    ("signal another process", |held| kill(held.parent, None).is_ok()),
    ("become another user", |_| setuid(Uid::from_raw(65_533)).is_ok()),
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

/// What the process says when the sandbox is closed.
const CLOSED: &str = "closed\n";
/// What it says when an attempt was possible.
const COULD: &str = "could\n";
/// What it says when it was not.
const COULD_NOT: &str = "could not\n";

/// What a process in the face's sandbox could still do.
///
/// # Errors
///
/// When it cannot be put there.
pub(super) fn try_out() -> Result<Vec<String>> {
    let mut escapes = Vec::new();
    for (number, (name, _)) in ATTEMPTS.iter().enumerate() {
        let args = [number.to_string()];
        let process = child::start_talking("escape", &args, None, Stdio::piped())?;
        let output = wait(process)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Some(said) = text.strip_prefix(CLOSED) else {
            bail!("{}", if text.is_empty() { "it ended without a word" } else { text.trim() });
        };
        let ended = output.status.signal() == Some(Signal::SIGSYS as i32);
        match said {
            "" if ended => {}
            COULD_NOT => {}
            COULD => escapes.push((*name).to_owned()),
            _ => bail!("it tried to {name} and ended: {}", output.status),
        }
    }
    Ok(escapes)
}

fn wait(mut process: std::process::Child) -> Result<Output> {
    let began = Instant::now();
    while process.try_wait().context("cannot watch it")?.is_none() {
        if began.elapsed() > PATIENCE {
            drop(process.kill());
            bail!("it does not end");
        }
        clock::pause(Duration::from_millis(1));
    }
    process.wait_with_output().context("cannot read what it says")
}

/// `decnet escape NUMBER`: closes the sandbox on itself, makes this attempt to get out, and says
/// whether it could, if it lives.
///
/// # Errors
///
/// When the sandbox cannot be closed.
pub fn run(number: usize) -> Result<ExitCode> {
    use std::io::Write as _;
    let (_, attempt) = ATTEMPTS.get(number).context("there is no such attempt")?;
    let parent = nix::unistd::getppid();
    let mut out = std::io::stdout();
    match confine(parent) {
        Ok(held) => {
            out.write_all(CLOSED.as_bytes())?;
            let said = if attempt(&held) { COULD } else { COULD_NOT };
            out.write_all(said.as_bytes())?;
        }
        Err(error) => writeln!(out, "{error:#}")?,
    }
    Ok(ExitCode::SUCCESS)
}

fn confine(parent: Pid) -> Result<Held> {
    namespace::isolate()?;
    let open = |kind| {
        socket(AddressFamily::Inet, kind, SockFlag::SOCK_CLOEXEC, None)
            .context("cannot make a socket")
    };
    let held =
        Held { stream: open(SockType::Stream)?, datagrams: open(SockType::Datagram)?, parent };
    sandbox::close(&[])?;
    Ok(held)
}
