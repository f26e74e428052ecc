//! Why a connection ends before its time.

use super::ident::Unread;
use super::wire::Malformed;

/// The end of a connection, as a visitor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Said aloud, as a disconnect message.
    Disconnect(String),
    /// In silence.
    Drop,
    /// Said in plain text, for there are no packets yet; nothing is said when it is empty.
    Line(&'static str, Unread),
    /// In silence as well, over a packet of so many bytes, which nobody takes.
    TooLong(usize),
}

impl From<Malformed> for Fault {
    /// OpenSSH ends a connection without a word over a message that it cannot parse.
    fn from(_: Malformed) -> Self {
        Self::Drop
    }
}
