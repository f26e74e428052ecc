use super::*;

/// Each from a visitor of its own, in a session of its own, with a login of its own.
fn flood(store: &mut Store, from: u64, count: u64) {
    let events: Vec<Event> = (from..from + count)
        .map(|n| {
            let ip = std::net::Ipv4Addr::from(u32::try_from(0x0a00_0000 + n).unwrap());
            let password = Some(format!("password {n}"));
            let plain = event(n, Kind::AuthAttempt, &ip.to_string());
            Event {
                session: Some(SessionId::new(plain.ts, 0)),
                creds: Some(Creds { user: Some("root".to_owned()), password, key: None }),
                outcome: Some(Outcome::Failure),
                ..plain
            }
        })
        .collect();
    store.append(&events).unwrap();
}

fn rows(store: &Store, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    store.db.query_row(&count, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_store_within_its_limit_forgets_nothing() {
    let (_dir, mut store) = scratch();
    flood(&mut store, 1, 100);
    let limit = store.bytes().unwrap();
    assert_eq!(store.prune(limit).unwrap(), 0);
    assert_eq!(rows(&store, "events"), 100);
}

#[test]
fn the_oldest_go_first_and_with_them_all_that_is_known_of_them() {
    let (_dir, mut store) = scratch();
    flood(&mut store, 1, 20_000);
    let before = store.bytes().unwrap();
    assert_eq!(store.prune(before - 1).unwrap(), 8_192);
    assert!(store.bytes().unwrap() < before * 2 / 3, "{before}");
    for table in ["events", "sources", "touches", "tries", "sessions", "credentials"] {
        let left = rows(&store, table);
        // The last forgotten event and the first kept one may share their time.
        assert!((11_808..=11_809).contains(&left), "{table}: {left}");
    }
    let mut follower = store.follow_all();
    let (first, oldest) = follower.next(&store).unwrap().remove(0);
    assert_eq!((first, oldest.seq), (8_193, 8_193));
    assert_eq!(store.stats().unwrap().events, 20_000);
}

#[test]
fn a_flood_of_strangers_never_makes_the_store_larger_than_its_limit_and_a_step() {
    let (dir, mut store) = scratch();
    flood(&mut store, 1, 10_000);
    let limit = store.bytes().unwrap();
    for round in 1..4 {
        flood(&mut store, round * 10_000 + 1, 10_000);
        while store.prune(limit).unwrap() > 0 {}
        assert!(store.bytes().unwrap() <= limit);
    }
    drop(store);
    let size = std::fs::metadata(path(dir.path())).unwrap().len();
    assert!(size <= limit * 5 / 2, "{size} of {limit}");
    // What was forgotten may come again.
    let mut store = Store::open(&path(dir.path())).unwrap();
    let again = Event { seq: 1_000_000, ..event(1, Kind::ScanSyn, "10.0.0.1") };
    assert_eq!(store.append(&[again]).unwrap().taken, 1);
}
