//! What each side offers at the begin of a key exchange, and what follows from the two
//! (RFC 4253 section 7.1).

use super::super::fault::Fault;
use super::super::hostkey::Algorithm;
use super::super::number;
use super::super::packet::{CipherKind, MacKind};
use super::super::profile::Profile;
use super::super::wire::{Malformed, Reader, Writer, names};
use super::Method;

/// A `SSH_MSG_KEXINIT`, its lists as they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Proposal {
    pub(in super::super) kex: String,
    pub(in super::super) host_keys: String,
    pub(in super::super) up: Lists,
    pub(in super::super) down: Lists,
    /// Whether the visitor guessed, and sent the next message with it.
    pub(in super::super) guesses: bool,
}

/// What is offered for one direction: from the client up, from the server down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Lists {
    pub(in super::super) ciphers: String,
    pub(in super::super) macs: String,
    pub(in super::super) compressions: String,
}

/// What both sides will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Agreed {
    pub(in super::super) method: Method,
    pub(in super::super) host_key: Algorithm,
    pub(in super::super) up: Suite,
    pub(in super::super) down: Suite,
    /// The visitor's next message is a wrong guess.
    pub(in super::super) skip_next: bool,
    /// The visitor wants to be told of extensions.
    pub(in super::super) extensions: bool,
    /// Both want the strict form.
    pub(in super::super) strict: bool,
}

/// What protects one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Suite {
    pub(in super::super) cipher: CipherKind,
    pub(in super::super) mac: Option<MacKind>,
    pub(in super::super) compression: Compression,
}

/// What makes payloads shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Compression {
    /// Nothing.
    None,
    /// zlib, from the login on.
    Zlib,
}

/// Our message, with this cookie.
pub(in super::super) fn offer(profile: &Profile, kex: &str, cookie: [u8; 16]) -> Vec<u8> {
    Writer::message(number::KEXINIT)
        .raw(cookie)
        .string(kex)
        .string(profile.host_keys)
        .string(profile.ciphers)
        .string(profile.ciphers)
        .string(profile.macs)
        .string(profile.macs)
        .string(profile.compressions)
        .string(profile.compressions)
        .string("")
        .string("")
        .flag(false)
        .u32(0)
        .done()
}

impl Proposal {
    /// Reads a visitor's message, after its number.
    pub(in super::super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.take(16)?;
        let mut list = || reader.text().map(|list| String::from_utf8_lossy(list).into_owned());
        let (kex, host_keys) = (list()?, list()?);
        let (up_ciphers, down_ciphers) = (list()?, list()?);
        let (up_macs, down_macs) = (list()?, list()?);
        let (up_compressions, down_compressions) = (list()?, list()?);
        let _languages = (list()?, list()?);
        let guesses = reader.flag()?;
        let _reserved = reader.u32()?;
        reader.end()?;
        let up = Lists { ciphers: up_ciphers, macs: up_macs, compressions: up_compressions };
        let down =
            Lists { ciphers: down_ciphers, macs: down_macs, compressions: down_compressions };
        Ok(Self { kex, host_keys, up, down, guesses })
    }

    /// What follows from it and our offer.
    ///
    /// # Errors
    ///
    /// Some list has nothing in common with ours: OpenSSH then hangs up without a word.
    pub(in super::super) fn agree(&self, profile: &Profile, kex: &str) -> Result<Agreed, Fault> {
        let method_name = first(&self.kex, kex)?;
        let host_key_name = first(&self.host_keys, profile.host_keys)?;
        let guessed_right = names(&self.kex).next() == names(kex).next()
            && names(&self.host_keys).next() == names(profile.host_keys).next();
        Ok(Agreed {
            method: Method::named(method_name).ok_or(Fault::Drop)?,
            host_key: Algorithm::named(host_key_name).ok_or(Fault::Drop)?,
            up: self.up.agree(profile)?,
            down: self.down.agree(profile)?,
            skip_next: self.guesses && !guessed_right,
            extensions: has(&self.kex, "ext-info-c"),
            strict: profile.is_strict() && has(&self.kex, "kex-strict-c-v00@openssh.com"),
        })
    }
}

impl Lists {
    fn agree(&self, profile: &Profile) -> Result<Suite, Fault> {
        let cipher = first(&self.ciphers, profile.ciphers)?;
        let cipher = CipherKind::named(cipher).ok_or(Fault::Drop)?;
        let mac = if cipher.is_aead() {
            None
        } else {
            Some(MacKind::named(first(&self.macs, profile.macs)?).ok_or(Fault::Drop)?)
        };
        let compression = match first(&self.compressions, profile.compressions)? {
            "none" => Compression::None,
            "zlib@openssh.com" => Compression::Zlib,
            _ => return Err(Fault::Drop),
        };
        Ok(Suite { cipher, mac, compression })
    }
}

/// The first of theirs that is also ours.
fn first<'a>(theirs: &'a str, ours: &str) -> Result<&'a str, Fault> {
    names(theirs).find(|name| has(ours, name)).ok_or(Fault::Drop)
}

fn has(list: &str, name: &str) -> bool {
    names(list).any(|known| known == name)
}
