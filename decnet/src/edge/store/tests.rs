//! What the store's tests share: a store of their own and events to put into it.

mod append;
mod cursor;
mod evidence;
mod files;
mod open;
mod prune;
mod search;
mod sums;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use tempfile::TempDir;
use uuid::Uuid;

use super::{Store, path};
use crate::logic::event::{
    Creds, Data, DeckyPart, Event, Kind, Outcome, SCHEMA, SessionId, Source, Target, Transport,
};
use crate::logic::mac::Mac;
use crate::logic::time::Timestamp;

/// A minute that begins at a whole hour.
const HOUR: u64 = 1_795_420_800_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn scratch() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&path(dir.path())).unwrap();
    (dir, store)
}

/// An event of node `n1`, `seq` seconds after [`HOUR`], of `ip` on decky `web-01`.
fn event(seq: u64, kind: Kind, ip: &str) -> Event {
    Event {
        schema: SCHEMA.into(),
        id: Uuid::from_u128(seq.into()),
        ts: Timestamp(HOUR + seq * SECOND),
        node: "n1".into(),
        boot_id: Uuid::from_u128(7),
        seq,
        decky: Some(decky("web-01")),
        src: Some(Source {
            ip: Some(ip.parse().unwrap()),
            port: Some(40_000),
            mac: Some(Mac([0, 0x1b, 0x21, 0, 0, 1])),
            vlan: None,
            tcp: None,
        }),
        dst: Some(Target { ip: "192.168.1.110".parse().unwrap(), port: Some(80) }),
        transport: Some(Transport::Tcp),
        service: Some("http".into()),
        session: None,
        event: kind,
        outcome: None,
        creds: None,
        data: Data::new(),
        raw: None,
    }
}

fn decky(name: &str) -> Arc<DeckyPart> {
    Arc::new(DeckyPart {
        name: name.parse().unwrap(),
        ip: IpAddr::from([192, 168, 1, 110]),
        ip6: None,
        mac: Mac([0, 0x15, 0x5d, 1, 2, 3]),
        hostname: "WEB01".to_owned(),
        persona: "debian-12".into(),
    })
}

fn of(event: Event, session: u64) -> Event {
    Event { session: Some(SessionId(session)), ..event }
}

fn login(event: Event, user: &str, password: &str, outcome: Outcome) -> Event {
    let creds = Creds { user: Some(user.into()), password: Some(password.into()), key: None };
    Event { creds: Some(creds), outcome: Some(outcome), ..event }
}
