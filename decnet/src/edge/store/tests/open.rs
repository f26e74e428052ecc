use std::os::unix::fs::PermissionsExt as _;

use rusqlite::Connection;

use super::{event, scratch};
use crate::edge::store::{Store, StoreError, path};
use crate::logic::event::Kind;

#[test]
fn a_new_store_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state_dir = dir.path().join("var").join("decnet");
    let store = Store::create(&path(&state_dir)).unwrap();
    store.save_note("key", b"secret").unwrap();
    let mode =
        |name| std::fs::metadata(state_dir.join("store").join(name)).unwrap().permissions().mode();
    for name in ["events.db", "events.db-wal", "events.db-shm"] {
        assert_eq!(mode(name) & 0o777, 0o600, "{name}");
    }
    assert_eq!(mode(".") & 0o777, 0o700);
}

#[test]
fn a_store_survives_being_made_again() {
    let (dir, mut store) = scratch();
    store.append(&[event(1, Kind::ScanSyn, "10.0.0.1")]).unwrap();
    drop(store);
    let store = Store::create(&path(dir.path())).unwrap();
    assert_eq!(store.newest().unwrap(), 1);
}

#[test]
fn a_file_without_tables_is_migrated_by_whoever_opens_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty.db");
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!(store.newest().unwrap(), 0);
}

#[test]
fn many_may_make_a_store_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = path(dir.path());
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || Store::create(&path).map(|store| store.newest().unwrap()))
        })
        .collect();
    for maker in makers {
        assert_eq!(maker.join().unwrap().unwrap(), 0);
    }
}

/// And the release before opens what this one has written: the version is the same.
#[test]
fn a_file_of_the_release_before_gets_the_tables_that_came_later() {
    let (dir, mut store) = scratch();
    store.append(&[event(1, Kind::ScanSyn, "10.0.0.1")]).unwrap();
    drop(store);
    let path = path(dir.path());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("DROP TABLE evidence; DROP TABLE evidence_parts").unwrap();
    let store = Store::open(&path).unwrap();
    assert_eq!((store.newest().unwrap(), store.evidence(9).unwrap()), (1, Vec::new()));
    let version: u32 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
}

#[test]
fn a_later_versions_file_is_left_alone() {
    let (dir, store) = scratch();
    drop(store);
    let path = path(dir.path());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for open in [Store::open, Store::create] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::TooNew { found: 99, known: 1, .. }), "{error}");
        assert!(error.to_string().ends_with("use the release that wrote it"));
    }
}

#[test]
fn a_file_that_is_no_store_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let text = "not a database, but long enough to look like the header of one\n".repeat(20);
    std::fs::write(&path, &text).unwrap();
    for open in [Store::open, Store::create] {
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_missing_file_is_not_made_by_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none.db");
    assert!(matches!(Store::open(&path).unwrap_err(), StoreError::Open { .. }));
    assert!(!path.exists());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "a file").unwrap();
    let error = Store::create(&path(&file.join("decnet"))).unwrap_err();
    assert!(matches!(error, StoreError::Make { .. }), "{error}");
}

#[test]
fn a_damaged_event_is_named_and_nothing_else_is_lost() {
    let (dir, mut store) = scratch();
    let events = [1, 2, 3].map(|seq| event(seq, Kind::ScanSyn, "10.0.0.1"));
    store.append(&events).unwrap();
    let db = Connection::open(path(dir.path())).unwrap();
    db.execute("UPDATE events SET body = substr(body, 1, 40) WHERE n = 2", []).unwrap();
    let error = store.follow_all().next(&store).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { n: 2, .. }), "{error}");
    let (n, third) = store.follow_after(2).next(&store).unwrap().remove(0);
    assert_eq!((n, third), (3, events[2].clone()));
}

#[test]
fn a_search_can_be_stopped() {
    let (_dir, store) = scratch();
    let stopper = store.stopper();
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)
                   SELECT count(*) FROM c";
    let run = std::thread::spawn(move || {
        let found: rusqlite::Result<i64> = store.db.query_row(endless, [], |row| row.get(0));
        found.map_err(crate::edge::store::doing("count"))
    });
    while !run.is_finished() {
        stopper.stop();
        std::thread::yield_now();
    }
    assert!(run.join().unwrap().unwrap_err().is_stop());
}

#[test]
fn a_store_is_made_while_others_already_look_at_it() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path());
        let made = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !made.load(std::sync::atomic::Ordering::Relaxed) {
                        // There may be nothing yet, or nothing that is ready.
                        drop(Store::open(&path).and_then(|store| store.status()));
                    }
                });
            }
            let store = Store::create(&path);
            made.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(store.is_ok(), "{:?}", store.err());
        });
    }
}
