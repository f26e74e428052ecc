//! What visitors sent is kept whole and once, and the oldest of it makes room.

use super::*;
use crate::edge::store::{Evidence, Part};
use crate::logic::event::Raw;

const PIECE: usize = 32 * 1024;

/// Keeps all of this in pieces.
fn send(store: &mut Store, bytes: &[u8], at: u64) -> String {
    let (of, sha256) = (store.begin_evidence(Timestamp(HOUR + at)).unwrap(), Raw::of(bytes).sha256);
    let parts: Vec<Part> = (0..)
        .zip(bytes.chunks(PIECE))
        .map(|(number, body)| Part { of, number, body: body.to_vec() })
        .collect();
    for some in parts.chunks(7) {
        store.save_parts(some).unwrap();
    }
    store.end_evidence(of, &sha256, bytes.len() as u64, Timestamp(HOUR + at)).unwrap();
    sha256
}

fn count(store: &Store, table: &str) -> i64 {
    store.db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_was_sent_twice_is_kept_once() {
    let (_dir, mut store) = scratch();
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sha256 = send(&mut store, &bytes, 1);
    send(&mut store, &bytes, 2);
    let kept = Evidence { sha256: sha256.clone(), bytes: 1_000_000, last: Timestamp(HOUR + 2) };
    assert_eq!(store.evidence(10).unwrap(), [kept]);
    assert_eq!(store.evidence_len(&sha256).unwrap(), Some(1_000_000));
    assert_eq!(store.evidence_len("00").unwrap(), None);
    let (first, rest) = (0, 20);
    let mut parts = store.evidence_parts(&sha256, first, rest).unwrap();
    assert_eq!(parts.len(), 20);
    parts.append(&mut store.evidence_parts(&sha256, rest, 100).unwrap());
    assert!(parts.concat() == bytes);
    assert_eq!(count(&store, "evidence_parts"), 31);
}

#[test]
fn what_is_not_whole_is_forgotten_and_the_rest_stays() {
    let (_dir, mut store) = scratch();
    let sha256 = send(&mut store, b"whole", 1);
    for _ in 0..2 {
        let of = store.begin_evidence(Timestamp(HOUR)).unwrap();
        store.save_parts(&[Part { of, number: 0, body: b"half".to_vec() }]).unwrap();
        if count(&store, "evidence") == 2 {
            store.forget_evidence(of).unwrap();
            assert_eq!(count(&store, "evidence_parts"), 1);
        }
    }
    assert_eq!(store.evidence(10).unwrap().len(), 1);
    store.forget_arriving().unwrap();
    assert_eq!((count(&store, "evidence"), count(&store, "evidence_parts")), (1, 1));
    assert_eq!(store.evidence_parts(&sha256, 0, 9).unwrap(), [b"whole".to_vec()]);
}

#[test]
fn the_oldest_makes_room() {
    let (_dir, mut store) = scratch();
    for n in 1..=4_u8 {
        send(&mut store, &[n; 100_000], n.into());
    }
    send(&mut store, &[1; 100_000], 9);
    assert_eq!(store.prune_evidence(450_000, 9).unwrap(), 0);
    assert_eq!(store.prune_evidence(250_000, 1).unwrap(), 100_000);
    assert_eq!(store.prune_evidence(250_000, 9).unwrap(), 100_000);
    assert_eq!(store.prune_evidence(250_000, 9).unwrap(), 0);
    let kept: Vec<u64> =
        store.evidence(10).unwrap().iter().map(|kept| kept.last.0 - HOUR).collect();
    assert_eq!(kept, [9, 4]);
    assert_eq!(count(&store, "evidence_parts"), 2 * 4);
}
