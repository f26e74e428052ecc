//! What was sent, looked at before anything is done: whether it is what its sender says, whether it
//! may be installed here, and whether there is room for it.

use std::fs::File;

use super::gate::{self, Asked};
use super::room::{Claim, Rooms};
use super::trust::Trusted;
use crate::edge::files;
use crate::edge::release::peek;
use crate::edge::update::{RealFs, Runner, staged};
use crate::logic::release::{Digest, Gate, Identity, Release};
use crate::logic::update::{AttemptId, Begin, Event, Fault, Reason, Space};

/// What follows from what was sent: it is read up to where it says what it is.
///
/// # Errors
///
/// [`Look`].
pub(super) fn look(
    (mut file, sha256): (&File, Digest),
    runner: &Runner<RealFs>,
    attempt: &AttemptId,
    (trusted, rooms): (&Result<Trusted, String>, &Rooms),
) -> Result<(Event, Option<(Gate, Claim)>), Look> {
    let fault = |what: String| Look::Fault(Fault { what: what.into(), is_full: false });
    let unread = |error: std::io::Error| fault(format!("cannot read what was sent: {error}"));
    std::io::Seek::rewind(&mut file).map_err(unread)?;
    let found = files::digest(file).map_err(unread)?;
    if found != sha256 {
        let why = format!("its SHA-256 is {found}, and the sender says {sha256}");
        return Err(Look::Other(found, Reason::Bundle(why.into())));
    }
    let place = runner.place();
    let trust = match trusted {
        Ok(trusted) => trusted.trust.clone(),
        Err(why) => {
            let reason = Reason::Untrusting(why.as_str().into());
            return Ok((Event::Refuse { attempt: attempt.clone(), reason }, None));
        }
    };
    let gate = gate::gate(trust, place.component, runner.journal().floor)
        .map_err(|error| fault(format!("{error:#}")))?;
    let asked = Asked::new(gate.clone());
    std::io::Seek::rewind(&mut file).map_err(unread)?;
    let seen = peek(&mut file, |envelope, release| asked.check(envelope, release));
    let (release, _) = match seen.map_err(gate::reason) {
        Ok(seen) => seen,
        Err(Ok(reason)) => {
            return Ok((Event::Refuse { attempt: attempt.clone(), reason }, None));
        }
        Err(Err(fault)) => return Err(Look::Fault(fault)),
    };
    let free = rooms
        .free(&place.install)
        .map_err(|error| fault(format!("cannot tell how much is free: {error}")))?;
    let needs = needs(&release);
    let is_here = staged(place, release.digest());
    let to = Some(Identity::of(&release));
    let claim = rooms.unpacked(&place.install, needs.bytes);
    Ok((begin(attempt, to, is_here, needs, Some(free)), Some((gate, claim))))
}

/// What a release takes once it is unpacked, with the directories and links that come with it.
pub(super) fn needs(release: &Release) -> Space {
    let files = release.files().len() as u64;
    Space { bytes: release.size(), files: files.saturating_add(64) }
}

/// Why what was sent is not even looked at.
pub(super) enum Look {
    Fault(Fault),
    /// What it is instead of what its sender says, and that.
    Other(Digest, Reason),
}

pub(super) fn begin(
    attempt: &AttemptId,
    to: Option<Identity>,
    is_here: bool,
    needs: Space,
    free: Option<Space>,
) -> Event {
    let free = free.unwrap_or(needs);
    Event::Begin(Box::new(Begin { attempt: attempt.clone(), to, is_here, needs, free }))
}
