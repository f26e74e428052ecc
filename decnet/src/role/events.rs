//! `decnet events`: what happened, from the store.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::WrongUse;
use crate::edge::clock;
use crate::edge::denied;
use crate::edge::log::{say, say_json};
use crate::edge::operator;
use crate::edge::privileges;
use crate::edge::stop;
use crate::edge::store::{self, EventFilter, Follower, Store, StoreError};
use crate::logic::event::{Event, Kind, Value, syslog};
use crate::logic::name::DeckyName;
use crate::logic::shown;
use crate::logic::time::Timestamp;

/// How often new events are looked for.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one look into the past may take.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// Only these kinds; all when there is none.
    pub kinds: Vec<Kind>,
    /// Not before.
    pub since: Option<Timestamp>,
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
    let path = store::path(&state_dir(settings));
    let exists = path.try_exists().map_err(|error| denied::explain(&path, error));
    if !exists.with_context(|| format!("cannot look for `{}`", path.display()))? {
        return Err(WrongUse(format!(
            "there are no events at `{}`: is `decnet up` or `decnet agent` running, or is its \
             --state-dir another?",
            path.display()
        ))
        .into());
    }
    // What lies beside the store is its owner's, and could lead root elsewhere.
    privileges::become_owner_of(path.parent().unwrap_or(&path))?;
    let store = Store::open(&path)?;
    let mut follower = match settings.lines {
        0 => store.follow_all(),
        lines => {
            // What comes while the last ones are looked for is followed.
            let newest = store.newest()?;
            for (number, event) in last(&store, settings, lines)? {
                if number <= newest {
                    show(&event, settings.show);
                }
            }
            store.follow_after(newest)
        }
    };
    if settings.lines == 0 {
        while !stop::is_asked() && follow(&mut follower, &store, settings)? {}
    }
    while settings.follow && !stop::is_asked() {
        follow(&mut follower, &store, settings)?;
        clock::pause(PAUSE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest `lines` of the events that are wanted, oldest first, with their numbers.
fn last(store: &Store, settings: &Settings, lines: u32) -> Result<Vec<(i64, Event)>> {
    let filter = EventFilter {
        kinds: settings.kinds.clone(),
        decky: settings.decky.clone(),
        source: settings.source,
        from: settings.since,
        ..EventFilter::default()
    };
    let (mut found, mut before) = (Vec::new(), None);
    while !stop::is_asked() {
        let room = lines.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let page = store.events(&filter, before, room, PATIENCE)?;
        for stored in page.events {
            let damaged = |source| StoreError::Damaged { n: stored.n, source };
            let event: Event = serde_json::from_str(stored.body.get()).map_err(damaged)?;
            found.push((stored.n, event));
        }
        before = page.next;
        if before.is_none() || found.len() >= lines as usize {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// Shows what has come; false when nothing has.
fn follow(follower: &mut Follower, store: &Store, settings: &Settings) -> Result<bool> {
    let events = follower.next(store)?;
    for (_, event) in events.iter().filter(|(_, event)| settings.wants(event)) {
        show(event, settings.show);
    }
    Ok(!events.is_empty())
}

fn state_dir(settings: &Settings) -> PathBuf {
    let named = settings.state_dir.clone();
    let found = || operator::running(&settings.run_dir).map(|found| found.state_dir);
    named.or_else(found).unwrap_or_else(|| Path::new("/var/lib/decnet").to_owned())
}

impl Settings {
    fn wants(&self, event: &Event) -> bool {
        let decky = event.decky.as_ref().map(|decky| &decky.name);
        let source = event.src.as_ref().and_then(|src| src.ip);
        (self.kinds.is_empty() || self.kinds.contains(&event.event))
            && self.since.is_none_or(|since| event.ts >= since)
            && self.decky.as_ref().is_none_or(|wanted| decky == Some(wanted))
            && self.source.is_none_or(|wanted| source == Some(wanted))
    }
}

fn show(event: &Event, how: Show) {
    match how {
        Show::Json => {
            if let Err(error) = say_json(event) {
                tracing::warn!(%error, "an event cannot be shown");
            }
        }
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
    shown::line(&line).chars().take(400).collect()
}
