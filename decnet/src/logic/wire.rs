//! What the processes of a node say to one another.
//!
//! Three processes: the agent holds the capabilities, the keeper the namespaces, the face talks to
//! visitors. Each message is one packet of a `SOCK_SEQPACKET` socket, encoded with postcard, and
//! may carry file descriptors. What comes from the face is an attacker's if the face is taken
//! over: it is bounded, flat, and names a decky by number only.
//!
//! ```text
//! agent  -> keeper  Make          keeper -> agent  Made     + one namespace each
//! agent  -> keeper  Linked        keeper -> agent  Up + its sockets | Failed
//! agent  -> keeper  Adopt + namespace, sockets     Up + its sockets
//! agent  -> keeper  Drop          keeper -> agent  Gone
//! agent  -> keeper  EndFace       keeper -> agent  FaceReplaced
//! keeper -> face    Hold + guard, Add + sockets, Remove
//! face   -> agent  Reported, Changed, Joined, Piece
//! agent  -> face   Restore, RestoreMore, Restored
//! ```

use std::net::SocketAddr;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::logic::decky::{Decky, DeckyId, Identity};
use crate::logic::event::SessionId;
use crate::logic::face::FaceEnd;
use crate::logic::files::Change;
use crate::logic::services::{Report, ServiceKind, ServiceSpec};
use crate::logic::source::Source;
use crate::logic::time::Timestamp;

/// Longest message, in bytes.
pub const MAX_MESSAGE: usize = 128 * 1024;
/// Most file descriptors in one message (the kernel's `SCM_MAX_FD` is 253).
pub const MAX_FDS: usize = 200;

/// From the agent to the keeper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToKeeper {
    /// The decky answers already: its namespace and its sockets come as file descriptors.
    Adopt(Box<Adopted>),
    /// Take the decky away with its namespace.
    Drop(Vec<DeckyId>),
    /// End the face of this number, which has said what no face says, and start another.
    EndFace(u32),
    /// The macvlan is in the namespace: address it, and bind the services.
    Linked(Vec<DeckyId>),
    /// Make a namespace for the decky.
    Make(Vec<(DeckyId, Placed)>),
}

/// A decky that was made by another keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// Its number.
    pub id: DeckyId,
    /// What it was made as.
    pub placed: Placed,
    /// Which socket belongs to what, in the order of the file descriptors after the namespace's.
    pub sockets: Vec<Socket>,
}

/// A decky and where its network is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The decky.
    pub decky: Decky,
    /// Length of the IPv4 prefix.
    pub prefix: u8,
    /// Length of the IPv6 prefix.
    pub prefix6: u8,
    /// Router for visitors from elsewhere.
    pub gateway: Option<std::net::Ipv4Addr>,
}

/// From the keeper to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromKeeper {
    /// The face has ended, in this way, and a new one serves.
    FaceReplaced(FaceEnd),
    /// The decky cannot be had.
    Failed(DeckyId, String),
    /// The decky is gone.
    Gone(DeckyId),
    /// Their namespaces are there: the kernel's number of each, and one file descriptor each.
    Made(Vec<(DeckyId, u64)>),
    /// The sockets of the decky had been made to refuse, and accept again: as [`FromKeeper::Up`].
    Revived(DeckyId, Vec<Socket>),
    /// The decky answers; what its sockets are for, which come as file descriptors.
    Up(DeckyId, Vec<Socket>),
}

/// From the keeper to the face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToFace {
    /// Serve this decky: one file descriptor for each socket.
    Add(Box<Served>),
    /// Hold these file descriptors as long as you live: the first message.
    Hold,
    /// Serve it no more.
    Remove(DeckyId),
}

/// A decky for the face to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Its number.
    pub id: DeckyId,
    /// Who it is.
    pub identity: Identity,
    /// What it offers.
    pub services: Vec<ServiceSpec>,
    /// Which socket belongs to what, in the order of the file descriptors.
    pub sockets: Vec<Socket>,
}

/// What a bound socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Socket {
    /// Data connections to this port, when a service waits for one: it is bound and refuses until
    /// the face listens.
    Passive(u16),
    /// Connections to, or datagrams for, the service of this index.
    Service(u8),
}

/// From the agent to the face: files that visitors changed before, each message several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromAgent {
    /// One of them.
    Restore(DeckyId, Box<Change>),
    /// The next bytes of a file that was too large to come with its change.
    RestoreMore(DeckyId, String, Vec<u8>),
    /// That was all: visitors may come.
    Restored(DeckyId),
}

/// The connection that pieces of deckies' files are said to come over, which are nobody's.
pub const FILES: SessionId = SessionId(u64::MAX);

/// From the face to the agent: what visitors did, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromFace {
    /// Visitors have changed a file of a decky; of what its content is all pieces, if it came so.
    Changed(DeckyId, Box<Change>, Option<u32>),
    /// A data connection was made.
    Joined(Joined),
    /// A visitor has sent a piece of what is kept whole.
    Piece(Sent),
    /// Something happened in a connection.
    Reported(Box<Reported>),
}

/// A piece of what a visitor sends: what it is a piece of follows from both numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// In which connection.
    pub session: SessionId,
    /// Of what in it.
    pub of: u32,
    /// Of whom, as shares are counted.
    pub source: Source,
    /// The bytes, in order; none when the pieces before it are to be forgotten.
    pub bytes: Option<Vec<u8>>,
}

impl Sent {
    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.bytes.as_ref().map_or(0, Vec::len)
    }
}

/// A data connection: it is told about where it is used, and is no scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Whose visitor.
    pub decky: DeckyId,
    /// The visitor.
    pub peer: std::net::IpAddr,
    /// The decky's port.
    pub port: u16,
}

/// A report with who, where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reported {
    /// Whose visitor.
    pub decky: DeckyId,
    /// When.
    pub at: Timestamp,
    /// Of which service.
    pub service: ServiceKind,
    /// In which connection.
    pub session: SessionId,
    /// The visitor's end.
    pub peer: SocketAddr,
    /// The decky's end.
    pub local: SocketAddr,
    /// What.
    pub report: Report,
}

/// Why a message cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is not of this protocol.
    #[error("malformed message")]
    Malformed(#[source] postcard::Error),
    /// It is longer than [`MAX_MESSAGE`].
    #[error("message of {0} bytes is too long")]
    TooLong(usize),
}

/// Encodes a message.
///
/// # Errors
///
/// [`WireError`] when it cannot be written or is too long.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    let bytes = postcard::to_allocvec(message).map_err(WireError::Malformed)?;
    if bytes.len() > MAX_MESSAGE { Err(WireError::TooLong(bytes.len())) } else { Ok(bytes) }
}

/// Decodes a message that holds several, one after another, and calls `take` with each.
///
/// # Errors
///
/// [`WireError::Malformed`] at the first that is none.
pub fn decode_each<T: DeserializeOwned>(
    mut bytes: &[u8],
    mut take: impl FnMut(T),
) -> Result<(), WireError> {
    while !bytes.is_empty() {
        let (message, rest) = postcard::take_from_bytes(bytes).map_err(WireError::Malformed)?;
        take(message);
        bytes = rest;
    }
    Ok(())
}

/// Decodes a message.
///
/// # Errors
///
/// [`WireError::Malformed`] when it is none.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    postcard::from_bytes(bytes).map_err(WireError::Malformed)
}
