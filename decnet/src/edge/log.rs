//! Messages for people and machines: where the log goes, and how an error is said.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use libsystemd::logging::connected_to_journal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let colour = std::io::stderr().is_terminal();
    match format {
        Format::Json => log.json().flatten_event(true).init(),
        Format::Auto | Format::Text => log.with_ansi(colour).with_target(false).init(),
    }
    Ok(())
}

/// Says an error with all its causes, on standard error.
#[expect(clippy::print_stderr, reason = "this is where errors of the command line go")]
pub fn say_error(error: &anyhow::Error) {
    eprintln!("decnet: {error:#}");
}

/// Says something on standard output. A reader that is gone is no error.
pub fn say(text: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Shows how far something is, on a terminal; it takes the place of what was shown before.
pub fn show_progress(text: &str) {
    use std::io::{IsTerminal as _, Write as _};
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        drop(write!(terminal, "\r\x1b[K{text}"));
        drop(terminal.flush());
    }
}

/// Says something on standard error, beside the answer of a command.
pub fn say_aside(text: &str) {
    use std::io::Write as _;
    drop(writeln!(std::io::stderr(), "decnet: {text}"));
}
