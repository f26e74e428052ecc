//! Servers that a client knows.

use super::Authorize;
use crate::edge::clock;
use crate::logic::trust::{Caller, CertRole, Fingerprint};

/// A role, and these certificates of it when some are known.
#[derive(Debug)]
pub(super) struct OneOf {
    pub(super) role: CertRole,
    pub(super) known: Option<Vec<Fingerprint>>,
}

impl Authorize for OneOf {
    fn authorizes(&self, caller: &Caller) -> bool {
        let is_known = |known: &Vec<Fingerprint>| known.contains(&caller.fingerprint);
        caller.role == self.role && self.known.as_ref().is_none_or(is_known)
    }
}

/// Whoever has the same role and name: with the very same certificate whenever that is good, with
/// another while it is.
#[derive(Debug)]
pub(super) struct Same(pub(super) Caller);

impl Authorize for Same {
    fn authorizes(&self, caller: &Caller) -> bool {
        let Self(own) = self;
        let is_good = || caller.validity.standing(clock::now()).is_good();
        (caller.role, &caller.name) == (own.role, &own.name)
            && (caller.fingerprint == own.fingerprint || is_good())
    }
}
