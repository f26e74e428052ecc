//! The roots of trust that a node has: the one that its operator has put there, and those that came
//! after it in bundles. Nothing is believed of the latter: each time they are gone through anew.

use super::root::{Root, RootError, SignedRoot, Trust};

/// Roots that follow from one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// All of them, the operator's first.
    roots: Vec<SignedRoot>,
    /// The last.
    trust: Trust,
    /// Of those that were kept, the first that does not follow, by its version, and why.
    rejected: Option<(u64, RootError)>,
}

impl Lineage {
    /// Goes from the operator's root as far as those that were kept follow.
    ///
    /// # Errors
    ///
    /// [`RootError`] of the operator's.
    pub fn walk(operators: SignedRoot, kept: &[SignedRoot]) -> Result<Self, RootError> {
        let trust = Trust::first(operators.clone())?;
        let mut lineage = Self { roots: vec![operators], trust, rejected: None };
        let mut later: Vec<&SignedRoot> =
            kept.iter().filter(|root| root.signed.version > lineage.version()).collect();
        later.sort_by_key(|root| root.signed.version);
        for next in later {
            match lineage.trust.advance(next) {
                Ok(trust) => {
                    lineage.roots.push(next.clone());
                    lineage.trust = trust;
                }
                Err(error) => {
                    lineage.rejected = Some((next.signed.version, error));
                    break;
                }
            }
        }
        Ok(lineage)
    }

    /// The root that counts.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Of those that were kept, the first that does not follow, by its version, and why.
    pub fn rejected(&self) -> Option<&(u64, RootError)> {
        self.rejected.as_ref()
    }

    /// Whether an operator's root is one of these, comes right before or right after them.
    pub fn is_of(&self, operators: &SignedRoot) -> bool {
        let is_one = self.roots.iter().any(|root| root.signed == operators.signed);
        let is_before = Trust::first(operators.clone()).is_ok_and(|trust| {
            self.roots.first().is_some_and(|first| trust.advance(first).is_ok())
        });
        is_one || is_before || self.trust.advance(operators).is_ok()
    }

    /// Whether what the keys of this root have signed would count under another too.
    pub fn signs_for(&self, other: &Root) -> bool {
        let ours = &self.trust.root().release.keys;
        let shared = other.release.keys.iter().filter(|key| ours.contains(key)).count();
        shared >= other.release.threshold
    }

    fn version(&self) -> u64 {
        self.trust.root().version
    }
}
