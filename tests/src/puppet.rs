//! A process that does what a debugger in it wants: what somebody can do who has taken it over.
//!
//! x86-64 alone: it writes instructions and reads registers.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::ptr::with_exposed_provenance_mut;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{self, c_long, c_uint, c_void, user_regs_struct};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::world::wait_for;

/// `PTRACE_O_SUSPEND_SECCOMP` of include/uapi/linux/ptrace.h.
const SUSPEND_SECCOMP: usize = 1 << 21;

/// `syscall`, and `int3` to come back.
const CALL: [u8; 3] = [0x0f, 0x05, 0xcc];
/// Bytes of memory for what arguments point to.
const ROOM: usize = 256 * 1024;

/// A call that takes longer waits for something.
const LONG: Duration = Duration::from_secs(2);

/// Looks, and does not wait.
const ANY: WaitPidFlag = WaitPidFlag::__WALL.union(WaitPidFlag::WNOHANG);

/// Whether the filter of its system calls holds meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seccomp {
    Holds,
    /// As if a fault of the kernel let it be got round.
    Suspended,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It waits for something; it was interrupted.
    Blocked,
    /// It was killed.
    Killed(Signal),
    /// It was refused.
    Refused(Errno),
    Returned(i64),
}

/// A process in our hands. Use it on the thread that took it.
pub struct Puppet {
    pid: Pid,
    memory: File,
    before: user_regs_struct,
    instructions: [u8; CALL.len()],
    room: u64,
    dead: bool,
}

impl Puppet {
    /// Takes a process of one thread.
    pub fn take(pid: i32, seccomp: Seccomp) -> Self {
        let pid = Pid::from_raw(pid);
        let options = match seccomp {
            Seccomp::Holds => 0,
            Seccomp::Suspended => SUSPEND_SECCOMP,
        };
        trace(libc::PTRACE_SEIZE, pid, 0, options).expect("tests run as root");
        let mut puppet = Self {
            pid,
            memory: OpenOptions::new()
                .read(true)
                .write(true)
                .open(format!("/proc/{pid}/mem"))
                .expect("it lives"),
            // SAFETY: the registers are numbers, for which zeroes are as good as any.
            #[expect(unsafe_code, reason = "the type has no other default")]
            before: unsafe { std::mem::zeroed() },
            instructions: [0; _],
            room: 0,
            dead: false,
        };
        trace(libc::PTRACE_INTERRUPT, pid, 0, 0).expect("it is ours");
        waitpid(pid, Some(WaitPidFlag::__WALL)).expect("it stops");
        puppet.before = puppet.registers();
        let at = puppet.before.rip;
        puppet.memory.read_exact_at(&mut puppet.instructions, at).expect("code is there");
        let own = i64::from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let both = i64::from(libc::PROT_READ | libc::PROT_WRITE);
        let size = i64::try_from(ROOM).expect("it is small");
        match puppet.call(libc::SYS_mmap, [0, size, both, own, -1, 0]) {
            Came::Returned(room) => puppet.room = room.cast_unsigned(),
            other => panic!("no memory: {other:?}"),
        }
        puppet
    }

    /// Puts bytes into its memory, and says where.
    pub fn put(&self, offset: u16, bytes: &[u8]) -> i64 {
        let at = self.room + u64::from(offset);
        self.memory.write_all_at(bytes, at).expect("there is room");
        at.cast_signed()
    }

    /// Makes it call.
    pub fn call(&mut self, number: c_long, arguments: [i64; 6]) -> Came {
        assert!(!self.dead, "it was killed");
        let [rdi, rsi, rdx, r10, r8, r9] = arguments.map(i64::cast_unsigned);
        let rip = self.before.rip;
        let rax = number.cast_unsigned();
        // None: a call that was interrupted is not begun again.
        let orig_rax = u64::MAX;
        let call =
            user_regs_struct { rax, rdi, rsi, rdx, r10, r8, r9, rip, orig_rax, ..self.before };
        self.memory.write_all_at(&CALL, rip).expect("it is ours");
        self.set_registers(call);
        trace(libc::PTRACE_CONT, self.pid, 0, 0).expect("it is ours");
        let came = self.wait();
        if !self.dead {
            self.memory.write_all_at(&self.instructions, rip).expect("it is ours");
        }
        came
    }

    /// Waits for its end, which somebody else brings about while it does nothing.
    pub fn ended(mut self) -> Came {
        let came = wait_for(|| match waitpid(self.pid, Some(ANY)).expect("it is ours") {
            WaitStatus::Signaled(_, signal, _) => Some(Came::Killed(signal)),
            _ => None,
        });
        self.dead = came.is_some();
        came.expect("somebody ends it")
    }

    fn wait(&mut self) -> Came {
        let until = Instant::now() + LONG;
        let status = loop {
            match waitpid(self.pid, Some(ANY)).expect("it is ours") {
                WaitStatus::StillAlive if Instant::now() > until => break None,
                WaitStatus::StillAlive => std::thread::yield_now(),
                status => break Some(status),
            }
        };
        match status {
            Some(WaitStatus::Signaled(_, signal, _)) => {
                self.dead = true;
                Came::Killed(signal)
            }
            Some(WaitStatus::Exited(..)) => {
                self.dead = true;
                Came::Returned(0)
            }
            Some(_) => {
                let value = self.registers().rax.cast_signed();
                match i32::try_from(value) {
                    Ok(error @ -4095..0) => Came::Refused(Errno::from_raw(-error)),
                    _ => Came::Returned(value),
                }
            }
            None => {
                trace(libc::PTRACE_INTERRUPT, self.pid, 0, 0).expect("it is ours");
                waitpid(self.pid, Some(WaitPidFlag::__WALL)).expect("it stops");
                Came::Blocked
            }
        }
    }

    fn registers(&self) -> user_regs_struct {
        let mut registers = self.before;
        let to = (&raw mut registers).expose_provenance();
        trace(libc::PTRACE_GETREGS, self.pid, 0, to).expect("it is stopped");
        registers
    }

    fn set_registers(&self, registers: user_regs_struct) {
        let from = (&raw const registers).expose_provenance();
        trace(libc::PTRACE_SETREGS, self.pid, 0, from).expect("it is stopped");
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        if !self.dead {
            // It may have been killed by somebody else.
            let from = (&raw const self.before).expose_provenance();
            trace(libc::PTRACE_SETREGS, self.pid, 0, from).unwrap_or_default();
            trace(libc::PTRACE_DETACH, self.pid, 0, 0).unwrap_or_default();
        }
    }
}

fn trace(request: c_uint, pid: Pid, address: usize, data: usize) -> nix::Result<c_long> {
    let [address, data] = [address, data].map(with_exposed_provenance_mut::<c_void>);
    #[expect(unsafe_code, reason = "the debugger's call takes addresses")]
    // SAFETY: of the requests made here, those that read or write our memory do so at `data`, which
    // is then a whole set of registers that outlives the call.
    let code = unsafe { libc::ptrace(request, pid.as_raw(), address, data) };
    Errno::result(code)
}
