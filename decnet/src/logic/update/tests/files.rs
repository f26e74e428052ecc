//! The journal and the audit log as bytes.

use proptest::prelude::*;

use super::world::id;
use super::*;
use crate::logic::release::samples::NOW;

fn journal() -> Journal {
    let to = Identity::of(&samples::release(7));
    let attempt = Attempt { id: id("one"), kind: Kind::Update, to };
    let cause = Cause::Other(Digest::of(b"lie"));
    Journal {
        current: Some(Identity::of(&samples::release(6))),
        floor: Default::default(),
        quarantine: vec![Digest::of(b"bad")],
        phase: Phase::Settling { attempt, outcome: Outcome::RolledBack { cause }, is_over: false },
        ..Journal::new(Component::Agent)
    }
}

fn record(attempt: &str) -> Record {
    Record {
        attempt: id(attempt),
        component: Component::Agent,
        kind: Some(Kind::Update),
        to: Some(Digest::of(b"new")),
        outcome: Outcome::Refused { reason: Reason::NoSpace { needs: 9, free: 7 } },
    }
}

fn log(attempts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chain = audit::Chain::default();
    for attempt in attempts {
        let (line, next) = chain.line(&record(attempt), NOW);
        bytes.extend(line);
        chain = next;
    }
    bytes
}

#[test]
fn a_journal_is_read_as_it_was_written_or_not_at_all() {
    let journal = journal();
    let bytes = journal.bytes();
    assert_eq!(Journal::parse(&bytes), Ok(journal));
    for cut in [0, 10, 60, bytes.len() / 2, bytes.len() - 1] {
        assert!(Journal::parse(&bytes[..cut]).is_err(), "{cut}");
    }
    assert_eq!(Journal::parse(&[&bytes[..], b"\n"].concat()), Err(JournalError::Torn));
    assert_eq!(Journal::parse(b"decnet-journal 2 "), Err(JournalError::Magic));
    assert_eq!(Journal::parse(&vec![0; bytes.len()]), Err(JournalError::Magic));
    let body = b"{\"colour\":\"red\"}\n";
    let strange = [format!("decnet-journal 1 {}\n", Digest::of(body)).as_bytes(), body].concat();
    assert!(matches!(Journal::parse(&strange), Err(JournalError::Text(_))));
}

#[test]
fn a_log_is_a_chain() {
    let bytes = log(&["one", "two", "three"]);
    let mut seen = Vec::new();
    let read = Log::read(&bytes, |record| seen.push(record.attempt.clone()));
    assert_eq!((read.whole, read.chain.count), (bytes.len(), 3));
    assert_eq!(seen, ["one", "two", "three"].map(id));
    assert_eq!(read.last, Some(record("three")));
    let end = |line: usize| -> usize {
        bytes.split_inclusive(|byte| *byte == b'\n').take(line).map(<[u8]>::len).sum()
    };
    // Torn, changed, without a line, and in another order.
    assert_eq!(Log::read(&bytes[..bytes.len() - 1], |_| ()).whole, end(2));
    let mut changed = bytes.clone();
    changed[end(1) - 4] ^= 1;
    assert_ne!(Log::read(&changed, |_| ()).whole, bytes.len());
    let without = [&bytes[..end(1)], &bytes[end(2)..]].concat();
    assert_eq!(Log::read(&without, |_| ()).whole, end(1));
    let swapped = [&bytes[..end(1)], &bytes[end(2)..], &bytes[end(1)..end(2)]].concat();
    assert_eq!(Log::read(&swapped, |_| ()).whole, end(1));
    // A later part goes on from where the one before ended.
    let later = Log::read(&bytes[end(1)..], |_| ());
    assert_eq!((later.whole, later.chain.count), (bytes.len() - end(1), 3));
}

proptest! {
    #[test]
    fn any_change_of_a_journal_is_found_out(at in 0..journal().bytes().len(), bit in 0..8_u32) {
        let mut bytes = journal().bytes();
        bytes[at] ^= 1 << bit;
        prop_assert!(Journal::parse(&bytes).is_err(), "{at}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Journal::parse(&bytes).is_err());
        prop_assert_eq!(Log::read(&bytes, |_| ()).whole, 0);
    }
}
