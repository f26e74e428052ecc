//! What every daemon does besides its work: it begins, however long that takes, and says that it
//! lives.
//!
//! A daemon that ends because something is not there is started again and finds the same machine. So
//! under systemd whatever it needs is tried again inside of it, for ever: STATUS= says what is in the
//! way, the watchdog is fed, and it goes on by itself when the cause is gone. Elsewhere somebody sits
//! before it, or supervises it in a way of their own: there the first failure is the answer.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::edge::clock;
use crate::edge::signals;
use crate::edge::systemd::{self, Word};

/// Before the second try.
const SHORTEST: Duration = Duration::from_secs(1);
/// Between two tries, however many there were.
const LONGEST: Duration = Duration::from_secs(15);
/// How often a daemon says that it lives, where systemd does not want it more often.
const BEAT: Duration = Duration::from_secs(5);

/// What is in the way of a daemon that begins.
struct Trouble {
    said: String,
    pause: Duration,
}

impl Trouble {
    fn new() -> Self {
        Self { said: String::new(), pause: SHORTEST }
    }

    /// Says what is in the way, and how long to wait; gives the error back to whoever does not wait.
    fn met(&mut self, error: anyhow::Error) -> Result<Duration> {
        if !systemd::listens() {
            return Err(error);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST);
        let error = format!("{error:#}");
        say(&error);
        if self.said != error {
            tracing::error!(error, "cannot serve yet, retrying for as long as it takes");
            self.said = error;
        }
        Ok(pause)
    }

    fn is_over(&self) {
        if !self.said.is_empty() {
            tracing::info!(error = self.said, "what was in the way is gone");
            systemd::tell(&[Word::Status("starting".into())]);
        }
    }
}

fn say(error: &str) {
    let status = format!("cannot serve yet, and goes on trying: {error}");
    // It is up: whoever waits for its start learns more from its status.
    systemd::tell(&[Word::Ready, Word::Status(status), Word::Alive]);
}

/// Does what a daemon begins with, before it has a runtime: again and again where systemd waits for
/// it, once elsewhere. A signal ends the process as it would any other.
///
/// # Errors
///
/// Those of `attempt`, where nobody waits.
pub(super) fn begin<T>(mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let mut trouble = Trouble::new();
    loop {
        let pause = match attempt() {
            Ok(done) => {
                trouble.is_over();
                return Ok(done);
            }
            Err(error) => trouble.met(error)?,
        };
        // Shorter than any watchdog of ours.
        clock::pause(pause.min(BEAT));
    }
}

/// As [`begin`], inside a runtime, whose tasks go on meanwhile; `None` when it was told to stop
/// before that came about.
///
/// # Errors
///
/// Those of `attempt`, where nobody waits.
pub(super) async fn begin_in<T>(mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<Option<T>> {
    let mut trouble = Trouble::new();
    loop {
        let pause = match attempt().await {
            Ok(done) => {
                trouble.is_over();
                return Ok(Some(done));
            }
            Err(error) => trouble.met(error)?,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = signals::stop().context("cannot hear signals")? => return Ok(None),
        }
    }
}

/// Waits a little before a daemon ends that cannot go on by itself, for it needs what systemd does
/// before each start of its unit. Whoever tells it to stop meanwhile is not told of a failure.
///
/// # Errors
///
/// The one that was met.
pub(super) fn end_slowly(error: anyhow::Error) -> Result<()> {
    if !systemd::listens() {
        return Err(error);
    }
    say(&format!("{error:#}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let is_told = runtime.context("cannot start the runtime")?.block_on(async {
        tokio::select! {
            () = tokio::time::sleep(BEAT) => Ok(false),
            () = signals::stop().context("cannot hear signals")? => Ok::<_, anyhow::Error>(true),
        }
    });
    if is_told? { Ok(()) } else { Err(error) }
}

/// Says that the daemon lives as often as systemd wants, from the runtime that does its work.
pub(super) async fn beat() {
    let span = systemd::watchdog().map_or(BEAT, |span| (span / 3).min(BEAT));
    loop {
        systemd::tell(&[Word::Alive]);
        tokio::time::sleep(span).await;
    }
}

/// Says that the daemon serves, and what it does then.
pub(super) fn serves(status: &str) {
    systemd::tell(&[Word::Ready, Word::Status(status.to_owned())]);
}
