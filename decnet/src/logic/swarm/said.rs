//! What a node says, before it is believed: every text, list and number of a report is bounded
//! here, so that nothing behind it can be led to overflow, to hoard or to show what is no text.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use uuid::Uuid;

use super::report::{MAX_DECKIES, NodeNetwork, NodeReport};
use super::{BadField, Count};
use crate::logic::shown;
use crate::logic::status::{CaptureStatus, DeckyStatus};
use crate::logic::trust::Fingerprint;

/// Most bytes of a name that a node says: of a release, an interface, a hostname, a persona.
const NAME: usize = 128;
/// Most bytes of a sentence, such as why a decky is not there.
const SENTENCE: usize = 512;
/// Most services of a decky.
const SERVICES: usize = 64;
/// Most addresses of a node itself.
pub const ADDRESSES: usize = 1_024;
/// Most reasons for which packets are lost.
const REASONS: usize = 64;
/// Most authorities that a daemon trusts.
pub const AUTHORITIES: usize = 8;

/// A report as it came.
#[derive(Debug, Deserialize)]
pub struct Said {
    release: String,
    boot_id: Uuid,
    generation: Count,
    network: NodeNetwork,
    lag: Count,
    revision: u64,
    #[serde(default)]
    deckies: Option<Vec<DeckyStatus>>,
    capture: CaptureStatus,
    #[serde(default)]
    notice: Count,
    #[serde(default)]
    trusts: BTreeSet<Fingerprint>,
}

impl TryFrom<Said> for NodeReport {
    type Error = BadField;

    fn try_from(said: Said) -> Result<Self, BadField> {
        let Said {
            release,
            boot_id,
            generation,
            network,
            lag,
            revision,
            mut deckies,
            capture,
            notice,
            trusts,
        } = said;
        name("release", &release)?;
        name("network", &network.interface)?;
        few("network", network.own.len(), ADDRESSES)?;
        few("trusts", trusts.len(), AUTHORITIES)?;
        check_capture(&capture)?;
        if let Some(deckies) = &mut deckies {
            check_deckies(deckies)?;
        }
        Ok(Self {
            release,
            boot_id,
            generation,
            network,
            lag,
            revision,
            deckies,
            capture,
            notice,
            trusts,
        })
    }
}

/// A text from a peer as one line of at most so many bytes: what is not plain becomes a blank.
pub fn sentence(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().map(|c| if shown::is_plain(c) { c } else { ' ' }) {
        if line.len() + c.len_utf8() > SENTENCE {
            break;
        }
        line.push(c);
    }
    line
}

/// Whether a text may be a name as far as the master keeps and shows it.
pub fn is_name(text: &str) -> bool {
    text.len() <= NAME && text.chars().all(shown::is_plain)
}

fn bad<T>(field: &'static str, why: impl Into<String>) -> Result<T, BadField> {
    Err(BadField { field, why: why.into() })
}

fn name(field: &'static str, text: &str) -> Result<(), BadField> {
    if is_name(text) { Ok(()) } else { bad(field, format!("a name takes {NAME} plain bytes")) }
}

fn few(field: &'static str, count: usize, most: usize) -> Result<(), BadField> {
    if count <= most { Ok(()) } else { bad(field, format!("it takes at most {most}, not {count}")) }
}

fn check_deckies(deckies: &mut [DeckyStatus]) -> Result<(), BadField> {
    const FIELD: &str = "deckies";
    few(FIELD, deckies.len(), MAX_DECKIES)?;
    let mut names = BTreeSet::new();
    for decky in deckies.iter() {
        if !names.insert(&decky.name) {
            return bad(FIELD, format!("the name `{}` is there twice", decky.name));
        }
        few(FIELD, decky.services.len(), SERVICES)?;
        let texts = [&decky.hostname, &decky.persona].into_iter().chain(&decky.services);
        texts.into_iter().try_for_each(|text| name(FIELD, text))?;
    }
    for decky in deckies {
        // It tells what another machine or a program has said: it is cut, not refused.
        decky.error = decky.error.as_deref().map(sentence);
    }
    Ok(())
}

fn check_capture(capture: &CaptureStatus) -> Result<(), BadField> {
    const FIELD: &str = "capture";
    let CaptureStatus { seen, submitted, aggregated, drops, read, copies, guarded } = capture;
    let numbers = [seen, submitted, aggregated, read, guarded, &copies.seen, &copies.submitted];
    let lost = |drops: &BTreeMap<String, u64>| {
        few(FIELD, drops.len(), REASONS)?;
        drops.iter().try_for_each(|(reason, number)| {
            name(FIELD, reason)?;
            count(*number)
        })
    };
    fn count(number: u64) -> Result<(), BadField> {
        let fits = Count::try_from(number);
        fits.map(drop).or_else(|why| bad(FIELD, why.to_string()))
    }
    numbers.into_iter().try_for_each(|number| count(*number))?;
    lost(drops)?;
    lost(&copies.drops)
}

#[cfg(test)]
mod tests;
