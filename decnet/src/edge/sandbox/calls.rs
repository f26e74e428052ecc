//! Which system calls serving takes, and with which arguments. Whatever else the face calls ends it.
//!
//! Arguments are compared by value; what they point to the kernel does not show to a filter. So
//! whatever could name an address is left out or must name none: nothing is sent but by `sendto`
//! to whom the socket is connected to, and `sendmsg`, which has its address behind a pointer, is
//! not there at all.
//!
//! **Source**: seccomp(2), Documentation/userspace-api/seccomp_filter.rst.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use nix::libc::{self, c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// A call that the face may make.
#[derive(Clone, Copy, Debug)]
pub struct Allowed {
    /// Its number.
    pub call: c_long,
    /// One of these must hold, as a whole; without any, every argument is as good.
    pub shapes: &'static [&'static [Must]],
}

/// What an argument, by its place, must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// This number.
    Be(u8, c_int),
    /// No pointer.
    BeNull(u8),
    /// These bits, among others.
    Have(u8, c_int),
    /// None of these bits.
    Lack(u8, c_int),
}

use Must::{Be, BeNull, Have, Lack};

/// Of memory: may be had, never from a file and never to be executed.
const OWN_MEMORY: &[Must] =
    &[Lack(2, libc::PROT_EXEC), Have(3, libc::MAP_ANONYMOUS | libc::MAP_PRIVATE)];
const QUIETLY: c_int = libc::MSG_NOSIGNAL;
const AT_ONCE: c_int = libc::MSG_DONTWAIT;

const fn any(call: c_long) -> Allowed {
    Allowed { call, shapes: &[] }
}

const fn only(call: c_long, shapes: &'static [&'static [Must]]) -> Allowed {
    Allowed { call, shapes }
}

/// Everything that the face may call, besides `close`, of which [`filter`] knows more.
pub const ALLOWED: &[Allowed] = &[
    only(libc::SYS_accept4, &[&[Be(3, libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)]]),
    any(libc::SYS_brk),
    any(libc::SYS_clock_gettime),
    any(libc::SYS_clock_nanosleep),
    any(libc::SYS_epoll_ctl),
    any(libc::SYS_epoll_pwait),
    #[cfg(target_arch = "x86_64")]
    any(libc::SYS_epoll_wait),
    any(libc::SYS_exit),
    any(libc::SYS_exit_group),
    // The standard library asks whether a descriptor is one.
    only(libc::SYS_fcntl, &[&[Be(1, libc::F_GETFD)], &[Be(1, libc::F_GETFL)]]),
    any(libc::SYS_futex),
    any(libc::SYS_getpeername),
    any(libc::SYS_getrandom),
    any(libc::SYS_getsockname),
    any(libc::SYS_gettid),
    any(libc::SYS_listen),
    any(libc::SYS_madvise),
    only(libc::SYS_mmap, &[OWN_MEMORY]),
    only(libc::SYS_mprotect, &[&[Lack(2, libc::PROT_EXEC)]]),
    any(libc::SYS_mremap),
    any(libc::SYS_munmap),
    #[cfg(target_arch = "x86_64")]
    any(libc::SYS_poll),
    any(libc::SYS_ppoll),
    any(libc::SYS_read),
    // From whomever the socket is connected to; nothing out of band, nothing but what is next.
    only(libc::SYS_recvfrom, &[&[Be(3, 0), BeNull(4), BeNull(5)]]),
    only(libc::SYS_recvmsg, &[&[Be(2, AT_ONCE)], &[Be(2, AT_ONCE | libc::MSG_CMSG_CLOEXEC)]]),
    any(libc::SYS_restart_syscall),
    any(libc::SYS_rt_sigaction),
    any(libc::SYS_rt_sigprocmask),
    any(libc::SYS_rt_sigreturn),
    any(libc::SYS_sched_yield),
    // Without an address and without MSG_FASTOPEN, which begins a connection.
    only(
        libc::SYS_sendto,
        &[&[Be(3, QUIETLY), BeNull(4), Be(5, 0)], &[Be(3, QUIETLY | AT_ONCE), BeNull(4), Be(5, 0)]],
    ),
    only(libc::SYS_setsockopt, &[&[Be(1, libc::SOL_SOCKET), Be(2, libc::SO_LINGER)]]),
    any(libc::SYS_shutdown),
    any(libc::SYS_sigaltstack),
    any(libc::SYS_write),
];

/// The filter, for a process that must not close the descriptors `held`.
///
/// # Errors
///
/// [`BackendError`] when it cannot be built: it is wrong, or this processor is not known.
pub(super) fn filter(held: &[RawFd]) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for Allowed { call, shapes } in ALLOWED {
        let shapes = shapes.iter().map(|shape| rule(shape.iter().map(|must| must.condition())));
        rules.insert(*call, shapes.collect::<Result<_, _>>()?);
    }
    let stays_open = |fd: &RawFd| {
        let fd = u64::from(fd.cast_unsigned());
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, fd)
    };
    let close = if held.is_empty() { vec![] } else { vec![rule(held.iter().map(stays_open))?] };
    rules.insert(libc::SYS_close, close);
    let arch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompAction::KillProcess;
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)?.try_into()
}

fn rule(
    conditions: impl Iterator<Item = Result<SeccompCondition, BackendError>>,
) -> Result<SeccompRule, BackendError> {
    conditions.collect::<Result<Vec<_>, _>>().and_then(SeccompRule::new)
}

impl Must {
    fn condition(self) -> Result<SeccompCondition, BackendError> {
        let word = |value: c_int| u64::from(value.cast_unsigned());
        let (argument, length, compare, value) = match self {
            Be(argument, value) => {
                (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, word(value))
            }
            BeNull(argument) => (argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0),
            Have(argument, bits) => {
                let compare = SeccompCmpOp::MaskedEq(word(bits));
                (argument, SeccompCmpArgLen::Dword, compare, word(bits))
            }
            Lack(argument, bits) => {
                (argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(word(bits)), 0)
            }
        };
        SeccompCondition::new(argument, length, compare, value)
    }
}
