//! Where events go besides the store: the journal, and text files.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use libsystemd::logging::{Priority, connected_to_journal, journal_send};

use super::denied;
use crate::logic::event::{Event, journal, syslog};

/// The sinks of one process.
#[derive(Debug, Default)]
pub struct Sinks {
    journal: bool,
    syslog: Option<TextFile>,
    sd_id: String,
    failed: u64,
}

#[derive(Debug)]
struct TextFile {
    path: PathBuf,
    file: File,
}

/// Why a text file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot open `{path}` for events")]
pub struct SinkError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

/// Whether events go to the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToJournal {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When this process is a unit of systemd whose output goes to the journal.
    #[default]
    UnderSystemd,
}

/// How grave the journal is told that an event is.
fn priority(event: &Event) -> Priority {
    if event.event.severity() <= 4 { Priority::Warning } else { Priority::Info }
}

impl Sinks {
    /// Opens the sinks: RFC 5424 lines are appended to `lines`, with this structured-data name.
    ///
    /// # Errors
    ///
    /// [`SinkError`] when the file cannot be opened.
    pub fn open(journal: ToJournal, lines: Option<&Path>, sd_id: &str) -> Result<Self, SinkError> {
        let journal = match journal {
            ToJournal::Always => true,
            ToJournal::Never => false,
            ToJournal::UnderSystemd => connected_to_journal(),
        };
        let open = |path: &Path| {
            let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
            file.map(|file| TextFile { path: path.into(), file })
                .map_err(|error| denied::explain(path, error))
                .map_err(|source| SinkError { path: path.into(), source })
        };
        Ok(Self {
            journal,
            syslog: lines.map(open).transpose()?,
            sd_id: sd_id.to_owned(),
            failed: 0,
        })
    }

    /// Writes an event to each sink. A sink that fails is said and counted; the store has the
    /// event all the same.
    pub fn write(&mut self, event: &Event) {
        if self.journal {
            let fields = journal::fields(event);
            let message = fields.first().map_or("", |(_, message)| message.as_str()).to_owned();
            // These two come with the call, and would be there twice.
            let called = |name: &str| matches!(name, "MESSAGE" | "PRIORITY");
            let rest = fields.into_iter().filter(|(name, _)| !called(name));
            if let Err(error) = journal_send(priority(event), &message, rest) {
                self.count("journal", &error);
            }
        }
        if let Some(text) = &mut self.syslog {
            let mut line = syslog::line(event, &self.sd_id);
            line.push('\n');
            if let Err(error) = text.file.write_all(line.as_bytes()) {
                let path = text.path.display().to_string();
                self.count(&path, &error);
            }
        }
    }

    fn count(&mut self, sink: &str, error: &dyn std::error::Error) {
        self.failed += 1;
        // Once for every power of two: a sink that fails for long must not fill the log.
        if self.failed.is_power_of_two() {
            tracing::debug!(sink, %error, failed = self.failed, "an event sink fails");
        }
    }
}
