//! From bytes to keys.

/// Longest escape sequence that is waited for.
const MAX_ESCAPE: usize = 32;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Backspace,
    Char(char),
    /// `^L`.
    Clear,
    Delete,
    Down,
    End,
    /// `^D`.
    EndOfInput,
    Enter,
    Home,
    /// `^C`.
    Interrupt,
    /// `^U`.
    KillBefore,
    /// `^K`.
    KillBehind,
    /// `^W`.
    KillWord,
    Left,
    Right,
    Tab,
    Up,
}

/// Puts keys together from the bytes they come in.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Bytes of a character or an escape that is not complete.
    partial: Vec<u8>,
    /// Whether the last byte was a `\r`, so that a `\n` belongs to it.
    returned: bool,
}

impl Keys {
    /// The key that this byte completes.
    pub(super) fn take(&mut self, byte: u8) -> Option<Key> {
        let returned = std::mem::replace(&mut self.returned, byte == b'\r');
        match self.partial.first() {
            Some(0x1b) => return self.escape(byte),
            Some(_) => return self.character(byte),
            None => {}
        }
        match byte {
            b'\n' if returned => None,
            b'\r' | b'\n' => Some(Key::Enter),
            0x01 => Some(Key::Home),
            0x02 => Some(Key::Left),
            0x03 => Some(Key::Interrupt),
            0x04 => Some(Key::EndOfInput),
            0x05 => Some(Key::End),
            0x06 => Some(Key::Right),
            0x08 | 0x7f => Some(Key::Backspace),
            b'\t' => Some(Key::Tab),
            0x0b => Some(Key::KillBehind),
            0x0c => Some(Key::Clear),
            0x0e => Some(Key::Down),
            0x10 => Some(Key::Up),
            0x15 => Some(Key::KillBefore),
            0x17 => Some(Key::KillWord),
            0x20..0x7f => Some(Key::Char(char::from(byte))),
            0x1b | 0x80.. => {
                self.partial.push(byte);
                self.complete()
            }
            _ => None,
        }
    }

    /// A further byte of a character beyond ASCII.
    fn character(&mut self, byte: u8) -> Option<Key> {
        if byte & 0xc0 != 0x80 {
            // The character was cut off: what comes now is a key of its own.
            self.partial.clear();
            return self.take(byte);
        }
        self.partial.push(byte);
        self.complete()
    }

    /// The character that the bytes make, when it is complete; one that is none is shown as such.
    fn complete(&mut self) -> Option<Key> {
        if self.partial.first() == Some(&0x1b) {
            return None;
        }
        let key = match std::str::from_utf8(&self.partial) {
            Ok(text) => text.chars().next(),
            Err(error) if error.error_len().is_none() => return None,
            Err(_) => Some(char::REPLACEMENT_CHARACTER),
        };
        self.partial.clear();
        key.map(Key::Char)
    }

    /// A further byte of an escape sequence (ECMA-48 section 5.4).
    fn escape(&mut self, byte: u8) -> Option<Key> {
        self.partial.push(byte);
        let introduced = matches!(self.partial.get(1), Some(b'[' | b'O'));
        let ends = self.partial.len() > 2 && (0x40..0x7f).contains(&byte);
        if introduced && !ends && self.partial.len() < MAX_ESCAPE {
            return None;
        }
        let sequence = std::mem::take(&mut self.partial);
        match sequence.get(2..).unwrap_or_default() {
            b"A" => Some(Key::Up),
            b"B" => Some(Key::Down),
            b"C" => Some(Key::Right),
            b"D" => Some(Key::Left),
            b"F" | b"4~" | b"8~" => Some(Key::End),
            b"H" | b"1~" | b"7~" => Some(Key::Home),
            b"3~" => Some(Key::Delete),
            // Among others the marks around what is pasted, 200~ and 201~.
            _ => None,
        }
    }
}
