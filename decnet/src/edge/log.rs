//! Messages for people and machines: where the log goes, and how an error is said.

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicI32, Ordering};

use clap::ValueEnum;
use libsystemd::logging::connected_to_journal;
use serde::Serialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::logic::shown;

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// To the journal under systemd, else for people.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Starts the log of this process: to the journal with its fields when systemd started it and its
/// output goes there, else to standard error.
///
/// # Errors
///
/// When `level` is no level.
pub fn start(format: Format, level: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(level)?;
    if format == Format::Auto
        && connected_to_journal()
        && let Ok(journal) = tracing_journald::layer()
    {
        let journal = journal
            .with_field_prefix(Some("DECNET_LOG".to_owned()))
            .with_syslog_identifier("decnet".to_owned());
        tracing_subscriber::registry().with(filter).with(journal).init();
        return Ok(());
    }
    // What cannot be written is lost: saying so on the same standard error would be a panic.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let colour = std::io::stderr().is_terminal();
    match format {
        Format::Json => log.json().flatten_event(true).init(),
        Format::Auto | Format::Text => log.with_ansi(colour).with_target(false).init(),
    }
    Ok(())
}

/// Says an error with all its causes, on standard error.
pub fn say_error(error: &anyhow::Error) {
    say_aside(&format!("{error:#}"));
}

/// Whether something that was said could not be written, by the number of the system's reason.
static UNSAID: AtomicI32 = AtomicI32::new(0);

/// Says something on standard output, with what is not plain replaced. A reader that is gone is no
/// error; anything else is one that [`unsaid`] tells.
pub fn say(text: &str) {
    write_out(&shown::lines(text));
}

/// Says something on standard output as one line of JSON.
///
/// # Errors
///
/// When it cannot be written as JSON.
pub fn say_json(value: &(impl Serialize + ?Sized)) -> serde_json::Result<()> {
    write_out(&shown::json(&serde_json::to_string(value)?));
    Ok(())
}

fn write_out(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        UNSAID.store(error.raw_os_error().unwrap_or_default(), Ordering::Relaxed);
    }
}

/// Why not all that was said could be written, if so.
pub fn unsaid() -> Option<std::io::Error> {
    let number = UNSAID.load(Ordering::Relaxed);
    (number != 0).then(|| std::io::Error::from_raw_os_error(number))
}

/// Shows how far something is, on a terminal; it takes the place of what was shown before.
pub fn show_progress(text: &str) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        drop(write!(terminal, "\r\x1b[K{}", shown::line(text)));
        drop(terminal.flush());
    }
}

/// Says something on standard error, beside the answer of a command.
pub fn say_aside(text: &str) {
    // There is nowhere left to say that it cannot be written.
    drop(writeln!(std::io::stderr(), "decnet: {}", shown::lines(text)));
}
