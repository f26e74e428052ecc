//! The transaction on real directories: power that goes between any two operations, and operations
//! that fail.

mod bench;
mod faults;
mod recorded;

use crate::logic::update::Outcome;
use bench::{Bench, Kind, Said};
use faults::{Failing, Fault};
use recorded::{Recording, Variant};

/// What is tried: first install, update, rollback; to a release that is good or bad.
const KINDS: [Kind; 5] = [
    Kind { has_old: false, is_rollback: false, is_good: true },
    Kind { has_old: false, is_rollback: false, is_good: false },
    Kind { has_old: true, is_rollback: false, is_good: true },
    Kind { has_old: true, is_rollback: false, is_good: false },
    Kind { has_old: true, is_rollback: true, is_good: true },
];

#[test]
fn each_kind_of_attempt_ends_as_it_should() {
    for kind in KINDS {
        let bench = Bench::make(kind);
        let outcome = bench.attempt(crate::edge::update::RealFs);
        let is_right = match (kind.is_good, kind.has_old) {
            (true, _) => outcome == Some(Outcome::Updated),
            (false, true) => matches!(outcome, Some(Outcome::RolledBack { .. })),
            (false, false) => matches!(outcome, Some(Outcome::FirstFailed { .. })),
        };
        assert!(is_right, "{kind:?}: {outcome:?}");
        bench.is_sound().unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert!(bench.has_set_its_log_aside(), "{kind:?}: it was full");
    }
}

/// The power goes after each operation; what was not synced is there, is not, or is torn.
#[test]
#[expect(clippy::print_stdout, reason = "how much was tried is the point")]
fn a_power_cut_anywhere_leaves_a_release_that_is_whole() {
    let mut tried = 0;
    for kind in KINDS {
        let bench = Bench::make(kind);
        let before = bench.copy();
        let recording = Recording::new(bench.root());
        bench.attempt(&recording);
        let operations = recording.operations();
        for cut in 0..=operations.len() {
            for variant in Variant::all(&operations[..cut]) {
                let world = before.copy();
                recorded::replay(&operations[..cut], variant, world.root());
                world.recover_twice().and_then(|()| world.next_succeeds()).unwrap_or_else(
                    |error| {
                        let last = operations[..cut].last();
                        panic!(
                            "{kind:?} cut after {cut} operations, {last:?}, {variant:?}: {error}"
                        )
                    },
                );
                tried += 1;
            }
        }
    }
    println!("{tried} disks that a power cut has left");
    assert!(tried > 300, "{tried} are too few to say anything");
}

/// Each operation fails once: before it is done, after it, or half way.
#[test]
#[expect(clippy::print_stdout, reason = "how much was tried is the point")]
fn an_operation_that_fails_does_no_harm() {
    let mut tried = 0;
    for kind in KINDS {
        let count = {
            let bench = Bench::make(kind);
            let counting = Failing::never();
            bench.attempt(&counting);
            counting.count()
        };
        let before = Bench::make(kind);
        for at in 0..count {
            let fault = Fault::ALL[at % Fault::ALL.len()];
            for fault in [fault, Fault::Full, Fault::Short] {
                let world = before.copy();
                world.attempt(&Failing::at(at, fault));
                world
                    .is_sound()
                    .and_then(|()| world.recover_twice())
                    .and_then(|()| world.next_succeeds())
                    .unwrap_or_else(|error| panic!("{kind:?}, {fault:?} at {at}: {error}"));
                tried += 1;
            }
        }
    }
    println!("{tried} failures");
}

/// What is written down and what the log says of it: both or neither, wherever the power goes or an
/// operation fails, and the log says it once.
#[test]
fn what_is_decided_by_a_word_is_in_the_journal_and_in_the_log_or_in_neither() {
    let before = Bench::make(KINDS[2]);
    let digest = before.condemn();
    let both_or_neither = |world: &Bench, said: &Said, where_: &str| {
        world.recover_twice().unwrap_or_else(|error| panic!("{said:?}, {where_}: {error}"));
        let heard = world.has_heard(said);
        assert!(matches!(heard, (true, 1) | (false, 0)), "{said:?}, {where_}: {heard:?}");
        heard.0
    };
    for said in [Said::Forgive(digest), Said::Root] {
        let whole = before.copy();
        let recording = Recording::new(whole.root());
        assert!(whole.tell(&recording, &said).is_some());
        assert_eq!(whole.has_heard(&said), (true, 1));
        let operations = recording.operations();
        let mut seen = [0, 0];
        for cut in 0..=operations.len() {
            for variant in Variant::all(&operations[..cut]) {
                let world = before.copy();
                recorded::replay(&operations[..cut], variant, world.root());
                let heard = both_or_neither(&world, &said, &format!("{cut} {variant:?}"));
                seen[usize::from(heard)] += 1;
            }
        }
        assert!(seen.iter().all(|count| *count > 3), "{seen:?}");
        let counting = Failing::never();
        before.copy().tell(&counting, &said);
        for at in 0..counting.count() {
            for fault in Fault::ALL {
                let world = before.copy();
                let outcome = world.tell(&Failing::at(at, fault), &said);
                let is_done = both_or_neither(&world, &said, &format!("{fault:?} at {at}"));
                let is_said = !matches!(outcome, Some(Outcome::Failed { .. }));
                assert!(is_done || !is_said, "{said:?}, {fault:?} at {at}: {outcome:?}");
            }
        }
    }
}
