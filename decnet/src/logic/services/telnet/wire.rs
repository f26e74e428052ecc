//! Telnet's bytes taken apart (RFC 854, RFC 855).

/// Interpret as command.
pub(super) const IAC: u8 = 255;
pub(super) const DONT: u8 = 254;
pub(super) const DO: u8 = 253;
pub(super) const WONT: u8 = 252;
pub(super) const WILL: u8 = 251;
pub(super) const SB: u8 = 250;
pub(super) const SE: u8 = 240;

/// Longest subnegotiation that is kept; the rest of a longer one is dropped.
const MAX_SUB: usize = 512;

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A byte of the terminal.
    Byte(u8),
    /// A command without an option.
    Command(u8),
    /// WILL, WONT, DO or DONT, and the option.
    Option(u8, u8),
    /// A subnegotiation: the option, and what is said about it.
    Sub(u8, Vec<u8>),
}

/// Where in a command we are.
#[derive(Debug, Default)]
pub(super) struct Wire {
    state: State,
    sub: Vec<u8>,
    /// Whether the last byte of the terminal was a `\r`.
    returned: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Data,
    Command,
    Option(u8),
    Sub,
    SubCommand,
}

impl Wire {
    /// What this byte completes.
    pub(super) fn take(&mut self, byte: u8) -> Option<Event> {
        // The end of a line is `\r\n` on this wire, and a `\r` alone is `\r\0`: both are one key.
        let returned = std::mem::take(&mut self.returned);
        if returned && matches!((self.state, byte), (State::Data, b'\n' | 0)) {
            return None;
        }
        self.returned = matches!((self.state, byte), (State::Data, b'\r'));
        let (state, event) = match (self.state, byte) {
            (State::Data, IAC) => (State::Command, None),
            (State::Data, byte) | (State::Command, byte @ IAC) => {
                (State::Data, Some(Event::Byte(byte)))
            }
            (State::Command, WILL..=DONT) => (State::Option(byte), None),
            (State::Command, SB) => {
                self.sub.clear();
                (State::Sub, None)
            }
            (State::Command, byte) => (State::Data, Some(Event::Command(byte))),
            (State::Option(verb), byte) => (State::Data, Some(Event::Option(verb, byte))),
            (State::Sub, IAC) => (State::SubCommand, None),
            (State::Sub, byte) | (State::SubCommand, byte @ IAC) => {
                if self.sub.len() < MAX_SUB {
                    self.sub.push(byte);
                }
                (State::Sub, None)
            }
            (State::SubCommand, SE) => (State::Data, self.finish()),
            // A command where the end should be: the subnegotiation is given up.
            (State::SubCommand, _) => (State::Data, None),
        };
        self.state = state;
        event
    }

    fn finish(&mut self) -> Option<Event> {
        let sub = std::mem::take(&mut self.sub);
        let (option, said) = sub.split_first()?;
        Some(Event::Sub(*option, said.to_vec()))
    }
}
