//! Whether an agent could be started from here, asked before the one that runs is stopped: what this
//! process starts has no more than this process has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use caps::{CapSet, Capability};
use rustix::fs::{Access, access};

use super::direct::Launch;
use super::processes;
use crate::edge::clock;
use crate::edge::privileges::{AGENT, is_root};

/// How long a release may take to say whether its capture programs are loaded.
const TIME: Duration = Duration::from_secs(20);

/// What is missing for the agent that `program` is; empty when it could be started.
pub(super) fn lacking(launch: &Launch, program: &Path) -> Vec<String> {
    let mut lacking = Vec::new();
    if access(program, Access::EXEC_OK).is_err() {
        lacking.push(format!("`{}` cannot be executed by this user", program.display()));
    }
    lacking.extend(capabilities());
    if !is_root()
        && let Err(why) = pins(launch, program)
    {
        lacking.push(why);
    }
    lacking.extend(port(launch));
    lacking
}

/// The capabilities that the agent would not have.
fn capabilities() -> Option<String> {
    // Root has after `execve` whatever is in the bounding set; others, what is ambient.
    let (set, wanted, remedy) = if is_root() {
        let root = [Capability::CAP_SETGID, Capability::CAP_SETUID];
        (CapSet::Bounding, [AGENT, root].concat(), "start the updater with them")
    } else {
        let remedy = "start the updater with them as ambient capabilities, or as root";
        (CapSet::Ambient, AGENT.to_vec(), remedy)
    };
    let has = |capability: &Capability| caps::has_cap(None, set, *capability).unwrap_or(true);
    let mut names: Vec<String> =
        wanted.iter().filter(|cap| !has(cap)).map(ToString::to_string).collect();
    let loads = [Capability::CAP_BPF, Capability::CAP_SYS_ADMIN];
    if is_root() && !loads.iter().any(has) {
        names.push(Capability::CAP_BPF.to_string());
    }
    (!names.is_empty()).then(|| format!("it would lack {}: {remedy}", names.join(" and ")))
}

/// Whether the capture programs of this release are loaded, as the release says.
fn pins(launch: &Launch, program: &Path) -> Result<(), String> {
    let what = "its capture programs are not loaded: run `decnet bpf load` of this release as root";
    let child = Command::new(program)
        .args(["bpf", "status", "--run-dir"])
        .arg(launch.lock.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| format!("{what} ({error})"))?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(None) if begun.elapsed() < TIME => clock::pause(Duration::from_millis(5)),
            _ => break,
        }
    }
    // It has ended, or says nothing.
    drop(child.kill());
    drop(child.wait());
    Err(what.to_owned())
}

/// Who else listens where the agent is to.
fn port(launch: &Launch) -> Option<String> {
    let listening: BTreeSet<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .flat_map(|table| listeners(&table, launch.port))
        .collect();
    if listening.is_empty() {
        return None;
    }
    let agents = processes::agents(&launch.lock).ok()?;
    // Where it cannot be seen what an agent has open, the port may be its own.
    let own: Option<Vec<BTreeSet<u64>>> = agents.iter().map(|agent| sockets(agent.pid)).collect();
    let other =
        *listening.iter().find(|inode| !own.iter().flatten().any(|own| own.contains(inode)))?;
    own?;
    let holder = holder(other).map_or_else(
        || "another program".to_owned(),
        |(pid, name)| format!("process {pid} (`{name}`)"),
    );
    Some(format!("{holder} listens on port {}: stop it", launch.port))
}

/// The sockets that listen on a port, by their inodes, as `/proc/net/tcp` lists them.
fn listeners(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let of_line = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (_, found) = fields.next()?.rsplit_once(':')?;
        let state = fields.nth(1)?;
        let is_it = state == LISTEN && u16::from_str_radix(found, 16) == Ok(port);
        is_it.then(|| fields.nth(5)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(of_line).collect()
}

/// The sockets that a process has open, by their inodes; `None` when we may not know.
fn sockets(pid: u32) -> Option<BTreeSet<u64>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Some(entries.flatten().filter_map(inode).collect())
}

/// Which process has a socket open, among those that we may look at.
fn holder(inode: u64) -> Option<(u32, String)> {
    let pids = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| sockets(*pid).is_some_and(|sockets| sockets.contains(&inode)))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some((pid, name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_on_a_port_is_found_in_the_table() {
        let table = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 4711 1
   1: 0100007F:223D 0100007F:9C40 01 00000000:00000000 00:00000000 00000000   999        0 4712 1
   2: 00000000:223E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1
   3: torn
";
        assert_eq!(listeners(table, 8765), [4711]);
        assert_eq!(listeners(table, 8766), [4713]);
        assert_eq!(listeners(table, 80), [] as [u64; 0]);
    }
}
