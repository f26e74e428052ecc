//! Takes away from this process what it does not need, so that whoever takes it over has no more.
//!
//! Three layers that do not rely on each other: no capability, no file and no signal to others
//! (Landlock), and a list of the system calls that serving takes (seccomp). `socket`, `bind` and `connect` are
//! not among them: the face serves sockets that it is given, and opens none. `listen` is: some of
//! them are to accept only while a visitor is expected.

use caps::CapSet;
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    Scope,
};
use nix::libc;
use nix::sys::prctl;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};

/// Why the sandbox cannot be closed.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Capabilities cannot be given up.
    #[error("cannot give up capabilities")]
    Capabilities(#[source] caps::errors::CapsError),
    /// Files cannot be closed off.
    #[error("cannot close off files with Landlock")]
    Files(#[source] landlock::RulesetError),
    /// `no_new_privs` cannot be set.
    #[error("cannot forbid new privileges")]
    Privileges(#[source] nix::errno::Errno),
    /// System calls cannot be filtered.
    #[error("cannot filter system calls")]
    Calls(#[source] seccompiler::Error),
    /// The filter itself is wrong.
    #[error("cannot make the filter of system calls")]
    Filter(#[source] seccompiler::BackendError),
}

/// What this process may call, besides what [`SHAPED`] allows with certain arguments.
const CALLS: &[libc::c_long] = &[
    libc::SYS_accept4,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_epoll_wait,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpeername,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_listen,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_read,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Gives up everything but serving.
///
/// # Errors
///
/// [`SandboxError`] says which layer cannot be put in place. A kernel without Landlock is not an
/// error: the other two layers hold.
pub fn close() -> Result<(), SandboxError> {
    prctl::set_no_new_privs().map_err(SandboxError::Privileges)?;
    drop_capabilities()?;
    close_files()?;
    filter_calls()
}

fn drop_capabilities() -> Result<(), SandboxError> {
    for set in [CapSet::Ambient, CapSet::Bounding, CapSet::Inheritable] {
        caps::clear(None, set).map_err(SandboxError::Capabilities)?;
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::clear(None, set).map_err(SandboxError::Capabilities)?;
    }
    Ok(())
}

fn close_files() -> Result<(), SandboxError> {
    let newest = ABI::V6;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.restrict_self())
        .map(drop)
        .map_err(SandboxError::Files)
}

fn filter_calls() -> Result<(), SandboxError> {
    let word = |value: i32| u64::from(value.cast_unsigned());
    let no_exec = |argument, bit| {
        let equals = SeccompCmpOp::MaskedEq(word(bit));
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, equals, 0)
    };
    let only = |argument, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let rule_of = |conditions: Vec<Result<SeccompCondition, seccompiler::BackendError>>| {
        let conditions: Result<Vec<_>, _> = conditions.into_iter().collect();
        conditions.and_then(SeccompRule::new).map_err(SandboxError::Filter)
    };
    let rule = |condition| rule_of(vec![condition]);
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().map(|call| (*call, Vec::new())).collect();
    // Memory may be had, never memory that can be executed.
    rules.insert(libc::SYS_mmap, vec![rule(no_exec(2, libc::PROT_EXEC))?]);
    rules.insert(libc::SYS_mprotect, vec![rule(no_exec(2, libc::PROT_EXEC))?]);
    // What the standard library asks of a socket that it is given.
    let fcntl = [libc::F_GETFL, libc::F_SETFL, libc::F_GETFD, libc::F_SETFD];
    rules.insert(
        libc::SYS_fcntl,
        fcntl.iter().map(|command| rule(only(1, word(*command)))).collect::<Result<_, _>>()?,
    );
    let linger = vec![only(1, word(libc::SOL_SOCKET)), only(2, word(libc::SO_LINGER))];
    rules.insert(
        libc::SYS_setsockopt,
        vec![rule(only(1, word(libc::IPPROTO_TCP)))?, rule_of(linger)?],
    );
    rules.insert(libc::SYS_ioctl, vec![rule(only(1, libc::FIONBIO))?]);
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into().map_err(SandboxError::Filter)?;
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, arch)
        .map_err(SandboxError::Filter)?;
    let program = BpfProgram::try_from(filter).map_err(SandboxError::Filter)?;
    seccompiler::apply_filter_all_threads(&program).map_err(SandboxError::Calls)
}
