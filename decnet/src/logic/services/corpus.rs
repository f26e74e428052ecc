//! What real servers answered, as golden files have it.
//!
//! ```text
//! == name of the probe
//! > a piece that is sent, escaped        (once or more)
//! half                                   (the visitor has said its last)
//! < the whole answer, escaped
//! = fin | open                           (whether the server closed)
//! ```

/// Something that was sent to a real server, and what came back.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    pub(crate) name: String,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) half: bool,
    pub(crate) answer: String,
    pub(crate) closed: bool,
}

/// The probes in a file.
pub(crate) fn read(text: &str) -> Vec<Probe> {
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
