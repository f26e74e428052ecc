//! What the authority says to every daemon of the fleet: which certificates are good no more, and
//! where the master is reached. And whom a daemon lets command it by that.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{BadField, Count, MasterUrl};
use crate::logic::time::Timestamp;
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// Most certificates that a notice names.
pub const MAX_REVOKED: usize = 4_000;
/// Most places where a master is reached.
pub const MAX_PLACES: usize = 8;
/// Most authorities that it names: one, and while it is replaced its successor.
pub const MAX_AUTHORITIES: usize = 4;
/// Most bytes of an authority's certificate, PEM.
const MAX_AUTHORITY: usize = 8 * 1024;
/// Most bytes of one that is signed.
pub const MAX_NOTICE: usize = 512 * 1024;
/// What is signed begins with this, so that no other signature of the authority's is one.
const MARK: &str = "decnet notice 1\n";

/// What the authority says. A later one says everything that is true still.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Later ones have larger numbers.
    pub number: Count,
    /// Certificates that are good no more.
    pub revoked: BTreeSet<Fingerprint>,
    /// Where the master is reached; where it was when none is said.
    #[serde(default)]
    pub places: Vec<MasterUrl>,
    /// The only authorities that are trusted from now on, as certificates in PEM; when none is said,
    /// those that came with the identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<String>,
}

/// A notice as it travels.
///
/// **Shape**: the JSON of a [`Notice`], and the authority's signature over `decnet notice 1`, a line
/// feed and that text, DER in hexadecimal.
///
/// While an authority takes the place of another, both sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedNotice {
    /// The notice.
    pub text: String,
    /// The signature.
    pub signature: String,
    /// Those of other authorities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
}

impl SignedNotice {
    /// The signatures, as far as anybody looks at them.
    pub fn signatures(&self) -> impl Iterator<Item = &str> {
        let more = self.more.iter().take(MAX_AUTHORITIES);
        std::iter::once(&self.signature).chain(more).map(String::as_str)
    }
}

impl Notice {
    /// As the text that is signed.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("it has a form in JSON")
    }

    /// What is signed.
    pub fn message(text: &str) -> Vec<u8> {
        [MARK.as_bytes(), text.as_bytes()].concat()
    }

    /// Reads a text that the authority has signed.
    ///
    /// # Errors
    ///
    /// [`BadField`] when it is no notice, or says too much.
    pub fn parse(text: &str) -> Result<Self, BadField> {
        let bad = |why: String| BadField { field: "notice", why };
        if text.len() > MAX_NOTICE {
            return Err(bad(format!("it takes at most {MAX_NOTICE} bytes")));
        }
        let notice: Self = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        if notice.revoked.len() > MAX_REVOKED || notice.places.len() > MAX_PLACES {
            return Err(bad(format!(
                "it takes at most {MAX_REVOKED} certificates and {MAX_PLACES} places"
            )));
        }
        let is_long = |pem: &String| pem.len() > MAX_AUTHORITY;
        if notice.authorities.len() > MAX_AUTHORITIES || notice.authorities.iter().any(is_long) {
            return Err(bad(format!(
                "it takes at most {MAX_AUTHORITIES} authorities of {MAX_AUTHORITY} bytes"
            )));
        }
        Ok(notice)
    }
}

/// A certificate of a master's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterCert {
    /// Which.
    pub fingerprint: Fingerprint,
    /// From when on it is good.
    pub since: Timestamp,
}

/// Whom a daemon trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The newest certificate of a master's that was ever seen.
    pub newest: Option<MasterCert>,
    /// The latest notice.
    pub notice: Notice,
}

impl Trust {
    /// Whether this is a master, with the newest certificate that was seen or a newer one: who
    /// still has an older one has a copy of a key that was replaced.
    pub fn is_master(&self, caller: &Caller) -> bool {
        let newest = self.newest.is_none_or(|newest| {
            caller.fingerprint == newest.fingerprint || caller.validity.from >= newest.since
        });
        caller.role == CertRole::Master && newest && !self.is_revoked(caller)
    }

    /// Whether the authority says that this certificate is good no more.
    pub fn is_revoked(&self, caller: &Caller) -> bool {
        self.notice.revoked.contains(&caller.fingerprint)
    }

    /// A master has shown its certificate; says whether it is a newer one.
    pub fn saw(&mut self, caller: &Caller) -> bool {
        let seen = MasterCert { fingerprint: caller.fingerprint, since: caller.validity.from };
        let newer = self.newest != Some(seen) && self.is_master(caller);
        if newer {
            self.newest = Some(seen);
        }
        newer
    }

    /// The authority says something; whether that is news.
    pub fn hear(&mut self, notice: Notice) -> bool {
        let news = notice.number > self.notice.number;
        if news {
            let gone = |newest: &MasterCert| notice.revoked.contains(&newest.fingerprint);
            // What is revoked is no measure: whoever stole the authority's hand once may have made
            // one that is good from far in the future on.
            self.newest = self.newest.filter(|newest| !gone(newest));
            self.notice = notice;
        }
        news
    }
}

#[cfg(test)]
mod tests;
