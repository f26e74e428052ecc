//! The network stack of the namespace that the calling thread is in: its settings, its loopback,
//! and the one link that is put into it.
//!
//! Blocking, and made for threads that do nothing else: one socket, one message each, one answer
//! each.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use rtnetlink::{AddressMessageBuilder, LinkUnspec, RouteMessageBuilder};

/// Longest answer of the kernel to one request.
const ANSWER: usize = 8 * 1024;

/// What can go wrong with a stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The link is not in this namespace.
    #[error("there is no link `{0}` in the namespace")]
    NoLink(String),
    /// The kernel refuses.
    #[error("cannot {doing}")]
    Refused {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A setting cannot be made.
    #[error("cannot write `{value}` to `{path}`")]
    Setting {
        /// Which.
        path: PathBuf,
        /// To what.
        value: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The netlink socket fails.
    #[error("cannot {doing}: the netlink socket fails")]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The result of working with a stack.
pub type Result<T> = std::result::Result<T, StackError>;

/// The stack of one namespace.
pub struct Stack {
    socket: Socket,
    sequence: u32,
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack").finish_non_exhaustive()
    }
}

impl Stack {
    /// The stack of the namespace of this thread.
    ///
    /// # Errors
    ///
    /// [`StackError::Socket`] when there is no socket to be had.
    pub fn open() -> Result<Self> {
        let failed = |source| StackError::Socket { doing: "open the stack", source };
        let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
        socket.bind_auto().map_err(failed)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// Sets the link `name` up.
    ///
    /// # Errors
    ///
    /// [`StackError`] when it is not there or the kernel refuses.
    pub fn bring_up(&mut self, name: &str) -> Result<()> {
        let link = LinkUnspec::new_with_index(index(name)?).up().build();
        self.request("set the link up", RouteNetlinkMessage::SetLink(link), 0)
    }

    /// Gives the link `name` an address that is known to be free, so that it can be used at once.
    ///
    /// # Errors
    ///
    /// [`StackError`] when the link is not there or the kernel refuses.
    pub fn add_address(&mut self, name: &str, ip: IpAddr, prefix: u8) -> Result<()> {
        let index = index(name)?;
        let message = match ip {
            IpAddr::V4(ip) => {
                AddressMessageBuilder::<Ipv4Addr>::new().index(index).address(ip, prefix).build()
            }
            IpAddr::V6(ip) => {
                let mut message = AddressMessageBuilder::<std::net::Ipv6Addr>::new()
                    .index(index)
                    .address(ip, prefix)
                    .build();
                message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
                message
            }
        };
        self.request(
            "add an address",
            RouteNetlinkMessage::NewAddress(message),
            NLM_F_CREATE | NLM_F_EXCL,
        )
    }

    /// Sends what is for elsewhere to `gateway`.
    ///
    /// # Errors
    ///
    /// [`StackError`] when it is not on a network of this namespace.
    pub fn add_default_route(&mut self, gateway: Ipv4Addr) -> Result<()> {
        let route = RouteMessageBuilder::<Ipv4Addr>::new().gateway(gateway).build();
        self.request(
            "add a default route",
            RouteNetlinkMessage::NewRoute(route),
            NLM_F_CREATE | NLM_F_EXCL,
        )
    }

    fn request(
        &mut self,
        doing: &'static str,
        body: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<()> {
        let failed = |source| StackError::Socket { doing, source };
        let mut message = NetlinkMessage::from(body);
        self.sequence = self.sequence.wrapping_add(1);
        message.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).map_err(failed)?;
        let mut answer = Vec::with_capacity(ANSWER);
        self.socket.recv(&mut answer, 0).map_err(failed)?;
        let parsed = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)
            .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        match parsed.payload {
            NetlinkPayload::Error(error) if error.raw_code() != 0 => {
                let source = Errno::from_raw(error.raw_code().saturating_neg());
                Err(StackError::Refused { doing, source })
            }
            _ => Ok(()),
        }
    }
}

fn index(name: &str) -> Result<u32> {
    if_nametoindex(name).or(Err(StackError::NoLink(name.to_owned())))
}

/// Makes a setting of this thread's network namespace: `name` is a path below `/proc/sys/net`.
///
/// # Errors
///
/// [`StackError::Setting`] when the kernel has no such setting or refuses the value.
pub fn set(name: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys/net").join(name);
    std::fs::write(&path, value).map_err(|source| StackError::Setting {
        path,
        value: value.to_owned(),
        source,
    })
}

/// Whether the kernel has IPv6.
pub fn has_ipv6() -> bool {
    Path::new("/proc/sys/net/ipv6").is_dir()
}
