//! What a command is refused with, in the server's words.

use std::borrow::Cow;

/// An error as it goes over the wire, without the `-` before and the line end behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Error(pub(super) Cow<'static, str>);

/// What a command comes to.
pub(super) type Done = Result<(), Error>;

/// A key holds another type of value.
pub(super) const WRONG_TYPE: Error =
    Error(Cow::Borrowed("WRONGTYPE Operation against a key holding the wrong kind of value"));
/// A text is no whole number.
pub(super) const NOT_INTEGER: Error =
    Error(Cow::Borrowed("ERR value is not an integer or out of range"));
/// A text is no number.
pub(super) const NOT_FLOAT: Error = Error(Cow::Borrowed("ERR value is not a valid float"));
/// A number must not be negative.
pub(super) const NOT_POSITIVE: Error =
    Error(Cow::Borrowed("ERR value is out of range, must be positive"));
/// Words stand where none of them belongs.
pub(super) const SYNTAX: Error = Error(Cow::Borrowed("ERR syntax error"));
/// There is no room.
pub(super) const NO_ROOM: Error =
    Error(Cow::Borrowed("OOM command not allowed when used memory > 'maxmemory'."));
/// A key that must be there is not.
pub(super) const NO_KEY: Error = Error(Cow::Borrowed("ERR no such key"));
/// There are 16 databases.
pub(super) const NO_DATABASE: Error = Error(Cow::Borrowed("ERR DB index is out of range"));
/// A string longer than any may be.
pub(super) const TOO_LONG: Error =
    Error(Cow::Borrowed("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));

/// An error of one's own words.
pub(super) fn error(text: impl Into<Cow<'static, str>>) -> Error {
    Error(text.into())
}

/// The number of words does not fit.
pub(super) fn wrong_number(command: &str) -> Error {
    error(format!("ERR wrong number of arguments for '{command}' command"))
}
