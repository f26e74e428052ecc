//! Attaches a program to a network namespace or to a network link.
//!
//! aya does it too, but keeps the descriptor to itself: it could not outlive this process.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};

use nix::libc;

/// `BPF_LINK_CREATE` of include/uapi/linux/bpf.h.
const LINK_CREATE: libc::c_long = 28;
/// `BPF_F_BEFORE`: without naming another program, before all.
const FIRST: u32 = 1 << 3;

/// Where a program is attached: the numbers are `enum bpf_attach_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// What leaves by the network link of this number.
    Egress(u32),
    /// What arrives at the network link of this number.
    Ingress(u32),
}

impl Place {
    fn attributes(self, program: RawFd) -> LinkCreate {
        let (target, attach_type) = match self {
            Self::Ingress(index) => (index, 46),
            Self::Egress(index) => (index, 47),
        };
        LinkCreate { program, target, attach_type, flags: FIRST, before: [0; 2], revision: 0 }
    }
}

/// `BPF_SK_LOOKUP`.
const SK_LOOKUP: u32 = 36;

/// The part of `union bpf_attr` that BPF_LINK_CREATE reads; what is left out is zero.
#[repr(C)]
struct LinkCreate {
    program: RawFd,
    target: u32,
    attach_type: u32,
    flags: u32,
    /// Of the two for network links: the program before or after which it comes (and what
    /// aligns the next), and the revision of what is attached there.
    before: [u32; 2],
    revision: u64,
}

/// A link of `program` to `namespace`, which lasts as long as its descriptor is open somewhere.
pub(super) fn attach(program: BorrowedFd<'_>, namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    create(&LinkCreate {
        program: program.as_raw_fd(),
        target: namespace.as_raw_fd().cast_unsigned(),
        attach_type: SK_LOOKUP,
        flags: 0,
        before: [0; 2],
        revision: 0,
    })
}

/// A link of `program` to a network link of this thread's namespace, before all others; it lasts as
/// long as its descriptor is open somewhere.
pub(super) fn attach_at(program: BorrowedFd<'_>, place: Place) -> io::Result<OwnedFd> {
    create(&place.attributes(program.as_raw_fd()))
}

fn create(attributes: &LinkCreate) -> io::Result<OwnedFd> {
    let length = size_of_val(attributes);
    let attributes: *const LinkCreate = attributes;
    #[expect(unsafe_code, reason = "nix does not have this call")]
    // SAFETY: the kernel reads `length` bytes of `attributes`, which has as many and outlives the
    // call, and writes nothing.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, LINK_CREATE, attributes, length) };
    match RawFd::try_from(fd) {
        Ok(fd @ 0..) => Ok(owned(fd)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes a descriptor that the kernel has just opened.
#[expect(unsafe_code, reason = "the one way to own a descriptor that a call returns")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: `create` has just got it from the kernel, close-on-exec, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
