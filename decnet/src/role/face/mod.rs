//! `decnet face`: talks to the visitors.
//!
//! Started by the keeper, with the channel to it as standard input and the channel to the agent as
//! standard output. It is given bound sockets and serves them; it can open none, reads no file and
//! has no capability (`edge::sandbox`). One thread, one loop: visitors are served in turns of
//! bounded cost, by their source (`logic::fair`), so that none makes another wait for long.
//!
//! When the agent is slow, the reports wait here, and when too many of one visitor wait, so does
//! that visitor: nothing is dropped between a visitor's byte and the agent.

mod connection;
mod data;
mod datagrams;
mod joining;
mod keeping;
mod outbox;
mod passive;
mod refused;
mod served;
mod timers;
mod turning;
mod visits;

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

use crate::edge::channel::{Channel, ChannelError, Wait};
use crate::edge::{apart, child, memory, sandbox};
use crate::logic::admission::Limits;
use crate::logic::wire::{FromAgent, ToFace, decode, decode_each};

use outbox::Outbox;
use served::Deckies;

/// The channel to the keeper.
const KEEPER: Token = Token(usize::MAX - 1);
/// The channel to the agent.
const AGENT: Token = Token(usize::MAX - 2);
/// Readiness that one look at the kernel brings.
const EVENTS: usize = 1_024;
/// How often limits of time are looked at, while anybody is connected.
const SWEEP: Duration = Duration::from_secs(1);
/// How long the agent may take to hear the last reports.
const LAST_WORDS: Duration = Duration::from_millis(1_500);

/// Runs until the keeper is gone.
///
/// # Errors
///
/// When it was not started by a keeper, or the sandbox cannot be closed.
pub fn run() -> Result<()> {
    let end = |fd: std::io::Result<_>| fd.map(Channel::from_fd).context("not started by a keeper");
    let keeper = end(std::io::stdin().as_fd().try_clone_to_owned())?;
    let agent = end(std::io::stdout().as_fd().try_clone_to_owned())?;
    child::die_with_parent().context("cannot be tied to the keeper")?;
    apart::close_memory()?;
    let poll = Poll::new().context("cannot watch sockets")?;
    let watch = |channel: &Channel, token, interest| {
        poll.registry().register(&mut SourceFd(&channel.as_fd().as_raw_fd()), token, interest)
    };
    watch(&keeper, KEEPER, Interest::READABLE).context("cannot watch the keeper")?;
    watch(&agent, AGENT, Interest::READABLE | Interest::WRITABLE)
        .context("cannot watch the agent")?;
    memory::go_first();
    let deckies = Deckies::new(&poll, Limits::default())?;
    let first = keeper.receive(Wait::Yes).context("not started by a keeper")?;
    if !matches!(decode(&first.bytes), Ok(ToFace::Hold)) {
        bail!("the keeper speaks another protocol");
    }
    let held: Vec<BorrowedFd<'_>> = first.fds.iter().map(|fd| fd.as_fd()).collect();
    sandbox::close(&held)?;
    let held = ManuallyDrop::new(first.fds);
    Face { poll, keeper, outbox: Outbox::new(agent), deckies, _guard: held }.serve()
}

struct Face {
    poll: Poll,
    keeper: Channel,
    outbox: Outbox,
    deckies: Deckies,
    /// The guard of the deckies lasts as long as this process, which cannot close these.
    _guard: ManuallyDrop<Vec<OwnedFd>>,
}

impl Face {
    fn serve(mut self) -> Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut swept = Instant::now();
        loop {
            let wait = self.patience(swept);
            match self.poll.poll(&mut events, wait) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("cannot wait for visitors"),
            }
            for event in &events {
                match event.token() {
                    KEEPER => {
                        if self.hear_keeper()? == Heard::Gone {
                            return self.end();
                        }
                    }
                    AGENT => {
                        if self.hear_agent()? == Heard::Gone {
                            return Ok(());
                        }
                    }
                    token => self.deckies.ready(token),
                }
            }
            let now = Instant::now();
            self.deckies.turn(now, &mut self.outbox);
            if now.duration_since(swept) >= SWEEP {
                self.deckies.sweep(now, &mut self.outbox);
                swept = now;
            }
            self.deckies.keep_on(&mut self.outbox);
            self.outbox.flush()?;
        }
    }

    /// Ends every connection, and reports that to an agent that still listens.
    fn end(mut self) -> Result<()> {
        let until = Instant::now() + LAST_WORDS;
        self.deckies.close_all(&mut self.outbox);
        while self.deckies.keep_rest(&mut self.outbox) && Instant::now() < until {
            self.outbox.flush_by(until)?;
        }
        self.deckies.remove_all(&mut self.outbox);
        self.outbox.flush_by(until)
    }

    /// How long there is nothing to do unless something becomes ready.
    fn patience(&self, swept: Instant) -> Option<Duration> {
        if self.deckies.has_ready() && !self.outbox.is_full() {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let sweep =
            (!self.deckies.is_idle()).then(|| (swept + SWEEP).saturating_duration_since(now));
        let timer = self.deckies.next_timer().map(|at| at.saturating_duration_since(now));
        sweep.into_iter().chain(timer).min()
    }

    fn hear_keeper(&mut self) -> Result<Heard> {
        loop {
            let message = match self.keeper.receive(Wait::No) {
                Ok(message) => message,
                Err(ChannelError::NotReady) => return Ok(Heard::Everything),
                Err(ChannelError::Closed) => return Ok(Heard::Gone),
                Err(error) => return Err(error).context("cannot hear the keeper"),
            };
            match decode(&message.bytes).context("the keeper speaks another protocol")? {
                ToFace::Add(served) => self.deckies.add(*served, message.fds)?,
                ToFace::Hold => bail!("the keeper speaks another protocol"),
                ToFace::Remove(id) => self.deckies.remove(id, &mut self.outbox),
            }
        }
    }

    fn hear_agent(&mut self) -> Result<Heard> {
        loop {
            let message = match self.outbox.agent().receive(Wait::No) {
                Ok(message) => message,
                // Without an agent the keeper ends too, and says so.
                Err(ChannelError::NotReady | ChannelError::Closed) => return Ok(Heard::Everything),
                Err(error) => return Err(error).context("cannot hear the agent"),
            };
            let mut all = Vec::new();
            decode_each(&message.bytes, |said: FromAgent| all.push(said))
                .context("the agent speaks another protocol")?;
            for said in all {
                if self.restore(said)? == Heard::Gone {
                    return Ok(Heard::Gone);
                }
            }
        }
    }

    fn restore(&mut self, said: FromAgent) -> Result<Heard> {
        let (FromAgent::Restore(id, _) | FromAgent::RestoreMore(id, ..) | FromAgent::Restored(id)) =
            &said;
        // The keeper has said who that is before, by another way.
        if !self.deckies.knows(*id) && self.hear_keeper()? == Heard::Gone {
            return Ok(Heard::Gone);
        }
        match said {
            FromAgent::Restore(id, change) => self.deckies.restore(id, *change),
            FromAgent::RestoreMore(id, path, bytes) => {
                self.deckies.restore_more(id, &path, &bytes);
            }
            FromAgent::Restored(id) => self.deckies.restored(id),
        }
        Ok(Heard::Everything)
    }
}

/// What was heard from the keeper.
#[derive(PartialEq)]
enum Heard {
    /// All that waited.
    Everything,
    /// That it is gone.
    Gone,
}
