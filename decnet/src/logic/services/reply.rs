//! What a service answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::logic::event::{Creds, Data, Kind, MAX_TEXT, Outcome, Raw, text};

/// What a service wants done after a call.
#[derive(Debug, Default)]
pub struct Reply {
    /// Bytes to send, in order.
    pub bytes: Vec<u8>,
    /// What the visitor did.
    pub reports: Vec<Report>,
    /// What the visitor sends that is to be kept whole, of which a report tells when it has ended.
    pub pieces: Vec<Piece>,
    /// Send the bytes, read nothing for this long, then call `wake`.
    pub wait: Option<Duration>,
    /// Send the bytes, read nothing, and call `wake` when it is this visitor's turn to have
    /// something calculated. `wake` then does a piece of some milliseconds at most.
    pub calculate: bool,
    /// Send the bytes, then close.
    pub close: bool,
    /// Close with a reset, as the kernel does for a daemon that leaves bytes unread.
    pub reset: bool,
    /// The same for the data connection beside this one.
    pub data: DataReply,
}

/// What a service wants done with its data connection, of which it has at most one.
#[derive(Debug, Default)]
pub struct DataReply {
    /// Whether one is waited for.
    pub listen: Listen,
    /// Bytes to send over it, in order.
    pub bytes: Vec<u8>,
    /// Send the bytes, then close it, or close what was waited for.
    pub close: bool,
}

/// How a data connection ends that the service has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataEnd {
    /// The visitor has sent its last byte, and may still be sent some.
    Finished,
    /// It is gone.
    Lost,
}

/// Whether a data connection is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// As before.
    #[default]
    Keep,
    /// From now on, at a port that [`Service::data_port`](super::Service::data_port) is told. What
    /// there was before ends.
    Start,
}

impl Reply {
    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(bytes.as_ref());
    }

    /// Reports what the visitor did.
    pub fn report(&mut self, report: Report) {
        self.reports.push(report);
    }
}

/// Bytes that are to be kept whole, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What they are a piece of: a number that nothing else of this decky has.
    pub of: u32,
    /// They; none when what has come of it is to be forgotten, for it will not be whole.
    pub bytes: Option<Vec<u8>>,
}

/// Something a visitor did in a connection. Whoever runs the service adds who, where and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it was.
    pub kind: Kind,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What was tried as a login.
    pub creds: Option<Creds>,
    /// What else is known.
    pub data: Data,
    /// The bytes themselves.
    pub raw: Option<Raw>,
    /// Of what all [`Piece`]s together are all of these bytes.
    pub whole: Option<u32>,
}

impl Report {
    /// A report without particulars.
    pub fn new(kind: Kind) -> Self {
        Self { kind, outcome: None, creds: None, data: Data::new(), raw: None, whole: None }
    }

    /// A command, as text as far as an event has room for it. Of a longer one it has the bytes too.
    pub fn command(bytes: &[u8]) -> Self {
        let report = Self::new(Kind::CmdInput).data(Data::new().with("command", text(bytes)));
        if bytes.len() <= MAX_TEXT { report } else { report.raw(Raw::of(bytes)) }
    }

    /// A login with a password.
    pub fn login(user: String, password: String, outcome: Outcome) -> Self {
        let creds = Creds { user: Some(user), password: Some(password), key: None };
        Self { outcome: Some(outcome), creds: Some(creds), ..Self::new(Kind::AuthAttempt) }
    }

    /// The same with how it ended.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..self }
    }

    /// The same with what else is known.
    #[must_use]
    pub fn data(self, data: Data) -> Self {
        Self { data, ..self }
    }

    /// The same with the bytes.
    #[must_use]
    pub fn raw(self, raw: Raw) -> Self {
        Self { raw: Some(raw), ..self }
    }
}
