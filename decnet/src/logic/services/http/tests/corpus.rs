//! Reads what real servers answered, and makes our answers comparable.

use crate::logic::decky::Identity;
use crate::logic::services::http::answer::{File, http_date};
use crate::logic::services::http::flavor::Flavor;
use crate::logic::services::http::look::Look;

/// Something that was sent to a real server, and what came back.
#[derive(Debug, Default)]
pub(super) struct Probe {
    pub(super) name: String,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) half: bool,
    pub(super) answer: String,
    pub(super) closed: bool,
}

/// What of an answer differs from server to server and from time to time.
#[derive(Debug)]
pub(super) struct Known {
    server: String,
    tag: String,
    written: String,
}

/// The probes in a file.
pub(super) fn read(text: &str) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut probe = Probe::default();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            probe = Probe { name: name.to_owned(), ..Probe::default() };
        } else if let Some(piece) = line.strip_prefix("> ") {
            probe.pieces.extend(Some(bytes(piece)).filter(|piece| !piece.is_empty()));
        } else if line == "half" {
            probe.half = true;
        } else if let Some(answer) = line.strip_prefix("< ") {
            probe.answer = String::from_utf8_lossy(&bytes(answer)).into_owned();
        } else if let Some(end) = line.strip_prefix("= ") {
            probe.closed = end == "fin";
            probes.push(std::mem::take(&mut probe));
        }
    }
    probes
}

/// The bytes that `text` writes down: `\n`, `\x00`, `\\`, `{a*100}` for a hundred `a`.
fn bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let length = if rest.starts_with('x') { 3 } else { 1 };
                bytes.push(match &rest[..length] {
                    "n" => b'\n',
                    "r" => b'\r',
                    "t" => b'\t',
                    one if length == 1 => one.as_bytes()[0],
                    code => u8::from_str_radix(&code[1..], 16).unwrap(),
                });
                rest = &rest[length..];
            }
            '{' => {
                let (run, behind) = rest.split_once('}').unwrap();
                let (unit, count) = run.rsplit_once('*').unwrap();
                bytes.extend(self::bytes(unit).repeat(count.parse().unwrap()));
                rest = behind;
            }
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

impl Known {
    /// What is known of the first page of this decky, which has `size` bytes.
    pub(super) fn of(decky: &Identity, size: usize) -> Self {
        let written = Look::of(decky).written;
        let server = decky.persona.http.to_owned();
        let tag = File { written, size }.tag(Flavor::of(&server));
        Self { server, tag, written: http_date(written) }
    }

    /// A piece as it is sent.
    pub(super) fn sent(&self, piece: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(piece) else { return piece.to_vec() };
        text.replace("@tag", &self.tag).replace("@written", &self.written).into_bytes()
    }

    /// An answer as the file has it.
    pub(super) fn plain(&self, answer: &[u8], page: &str) -> String {
        let text = String::from_utf8_lossy(answer);
        let mut text = text
            .replace(page, "@page")
            .replace(&format!("Date: {}", http_date(super::NOW.0 / 1000)), "Date: @date")
            .replace(&format!("Last-Modified: {}", self.written), "Last-Modified: @written")
            .replace(&format!("ETag: {}", self.tag), "ETag: @tag")
            .replace(&self.server, "@server")
            .replace("Port 8182<", "Port @port<");
        for allow in [
            "POST,OPTIONS,HEAD,GET",
            "GET,POST,OPTIONS,HEAD",
            "HEAD,GET,POST,OPTIONS",
            "OPTIONS,HEAD,GET,POST",
        ] {
            text = text.replace(allow, "@allow");
        }
        if let Some((_, behind)) = text.split_once("boundary=") {
            let boundary = behind.split('\r').next().unwrap_or_default().to_owned();
            text = text.replace(&boundary, "@boundary");
        }
        text
    }
}
