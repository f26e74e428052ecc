//! The processes that `up` runs: started, watched, started again, ended.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::edge::clock;

/// How long a process may take to end in good order.
const GRACE: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// A process that ends sooner than this after its start is not started again at once.
const SOON: Duration = Duration::from_secs(2);

/// Starts a process.
type Start<'a> = Box<dyn Fn() -> Result<Child> + 'a>;

/// A process that is to run as long as `up` does.
struct Kept<'a> {
    name: &'static str,
    process: Child,
    start: Start<'a>,
    began: Instant,
}

/// The processes, in the order in which they were started.
#[derive(Default)]
pub(super) struct Children<'a> {
    kept: Vec<Kept<'a>>,
}

impl<'a> Children<'a> {
    /// Starts a process and keeps it running.
    pub(super) fn keep(
        &mut self,
        name: &'static str,
        start: impl Fn() -> Result<Child> + 'a,
    ) -> Result<()> {
        let process = start()?;
        self.kept.push(Kept { name, process, start: Box::new(start), began: Instant::now() });
        Ok(())
    }

    /// How the process `name` ended, when it has.
    pub(super) fn ended(&mut self, name: &str) -> Option<ExitStatus> {
        let kept = self.kept.iter_mut().find(|kept| kept.name == name)?;
        kept.process.try_wait().ok().flatten()
    }

    /// Starts again what has ended.
    pub(super) fn revive(&mut self) {
        for kept in &mut self.kept {
            let Ok(Some(status)) = kept.process.try_wait() else { continue };
            if kept.began.elapsed() < SOON {
                continue;
            }
            tracing::warn!(role = kept.name, %status, "a process has ended, starting it again");
            match (kept.start)() {
                Ok(process) => kept.process = process,
                Err(error) => tracing::error!(
                    role = kept.name,
                    error = format!("{error:#}"),
                    "cannot start it"
                ),
            }
            kept.began = Instant::now();
        }
    }

    /// Ends all, the last first: asks, waits, and kills what does not listen.
    pub(super) fn end(&mut self) {
        for kept in self.kept.iter().rev() {
            ask_to_end(&kept.process);
        }
        let began = Instant::now();
        for mut kept in self.kept.drain(..).rev() {
            end(&mut kept.process, kept.name, began + GRACE);
        }
    }
}

/// Asks a process to end, waits for it, and kills it when it does not listen.
pub(super) fn end_one(process: &mut Child, name: &'static str) {
    ask_to_end(process);
    end(process, name, Instant::now() + GRACE);
}

fn ask_to_end(process: &Child) {
    if let Ok(pid) = i32::try_from(process.id()) {
        // One that has ended already is waited for below, and its number is its own until then.
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap_or_default();
    }
}

fn end(process: &mut Child, name: &'static str, until: Instant) {
    while Instant::now() < until {
        match process.try_wait() {
            Ok(None) => clock::pause(PAUSE),
            Ok(Some(_)) | Err(_) => return,
        }
    }
    tracing::warn!(role = name, "a process does not end, killing it");
    drop(process.kill().and_then(|()| process.wait()));
}
