//! The haggling over options before the login, as each system's server does it.
//!
//! Linux's was watched at inetutils-telnetd 2.4: it offers seven options and waits for five
//! answers, asks for the values of what the client has, offers six more, waits for the answer
//! about ECHO, and only then shows its banner. Debian's client offers seven options of its own
//! before it is asked, as soon as the port is 23: what it offers is taken then and not asked for
//! again, and its line mode is ended at the last.

use super::wire::{DO, DONT, Event, IAC, SB, SE, WILL, WONT};
use crate::logic::event::text;
use crate::logic::persona::{Family, Persona};

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const SGA: u8 = 3;
const STATUS: u8 = 5;
const TIMING: u8 = 6;
const TTYPE: u8 = 24;
const NAWS: u8 = 31;
const TSPEED: u8 = 32;
const FLOW: u8 = 33;
const LINEMODE: u8 = 34;
const DISPLAY: u8 = 35;
const OLD_ENVIRON: u8 = 36;
const AUTHENTICATION: u8 = 37;
const ENCRYPT: u8 = 38;
const NEW_ENVIRON: u8 = 39;

/// The options whose answers Linux and FreeBSD wait for first, and in which order they ask for
/// the values.
const FIRST: [u8; 5] = [TSPEED, DISPLAY, NEW_ENVIRON, OLD_ENVIRON, TTYPE];
/// What Linux and FreeBSD offer then.
const SECOND: [(u8, u8); 6] =
    [(WILL, SGA), (DO, ECHO), (DO, LINEMODE), (DO, NAWS), (WILL, STATUS), (DO, FLOW)];
/// Most variables of the client's environment that are kept.
const MAX_VARIABLES: usize = 16;

/// What has been offered and answered.
#[derive(Debug)]
pub(super) struct Opening {
    server: Server,
    phase: Phase,
    /// What the client said of its options, by option: WILL or WONT.
    theirs: [u8; 64],
    /// Options whose value has been asked for and has not come.
    awaited: Vec<u8>,
    /// Options that have been refused: once each, or two sides could refuse for ever.
    refused: Vec<(u8, u8)>,
    terminal: String,
    size: (u16, u16),
    resized: bool,
    environ: Vec<(String, String)>,
    /// The client's special characters, agreed to.
    special: Vec<u8>,
    gave_up: bool,
    /// Options that were agreed on because the client offered them before it was asked.
    early: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Server {
    Bsd,
    #[default]
    Inetutils,
    Printer,
    Windows,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// The first offers are out.
    #[default]
    First,
    /// Values have been asked for.
    Values,
    /// The second offers are out.
    Second,
    /// The client's line mode is being talked about.
    Mode,
    Settled,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            server: Server::default(),
            phase: Phase::First,
            theirs: [0; 64],
            awaited: Vec::new(),
            refused: Vec::new(),
            terminal: String::new(),
            size: (80, 24),
            resized: false,
            environ: Vec::new(),
            special: Vec::new(),
            gave_up: false,
            early: Vec::new(),
        }
    }
}

impl Opening {
    /// The opening of a persona's server.
    pub(super) fn of(persona: &Persona) -> Self {
        let server = match persona.family {
            Family::Bsd => Server::Bsd,
            Family::Linux => Server::Inetutils,
            Family::Printer => Server::Printer,
            Family::WindowsClient | Family::WindowsServer => Server::Windows,
        };
        Self { server, ..Self::default() }
    }

    /// Sends the first offers.
    pub(super) fn begin(&mut self, out: &mut Vec<u8>) {
        let offers: &[(u8, u8)] = match self.server {
            Server::Bsd => &[
                (DO, AUTHENTICATION),
                (DO, TTYPE),
                (DO, TSPEED),
                (DO, DISPLAY),
                (DO, NEW_ENVIRON),
                (DO, OLD_ENVIRON),
            ],
            Server::Inetutils => &[
                (WILL, AUTHENTICATION),
                (WILL, ENCRYPT),
                (DO, TTYPE),
                (DO, TSPEED),
                (DO, DISPLAY),
                (DO, NEW_ENVIRON),
                (DO, OLD_ENVIRON),
            ],
            Server::Printer => &[(WONT, ECHO)],
            Server::Windows => &[
                (DO, AUTHENTICATION),
                (WILL, ECHO),
                (WILL, SGA),
                (DO, NEW_ENVIRON),
                (DO, NAWS),
                (DO, BINARY),
                (WILL, BINARY),
            ],
        };
        say(out, offers);
        if matches!(self.server, Server::Printer | Server::Windows) {
            self.phase = Phase::Settled;
        }
    }

    /// Whether the server shows what is typed.
    pub(super) fn echoes(&self) -> bool {
        self.server != Server::Printer
    }

    /// What the client says its terminal is, in small letters; empty when it says nothing.
    pub(super) fn terminal(&self) -> &str {
        &self.terminal
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Columns and rows, when they have changed since the last call.
    pub(super) fn take_size(&mut self) -> Option<(u16, u16)> {
        std::mem::take(&mut self.resized).then_some(self.size)
    }

    /// The variables that the client has sent of its environment.
    pub(super) fn environ(&self) -> &[(String, String)] {
        &self.environ
    }

    /// No more answers are waited for.
    pub(super) fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// Takes a command of the client.
    pub(super) fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Option(verb @ (WILL | WONT), option) => self.theirs(*verb, *option, out),
            Event::Option(verb, option) => self.asked(*verb, *option, out),
            Event::Sub(option, said) => self.value(*option, said, out),
            // Are you there?
            Event::Command(246) => out.extend(b"\r\n[Yes]\r\n"),
            Event::Command(_) | Event::Byte(_) => {}
        }
    }

    /// Goes as far as the answers allow, and says whether that is to the end.
    pub(super) fn step(&mut self, out: &mut Vec<u8>) -> bool {
        loop {
            let next = match self.phase {
                Phase::Settled => return true,
                _ if self.gave_up => {
                    say(out, &[(WILL, SGA), (WILL, ECHO)]);
                    Phase::Settled
                }
                Phase::First if FIRST.iter().all(|option| self.said(*option) != 0) => {
                    self.ask_values(out);
                    Phase::Values
                }
                Phase::Values if self.awaited.is_empty() => {
                    let mut offers = SECOND.to_vec();
                    offers.retain(|(_, option)| !self.early.contains(option));
                    say(out, &offers);
                    Phase::Second
                }
                Phase::Second if self.said(ECHO) != 0 => {
                    if self.early.contains(&LINEMODE) {
                        self.early.push(ECHO);
                        say(out, &[(WILL, ECHO), (DO, BINARY)]);
                        if self.said(FLOW) == WILL {
                            flow(out);
                        }
                        say(out, &[(DONT, LINEMODE)]);
                        Phase::Mode
                    } else if self.said(LINEMODE) == WILL {
                        Phase::Mode
                    } else {
                        say(out, &[(WILL, ECHO), (DO, TIMING), (DO, BINARY)]);
                        Phase::Settled
                    }
                }
                Phase::Mode if self.early.contains(&LINEMODE) && self.said(LINEMODE) == WONT => {
                    self.agree(out);
                    Phase::Settled
                }
                Phase::First | Phase::Values | Phase::Second | Phase::Mode => return false,
            };
            self.phase = next;
        }
    }

    fn said(&self, option: u8) -> u8 {
        self.theirs.get(usize::from(option)).copied().unwrap_or(0)
    }

    fn ask_values(&mut self, out: &mut Vec<u8>) {
        for option in FIRST {
            if self.said(option) == WILL {
                out.extend([IAC, SB, option, 1, IAC, SE]);
                self.awaited.push(option);
            }
        }
    }

    /// The client says what it will or will not do.
    fn theirs(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        if let Some(known) = self.theirs.get_mut(usize::from(option)) {
            *known = verb;
        }
        let known = [
            BINARY,
            ECHO,
            TTYPE,
            NAWS,
            TSPEED,
            FLOW,
            LINEMODE,
            DISPLAY,
            OLD_ENVIRON,
            NEW_ENVIRON,
            TIMING,
            AUTHENTICATION,
        ];
        match option {
            ENCRYPT if verb == WILL && self.early.contains(&ENCRYPT) => {}
            ENCRYPT
                if verb == WILL && self.server == Server::Inetutils && self.is_early(ENCRYPT) =>
            {
                say(out, &[(DO, ENCRYPT)]);
                out.extend([IAC, SB, ENCRYPT, 1, IAC, SE]);
            }
            NAWS | FLOW | LINEMODE if verb == WILL && self.is_early(option) => {
                say(out, &[(DO, option)]);
                if option == LINEMODE {
                    out.extend([IAC, SB, LINEMODE, 1, 16, IAC, SE, 0]);
                }
            }
            _ if verb == WILL && !known.contains(&option) => self.refuse(DONT, option, out),
            LINEMODE if verb == WILL && self.phase == Phase::Second => {
                // The NUL behind a value is inetutils' own: it sends one byte too many.
                out.extend([IAC, SB, LINEMODE, 1, 3, IAC, SE, 0]);
            }
            FLOW if verb == WILL && self.said(LINEMODE) != WILL && !self.early.contains(&FLOW) => {
                flow(out);
            }
            _ => {}
        }
    }

    /// The client asks us to do or not to do something.
    fn asked(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        let ours = [BINARY, ECHO, SGA, STATUS, AUTHENTICATION, ENCRYPT];
        if verb == DO && [SGA, STATUS].contains(&option) && self.is_early(option) {
            say(out, &[(WILL, option)]);
        } else if verb == DO && option == TIMING {
            say(out, &[(WILL, TIMING)]);
        } else if self.asks_for_echo(verb, option) {
            say(out, &[(WILL, ECHO)]);
            self.refused.push((WILL, ECHO));
        } else if verb == DO && !ours.contains(&option) {
            self.refuse(WONT, option, out);
        }
    }

    /// Whether it asks for what has not been offered yet.
    fn asks_for_echo(&self, verb: u8, option: u8) -> bool {
        let offered = self.phase == Phase::Settled || self.early.contains(&ECHO);
        (verb, option) == (DO, ECHO) && !offered
    }

    /// Whether the client speaks of an option before it was asked; once for each.
    fn is_early(&mut self, option: u8) -> bool {
        let is_early =
            matches!(self.phase, Phase::First | Phase::Values) && !self.early.contains(&option);
        if is_early {
            self.early.push(option);
        }
        is_early
    }

    fn refuse(&mut self, verb: u8, option: u8, out: &mut Vec<u8>) {
        if !self.refused.contains(&(verb, option)) {
            self.refused.push((verb, option));
            say(out, &[(verb, option)]);
        }
    }

    /// The client tells a value.
    fn value(&mut self, option: u8, said: &[u8], out: &mut Vec<u8>) {
        self.awaited.retain(|awaited| *awaited != option);
        match (option, said) {
            (NAWS, [a, b, c, d, ..]) => {
                let size = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                self.size = (size.0.clamp(1, 1000), size.1.clamp(1, 1000));
                self.resized = true;
            }
            (TTYPE, [0, name @ ..]) => {
                self.terminal = text(name.get(..40).unwrap_or(name)).to_ascii_lowercase();
            }
            (NEW_ENVIRON | OLD_ENVIRON, [0, rest @ ..]) => self.variables(rest),
            (LINEMODE, [3, triples @ ..]) => self.characters(triples),
            (LINEMODE, [1, mode, ..]) if self.phase == Phase::Mode && mode & 4 != 0 => {
                if self.said(FLOW) == WILL {
                    flow(out);
                }
                say(out, &[(WILL, ECHO), (DO, BINARY), (DONT, LINEMODE)]);
                self.agree(out);
                self.phase = Phase::Settled;
            }
            _ => {}
        }
    }

    /// Agrees to the client's special characters.
    fn agree(&mut self, out: &mut Vec<u8>) {
        out.extend([IAC, SB, LINEMODE, 3]);
        out.append(&mut std::mem::take(&mut self.special));
        out.extend([IAC, SE]);
    }

    /// Variables as RFC 1572 has them: 0 or 3 before a name, 1 before its value.
    fn variables(&mut self, said: &[u8]) {
        for variable in said.split(|byte| matches!(byte, 0 | 3)).take(MAX_VARIABLES) {
            let mut parts = variable.splitn(2, |byte| *byte == 1);
            let [name, value] = [(); 2].map(|()| text(parts.next().unwrap_or_default()));
            if !name.is_empty() && self.environ.len() < MAX_VARIABLES {
                self.environ.push((name, value));
            }
        }
    }

    /// The client's special characters are agreed to, as far as it supports them (RFC 1184).
    fn characters(&mut self, triples: &[u8]) {
        for triple in triples.chunks_exact(3) {
            if let [function, flags, value] = triple
                && flags & 3 != 0
            {
                self.special.extend([*function, flags | 0x80, *value]);
            }
        }
    }
}

/// Flow control may be restarted by any key (RFC 1372).
fn flow(out: &mut Vec<u8>) {
    out.extend([IAC, SB, FLOW, 3, IAC, SE, 0]);
}

fn say(out: &mut Vec<u8>, offers: &[(u8, u8)]) {
    for (verb, option) in offers {
        out.extend([IAC, *verb, *option]);
    }
}
