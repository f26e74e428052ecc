//! Where the capture programs stand on the parent NIC.

use aya::programs::links::Link as _;
use aya::programs::tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcHandle};
use aya::programs::{LinkOrder, TcAttachType};
use aya::util::KernelVersion;
use decnet_ebpf::program;

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
    /// ends with this value; with [`Hook::Tcx`] also with the process.
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
        for (name, side) in SIDES {
            let options = match hook {
                Hook::Tcx => TcAttachOptions::TcxOrder(LinkOrder::first()),
                Hook::Clsact => TcAttachOptions::Netlink(NlOptions {
                    priority: PRIORITY,
                    handle: HANDLE,
                    ..NlOptions::default()
                }),
            };
            self.classifier(name)?
                .attach_with_options(interface, side, options)
                .map_err(|source| BpfError::Attach { interface: interface.to_owned(), source })?;
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
