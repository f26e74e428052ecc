//! `decnet events`: what happened, from the store.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

use crate::edge::log::say;
use crate::edge::operator;
use crate::edge::stop;
use crate::edge::store::{self, Store};
use crate::logic::event::{Event, Value, syslog};
use crate::logic::name::DeckyName;

/// How often new events are looked for.
const PAUSE: Duration = Duration::from_millis(50);

/// How an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// As a JSON line.
    Json,
    /// As an RFC 5424 line.
    Syslog,
    /// For people.
    Text,
}

/// What the command is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether to go on as events come.
    pub follow: bool,
    /// How to show them.
    pub show: Show,
    /// Only kinds of these names, or beginning so when a name ends in `.`.
    pub kinds: Vec<String>,
    /// Only of this decky.
    pub decky: Option<DeckyName>,
    /// Only of this source.
    pub source: Option<IpAddr>,
    /// At most the last this many, 0 for all.
    pub lines: u32,
    /// Where the store is, unless a running agent says so.
    pub state_dir: Option<PathBuf>,
    /// Where a running agent is found.
    pub run_dir: PathBuf,
}

/// Shows events until there are no more, or for as long as it is not interrupted.
///
/// # Errors
///
/// When there is no store, or it cannot be read.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    stop::listen()?;
    let store = Store::open(&store::path(&state_dir(settings)))?;
    let wanted = |event: &Event| settings.wants(event);
    let mut follower = store.follow_all();
    let mut last = Vec::new();
    loop {
        let events = follower.next(&store)?;
        let done = events.is_empty();
        last.extend(events.into_iter().map(|(_, event)| event).filter(wanted));
        let keep = usize::try_from(settings.lines).unwrap_or(usize::MAX);
        if keep > 0 && last.len() > keep {
            last.drain(..last.len() - keep);
        }
        if done {
            break;
        }
    }
    last.iter().for_each(|event| show(event, settings.show));
    while settings.follow && !stop::is_asked() {
        for (_, event) in follower.next(&store)? {
            if wanted(&event) {
                show(&event, settings.show);
            }
        }
        std::thread::park_timeout(PAUSE);
    }
    Ok(ExitCode::SUCCESS)
}

fn state_dir(settings: &Settings) -> PathBuf {
    let named = settings.state_dir.clone();
    let found = || operator::running(&settings.run_dir).map(|found| found.state_dir);
    named.or_else(found).unwrap_or_else(|| Path::new("/var/lib/decnet").to_owned())
}

impl Settings {
    fn wants(&self, event: &Event) -> bool {
        let kind = event.event.as_str();
        let of_kind = |name: &String| {
            kind == name || (name.ends_with('.') && kind.starts_with(name.as_str()))
        };
        let decky = event.decky.as_ref().map(|decky| &decky.name);
        let source = event.src.as_ref().and_then(|src| src.ip);
        (self.kinds.is_empty() || self.kinds.iter().any(of_kind))
            && self.decky.as_ref().is_none_or(|wanted| decky == Some(wanted))
            && self.source.is_none_or(|wanted| source == Some(wanted))
    }
}

fn show(event: &Event, how: Show) {
    match how {
        Show::Json => match serde_json::to_string(event) {
            Ok(line) => say(&line),
            Err(error) => tracing::warn!(%error, "an event cannot be shown"),
        },
        Show::Syslog => say(&syslog::line(event, syslog::DEFAULT_SD_ID)),
        Show::Text => say(&text(event)),
    }
}

/// One line for people.
pub(super) fn text(event: &Event) -> String {
    let decky = event.decky.as_ref().map_or("-", |decky| decky.name.as_str());
    let source =
        event.src.as_ref().and_then(|src| src.ip).map_or_else(String::new, |ip| ip.to_string());
    let time = event.ts.to_string();
    let mut line = format!(
        "{}  {:16} {decky:16} {source:16}",
        time.get(11..23).unwrap_or(&time),
        event.event.as_str()
    );
    let mut add = |name: &str, value: &str| line.push_str(&format!(" {name}={value}"));
    if let Some(port) = event.dst.and_then(|dst| dst.port) {
        add("port", &port.to_string());
    }
    if let Some(creds) = &event.creds {
        add("user", creds.user.as_deref().unwrap_or("-"));
        add("password", creds.password.as_deref().or(creds.key.as_deref()).unwrap_or("-"));
    }
    if let Some(outcome) = event.outcome {
        add("outcome", outcome.as_str());
    }
    for (name, value) in event.data.iter().filter(|(_, value)| !matches!(value, Value::Fields(_))) {
        add(name, &value.to_string());
    }
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    line.chars().map(clean).take(400).collect()
}
