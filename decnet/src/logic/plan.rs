//! What must be done so that the deckies become as asked.
//!
//! [`plan`] compares what is wanted with what was observed and says what to do next, one step for
//! each decky. It is asked again whenever something was observed, so it never needs to know how a
//! state came about: a fresh start, a redeployment and a recovery are the same to it.

use std::collections::BTreeMap;

use crate::logic::decky::{Decky, DeckyId};
use crate::logic::name::DeckyName;

/// How far a decky was seen to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It cannot be had; it stays away until it is asked for anew.
    Failed,
    /// Its macvlan is in its namespace.
    Linked,
    /// Its namespace is there.
    Namespace,
    /// It was only asked for.
    New,
    /// It answers.
    Up,
}

/// A decky as it was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Its number.
    pub id: DeckyId,
    /// What it was made as.
    pub decky: Decky,
    /// How far it has come.
    pub stage: Stage,
    /// Something is being done about it, and the next observation will tell.
    pub busy: bool,
}

/// Something to do about a decky. Each is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkOp {
    /// Take it away with its namespace.
    Drop(DeckyId),
    /// Give it its addresses and services.
    Finish(DeckyId),
    /// Put a macvlan into its namespace.
    Link(DeckyId),
    /// Make a namespace for it.
    Make(DeckyId),
}

/// What to do next.
pub fn plan(
    wanted: &BTreeMap<DeckyName, Decky>,
    observed: &BTreeMap<DeckyName, Observed>,
) -> Vec<LinkOp> {
    let mut ops = Vec::new();
    for (name, seen) in observed {
        if seen.busy {
            continue;
        }
        if wanted.get(name) != Some(&seen.decky) {
            ops.push(LinkOp::Drop(seen.id));
            continue;
        }
        match seen.stage {
            Stage::New => ops.push(LinkOp::Make(seen.id)),
            Stage::Namespace => ops.push(LinkOp::Link(seen.id)),
            Stage::Linked => ops.push(LinkOp::Finish(seen.id)),
            Stage::Failed | Stage::Up => {}
        }
    }
    ops
}

/// The deckies that are wanted and were not observed yet, to be numbered.
pub fn missing<'a>(
    wanted: &'a BTreeMap<DeckyName, Decky>,
    observed: &BTreeMap<DeckyName, Observed>,
) -> Vec<&'a Decky> {
    wanted
        .iter()
        .filter(|(name, _)| !observed.contains_key(*name))
        .map(|(_, decky)| decky)
        .collect()
}

#[cfg(test)]
mod tests;
