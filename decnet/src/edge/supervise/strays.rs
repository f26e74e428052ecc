//! Agents that hold the lock of this place and are not of the agent's unit: somebody has started one
//! by hand, and as long as it runs the unit's cannot begin.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use super::processes::{self, Agent};
use crate::logic::control::RUNNING;
use crate::logic::unit::main_pid;

/// Where control groups may be, by the layout of the machine.
const GROUPS: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];

/// Ends whoever holds `lock` and is not of the unit of which `shown` says its first process and its
/// control group.
///
/// # Errors
///
/// When it cannot be told who that is, or it does not end.
pub(super) fn end(lock: &Path, shown: &str) -> Result<(), String> {
    // Held before it is asked whose they are: a number that comes back is another process.
    let held = holders(lock).map_err(|error| format!("cannot tell who is the agent: {error}"))?;
    if held.is_empty() {
        return Ok(());
    }
    let own = own(shown).map_err(|error| format!("cannot tell what is of the unit: {error}"))?;
    let is_stray = |agent: &Agent| !own.contains(&agent.pid);
    let strays: Vec<Agent> = held.into_iter().filter(is_stray).collect();
    for stray in &strays {
        tracing::warn!(pid = stray.pid, "an agent that is not of its unit is ended");
    }
    processes::end(&strays)
}

fn holders(lock: &Path) -> io::Result<Vec<Agent>> {
    let pids = match processes::holders(lock) {
        // The unit may show nothing but processes below /proc.
        Err(error) if error.kind() == ErrorKind::NotFound => named(lock)?,
        other => other?,
    };
    let opened = pids.into_iter().map(processes::open);
    opened.filter_map(Result::transpose).collect()
}

/// The process that an agent has written down beside its lock, while the lock is held.
fn named(lock: &Path) -> io::Result<Vec<u32>> {
    let file = match fs::File::open(lock) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    if Flock::lock(file, FlockArg::LockSharedNonblock).is_ok() {
        return Ok(Vec::new());
    }
    let found = fs::read(lock.with_file_name(RUNNING))?;
    let found: crate::logic::control::Found = serde_json::from_slice(&found)?;
    Ok(vec![found.pid])
}

/// The processes of a unit.
fn own(shown: &str) -> io::Result<BTreeSet<u32>> {
    let mut own: BTreeSet<u32> = main_pid(shown).into_iter().collect();
    let group = shown.lines().find_map(|line| line.trim().strip_prefix("ControlGroup=/"));
    let Some(group) = group.filter(|group| !group.is_empty()) else { return Ok(own) };
    let dirs = GROUPS.map(|root| Path::new(root).join(group));
    let Some(dir) = dirs.into_iter().find(|dir| dir.join("cgroup.procs").exists()) else {
        return Ok(own);
    };
    collect(&dir, &mut own)?;
    Ok(own)
}

fn collect(dir: &PathBuf, found: &mut BTreeSet<u32>) -> io::Result<()> {
    let text = fs::read_to_string(dir.join("cgroup.procs"))?;
    found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), found)?;
        }
    }
    Ok(())
}
