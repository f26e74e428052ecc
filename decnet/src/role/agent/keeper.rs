//! The keeper and the face, as the agent sees them.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::edge::channel::{Channel, ChannelError, Message, Wait};
use crate::edge::child;
use crate::edge::pipe::Pipe;
use crate::edge::watch::Watched;
use crate::logic::face::{Fault, Murmurs, Pace};
use crate::logic::wire::{ToKeeper, encode};

/// Deckies named in one message, so that it stays below its greatest length.
const BATCH: usize = 64;

/// Bytes of the face's own messages that are looked at each time.
const MURMURED: usize = 4 * 1024;

/// A keeper that ends sooner than this after its start would end again.
const TOO_SOON: Duration = Duration::from_secs(2);

/// A keeper and the channel to its face: there is none until the first decky.
#[derive(Default)]
pub(super) struct Keeper(Option<Running>);

struct Running {
    began: Instant,
    channel: Watched<Channel>,
    face: Watched<Channel>,
    process: Child,
    /// How many faces there were before the one that there is.
    number: u32,
    /// What the face has said for which it is to end: nothing that it says counts any more.
    fault: Option<Fault>,
    pace: Pace,
    murmurs: Murmurs,
    /// Where they come from.
    errors: Pipe,
}

impl Running {
    /// Starts it, and gives it what guards the deckies to hold.
    fn start(guard: &[OwnedFd]) -> Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        let (reports, faces) = Channel::pair()?;
        reports.take_no_descriptors();
        let (errors, written) = Pipe::make().context("no file descriptors left")?;
        let input = theirs.as_fd().try_clone_to_owned().context("no file descriptors left")?;
        drop(theirs);
        let process = child::start("keeper", &[], Some(input), None)?;
        let ties = [faces.as_fd(), written.as_fd()].into_iter();
        let ties: Vec<BorrowedFd<'_>> = ties.chain(guard.iter().map(|fd| fd.as_fd())).collect();
        ours.send(b"face", &ties, Wait::Yes).context("cannot reach the keeper")?;
        let (channel, face) = (watch(ours)?, watch(reports)?);
        let (pace, murmurs) = (Pace::default(), Murmurs::default());
        let began = Instant::now();
        Ok(Self { began, channel, face, process, number: 0, fault: None, pace, murmurs, errors })
    }

    /// Shows what the face has written for people.
    fn listen(&mut self) {
        let mut bytes = [0; MURMURED];
        for line in self.murmurs.take(self.errors.read(&mut bytes)) {
            tracing::warn!(line, "the face says");
        }
    }

    /// Makes sure that it and its face have ended, and says how.
    fn end(&mut self) -> String {
        // The face is in its group, which is there as long as it has not been waited for.
        let group = i32::try_from(self.process.id()).map(Pid::from_raw);
        group.map(|group| killpg(group, Signal::SIGKILL)).into_iter().for_each(drop);
        let killed = self.process.kill();
        match self.process.wait() {
            Ok(status) => status.to_string(),
            Err(error) => format!("{error} after {killed:?}"),
        }
    }

    /// Waits for its end until then, makes sure of it, and says how it was.
    fn end_by(&mut self, until: Instant) -> String {
        // It closes the channel with its end.
        while self.channel.inner().is_readable_by(until) {
            if self.channel.inner().receive(Wait::No).is_err() {
                return self
                    .process
                    .wait()
                    .map_or_else(|error| error.to_string(), |status| status.to_string());
            }
        }
        self.end()
    }
}

impl Keeper {
    /// Starts it, if it does not run, for it to hold the guard.
    pub(super) fn start(&mut self, guard: &[OwnedFd]) -> Result<()> {
        if self.0.is_none() {
            self.0 = Some(Running::start(guard)?);
        }
        Ok(())
    }

    /// Has the face ended for what it has said; another follows.
    pub(super) fn condemn(&mut self, fault: Fault) -> Result<()> {
        let Some(running) = &mut self.0 else { return Ok(()) };
        if running.fault.replace(fault).is_some() {
            return Ok(());
        }
        let bytes = encode(&ToKeeper::EndFace(running.number))?;
        match running.channel.inner().send(&bytes, &[], Wait::Yes) {
            // It is found out to be gone when it is listened to.
            Ok(()) | Err(ChannelError::Closed) => Ok(()),
            Err(error) => Err(error).context("cannot reach the keeper"),
        }
    }

    /// Whether what the face says does not count any more.
    pub(super) fn is_condemned(&self) -> bool {
        self.0.as_ref().is_some_and(|running| running.fault.is_some())
    }

    /// Takes note that there is another face, and says for what the last was to end.
    pub(super) fn face_replaced(&mut self) -> Option<Fault> {
        self.listen();
        let running = self.0.as_mut()?;
        running.number = running.number.wrapping_add(1);
        let (last, hidden) = std::mem::take(&mut running.murmurs).end();
        if last.is_some() || hidden > 0 {
            tracing::warn!(line = last, hidden, "the face says no more");
        }
        running.pace = Pace::default();
        running.fault.take()
    }

    /// Takes note that the face has said so much more.
    pub(super) fn pace(&mut self, count: u32, second: u64) -> Result<(), Fault> {
        self.0.as_mut().map_or(Ok(()), |running| running.pace.take(count, second))
    }

    /// Shows what the face has written for people.
    pub(super) fn listen(&mut self) {
        if let Some(running) = &mut self.0 {
            running.listen();
        }
    }

    /// Waits until it may have said something.
    pub(super) async fn readable(&self) -> std::io::Result<()> {
        match &self.0 {
            Some(running) => running.channel.readable().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the face may have said something.
    pub(super) async fn face_readable(&self) -> std::io::Result<()> {
        match &self.0 {
            Some(running) => running.face.readable().await,
            None => std::future::pending().await,
        }
    }

    fn channel(&self) -> Result<&Watched<Channel>, ChannelError> {
        self.0.as_ref().map(|running| &running.channel).ok_or(ChannelError::NotReady)
    }

    fn face(&self) -> Result<&Watched<Channel>, ChannelError> {
        self.0.as_ref().map(|running| &running.face).ok_or(ChannelError::NotReady)
    }

    /// Tells the keeper something about each of `items`.
    pub(super) fn tell<T: Clone>(
        &self,
        items: &[T],
        message: impl Fn(Vec<T>) -> ToKeeper,
    ) -> Result<()> {
        for batch in items.chunks(BATCH) {
            let bytes = encode(&message(batch.to_vec()))?;
            match self.channel().and_then(|channel| channel.inner().send(&bytes, &[], Wait::Yes)) {
                // It is found out to be gone when it is listened to.
                Ok(()) | Err(ChannelError::Closed) => {}
                Err(error) => return Err(error).context("cannot reach the keeper"),
            }
        }
        Ok(())
    }

    /// Tells the keeper something that comes with descriptors, if it has room for it.
    pub(super) fn try_tell(
        &self,
        message: &[u8],
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        self.channel()?.inner().send(message, fds, Wait::No)
    }

    /// Tells the face something, if it has room for it.
    pub(super) fn tell_face(&self, message: &[u8]) -> Result<(), ChannelError> {
        self.face()?.inner().send(message, &[], Wait::No)
    }

    /// The next message of the keeper.
    pub(super) fn hear(&self) -> Result<Message, ChannelError> {
        hear(self.channel()?)
    }

    /// The next message of the face.
    pub(super) fn hear_face(&self) -> Result<Message, ChannelError> {
        hear(self.face()?)
    }

    /// Whether it has run for so short a time that another would fare no better.
    pub(super) fn is_new(&self) -> bool {
        self.0.as_ref().is_some_and(|running| running.began.elapsed() < TOO_SOON)
    }

    /// Asks it to end in good order, which ends the visitors' connections.
    pub(super) fn finish(&self) {
        if let Some(running) = &self.0 {
            running.channel.inner().finish();
        }
    }

    /// The next message of a face that ends; `None` after the last, or when it does not end in
    /// time.
    pub(super) fn hear_last(&self, until: Instant) -> Option<Message> {
        let face = self.face().ok()?.inner();
        if face.is_readable_by(until) { face.receive(Wait::No).ok() } else { None }
    }

    /// Waits for its end until then, makes sure of it, and says how it was.
    pub(super) fn end_by(&mut self, until: Instant) -> String {
        self.0.as_mut().map_or_else(never, |running| running.end_by(until))
    }

    /// Makes sure that it has ended, and says how.
    pub(super) fn end(&mut self) -> String {
        self.0.as_mut().map_or_else(never, Running::end)
    }
}

fn never() -> String {
    "it was never started".into()
}

fn hear(channel: &Watched<Channel>) -> Result<Message, ChannelError> {
    let heard = channel.inner().receive(Wait::No);
    if matches!(heard, Err(ChannelError::NotReady | ChannelError::Closed)) {
        channel.exhausted();
    }
    heard
}

fn watch(channel: Channel) -> Result<Watched<Channel>> {
    Watched::new(channel).context("cannot watch a channel")
}
