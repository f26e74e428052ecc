//! Whether everything that the visitor did was seen.

use std::collections::BTreeMap;

use crate::logic::event::{Event, Kind, Outcome};
use crate::logic::status::DeckyStatus;
use crate::logic::table::Table;

use super::visitor::{LOGIN, SCANNED};

/// Something that the visitor did, and what must have been seen of it.
struct Expectation {
    did: String,
    kind: Kind,
    matches: Box<dyn Fn(&Event) -> bool>,
    seen: u64,
}

/// Everything that the visitor did.
pub(super) struct Summary {
    expected: Vec<Expectation>,
    counts: BTreeMap<Kind, u64>,
}

impl Summary {
    /// What must be seen when the visitor has been at these deckies.
    pub(super) fn of(deckies: &[DeckyStatus]) -> Self {
        let mut summary = Self { expected: Vec::new(), counts: BTreeMap::new() };
        for decky in deckies {
            summary.expect_scans(decky);
            let has = |service: &str| decky.services.iter().any(|name| name == service);
            if has("ssh") {
                summary.expect_ssh(decky);
            }
            if has("http") {
                summary.expect_http(decky);
            }
            if has("redis") {
                summary.expect(decky, "redis command", Kind::CmdInput, |event| {
                    event.service.as_deref() == Some("redis")
                });
            }
        }
        summary
    }

    fn expect_scans(&mut self, decky: &DeckyStatus) {
        self.expect(decky, "address asked for", Kind::ScanArp, |_| true);
        self.expect(decky, "SYN to a port without a service", Kind::ScanSyn, |event| {
            event.data.numbers("ports").contains(&u64::from(SCANNED))
        });
        for (did, kind) in [
            ("FIN probe", Kind::ScanFin),
            ("NULL probe", Kind::ScanNull),
            ("XMAS probe", Kind::ScanXmas),
            ("UDP probe", Kind::ScanUdp),
            ("ping", Kind::ScanIcmp),
        ] {
            self.expect(decky, did, kind, |_| true);
        }
    }

    fn expect_ssh(&mut self, decky: &DeckyStatus) {
        self.expect(decky, "ssh login", Kind::AuthAttempt, |event| {
            let creds = event.creds.as_ref();
            let pair = creds.map(|creds| (creds.user.as_deref(), creds.password.as_deref()));
            pair == Some((Some(LOGIN.0), Some(LOGIN.1))) && event.outcome == Some(Outcome::Success)
        });
        self.expect(decky, "ssh command", Kind::CmdInput, |event| {
            event.service.as_deref() == Some("ssh")
        });
    }

    fn expect_http(&mut self, decky: &DeckyStatus) {
        self.expect(decky, "http request", Kind::HttpRequest, |_| true);
        self.expect(decky, "http login", Kind::AuthAttempt, |event| {
            event.service.as_deref() == Some("http")
        });
    }

    fn expect(
        &mut self,
        decky: &DeckyStatus,
        did: &str,
        kind: Kind,
        matches: impl Fn(&Event) -> bool + 'static,
    ) {
        let name = decky.name.clone();
        let of_decky = move |event: &Event| {
            event.decky.as_ref().is_some_and(|decky| decky.name == name) && matches(event)
        };
        let did = format!("{did} at {}", decky.name);
        self.expected.push(Expectation { did, kind, matches: Box::new(of_decky), seen: 0 });
    }

    /// Takes an event.
    pub(super) fn saw(&mut self, event: &Event) {
        *self.counts.entry(event.event).or_default() += 1;
        for expectation in &mut self.expected {
            if expectation.kind == event.event && (expectation.matches)(event) {
                expectation.seen += 1;
            }
        }
    }

    /// Whether all was seen.
    pub(super) fn is_complete(&self) -> bool {
        self.expected.iter().all(|expectation| expectation.seen > 0)
    }

    /// What was done and what was seen of it.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(["the visitor did", "seen as", "events", ""]);
        for expectation in &self.expected {
            let verdict = if expectation.seen > 0 { "seen" } else { "MISSING" };
            table.row([
                expectation.did.clone(),
                expectation.kind.to_string(),
                expectation.seen.to_string(),
                verdict.to_owned(),
            ]);
        }
        table
    }

    /// How many events of each kind there were.
    pub(super) fn counts(&self) -> String {
        let counts = self.counts.iter().map(|(kind, count)| format!("{count} {kind}"));
        counts.collect::<Vec<_>>().join(", ")
    }
}
