//! What one run of a line has and may use up.

use std::time::Duration;

use super::{MAX_OUTPUT, MAX_STEPS, Shell, Sink, Source, Step, Stop, Want};
use crate::logic::event::{Data, Kind, Raw, text};
use crate::logic::files::{Access, Owner};
use crate::logic::services::{Context, Report};
use crate::logic::time::Timestamp;

/// Longest time that one line may wait.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Most web addresses that are kept of a line.
const MAX_URLS: usize = 16;
/// Bytes that cost a step.
const STEP_BYTES: usize = 4 * 1024;

/// One run.
pub(in crate::logic::shell) struct World<'w, 'c> {
    pub(in crate::logic::shell) context: &'w mut Context<'c>,
    /// What is shown, and when.
    pub(super) timeline: Vec<Step>,
    /// What the visitor did in this run.
    pub(in crate::logic::shell) reports: Vec<Report>,
    /// Web addresses that commands were given.
    pub(in crate::logic::shell) urls: Vec<String>,
    /// Files that were written to, and how.
    pub(in crate::logic::shell) written: Vec<Written>,
    /// What was typed for this run.
    pub(super) typed: Typed,
    pub(super) buffers: Vec<Vec<u8>>,
    pub(super) inputs: Vec<Input>,
    pub(super) depth: u8,
    /// Whether waits pass at once, as in the background.
    pub(super) hurry: bool,
    steps: u32,
    shown: usize,
    waited: Duration,
}

/// A file that was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::logic::shell) struct Written {
    pub(in crate::logic::shell) path: String,
    pub(in crate::logic::shell) way: Way,
}

/// How a file was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::logic::shell) enum Way {
    Added,
    Whole,
}

/// What is typed while a command runs.
#[derive(Clone, Debug, Default)]
pub(in crate::logic::shell) struct Typed {
    pub(in crate::logic::shell) bytes: Vec<u8>,
    /// Whether `^D` was pressed behind it.
    pub(in crate::logic::shell) ended: bool,
    at: usize,
}

/// Bytes to read from, and how far.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    at: usize,
}

impl<'w, 'c> World<'w, 'c> {
    pub(in crate::logic::shell) fn new(context: &'w mut Context<'c>, typed: Typed) -> Self {
        Self {
            context,
            timeline: Vec::new(),
            reports: Vec::new(),
            urls: Vec::new(),
            written: Vec::new(),
            typed,
            buffers: Vec::new(),
            inputs: Vec::new(),
            depth: 0,
            hurry: false,
            steps: MAX_STEPS,
            shown: 0,
            waited: Duration::ZERO,
        }
    }

    /// The time now, as this run sees it: what it waited has passed.
    pub(in crate::logic::shell) fn now(&self) -> Timestamp {
        self.context.now.plus(self.waited)
    }

    /// The files as `owner` sees them.
    pub(in crate::logic::shell) fn files(&mut self, owner: Owner) -> Access<'_> {
        let now = self.now();
        self.context.state.files.by(self.context.decky, owner, now)
    }

    /// Uses up steps.
    pub(in crate::logic::shell) fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// Uses up what handling so many bytes costs.
    pub(in crate::logic::shell) fn spend_bytes(&mut self, bytes: usize) {
        self.spend(bytes / STEP_BYTES);
    }

    /// Uses up a step.
    ///
    /// # Errors
    ///
    /// [`Stop::Spent`] when there is none left.
    pub(in crate::logic::shell) fn step(&mut self) -> Result<(), Stop> {
        self.spend(1);
        if self.steps == 0 { Err(Stop::Spent) } else { Ok(()) }
    }

    /// A copy of a shell, as a fork makes one.
    pub(super) fn fork(&mut self, shell: &Shell) -> Shell {
        self.spend_bytes(shell.weight());
        shell.clone()
    }

    /// Lets time pass.
    pub(in crate::logic::shell) fn wait(&mut self, span: Duration) {
        let span = span.min(MAX_WAIT.saturating_sub(self.waited));
        if !span.is_zero() && !self.hurry {
            self.waited += span;
            self.timeline.push(Step::Wait(span));
        }
    }

    /// Writes to a sink. What goes beyond the limits is dropped, and the run ends soon.
    pub(super) fn write(&mut self, sink: Sink, bytes: &[u8]) {
        match sink {
            Sink::Null => {}
            Sink::Terminal => self.show(bytes),
            Sink::Buffer(index) => {
                self.spend_bytes(bytes.len());
                if let Some(buffer) = self.buffers.get_mut(index).filter(|_| self.steps > 0) {
                    buffer.extend_from_slice(bytes);
                }
            }
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        let room = MAX_OUTPUT.saturating_sub(self.shown);
        let bytes = match bytes.get(..room) {
            Some(cut) if cut.len() < bytes.len() => {
                self.steps = 0;
                cut
            }
            _ => bytes,
        };
        self.shown += bytes.len();
        match self.timeline.last_mut() {
            Some(Step::Show(last)) => last.extend_from_slice(bytes),
            _ => self.timeline.push(Step::Show(bytes.to_vec())),
        }
    }

    /// A new buffer to write to.
    pub(in crate::logic::shell) fn buffer(&mut self) -> Sink {
        self.buffers.push(Vec::new());
        Sink::Buffer(self.buffers.len() - 1)
    }

    /// What was written to a buffer, which is empty then.
    pub(in crate::logic::shell) fn drain(&mut self, sink: Sink) -> Vec<u8> {
        match sink {
            Sink::Buffer(index) => self.buffers.get_mut(index).map(std::mem::take),
            Sink::Null | Sink::Terminal => None,
        }
        .unwrap_or_default()
    }

    /// A new input of these bytes.
    pub(super) fn input(&mut self, bytes: Vec<u8>) -> Source {
        self.inputs.push(Input { bytes, at: 0 });
        Source::Input(self.inputs.len() - 1)
    }

    /// All that is left of an input.
    pub(super) fn read_all(&mut self, source: Source) -> Result<Vec<u8>, Stop> {
        let bytes = match source {
            Source::Empty => Vec::new(),
            Source::Input(index) => self.inputs.get_mut(index).map(Input::rest).unwrap_or_default(),
            Source::Terminal if !self.typed.ended => return Err(Stop::Need(Want::All)),
            Source::Terminal => self.typed.rest(),
        };
        self.spend_bytes(bytes.len());
        Ok(bytes)
    }

    /// The next line of an input without its end; `None` behind the last one.
    pub(super) fn read_line(
        &mut self,
        source: Source,
        want: Want,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let line = match source {
            Source::Empty => None,
            Source::Input(index) => self.inputs.get_mut(index).and_then(Input::line),
            Source::Terminal => match self.typed.line() {
                None if !self.typed.ended => return Err(Stop::Need(want)),
                line => line,
            },
        };
        self.step()?;
        Ok(line)
    }

    /// Remembers a web address.
    pub(in crate::logic::shell) fn fetched(&mut self, url: &str) {
        let url = text(url.as_bytes());
        if self.urls.len() < MAX_URLS && !self.urls.contains(&url) {
            self.urls.push(url);
        }
    }

    /// Remembers that a file was written to.
    pub(super) fn wrote(&mut self, path: String, way: Way) {
        match self.written.iter_mut().find(|written| written.path == path) {
            Some(written) if way == Way::Whole => written.way = way,
            Some(_) => {}
            None => self.written.push(Written { path, way }),
        }
    }

    /// Reports a file that a visitor has written.
    pub(in crate::logic::shell) fn report_file(&mut self, path: &str, user: &str) {
        let Ok(content) = self.files(Owner::ROOT).read(path) else { return };
        if content.is_empty() {
            return;
        }
        let data = Data::new()
            .with("path", text(path.as_bytes()))
            .with("bytes", content.len())
            .with("user", text(user.as_bytes()));
        self.reports.push(Report::new(Kind::FileUpload).data(data).raw(Raw::of(&content)));
    }

    /// What is to be played back.
    pub(in crate::logic::shell) fn take_timeline(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.timeline)
    }
}

impl Input {
    fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default().to_vec();
        self.at = self.bytes.len();
        rest
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n');
        self.at += length.map_or(rest.len(), |length| length + 1);
        Some(rest.get(..length.unwrap_or(rest.len())).unwrap_or_default().to_vec())
    }
}

impl Typed {
    fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.get(self.at..).unwrap_or_default().to_vec();
        self.at = self.bytes.len();
        rest
    }

    fn line(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..length).unwrap_or_default().to_vec();
        self.at += length + 1;
        Some(line)
    }
}
