use std::net::IpAddr;

use tempfile::TempDir;

use super::*;
use crate::edge::store;
use crate::logic::event::Raw;

const PIECE: usize = 32 * 1024;
const MIB: u64 = 1024 * 1024;

fn scratch(limit: u64) -> (TempDir, Store, Arrivals) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(&store::path(dir.path())).unwrap();
    (dir, store, Arrivals::new(limit))
}

fn source(last: u8) -> Source {
    Source::of(IpAddr::from([10, 0, 0, last]), &[])
}

fn piece(session: u64, of: u32, from: u8, bytes: &[u8]) -> Sent {
    Sent { session: SessionId(session), of, source: source(from), bytes: Some(bytes.to_vec()) }
}

fn end(arrivals: &mut Arrivals, store: &mut Store, session: u64, bytes: &[u8]) -> bool {
    arrivals.end(SessionId(session), 1, &Raw::of(bytes).sha256, store)
}

#[test]
fn what_comes_in_pieces_between_those_of_others_is_kept_whole() {
    let (_dir, mut store, mut arrivals) = scratch(1024 * MIB);
    let contents: Vec<Vec<u8>> = (0..3_u8).map(|n| vec![n; 40 * PIECE + 7]).collect();
    for number in 0..41 {
        for (session, content) in (0..).zip(&contents) {
            let bytes = content.chunks(PIECE).nth(number).unwrap();
            arrivals.take(piece(session, 1, 1, bytes), &mut store);
        }
    }
    for (session, content) in (0..).zip(&contents) {
        assert!(end(&mut arrivals, &mut store, session, content));
        let parts = store.evidence_parts(&Raw::of(content).sha256, 0, 100).unwrap();
        assert!(parts.concat() == *content);
    }
    assert_eq!((arrivals.budget.used(), arrivals.arriving.len()), (0, 0));
}

/// The digest is made here: whoever sends the pieces says what it likes.
#[test]
fn what_has_another_digest_is_not_kept() {
    let (_dir, mut store, mut arrivals) = scratch(1024 * MIB);
    arrivals.take(piece(1, 1, 1, b"half"), &mut store);
    assert!(!end(&mut arrivals, &mut store, 1, b"all of it"));
    assert!(!end(&mut arrivals, &mut store, 1, b"half"));
    assert_eq!(store.evidence(9).unwrap(), []);
}

#[test]
fn more_than_a_file_may_have_is_forgotten_as_soon_as_it_has_come() {
    let (_dir, mut store, mut arrivals) = scratch(1024 * MIB);
    let content = vec![1; MAX_WHOLE + 1];
    for bytes in content.chunks(PIECE) {
        arrivals.take(piece(1, 1, 1, bytes), &mut store);
    }
    assert_eq!(arrivals.budget.used(), FRAME);
    assert!(!end(&mut arrivals, &mut store, 1, &content));
    assert!(end_of_largest(&mut arrivals, &mut store));
}

fn end_of_largest(arrivals: &mut Arrivals, store: &mut Store) -> bool {
    let content = vec![1; MAX_WHOLE];
    for bytes in content.chunks(PIECE) {
        arrivals.take(piece(2, 1, 1, bytes), store);
    }
    end(arrivals, store, 2, &content)
}

#[test]
fn a_source_that_sends_all_it_can_leaves_room_for_another() {
    let (_dir, mut store, mut arrivals) = scratch(64 * MIB);
    for session in 0..64 {
        for _ in 0..32 {
            arrivals.take(piece(session, 1, 1, &[7; PIECE]), &mut store);
        }
    }
    let used = arrivals.budget.used() as u64;
    assert!((5 * MIB..7 * MIB).contains(&used), "{used}");
    let content = vec![9; 30 * PIECE];
    for bytes in content.chunks(PIECE) {
        arrivals.take(piece(99, 1, 2, bytes), &mut store);
    }
    assert!(end(&mut arrivals, &mut store, 99, &content));
}

#[test]
fn what_a_connection_leaves_unfinished_is_forgotten_with_it() {
    let (_dir, mut store, mut arrivals) = scratch(1024 * MIB);
    let stamp = &mut crate::logic::event::Stamp::new("n1", uuid::Uuid::nil());
    for session in [1, 2, 3] {
        arrivals.take(piece(session, 1, 1, b"half"), &mut store);
    }
    let mut closed = stamp.event(Kind::ConnClose, clock::now());
    closed.session = Some(SessionId(1));
    arrivals.end_of(&closed, &mut store);
    let forget = Sent { bytes: None, ..piece(2, 1, 1, b"") };
    arrivals.take(forget, &mut store);
    assert_eq!(arrivals.arriving.len(), 1);
    arrivals.end_of(&stamp.event(Kind::FaceEnded, clock::now()), &mut store);
    assert_eq!((arrivals.budget.used(), arrivals.arriving.len()), (0, 0));
}

/// A disk that is full takes an event in place of content, and the next content is not half kept.
#[test]
fn content_makes_room_for_an_event() {
    let (_dir, mut store, mut arrivals) = scratch(1024 * MIB);
    let content = vec![1; 20 * PIECE];
    for bytes in content.chunks(PIECE) {
        arrivals.take(piece(1, 1, 1, bytes), &mut store);
    }
    assert!(end(&mut arrivals, &mut store, 1, &content));
    arrivals.take(piece(2, 1, 1, b"half"), &mut store);
    let before = store.bytes().unwrap();
    assert!(arrivals.make_room(&mut store));
    assert!(arrivals.make_room(&mut store), "what arrives goes with it");
    assert!(store.bytes().unwrap() + 20 * PIECE as u64 <= before);
    assert!(!end(&mut arrivals, &mut store, 2, b"half"));
    assert!(!arrivals.make_room(&mut store));
}
