//! Connections: one row each, whichever of its events came in this batch.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use crate::edge::store::append::signed;
use crate::edge::store::{Result, doing};
use crate::logic::event::{Event, Kind, Outcome, SessionId};

/// What a batch adds to the connections.
#[derive(Default)]
pub(super) struct Sessions<'a> {
    /// In order, so that rows are added at the end.
    sessions: BTreeMap<SessionId, SessionSum<'a>>,
}

struct SessionSum<'a> {
    /// The first of its events in this batch, which says who, where and when.
    begin: &'a Event,
    close: Option<&'a Event>,
    user: Option<&'a str>,
    events: i64,
    logins: i64,
    commands: i64,
}

impl<'a> Sessions<'a> {
    pub(super) fn add(&mut self, event: &'a Event) {
        let Some(session) = event.session else { return };
        let sum = self.sessions.entry(session).or_insert(SessionSum {
            begin: event,
            close: None,
            user: None,
            events: 0,
            logins: 0,
            commands: 0,
        });
        sum.events += 1;
        sum.logins += i64::from(event.event == Kind::AuthAttempt);
        sum.commands += i64::from(event.event == Kind::CmdInput);
        if event.event == Kind::ConnClose {
            sum.close = Some(event);
        }
        if event.outcome == Some(Outcome::Success)
            && let Some(user) = event.creds.as_ref().and_then(|creds| creds.user.as_deref())
        {
            sum.user = Some(user);
        }
    }

    pub(super) fn save(self, step: &Transaction<'_>) -> Result<()> {
        let mut save = step
            .prepare_cached(
                "INSERT INTO sessions (id, ip, port, decky, service, dst_port, opened, closed,
                    events, logins, commands, bytes_in, bytes_out, user)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
                 ON CONFLICT (id) DO UPDATE SET
                    closed = coalesce(excluded.closed, closed),
                    events = events + excluded.events, logins = logins + excluded.logins,
                    commands = commands + excluded.commands,
                    bytes_in = coalesce(excluded.bytes_in, bytes_in),
                    bytes_out = coalesce(excluded.bytes_out, bytes_out),
                    user = coalesce(excluded.user, user)",
            )
            .map_err(doing("save session"))?;
        for (id, sum) in self.sessions {
            let begin = sum.begin;
            let close = |key| sum.close.and_then(|close| close.data.number(key)).map(signed);
            save.execute(params![
                id.0.cast_signed(),
                begin.src.as_ref().and_then(|src| src.ip).map(|ip| ip.to_string()),
                begin.src.as_ref().and_then(|src| src.port),
                begin.decky.as_ref().map(|decky| decky.name.as_str()),
                begin.service.as_deref(),
                begin.dst.and_then(|dst| dst.port),
                signed(begin.ts.0),
                sum.close.map(|close| signed(close.ts.0)),
                sum.events,
                sum.logins,
                sum.commands,
                close("bytes_in"),
                close("bytes_out"),
                sum.user,
            ])
            .map_err(doing("save session"))?;
        }
        Ok(())
    }
}
