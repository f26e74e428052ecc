//! What the machine spends.

use std::fs;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Seconds of CPU that this process has spent, and the kernel's threads that process packets: what
/// one of our packets costs, wherever that is, and nothing of what else the machine does.
pub(crate) fn packet_seconds() -> f64 {
    let own = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from);
    let kernel: f64 = ksoftirqd().into_iter().map(process_seconds).sum();
    own.unwrap_or_default().as_secs_f64() + kernel
}

/// The kernel's threads that process packets when there are many.
fn ksoftirqd() -> Vec<i32> {
    let all = fs::read_dir("/proc").expect("Linux has it").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.starts_with("ksoftirqd/")
    })
    .collect()
}

/// Seconds of CPU that a process has spent.
pub(crate) fn process_seconds(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Bytes of memory that are a process's own share (PSS).
pub(crate) fn memory(pid: i32) -> u64 {
    bytes(pid, "smaps_rollup", "Pss:")
}

/// Bytes of memory that a process has, with what it shares (RSS); counted, for what `status` says
/// may be late by megabytes.
pub(crate) fn resident(pid: i32) -> u64 {
    bytes(pid, "smaps_rollup", "Rss:")
}

/// The most that it has had.
pub(crate) fn most_resident(pid: i32) -> u64 {
    bytes(pid, "status", "VmHWM:")
}

/// What a file below `/proc/PID` says in kB.
fn bytes(pid: i32, file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let kib: u64 = line.split_whitespace().nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    kib * 1024
}

/// Keeps this thread, and those that it starts, on a core.
pub(crate) fn pin(core: usize) {
    pin_task(0, core);
}

/// Keeps every thread of a process on a core.
pub(crate) fn pin_process(pid: i32, core: usize) {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let ids = tasks.filter_map(|task| task.file_name().to_str()?.parse().ok());
    ids.for_each(|id| pin_task(id, core));
}

fn pin_task(id: i32, core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core).expect("the machine has two cores");
    sched_setaffinity(Pid::from_raw(id), &cores).expect("it is ours");
}
