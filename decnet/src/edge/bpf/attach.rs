//! Where the capture programs stand on the parent NIC.

use std::os::fd::AsFd as _;

use aya::programs::links::Link as _;
use aya::programs::tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle};
use aya::programs::{ProgramError, TcAttachType};
use aya::util::KernelVersion;
use decnet_ebpf::program;
use nix::net::if_::if_nametoindex;

use super::link::{self, Place};
use super::{BpfError, Programs, Result};

/// First kernel with tcx.
const TCX: KernelVersion = KernelVersion::new(6, 6, 0);
/// Priority and handle of our filters where there is no tcx, so that those of an agent that was
/// killed are found again, and nobody else's are touched.
const PRIORITY: u16 = 0xdec;
const HANDLE: TcHandle = TcHandle::new(0, 1);

const SIDES: [(&str, TcAttachType); 2] =
    [(program::INGRESS, TcAttachType::Ingress), (program::EGRESS, TcAttachType::Egress)];

/// What the programs hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A filter of the queueing discipline `clsact`, which outlives whoever put it there.
    Clsact,
    /// A link of the kernel's own, which needs no queueing discipline and ends with its file
    /// descriptor.
    Tcx,
}

impl Hook {
    /// The best that this kernel has.
    pub fn of_kernel() -> Self {
        let tcx = KernelVersion::current().is_ok_and(|kernel| kernel >= TCX);
        if tcx { Self::Tcx } else { Self::Clsact }
    }
}

impl Programs {
    /// Attaches the capture to `interface`, a link of the network namespace of this thread. It
    /// ends with this value; with [`Hook::Tcx`] with the last descriptor of [`Programs::guard`].
    ///
    /// # Errors
    ///
    /// [`BpfError::Attach`] when there is no such link, or CAP_NET_ADMIN is missing.
    pub fn attach(&mut self, interface: &str, hook: Hook) -> Result<()> {
        if hook == Hook::Clsact {
            // It may be there already, which is as good; attaching says so if it is not.
            drop(tc::qdisc_add_clsact(interface));
            detach_left(interface);
        }
        let failed = |source| BpfError::Attach { interface: interface.to_owned(), source };
        let other = |error: ProgramError| failed(std::io::Error::other(error));
        for (name, side) in SIDES {
            let program = self.classifier(name)?;
            if hook == Hook::Clsact {
                let options = TcAttachOptions::Netlink(NlOptions {
                    priority: PRIORITY,
                    handle: HANDLE,
                    ..NlOptions::default()
                });
                program.attach_with_options(interface, side, options).map_err(other)?;
                continue;
            }
            let index = if_nametoindex(interface).map_err(|errno| failed(errno.into()))?;
            let place = match side {
                TcAttachType::Egress => Place::Egress(index),
                _ => Place::Ingress(index),
            };
            let program = program.fd().map_err(other)?;
            let link = link::attach_at(program.as_fd(), place).map_err(failed)?;
            self.links.push(link);
        }
        Ok(())
    }
}

/// Takes away what an agent that was killed has left on `interface` with [`Hook::Clsact`].
pub fn detach_left(interface: &str) {
    for (_, side) in SIDES {
        // That there is nothing is as good.
        if let Ok(link) = SchedClassifierLink::attached(interface, side, PRIORITY, HANDLE, None) {
            drop(link.detach());
        }
    }
}
