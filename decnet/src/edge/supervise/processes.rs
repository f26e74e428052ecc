//! Agents among the processes of this machine, however they were started.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::edge::clock;

/// How long an agent has to end by itself.
const GRACE: Duration = Duration::from_secs(10);

/// A process that cannot be taken for another: its number comes back, this does not.
#[derive(Debug)]
pub(super) struct Agent {
    /// Its number.
    pub(super) pid: u32,
    fd: OwnedFd,
}

/// What `/proc/PID` says.
struct Seen {
    args: Vec<String>,
    is_alive: bool,
    in_our_namespace: bool,
    uid: u32,
    started: u64,
}

/// Every agent of this machine that is ours to stop, but this process: whoever holds `lock`, who
/// come first, and whoever looks like one and does not say that its place is another.
///
/// # Errors
///
/// When it cannot be told who they are: one that is overlooked goes on in place of the next.
pub(super) fn agents(lock: &Path) -> io::Result<Vec<Agent>> {
    let mut pids = BTreeSet::new();
    for entry in fs::read_dir("/proc")? {
        pids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    let holders = holders(lock)?;
    pids.extend(&holders);
    pids.remove(&std::process::id());
    let found = pids.into_iter().map(|pid| agent(pid, lock, holders.contains(&pid)));
    let mut found: Vec<Agent> = found.filter_map(Result::transpose).collect::<io::Result<_>>()?;
    found.sort_by_key(|agent| !holders.contains(&agent.pid));
    Ok(found)
}

/// A process, when it is an agent.
fn agent(pid: u32, lock: &Path, is_holder: bool) -> io::Result<Option<Agent>> {
    let Some(before) = look(pid)? else { return Ok(None) };
    let is_agent = is_holder || (is_agent(&before.args) && !is_elsewhere(pid, &before.args, lock));
    if !is_agent || !is_ours(&before) {
        return Ok(None);
    }
    let Some(Agent { fd, .. }) = open(pid)? else { return Ok(None) };
    // The number may have come back between the look and the descriptor.
    let is_same = look(pid)?.is_some_and(|after| after.started == before.started);
    Ok(is_same.then_some(Agent { pid, fd }))
}

/// A process of this number, if there is one.
pub(super) fn open(pid: u32) -> io::Result<Option<Agent>> {
    let Some(number) = pid.try_into().ok().and_then(Pid::from_raw) else { return Ok(None) };
    match pidfd_open(number, PidfdFlags::empty()) {
        Err(Errno::SRCH) => Ok(None),
        other => Ok(Some(Agent { pid, fd: other? })),
    }
}

/// Whether a process with these arguments is an agent: `[…/]decnet [options] agent …`.
fn is_agent(args: &[String]) -> bool {
    let Some((program, rest)) = args.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or(program);
    name == "decnet" && rest.iter().find(|arg| !arg.starts_with('-')).is_some_and(|a| a == "agent")
}

fn is_ours(seen: &Seen) -> bool {
    let we = rustix::process::geteuid();
    seen.is_alive && seen.in_our_namespace && (we.is_root() || we.as_raw() == seen.uid)
}

/// Whether an agent says that its run directory is another than that of `lock`, which is in a
/// directory there.
fn is_elsewhere(pid: u32, args: &[String], lock: &Path) -> bool {
    let Some(named) = run_dir(args) else { return false };
    let place = |dir: &Path| fs::metadata(dir).map(|found| (found.dev(), found.ino())).ok();
    let theirs = Path::new("/proc").join(pid.to_string()).join("cwd").join(named);
    place(&theirs) != lock.ancestors().nth(2).and_then(place)
}

/// The run directory that arguments name.
fn run_dir(args: &[String]) -> Option<&str> {
    const OPTION: &str = "--run-dir";
    let mut rest = args.iter();
    let found = rest.find(|arg| arg.starts_with(OPTION))?;
    match found.strip_prefix(OPTION) {
        Some("") => rest.next().map(String::as_str),
        other => other?.strip_prefix('='),
    }
}

/// What there is to be known of a process, if it is there and we may know it.
fn look(pid: u32) -> io::Result<Option<Seen>> {
    match read(pid) {
        Err(error) if is_none_of_ours(&error) => Ok(None),
        other => other,
    }
}

/// Whether a process is not there any more, or is hidden from us.
fn is_none_of_ours(error: &io::Error) -> bool {
    let is_over = error.raw_os_error() == Some(Errno::SRCH.raw_os_error());
    is_over || matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
}

fn read(pid: u32) -> io::Result<Option<Seen>> {
    let dir = Path::new("/proc").join(pid.to_string());
    let uid = fs::metadata(&dir)?.uid();
    let cmdline = fs::read(dir.join("cmdline"))?;
    let stat = fs::read_to_string(dir.join("stat"))?;
    let status = fs::read_to_string(dir.join("status"))?;
    Ok(parse(uid, &cmdline, &stat, &status))
}

fn parse(uid: u32, cmdline: &[u8], stat: &str, status: &str) -> Option<Seen> {
    // pid (name) state …: the name may hold anything, its end is the last parenthesis.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let args = cmdline.split(|byte| *byte == 0).filter(|arg| !arg.is_empty());
    Some(Seen {
        args: args.map(|arg| String::from_utf8_lossy(arg).into_owned()).collect(),
        is_alive: !matches!(state, "Z" | "X"),
        // One that has more numbers is in a namespace below ours.
        in_our_namespace: numbers.split_whitespace().count() == 1,
        uid,
        started,
    })
}

/// The arguments after the program and the role, with which an agent was started.
pub(super) fn arguments(pid: u32) -> Option<Vec<String>> {
    let mut args = look(pid).ok()??.args;
    let at = args.iter().position(|arg| arg == "agent")?;
    args.drain(..=at);
    Some(args)
}

/// Who holds the lock of a file, as `/proc/locks` says.
pub(super) fn holders(lock: &Path) -> io::Result<Vec<u32>> {
    let found = match fs::metadata(lock) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let dev = found.dev();
    let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
    let inode = format!("{major:02x}:{minor:02x}:{}", found.ino());
    let locks = fs::read_to_string("/proc/locks")?;
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let at = fields.iter().position(|field| *field == inode)?;
        fields.get(at.checked_sub(1)?)?.parse().ok()
    };
    Ok(locks.lines().filter_map(of_line).collect())
}

/// Ends these, first asking them to.
pub(super) fn end(agents: &[Agent]) -> Result<(), String> {
    for (signal, grace) in [(Signal::TERM, GRACE), (Signal::KILL, Duration::from_secs(5))] {
        for agent in agents {
            // One that has ended by itself needs none.
            pidfd_send_signal(&agent.fd, signal).ok();
        }
        let begun = Instant::now();
        while begun.elapsed() < grace {
            if agents.iter().all(has_ended) {
                return Ok(());
            }
            clock::pause(Duration::from_millis(10));
        }
    }
    let left: Vec<String> =
        agents.iter().filter(|agent| !has_ended(agent)).map(|a| a.pid.to_string()).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("process {} does not end", left.join(", "))) }
}

/// A pidfd is readable when its process has ended, also when nobody has asked how.
fn has_ended(agent: &Agent) -> bool {
    let mut fds = [PollFd::new(&agent.fd, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_told_from_what_looks_like_them() {
        let split = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        for (line, expected) in [
            ("/opt/decnet/current/bin/decnet agent", true),
            ("decnet --log-level=debug agent --port 1", true),
            ("./target/debug/decnet agent", true),
            ("decnet updater --agent-dir agent", false),
            ("decnet swarm agent", false),
            ("vi agent", false),
            ("decnet", false),
            ("decnet-agent", false),
            ("/tmp/decnet/agent agent", false),
        ] {
            assert_eq!(is_agent(&split(line)), expected, "{line}");
        }
    }

    #[test]
    fn the_run_directory_of_an_agent_is_what_it_was_told() {
        for (line, expected) in [
            ("decnet agent --run-dir /run/x --port 1", Some("/run/x")),
            ("decnet --run-dir=x agent", Some("x")),
            ("decnet agent --run-dir", None),
            ("decnet agent --run-directory x", None),
            ("decnet agent", None),
        ] {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(run_dir(&args), expected, "{line}");
        }
    }
}
