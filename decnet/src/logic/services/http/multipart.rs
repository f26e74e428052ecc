//! Reads `multipart/form-data` as it comes: the fields of a form, and the files left with it.

use memchr::memmem;

use crate::logic::event::MAX_RAW;
use crate::logic::services::Piece;
use crate::logic::services::capture::Capture;

/// Most bytes of one field that are kept.
const MAX_VALUE: usize = 4096;

/// Most bytes of the head of one part.
const MAX_PART_HEAD: usize = 4096;

/// Most parts that are looked at.
const MAX_PARTS: usize = 64;

/// Longest boundary (RFC 2046 section 5.1.1 allows 70).
const MAX_BOUNDARY: usize = 128;

/// A body in parts.
#[derive(Debug)]
pub(super) struct Multipart {
    delimiter: Vec<u8>,
    buffer: Vec<u8>,
    place: Place,
    part: Part,
    /// Fields that are complete.
    pub(super) fields: Vec<(String, Vec<u8>)>,
    /// Files that are complete.
    pub(super) files: Vec<File>,
    /// The number of the next file.
    number: u32,
}

/// A file that was left with a form.
#[derive(Debug)]
pub(super) struct File {
    /// The name it was given.
    pub(super) name: String,
    /// What it holds.
    pub(super) content: Capture,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a part, or before the first.
    Content,
    /// Behind a delimiter.
    Delimiter,
    /// Behind everything.
    End,
    /// In the head of a part.
    Head,
}

#[derive(Debug)]
enum Part {
    Field(String, Vec<u8>),
    File(File),
    Nothing,
}

impl Multipart {
    /// The reader for a body of this content type, if it has parts.
    pub(super) fn of(content_type: &[u8], number: u32) -> Option<Self> {
        let text = std::str::from_utf8(content_type).ok()?;
        let kind = text.get(..19)?;
        if !kind.eq_ignore_ascii_case("multipart/form-data") {
            return None;
        }
        let boundary = parameter(text, "boundary")?;
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            return None;
        }
        Some(Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            // The first delimiter has no line before it.
            buffer: b"\r\n".to_vec(),
            place: Place::Content,
            part: Part::Nothing,
            fields: Vec::new(),
            files: Vec::new(),
            number,
        })
    }

    /// Reads what has come.
    pub(super) fn push(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        if self.place == Place::End {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while let Some(count) = self.step(buffer.get(at..).unwrap_or_default(), pieces) {
            at += count;
        }
        buffer.drain(..at.min(buffer.len()));
        self.buffer = buffer;
    }

    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.buffer.capacity() + fields + (self.files.len() + 1) * MAX_RAW
    }

    /// Ends the part that is still open.
    pub(super) fn finish(&mut self, pieces: &mut Vec<Piece>) {
        if self.place == Place::Content {
            let rest = std::mem::take(&mut self.buffer);
            self.content(&rest, pieces);
            self.close();
        }
        self.place = Place::End;
    }

    /// How many bytes of `rest` are done with; `None` when more are needed.
    fn step(&mut self, rest: &[u8], pieces: &mut Vec<Piece>) -> Option<usize> {
        match self.place {
            Place::Content => {
                if let Some(at) = memmem::find(rest, &self.delimiter) {
                    self.content(rest.get(..at).unwrap_or_default(), pieces);
                    self.close();
                    self.place = Place::Delimiter;
                    return Some(at + self.delimiter.len());
                }
                let safe = rest.len().saturating_sub(self.delimiter.len() - 1);
                self.content(rest.get(..safe).unwrap_or_default(), pieces);
                (safe > 0).then_some(safe)
            }
            Place::Delimiter => match rest {
                [b'\r', b'\n', ..] => self.go(Place::Head, 0),
                [_, _, ..] => self.go(Place::End, rest.len()),
                _ => None,
            },
            Place::Head => {
                let full = self.fields.len() + self.files.len() >= MAX_PARTS;
                match memmem::find(rest, b"\r\n\r\n") {
                    Some(at) if !full => {
                        self.part = part(rest.get(..at).unwrap_or_default(), self.number);
                        self.number += 1;
                        self.go(Place::Content, at + 4)
                    }
                    None if rest.len() < MAX_PART_HEAD => None,
                    _ => self.go(Place::End, rest.len()),
                }
            }
            Place::End => (!rest.is_empty()).then_some(rest.len()),
        }
    }

    fn go(&mut self, place: Place, count: usize) -> Option<usize> {
        self.place = place;
        Some(count)
    }

    fn content(&mut self, piece: &[u8], pieces: &mut Vec<Piece>) {
        match &mut self.part {
            Part::Field(_, value) => {
                let room = MAX_VALUE.saturating_sub(value.len());
                value.extend_from_slice(piece.get(..room).unwrap_or(piece));
            }
            Part::File(file) => file.content.update(piece, pieces),
            Part::Nothing => {}
        }
    }

    fn close(&mut self) {
        match std::mem::replace(&mut self.part, Part::Nothing) {
            Part::Field(name, value) => self.fields.push((name, value)),
            Part::File(file) => self.files.push(file),
            Part::Nothing => {}
        }
    }
}

/// What a part is, by its head.
fn part(head: &[u8], number: u32) -> Part {
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find(|line| {
        let name = line.get(..20).unwrap_or_default();
        name.eq_ignore_ascii_case("content-disposition:")
    });
    let Some(line) = disposition else { return Part::Nothing };
    match (parameter(line, "filename"), parameter(line, "name")) {
        (Some(name), _) => {
            Part::File(File { name: name.to_owned(), content: Capture::new(number) })
        }
        (None, Some(name)) => Part::Field(name.to_owned(), Vec::new()),
        (None, None) => Part::Nothing,
    }
}

/// The value of the parameter `name` in a header field.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.trim().split_once('=')?;
        if !key.eq_ignore_ascii_case(name) {
            return None;
        }
        match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => Some(value.trim_end()),
        }
    })
}
