//! What becomes of a connection, and why it ended.

use std::time::Instant;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Reason {
    Bytes,
    Fault,
    Idle,
    Memory,
    Place,
    Removed,
    Reset,
    Service,
    Time,
    Visitor,
}

impl Reason {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Fault => "fault",
            Self::Idle => "idle",
            Self::Memory => "memory",
            Self::Place => "place",
            Self::Removed => "removed",
            Self::Reset => "reset",
            Self::Service => "service",
            Self::Time => "time",
            Self::Visitor => "visitor",
        }
    }
}

/// What is to become of a connection after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum After {
    /// It waits for its turn to calculate.
    Calculate,
    /// It is over.
    Close(Reason),
    /// It has more to read, and wants another turn.
    More,
    /// It waits until then.
    Sleep(Instant),
    /// It waits for its socket.
    Wait,
}
