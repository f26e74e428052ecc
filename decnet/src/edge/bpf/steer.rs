//! Attaches the socket look-up to a network namespace.
//!
//! aya does it too, but keeps the descriptor to itself: it could not outlive this process.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use nix::libc;

/// `BPF_LINK_CREATE` and `BPF_SK_LOOKUP` of include/uapi/linux/bpf.h.
const LINK_CREATE: libc::c_long = 28;
const SK_LOOKUP: u32 = 36;

/// The part of `union bpf_attr` that BPF_LINK_CREATE reads; what is left out is zero.
#[repr(C)]
struct LinkCreate {
    program: RawFd,
    target: RawFd,
    attach_type: u32,
    flags: u32,
}

/// A link of `program` to `namespace`, which lasts as long as its descriptor is open somewhere.
pub(super) fn attach(program: BorrowedFd<'_>, namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = LinkCreate {
        program: program.as_raw_fd(),
        target: namespace.as_raw_fd(),
        attach_type: SK_LOOKUP,
        flags: 0,
    };
    let length = size_of_val(&attributes);
    #[expect(unsafe_code, reason = "nix does not have this call")]
    // SAFETY: the kernel reads `length` bytes of `attributes`, which has as many and outlives the
    // call, and writes nothing.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, LINK_CREATE, &raw const attributes, length) };
    match RawFd::try_from(fd) {
        Ok(fd @ 0..) => Ok(owned(fd)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes a descriptor that the kernel has just opened.
#[expect(unsafe_code, reason = "the one way to own a descriptor that a call returns")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: `attach` has just got it from the kernel, close-on-exec, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
