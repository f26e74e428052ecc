//! The updater, as whoever watches it can stop and start it: a unit of systemd's, or a child.

use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::super::{Settings, launch};
use crate::edge::child;
use crate::edge::clock;
use crate::edge::supervise::{Direct, Supervisor, Systemd};
use crate::logic::unit;

/// How long systemd may take to start it again.
const GONE: Duration = Duration::from_secs(10);
/// How long a process that was killed may take to end.
const ENDS: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// The updater.
pub(super) enum Watched {
    /// Started below this process, which becomes it in the end.
    Child {
        /// How it is started.
        command: Vec<String>,
        /// Its process, while there is one.
        child: Option<Child>,
    },
    /// A unit, which systemd starts again whenever it ends.
    Unit(Systemd),
}

impl Watched {
    /// That of this node.
    pub(super) fn find(settings: &Settings) -> Self {
        match Supervisor::find(Direct::new(settings.agent_launch())) {
            Supervisor::Systemd(systemd) => Self::Unit(systemd),
            Supervisor::Direct(_) => Self::Child { command: settings.command(), child: None },
        }
    }

    /// Starts it, where nobody else does.
    pub(super) fn start(&mut self) -> Result<()> {
        if self.process().is_some() {
            return Ok(());
        }
        if let Self::Child { command, child } = self {
            *child = Some(child::start_program(command).context("cannot start the updater")?);
        }
        Ok(())
    }

    /// Its first process, while there is one.
    pub(super) fn process(&mut self) -> Option<u32> {
        match self {
            Self::Unit(systemd) => systemd.process(unit::UPDATER),
            Self::Child { child, .. } => {
                let process = child.as_mut()?;
                matches!(process.try_wait(), Ok(None)).then(|| process.id())
            }
        }
    }

    /// How long there may be no process.
    pub(super) fn gone(&self) -> Duration {
        match self {
            Self::Unit(_) => GONE,
            // Nobody else starts it again.
            Self::Child { .. } => Duration::ZERO,
        }
    }

    /// Whether somebody has stopped it: systemd starts again whatever ends by itself.
    pub(super) fn is_stopped(&self) -> bool {
        match self {
            Self::Unit(systemd) => systemd.is_stopped(unit::UPDATER),
            Self::Child { .. } => false,
        }
    }

    /// Ends it at once: nothing that it does is lost, its journal says how far it was.
    pub(super) fn kill(&mut self) {
        match self {
            Self::Unit(systemd) => {
                let process = || systemd.process(unit::UPDATER);
                let pid = process().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
                let Some(pid) = pid else { return };
                // The number may have come back between the question and the descriptor.
                let Ok(fd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
                if process() != Some(pid.as_raw_nonzero().get().unsigned_abs()) {
                    return;
                }
                if let Err(error) = pidfd_send_signal(&fd, Signal::KILL) {
                    tracing::warn!(%error, "cannot end the updater");
                }
                // Its port is free when it has ended, and not when it was told to.
                let mut ended = [PollFd::new(&fd, PollFlags::IN)];
                if let Err(error) = poll(&mut ended, Some(&ENDS)) {
                    tracing::warn!(%error, "cannot wait for the end of the updater");
                }
            }
            Self::Child { child, .. } => {
                if let Some(mut child) = child.take() {
                    // It has ended already when this fails.
                    drop(child.kill());
                    drop(child.wait());
                }
            }
        }
    }

    /// Has what `current` names started, in place of what runs.
    pub(super) fn restart(&mut self) {
        self.kill();
        if let Self::Unit(systemd) = self
            && let Err(error) = systemd.restart(unit::UPDATER)
        {
            tracing::warn!(%error, "the updater is started when systemd does so by itself");
        }
    }

    /// Lets it go on without anybody who watches: a child is replaced by this very process, which
    /// whoever started it knows.
    pub(super) fn hand_over(mut self, settings: &Settings) -> Result<()> {
        let Self::Child { child, .. } = &mut self else { return Ok(()) };
        if let Some(child) = child {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            if let Some(Err(error)) = pid.map(|pid| kill_process(pid, Signal::TERM)) {
                tracing::debug!(%error, "the updater has ended");
            }
            let begun = std::time::Instant::now();
            while begun.elapsed() < GRACE && matches!(child.try_wait(), Ok(None)) {
                clock::pause(Duration::from_millis(10));
            }
        }
        self.kill();
        Err(launch::exec(&settings.command())).context("cannot become the updater")
    }
}
