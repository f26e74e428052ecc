//! Puts a decky's own into a text: `@{host}` and the like.
//!
//! Whatever looks secret (passwords, keys, hashes) is derived from the decky's secret, so no two
//! deckies show the same, and one shows the same each time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::tree::installed;
use super::user;
use crate::logic::decky::Identity;
use crate::logic::machine::{Hardware, Lan};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The text with every token filled in. An unknown one is left as it is.
pub(super) fn fill(text: &str, decky: &Identity) -> String {
    let mut filled = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        filled.push_str(before);
        let Some((token, behind)) = after.split_once('}') else {
            rest = after;
            continue;
        };
        match plain(token, decky).or_else(|| secret(token, decky)) {
            Some(value) => filled.push_str(&value),
            None => filled += &format!("@{{{token}}}"),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

fn plain(token: &str, decky: &Identity) -> Option<String> {
    let hardware = Hardware::of(decky.persona);
    let lan = Lan::of(decky);
    Some(match token {
        "build" => decky.persona.kernel_build.to_owned(),
        "builder" if decky.persona.is_ubuntu() => {
            "buildd@lcy02-amd64-093) (x86_64-linux-gnu-gcc-13 (Ubuntu 13.3.0-6ubuntu2~24.04) \
             13.3.0, GNU ld (GNU Binutils for Ubuntu) 2.42"
                .to_owned()
        }
        "builder" => "debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, \
                      GNU ld (GNU Binutils for Debian) 2.40"
            .to_owned(),
        "gateway" => lan.gateway.to_string(),
        "gateway-mac" => lan.gateway_mac.to_string(),
        "host" => decky.hostname.clone(),
        "iface" => hardware.interface.to_owned(),
        "installday" => (installed(decky).0 / 86_400_000_000_000).to_string(),
        "ip" => decky.ip.to_string(),
        "kernel" => decky.persona.kernel.to_owned(),
        "mac" => decky.mac.to_string(),
        "maker" => hardware.maker.to_owned(),
        "mem-half-kib" => (hardware.memory_kib / 2).to_string(),
        "mem-tenth-kib" => (hardware.memory_kib / 10).to_string(),
        "net" => lan.prefix(),
        "product" => hardware.product.to_owned(),
        "user" => user(decky.persona).to_owned(),
        _ => return None,
    })
}

/// A token with a purpose and perhaps a length: `pass:db`, `hex:machine-id:32`.
fn secret(token: &str, decky: &Identity) -> Option<String> {
    let (kind, rest) = token.split_once(':')?;
    let (purpose, length) = match rest.rsplit_once(':') {
        Some((purpose, length)) => (purpose, length.parse().ok()?),
        None => (rest, 16),
    };
    let bytes = |count| stream(decky, kind, purpose, count);
    Some(match kind {
        "b64" => STANDARD.encode(bytes(length)),
        "caps" => letters(CAPITALS, &bytes(length)),
        "hash" => format!("$y$j9T${}${}", crypt(&bytes(22)), crypt(&bytes(43))),
        "hex" => hex(&bytes(length / 2)),
        "pass" => letters(LETTERS, &bytes(length)),
        "privkey" => private_key(decky, purpose),
        "pubkey" => STANDARD.encode(public_blob(&stream(decky, "key", purpose, 32))),
        "uuid" => uuid(&bytes(16)),
        _ => return None,
    })
}

/// Secret bytes for a purpose, any number of them.
fn stream(decky: &Identity, kind: &str, purpose: &str, count: usize) -> Vec<u8> {
    let block = |index: usize| decky.secret.derive(&format!("files: {kind} {purpose} {index}")).0;
    (0..count.div_ceil(32)).flat_map(block).take(count).collect()
}

fn letters(alphabet: &[u8], bytes: &[u8]) -> String {
    let letter = |byte: &u8| alphabet.get(usize::from(*byte) % alphabet.len()).copied();
    bytes.iter().filter_map(letter).map(char::from).collect()
}

/// Letters as crypt(5) uses them.
fn crypt(bytes: &[u8]) -> String {
    letters(b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        text += &format!("{byte:02x}");
        text
    })
}

fn uuid(bytes: &[u8]) -> String {
    let text = hex(bytes);
    let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-a{}-{}", cut(0, 8), cut(8, 12), cut(13, 16), cut(17, 20), cut(20, 32))
}

/// An SSH string: its length in four bytes, then itself (RFC 4251 section 5).
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(bytes);
}

fn public_blob(key: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    string(&mut blob, b"ssh-ed25519");
    string(&mut blob, key);
    blob
}

/// A private key in OpenSSH's form (PROTOCOL.key) that parses, and opens nothing.
fn private_key(decky: &Identity, purpose: &str) -> String {
    let public = stream(decky, "key", purpose, 32);
    let check = stream(decky, "check", purpose, 4);
    let mut inner = [check.as_slice(), &check].concat();
    string(&mut inner, b"ssh-ed25519");
    string(&mut inner, &public);
    string(&mut inner, &[stream(decky, "seed", purpose, 32), public.clone()].concat());
    string(&mut inner, format!("{purpose}@{}", decky.hostname).as_bytes());
    inner.extend((1..=7).take(8 - inner.len() % 8));
    let mut blob = b"openssh-key-v1\0".to_vec();
    string(&mut blob, b"none");
    string(&mut blob, b"none");
    string(&mut blob, b"");
    blob.extend(1_u32.to_be_bytes());
    string(&mut blob, &public_blob(&public));
    string(&mut blob, &inner);
    let mut text = "-----BEGIN OPENSSH PRIVATE KEY-----\n".to_owned();
    for line in STANDARD.encode(blob).as_bytes().chunks(70) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + "-----END OPENSSH PRIVATE KEY-----\n"
}
