//! Which server it plays, and how that server reads a head.

use super::head::{Extent, Fault, FieldSpan};
use super::{apache, nginx, plain};

/// A server with habits of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavor {
    /// Apache httpd 2.4.
    Apache,
    /// Microsoft IIS 10 behind `http.sys`.
    Iis,
    /// lighttpd 1.4.
    Lighttpd,
    /// nginx.
    Nginx,
    /// A small server in a device.
    Plain,
}

impl Flavor {
    /// The server that has this `Server` header.
    pub(super) fn of(server: &str) -> Self {
        let known = [
            ("Apache", Self::Apache),
            ("Microsoft-IIS", Self::Iis),
            ("lighttpd", Self::Lighttpd),
            ("nginx", Self::Nginx),
        ];
        let found = known.into_iter().find(|(name, _)| server.starts_with(name));
        found.map_or(Self::Plain, |(_, flavor)| flavor)
    }

    /// Whether a line before the request line is passed over.
    pub(super) fn is_blank(self, line: &[u8]) -> bool {
        match self {
            Self::Apache => line == b"\r\n",
            Self::Nginx => !line.is_empty() && line.iter().all(|c| matches!(c, b'\r' | b'\n')),
            _ => matches!(line, b"\r\n" | b"\n"),
        }
    }

    /// How many such lines.
    pub(super) fn most_blank_lines(self) -> usize {
        match self {
            Self::Apache => apache::MAX_FIELDS,
            Self::Nginx => usize::MAX,
            _ => 1,
        }
    }

    /// Whether this line, its line feed included, ends the head.
    pub(super) fn ends_head(self, line: &[u8]) -> bool {
        match self {
            Self::Apache => line == b"\r\n",
            _ => matches!(line, b"\r\n" | b"\n"),
        }
    }

    /// How many header fields it takes.
    pub(super) fn most_fields(self) -> usize {
        match self {
            Self::Apache => apache::MAX_FIELDS,
            _ => super::head::MAX_FIELDS,
        }
    }

    /// How many requests it answers in one connection.
    pub(super) fn most_requests(self) -> u32 {
        match self {
            Self::Apache => 101,
            Self::Nginx => 1000,
            Self::Iis => 10_000,
            Self::Lighttpd | Self::Plain => 100,
        }
    }

    /// Whether a header line of which this much is known has a place.
    pub(super) fn field_fits(
        self,
        line: &[u8],
        extent: Extent,
        room: &mut nginx::Room,
    ) -> Result<(), Fault> {
        let fits = match self {
            Self::Apache => line.len() <= apache::MAX_LINE + 2,
            Self::Nginx => room.takes(line.len(), extent),
            _ => line.len() <= plain::MAX_LINE,
        };
        if fits { Ok(()) } else { Err(Fault::FieldLong) }
    }

    /// What it says of a field the moment it has come, `before` being the fields that came first.
    pub(super) fn heed(
        self,
        bytes: &[u8],
        before: &[FieldSpan],
        field: &FieldSpan,
    ) -> Result<(), Fault> {
        if self == Self::Nginx { nginx::heed(bytes, before, field) } else { Ok(()) }
    }
}
