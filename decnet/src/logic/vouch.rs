//! Where a browser is, as `decnet web` vouches for it to the api.
//!
//! The two share a key that nobody else can read. Whoever stands between them, or where the api should
//! be, learns what was said of one address, which is good for a minute and for no other address.
//!
//! **Shape**: `ADDRESS SECONDS MAC`: seconds since 1970, and the HMAC-SHA-256 of what is before it, in
//! hexadecimal digits.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::logic::release::Digest;
use crate::logic::time::Timestamp;

/// The header that says it.
pub const HEADER: &str = "x-decnet-browser";

/// How long it is good for, in seconds. Both read the same clock.
const GOOD_FOR: u64 = 60;
/// Longest text that is looked at, in bytes.
const MAX_BYTES: usize = 160;
/// What no other key of ours signs.
const PURPOSE: &[u8] = b"decnet web vouches\n";

/// What api and web share.
#[derive(Clone, PartialEq, Eq)]
pub struct WebKey([u8; 32]);

impl WebKey {
    /// The key made of these random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Vouches at `now` that a browser is at `ip`.
    pub fn vouch(&self, ip: IpAddr, now: Timestamp) -> String {
        let said = format!("{ip} {}", seconds(now));
        let mac = Digest(self.mac(&said).finalize().into_bytes().into());
        format!("{said} {mac}")
    }

    /// Where a browser is, when `text` vouches for it at `now`.
    pub fn check(&self, text: &str, now: Timestamp) -> Option<IpAddr> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (said, mac) = text.rsplit_once(' ')?;
        let mac: Digest = mac.parse().ok()?;
        self.mac(said).verify_slice(&mac.0).ok()?;
        let (ip, at) = said.split_once(' ')?;
        let at: u64 = at.parse().ok()?;
        let is_fresh = seconds(now).abs_diff(at) <= GOOD_FOR;
        ip.parse().ok().filter(|_| is_fresh)
    }

    /// Its digits, as a file has them.
    pub fn digits(&self) -> String {
        Digest(self.0).to_string()
    }

    fn mac(&self, said: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mut mac = mac.expect("HMAC takes a key of any length");
        mac.update(PURPOSE);
        mac.update(said.as_bytes());
        mac
    }
}

impl fmt::Debug for WebKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebKey(..)")
    }
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes 64 hexadecimal digits")]
pub struct BadKey;

impl FromStr for WebKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        text.trim_ascii_end().parse().map(|Digest(bytes)| Self(bytes)).or(Err(BadKey))
    }
}

fn seconds(at: Timestamp) -> u64 {
    at.millis() / 1_000
}

#[cfg(test)]
mod tests;
