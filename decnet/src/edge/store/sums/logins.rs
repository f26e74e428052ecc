//! Logins that were tried, and by whom.

use std::collections::HashMap;
use std::net::IpAddr;

use rusqlite::{Transaction, params};

use super::Span;
use crate::edge::store::{Result, doing};
use crate::logic::event::{Event, Outcome};

/// What a batch adds to the logins.
#[derive(Default)]
pub(super) struct Logins<'a> {
    tries: HashMap<(Login<'a>, Option<IpAddr>), Tries>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Login<'a> {
    service: &'a str,
    user: &'a str,
    password: &'a str,
}

#[derive(Clone, Copy, Default)]
struct Tries {
    span: Span,
    accepted: i64,
    /// Visitors that had not tried it before.
    new: i64,
}

impl<'a> Logins<'a> {
    pub(super) fn add(&mut self, event: &'a Event) {
        let Some(creds) = &event.creds else { return };
        let secret = creds.password.as_deref().or(creds.key.as_deref());
        let login = Login {
            service: event.service.as_deref().unwrap_or_default(),
            user: creds.user.as_deref().unwrap_or_default(),
            password: secret.unwrap_or_default(),
        };
        let ip = event.src.as_ref().and_then(|src| src.ip);
        let tries = self.tries.entry((login, ip)).or_default();
        tries.span.add(event);
        tries.accepted += i64::from(event.outcome == Some(Outcome::Success));
    }

    pub(super) fn save(self, step: &Transaction<'_>) -> Result<()> {
        let mut save = step
            .prepare_cached(
                "INSERT INTO credentials (service, user, password, first, last, tries, accepted,
                    sources)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (service, user, password) DO UPDATE SET
                    first = min(first, excluded.first), last = max(last, excluded.last),
                    tries = tries + excluded.tries, accepted = accepted + excluded.accepted,
                    sources = sources + excluded.sources",
            )
            .map_err(doing("save credentials"))?;
        for (login, tries) in self.save_by_source(step)? {
            let Login { service, user, password } = login;
            let Tries { span, accepted, new } = tries;
            let row =
                params![service, user, password, span.first, span.last, span.count, accepted, new];
            save.execute(row).map_err(doing("save credentials"))?;
        }
        Ok(())
    }

    /// Saves what each visitor tried; answers what all of them did.
    fn save_by_source(self, step: &Transaction<'_>) -> Result<HashMap<Login<'a>, Tries>> {
        let prepare = |sql| step.prepare_cached(sql).map_err(doing("save tries"));
        let mut known = prepare(
            "UPDATE tries SET first = min(first, ?5), last = max(last, ?6), tries = tries + ?7,
                accepted = accepted + ?8
             WHERE ip = ?1 AND service = ?2 AND user = ?3 AND password = ?4",
        )?;
        let mut unknown = prepare(
            "INSERT INTO tries (ip, service, user, password, first, last, tries, accepted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let mut all: HashMap<Login<'_>, Tries> = HashMap::new();
        for ((login, ip), tries) in self.tries {
            let sum = all.entry(login).or_default();
            sum.span.join(tries.span);
            sum.accepted += tries.accepted;
            let Some(ip) = ip.map(|ip| ip.to_string()) else { continue };
            let (Login { service, user, password }, accepted) = (login, tries.accepted);
            let Span { first, last, count } = tries.span;
            let row = params![ip, service, user, password, first, last, count, accepted];
            if known.execute(row).map_err(doing("save tries"))? == 0 {
                unknown.execute(row).map_err(doing("save tries"))?;
                sum.new += 1;
            }
        }
        Ok(all)
    }
}
