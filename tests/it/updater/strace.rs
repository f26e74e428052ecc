//! What strace tells of system calls, and does to them.

use std::collections::BTreeMap;

/// The system calls that change something, or come before what does.
const CHANGING: [&str; 26] = [
    "chmod",
    "clone3",
    "connect",
    "fchmod",
    "fchmodat",
    "fdatasync",
    "flock",
    "fsync",
    "ftruncate",
    "linkat",
    "mkdir",
    "mkdirat",
    "openat",
    "openat2",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe2",
    "rename",
    "renameat2",
    "socket",
    "symlink",
    "syncfs",
    "unlink",
    "unlinkat",
    "write",
    "writev",
];
/// With what those fail.
const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EROFS", "EMFILE", "EINTR"];
/// The system calls that only look.
const LOOKING: [&str; 10] = [
    "getdents64",
    "lseek",
    "newfstatat",
    "ppoll",
    "read",
    "readlink",
    "recvfrom",
    "statfs",
    "statx",
    "wait4",
];
/// With what those fail.
const LOOKING_ERRORS: [&str; 2] = ["EIO", "EINTR"];

/// A system call, and the how-manieth of its name in a thread.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) number: usize,
}

impl Call {
    /// What strace is told.
    pub(super) fn inject(&self, fault: &str) -> String {
        let Self { name, number } = self;
        format!("-e trace={name} -e inject={name}:{fault}:when={number}")
    }

    /// Whether something may be changed by it.
    pub(super) fn is_changing(&self) -> bool {
        CHANGING.contains(&self.name.as_str())
    }

    /// With what it may fail.
    pub(super) fn errors(&self) -> &'static [&'static str] {
        if self.is_changing() {
            &ERRORS
        } else if LOOKING.contains(&self.name.as_str()) {
            &LOOKING_ERRORS
        } else {
            &[]
        }
    }
}

/// Reads what strace has written of one thread.
pub(super) fn read(text: &str) -> Vec<Call> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let names = text.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name);
    let is_name = |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let mut calls = Vec::new();
    for name in names.filter(is_name) {
        let number = counts.entry(name).or_default();
        *number += 1;
        calls.push(Call { name: name.to_owned(), number: *number });
    }
    calls
}
