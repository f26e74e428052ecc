//! The record holds what it is given, and no row of it ends a listing.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::logic::swarm::{Count, NodeReport};
use crate::logic::time::Timestamp;

fn node(number: u8) -> Host {
    Host {
        host_uuid: Uuid::from_u128(u128::from(number)),
        name: format!("node-{number}").parse().expect("a name"),
        address: "192.0.2.7".into(),
        agent_port: 8765,
        sans: vec![],
        notes: String::new(),
        status: HostStatus::Enrolled,
        release: None,
        client_cert_fingerprint: Fingerprint([number; 32]),
        next_cert_fingerprint: None,
        updater_cert_fingerprint: None,
        enrolled_at: Timestamp(5),
        last_seen: None,
        heard_from: None,
        reached_at: None,
        report: None,
        damaged: None,
    }
}

fn said(number: u8, generation: u64) -> Reported {
    let report: NodeReport = serde_json::from_value(json!({ "release": "0.1.0",
        "boot_id": Uuid::from_u128(7), "generation": generation, "network": { "interface": "eth0",
            "subnet": "10.0.0.0/24", "subnet6": null, "gateway": null, "own": [] },
        "lag": 0, "revision": 9, "deckies": [], "capture": { "seen": 0, "submitted": 0,
            "aggregated": 0, "drops": {}, "read": 0, "guarded": 0,
            "copies": { "seen": 0, "submitted": 0, "drops": {} } } }))
    .expect("a report");
    Reported { host: node(number).host_uuid, report, at: Timestamp(9), beat: true }
}

fn wish(number: u8) -> BTreeMap<Uuid, Vec<crate::logic::swarm::OrderedDecky>> {
    [(node(number).host_uuid, vec![])].into()
}

#[test]
fn orders_are_numbered_by_the_clock_whatever_a_node_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    hosts.add(&node(1)).unwrap();
    hosts.reported([&said(1, Count::MAX.number())]).unwrap();
    let id = node(1).host_uuid;
    let number = |hosts: &Hosts| hosts.wanted_generation(id).unwrap().unwrap().number();
    hosts.want(&wish(1), Timestamp(7_000_000_000)).unwrap();
    assert_eq!(number(&hosts), 7_000);
    hosts.want(&wish(1), Timestamp(7_000_000_000)).unwrap();
    assert_eq!(number(&hosts), 7_001);
    hosts.want(&wish(1), Timestamp(0)).unwrap();
    assert_eq!(number(&hosts), 7_002);
    hosts.want(&wish(1), Timestamp(u64::MAX)).unwrap();
    assert_eq!(number(&hosts), u64::MAX / 1_000_000);
}

#[test]
fn a_damaged_row_is_told_and_the_others_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    for number in 1..=3 {
        hosts.add(&node(number)).unwrap();
        hosts.reported([&said(number, 1)]).unwrap();
        hosts.want(&wish(number), Timestamp(1)).unwrap();
    }
    // What no release writes: a disk that lies, a hand with sqlite3.
    hosts.db.execute_batch("PRAGMA ignore_check_constraints = 1").unwrap();
    let two = node(2).host_uuid;
    for spoilt in [
        "UPDATE hosts SET name = '../x', fingerprint = 'x', sans = 'x', status = 'x'",
        "UPDATE reports SET generation = -1, lag = -9223372036854775808, deckies = 'x'",
        "UPDATE wanted SET deckies = '{'",
    ] {
        let column = if spoilt.contains("hosts") { "uuid" } else { "host" };
        hosts.db.execute(&format!("{spoilt} WHERE {column} = '{two}'"), []).unwrap();
    }
    let listed = hosts.list(None).unwrap();
    let damage: Vec<_> = listed.iter().map(|host| host.damaged.as_deref()).collect();
    assert_eq!(listed.len(), 3);
    assert_eq!(damage, [Some("name, fingerprint, status, sans, report"), None, None]);
    assert_eq!(listed[0].host_uuid, two);
    assert_eq!(hosts.fleet().unwrap(), []);
    assert_eq!(hosts.all_wanted().unwrap().len(), 2);
    assert_eq!(hosts.behind().unwrap().len(), 1);
    assert!(hosts.decommission(two, Timestamp(9)).unwrap());
}

#[test]
fn what_cannot_be_kept_of_one_node_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    for number in 1..=2 {
        hosts.add(&node(number)).unwrap();
    }
    let mut bad = said(1, 1);
    bad.report.release = "x".repeat(200);
    assert!(hosts.reported([&bad, &said(2, 1)]).is_err());
    let told = |host: &Host| host.report.is_some();
    assert_eq!(hosts.list(None).unwrap().iter().map(told).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_record_that_a_node_had_poisoned_is_healed_and_keeps_its_history() {
    let dir = tempfile::tempdir().unwrap();
    {
        let db = Connection::open(dir.path().join("swarm.db")).unwrap();
        for sql in &MIGRATIONS[..3] {
            db.execute_batch(sql).unwrap();
        }
        db.pragma_update(None, "user_version", 3).unwrap();
        let (one, print) = (node(1).host_uuid, Fingerprint([1; 32]));
        db.execute_batch(&format!(
            "INSERT INTO hosts VALUES ('{one}', 'node-1', '192.0.2.7', 8765, 'of old', 'active',
                '{}', '{print}', NULL, 5, 6, '[]', NULL);
             INSERT INTO reports VALUES ('{one}', 9223372036854775807, '{}', -5, -1, -1, '[]', 6);
             INSERT INTO wanted VALUES ('{one}', 9223372036854775807 + 1, '[]');",
            "x".repeat(300),
            Uuid::from_u128(7),
        ))
        .unwrap();
    }
    let mut hosts = Hosts::open(dir.path()).unwrap();
    let listed = hosts.list(None).unwrap();
    let [host] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((host.notes.as_str(), &host.damaged), ("of old", &None));
    assert_eq!((host.enrolled_at, host.last_seen), (Timestamp(5), Some(Timestamp(6))));
    assert_eq!(hosts.silent_since(Timestamp(7)).unwrap(), ["node-1"]);
    hosts.want(&wish(1), Timestamp(9_000_000)).unwrap();
    assert_eq!(hosts.wanted_generation(host.host_uuid).unwrap().map(Count::number), Some(9));
}
