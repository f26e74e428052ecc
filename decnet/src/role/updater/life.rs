//! What systemd hears of the updater, and the lock that makes it the only one.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::Flock;

use crate::edge::clock;
use crate::edge::files;
use crate::edge::systemd::{self, Word};

/// Says that the updater is alive as often as systemd wants, and asks for more time before it is
/// ready: a recovery may have to watch an agent for a minute.
pub(super) async fn beat() {
    let span = systemd::watchdog().map_or(Duration::from_secs(5), |span| span / 3);
    loop {
        systemd::tell(&[Word::Alive, Word::MoreTime(Duration::from_secs(30))]);
        tokio::time::sleep(span.min(Duration::from_secs(5))).await;
    }
}

/// Takes the lock, waiting a little for whoever is about to let go of it.
pub(super) fn lock(path: &Path, patience: Duration) -> files::Result<Option<Flock<File>>> {
    let begun = Instant::now();
    loop {
        match files::lock(path)? {
            None if begun.elapsed() < patience => clock::pause(Duration::from_millis(50)),
            other => return Ok(other),
        }
    }
}
