//! Closes this process off before it becomes a program that nobody has proved yet.
//!
//! It may read and run the release that it is of and the system's libraries, write to its standard
//! output and error, and end. It can change no file, reach no other process and no network, and leave
//! neither its session nor its process group, so that all it starts ends with the group.
//!
//! Landlock says which files; where the kernel has none, nothing can be opened for writing at all.
//! seccomp refuses the calls that change a file by its name or reach others without opening any.

use std::collections::BTreeMap;
use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use nix::libc;
use nix::sys::prctl;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use super::sandbox::SandboxError;

/// What a program is made of, besides its own files.
const SYSTEM: [&str; 8] =
    ["/bin", "/etc/ld.so.cache", "/etc/ld.so.preload", "/lib", "/lib32", "/lib64", "/sbin", "/usr"];

/// Calls that change a file by its name, or what is known of it.
const FILES: &[libc::c_long] = &[
    libc::SYS_fallocate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fremovexattr,
    libc::SYS_fsetxattr,
    libc::SYS_ftruncate,
    libc::SYS_linkat,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_openat2,
    libc::SYS_removexattr,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_setxattr,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
];

/// The same by the names that only older processors have.
#[cfg(target_arch = "x86_64")]
const OLD_FILES: &[libc::c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_creat,
    libc::SYS_futimesat,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_mkdir,
    libc::SYS_mknod,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_symlink,
    libc::SYS_unlink,
    libc::SYS_utime,
    libc::SYS_utimes,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_FILES: &[libc::c_long] = &[];

/// Calls that reach another process, the network or the kernel, or that leave the process group.
const REACH: &[libc::c_long] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_add_key,
    libc::SYS_bind,
    libc::SYS_bpf,
    libc::SYS_chroot,
    libc::SYS_connect,
    libc::SYS_fsopen,
    libc::SYS_io_uring_setup,
    libc::SYS_ioprio_set,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_kill,
    libc::SYS_listen,
    libc::SYS_migrate_pages,
    libc::SYS_mount,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_msgget,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_request_key,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_semget,
    libc::SYS_setns,
    libc::SYS_setpgid,
    libc::SYS_setpriority,
    libc::SYS_setsid,
    libc::SYS_shmget,
    libc::SYS_socket,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// Closes this process off, which is to become a program of the release in `dir`.
///
/// # Errors
///
/// [`SandboxError`] says which layer cannot be put in place.
pub fn to_release(dir: &Path) -> Result<(), SandboxError> {
    prctl::set_no_new_privs().map_err(SandboxError::Privileges)?;
    let knows_files = close_files(dir).map_err(SandboxError::Files)?;
    filter_calls(knows_files)
}

/// Whether Landlock says which files may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Landlock {
    No,
    Yes,
}

fn close_files(dir: &Path) -> Result<Landlock, RulesetError> {
    let newest = ABI::V6;
    let run = AccessFs::Execute | AccessFs::ReadDir | AccessFs::ReadFile;
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(|rules| rules.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)?;
    let system = SYSTEM.iter().map(|path| (Path::new(path), run));
    let null: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    for (path, access) in system.chain([(dir, run), (Path::new("/dev/null"), null)]) {
        // What is not there need not be opened.
        let Ok(opened) = PathFd::new(path) else { continue };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(newest) };
        rules = rules.add_rule(PathBeneath::new(opened, access))?;
    }
    let status = rules.restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => Landlock::No,
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Landlock::Yes,
    })
}

fn filter_calls(landlock: Landlock) -> Result<(), SandboxError> {
    let refused = FILES.iter().chain(OLD_FILES).chain(REACH);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        refused.map(|call| (*call, Vec::new())).collect();
    let word = |value: i32| u64::from(value.cast_unsigned());
    let rule = |argument, compare, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let all = |rules: Vec<Result<SeccompRule, BackendError>>| {
        rules.into_iter().collect::<Result<Vec<_>, _>>().map_err(SandboxError::Filter)
    };
    // Nobody's limits but one's own.
    rules.insert(libc::SYS_prlimit64, all(vec![rule(0, SeccompCmpOp::Ne, 0)])?);
    // A descriptor can send signals when something happens to it.
    let owner = [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX];
    let owner = owner.map(|command| rule(1, SeccompCmpOp::Eq, word(command)));
    rules.insert(libc::SYS_fcntl, all(owner.into())?);
    if landlock == Landlock::No {
        let to_write = |argument| {
            [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT]
                .map(|flag| rule(argument, SeccompCmpOp::MaskedEq(word(flag)), word(flag)))
        };
        rules.insert(libc::SYS_openat, all(to_write(2).into())?);
        #[cfg(target_arch = "x86_64")]
        rules.insert(libc::SYS_open, all(to_write(1).into())?);
    }
    let refuse = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into().map_err(SandboxError::Filter)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)
        .map_err(SandboxError::Filter)?;
    let program = BpfProgram::try_from(filter).map_err(SandboxError::Filter)?;
    seccompiler::apply_filter_all_threads(&program).map_err(SandboxError::Calls)
}

/// `F_SETSIG` and `F_SETOWN_EX` of fcntl(2), which libc does not name.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
