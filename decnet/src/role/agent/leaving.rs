//! Deckies that are gone, until their links are too.
//!
//! Whoever holds a socket of a decky holds its namespace, and with it the link: a face that was
//! taken over may keep what it was told to let go of. Until the link is gone the decky is guarded as
//! it was, and a face that keeps it for long is ended.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::engine::{Done, Engine};
use crate::edge::links::LinkError;
use crate::logic::face::Fault;
use crate::logic::mac::Mac;

/// How long a link may stay: the kernel takes namespaces apart in its own time, many in a row.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of those that were left.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Since when they are looked for; none when the face was ended for them, which is done once.
    since: HashMap<Mac, Option<Instant>>,
    asked: bool,
}

impl Engine {
    /// Asks which links are there, if some are to go.
    pub(super) fn follow_leaving(&mut self) {
        if self.leaving.asked || self.maps.left().is_empty() {
            return;
        }
        self.leaving.asked = true;
        let (links, results, parent) = (self.links.clone(), self.results.clone(), self.parent);
        tokio::spawn(async move {
            let macs = links.received_macs(parent).await;
            // The loop may have ended.
            drop(results.send(Done::Received(macs)).await);
        });
    }

    /// Takes the MACs for which the parent receives: each is that of a link.
    pub(super) fn take_received(&mut self, macs: Result<BTreeSet<Mac>, LinkError>) -> Result<()> {
        self.leaving.asked = false;
        let macs = match macs {
            Ok(macs) => macs,
            Err(error) => {
                tracing::debug!(%error, "cannot see which links are gone");
                return Ok(());
            }
        };
        let left = self.maps.left().clone();
        self.leaving.since.retain(|mac, _| left.contains(mac));
        let (now, mut withheld) = (Instant::now(), false);
        for mac in left {
            if !macs.contains(&mac) {
                self.leaving.since.remove(&mac);
                if let Err(error) = self.maps.release(mac) {
                    tracing::warn!(%error, "a decky that is gone is still guarded");
                }
                continue;
            }
            let since = self.leaving.since.entry(mac).or_insert(Some(now));
            if since.is_some_and(|since| now.duration_since(since) >= PATIENCE) {
                *since = None;
                withheld = true;
            }
        }
        if withheld { self.condemn(Fault::Withheld) } else { Ok(()) }
    }
}
