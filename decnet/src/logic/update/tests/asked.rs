//! What is asked for and refused at once, and what hands have done between two starts.

use super::model::release;
use super::world::id;
use super::*;
use crate::logic::release::Refusal;

fn running() -> Journal {
    let mut journal = Journal::new(Component::Agent);
    (journal.current, journal.prev) = (Some(release(6)), Some(release(5)));
    journal.floor = journal.floor.raised(&release(6));
    journal
}

fn begin(to: Option<Identity>) -> Begin {
    let room = Space { bytes: 1_000, files: 10 };
    Begin { attempt: id("one"), to, is_here: false, needs: room, free: room }
}

fn told(journal: &Journal, begin: Begin) -> Outcome {
    let event = Event::Begin(Box::new(begin));
    let (after, effects) = step(journal, event).expect("nothing is under way");
    assert_eq!(&after, journal);
    match effects.as_slice() {
        [Effect::Audit(record), Effect::SyncAudit, Effect::Reply(outcome)] => {
            assert_eq!(record.outcome, **outcome);
            outcome.as_ref().clone()
        }
        other => panic!("{other:?}"),
    }
}

fn observed(whole: &[u64], current: u64, prev: u64) -> Observed {
    Observed {
        attempt: id("start"),
        caller: Caller::Daemon,
        current: Some(release(current).digest),
        prev: Some(release(prev).digest),
        whole: whole.iter().map(|number| release(*number)).collect(),
        clutter: false,
        audit_is_torn: false,
        running: None,
    }
}

#[test]
fn what_cannot_be_is_said_at_once_and_changes_nothing() {
    let refused = |reason| Outcome::Refused { reason };
    let condemned = Journal { quarantine: vec![release(7).digest], ..running() };
    let full = Begin { free: Space { bytes: 999, files: 10 }, ..begin(Some(release(7))) };
    let inodes = Begin { free: Space { bytes: 1_000, files: 9 }, ..begin(Some(release(7))) };
    let space = refused(Reason::NoSpace { needs: 1_000, free: 999 });
    let files = refused(Reason::NoFiles { needs: 10, free: 9 });
    let old = Refusal::Old { number: 4, floor: 6 };
    for (journal, begin, wanted) in [
        (running(), begin(Some(release(6))), Outcome::Unchanged),
        (running(), full, space),
        (running(), inodes, files),
        (running(), begin(Some(release(4))), refused(Reason::Refused(old))),
        (condemned, begin(Some(release(7))), refused(Reason::Quarantined)),
        (Journal { prev: None, ..running() }, begin(None), refused(Reason::NoPrevious)),
    ] {
        assert_eq!(told(&journal, begin), wanted);
    }
    let reason = Reason::Refused(Refusal::Threshold { found: 1, wanted: 2 });
    let event = Event::Refuse { attempt: id("one"), reason };
    let (after, effects) = step(&running(), event).expect("nothing is under way");
    assert_eq!((after, effects.len()), (running(), 3));
}

#[test]
fn one_attempt_runs_and_another_learns_which() {
    let event = || Event::Begin(Box::new(begin(Some(release(7)))));
    let (busy, _) = step(&running(), event()).expect("nothing is under way");
    for phase in [
        busy.phase.clone(),
        Phase::Trial {
            attempt: busy.phase.attempt().expect("one").clone(),
            tries: 1,
            health: None,
        },
    ] {
        let journal = Journal { phase, ..busy.clone() };
        assert_eq!(step(&journal, event()), Err(OutOfPhase::Busy(id("one"))));
        let reason = Reason::NoPrevious;
        let refuse = Event::Refuse { attempt: id("two"), reason };
        assert_eq!(step(&journal, refuse), Err(OutOfPhase::Busy(id("one"))));
        let refused = step(&journal, Event::Resume);
        assert!(matches!(refused, Err(OutOfPhase::Unexpected { .. })), "{refused:?}");
    }
}

#[test]
fn what_others_say_is_cut_before_it_is_kept() {
    let words = Words::from("\u{1b}[2J".repeat(1_000));
    assert_eq!(words.to_string().chars().count(), 256);
    assert!(words.to_string().starts_with("\u{fffd}[2J"));
}

#[test]
fn what_hands_have_damaged_is_found_at_the_start() {
    let start = |observed| {
        let event = Event::Recover(Box::new(observed));
        step(&running(), event).expect("a start is always in place")
    };
    let (after, effects) = start(observed(&[5, 6], 6, 5));
    assert_eq!((after, effects.len()), (running(), 3), "nothing but what every start does");
    // The release that runs: back to the one before.
    let (after, effects) = start(observed(&[5], 6, 5));
    assert!(matches!(after.phase, Phase::Reversal { cause: Cause::Damaged, .. }));
    assert_eq!(effects.last(), Some(&Effect::Restart(release(5).digest)));
    // The one before: there is nothing to go back to, and that is known.
    let (after, effects) = start(observed(&[6], 6, 5));
    assert_eq!((after.prev, after.current), (None, Some(release(6))));
    assert!(effects.contains(&Effect::RemoveLink(Slot::Prev)));
    // Both: what runs is left alone.
    let (after, effects) = start(observed(&[], 6, 5));
    assert_eq!((after, effects.len()), (running(), 2));
    // A link.
    let (_, effects) = start(observed(&[5, 6], 5, 5));
    assert!(effects.contains(&Effect::MakeLink(Slot::Current, release(6).digest)));
}

/// An updater that has proved itself and cannot serve any more, as whoever looks from outside says.
#[test]
fn an_updater_at_rest_that_cannot_serve_is_taken_back_if_there_is_one_before() {
    let start = |cause: Cause, whole: &[u64]| {
        let journal = Journal { component: Component::Updater, ..running() };
        let observed = Observed {
            caller: Caller::Rescue(cause),
            running: Some(release(5).digest),
            ..observed(whole, 6, 5)
        };
        step(&journal, Event::Recover(Box::new(observed))).expect("a start is always in place")
    };
    let machine = Cause::Machine(Fault { what: "no memory".into(), is_full: false });
    for (cause, is_held_against_it) in [(Cause::CrashLoop, true), (machine, false)] {
        let (after, effects) = start(cause, &[5, 6]);
        assert_eq!((&after.current, &after.prev), (&Some(release(5)), &None));
        assert_eq!(after.is_quarantined(release(6).digest), is_held_against_it);
        let back = Effect::MakeLink(Slot::Current, release(5).digest);
        assert!(effects.contains(&back) && effects.last() == Some(&Effect::Reexec), "{effects:?}");
    }
    let (after, effects) = start(Cause::CrashLoop, &[6]);
    assert_eq!((after.current, after.prev, after.phase), (Some(release(6)), None, Phase::Idle));
    assert!(!effects.contains(&Effect::Reexec), "{effects:?}");
}

#[test]
fn a_release_that_cannot_be_taken_back_stays_rather_than_none() {
    let attempt = Attempt { id: id("one"), kind: Kind::Update, to: release(7) };
    let phase = Phase::taken_back(attempt, Cause::Silent);
    let start = |whole: &[u64]| {
        let journal = Journal { phase: phase.clone(), ..running() };
        let observed = observed(whole, 7, 5);
        let event = Event::Recover(Box::new(observed));
        step(&journal, event).expect("a start is always in place")
    };
    for (whole, kept, settles) in
        [(&[5, 6, 7][..], 6, false), (&[5, 7], 5, false), (&[7], 7, true), (&[], 6, true)]
    {
        let (journal, effects) = start(whole);
        assert_eq!(journal.current, Some(release(kept)), "{whole:?}");
        assert_eq!(matches!(journal.phase, Phase::Settling { .. }), settles, "{whole:?}");
        let made = Effect::MakeLink(Slot::Current, release(kept).digest);
        let linked = effects.iter().position(|effect| *effect == made).expect("it is linked");
        let named = effects
            .iter()
            .position(|effect| matches!(effect, Effect::NameLink(Slot::Current, _)))
            .expect("it is named");
        let removed = effects.iter().position(|effect| matches!(effect, Effect::Collect(_)));
        assert!(linked < named && removed.is_none_or(|removed| named < removed), "{effects:?}");
    }
}

#[test]
fn a_lost_journal_is_made_of_what_the_links_name() {
    let found = Journal::adopt(Component::Agent, &observed(&[5, 6], 6, 5));
    assert_eq!(found, running());
    let found = Journal::adopt(Component::Agent, &observed(&[6], 6, 5));
    assert_eq!((found.current, found.prev), (Some(release(6)), None));
}

#[test]
fn no_more_than_sixteen_bad_releases_are_remembered() {
    let mut journal = running();
    for number in 0..40_u8 {
        journal.condemn(Digest::of(&[number]));
        journal.condemn(Digest::of(&[number]));
    }
    let newest: Vec<Digest> = (24..40_u8).map(|number| Digest::of(&[number])).collect();
    assert_eq!(journal.quarantine, newest);
    journal.condemn(release(5).digest);
    assert_eq!(journal.prev, None, "what failed is nothing to go back to");
}

/// Decides until nothing is under way, where all that is to be done is done.
fn to_the_end(journal: &Journal, event: Event) -> (Journal, Vec<Effect>) {
    let (mut journal, mut effects) = step(journal, event).expect("nothing is under way");
    while journal.phase != Phase::Idle {
        let (next, more) = step(&journal, Event::Done).expect("it was done");
        journal = next;
        effects.extend(more);
    }
    (journal, effects)
}

#[test]
fn a_release_that_failed_is_taken_again_once_it_is_forgiven() {
    let mut journal = running();
    journal.condemn(release(7).digest);
    journal.condemn(release(8).digest);
    let quarantined = Outcome::Refused { reason: Reason::Quarantined };
    assert_eq!(told(&journal, begin(Some(release(7)))), quarantined);
    let digest = release(7).digest;
    let forgive = || Event::Forgive { attempt: id("forgive"), digest };
    let (after, effects) = to_the_end(&journal, forgive());
    assert_eq!((&after.quarantine, &after.phase), (&vec![release(8).digest], &Phase::Idle));
    // It is in the journal before anybody hears of it, and in the log too.
    let names = |effect: &Effect| matches!(effect, Effect::NameJournal);
    let saved = effects.iter().position(names).expect("it is saved");
    let says = |effect: &Effect| {
        matches!(effect, Effect::Audit(record) if record.outcome == Outcome::Forgiven
            && record.to == Some(digest) && record.kind == Some(Kind::Forgive))
    };
    let said = effects.iter().position(says).expect("it is in the log");
    assert!(saved < said, "{effects:?}");
    assert_eq!(effects.last(), Some(&Effect::Reply(Box::new(Outcome::Forgiven))));
    let (staging, _) = step(&after, Event::Begin(Box::new(begin(Some(release(7)))))).unwrap();
    assert_eq!(step(&staging, forgive()), Err(OutOfPhase::Busy(id("one"))));
}

#[test]
fn the_log_says_why_a_release_is_not_taken_again() {
    let well = Outcome::Updated;
    let bad = Outcome::RolledBack { cause: Cause::Silent };
    let machine = Outcome::RolledBack { cause: Cause::Interrupted };
    let unfit = Outcome::Refused { reason: Reason::Unfit("no".into()) };
    for (outcomes, wanted) in [
        (vec![&bad, &Outcome::Refused { reason: Reason::Quarantined }], "it does not answer"),
        (vec![&bad, &unfit], "its self-check failed: no"),
        (vec![&unfit, &machine], "its self-check failed: no"),
        (vec![&well], "it has failed here, and the log does not say any more of what"),
    ] {
        assert_eq!(quarantine::why(outcomes), wanted);
    }
}

/// What keeps the release before from running too is none of the new one's doing.
#[test]
fn a_release_is_pardoned_when_the_one_before_fails_like_it() {
    for (cause, then, is_pardoned) in [
        (Cause::Silent, Cause::Silent, true),
        (Cause::CrashLoop, Cause::Gone, true),
        (Cause::Other(Digest::of(b"lie")), Cause::Silent, false),
    ] {
        let attempt = Attempt { id: id("one"), kind: Kind::Update, to: release(7) };
        let mut journal = Journal { phase: Phase::taken_back(attempt, cause.clone()), ..running() };
        journal.condemn(release(7).digest);
        let at = Duration::from_secs(1);
        let restarted = Event::Restarted { at, before: None, soak: at };
        let (mut journal, _) = step(&journal, restarted).expect("it was asked");
        let script: &[Seen] = match then {
            Cause::Gone => &[Seen::Gone],
            _ => &[Seen::Silent],
        };
        for second in 2..60 {
            let seen = script[0].clone();
            let Ok((next, _)) =
                step(&journal, Event::Probed { at: Duration::from_secs(second), seen })
            else {
                break;
            };
            journal = next;
        }
        let outcome = match &journal.phase {
            Phase::Settling { outcome, .. } => outcome.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(outcome, Outcome::RolledBackBadly { cause, then });
        assert_eq!(journal.is_quarantined(release(7).digest), !is_pardoned);
    }
}

#[test]
fn another_root_of_trust_is_written_down_and_may_lower_the_floor() {
    for (floor, number) in [(Kept::Forgotten, 0), (Kept::Still, 6)] {
        let event = Event::Rooted { attempt: id("root"), version: 3, floor };
        let (after, effects) = to_the_end(&running(), event);
        assert_eq!(after.floor.number, number);
        assert!(effects.contains(&Effect::WriteJournal(Box::new(after))));
        let outcome = Outcome::NewRoot { version: 3 };
        assert_eq!(effects.last(), Some(&Effect::Reply(Box::new(outcome))));
    }
}
