//! A succession ends the same wherever it was broken off, and not before every node is ready.

use super::*;

const OLD: Fingerprint = Fingerprint([1; 32]);
const NEW: Fingerprint = Fingerprint([2; 32]);

fn begin() -> Event {
    Event::Begin { old: OLD, new: NEW, at: Timestamp(5) }
}

fn member(number: u128, agent: Progress, updater: Option<Progress>) -> Member {
    let name = format!("node-{number}").parse().expect("a name");
    Member { host: Uuid::from_u128(number), name, agent, updater }
}

/// What is left when a process ends: what is written down, and who the authority is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Disk {
    journal: Option<Succession>,
    authority: Fingerprint,
    old_key: bool,
    /// Whom nodes were last told to trust.
    said: Vec<Fingerprint>,
}

impl Disk {
    fn write(&mut self, event: Event) -> Vec<Effect> {
        let (next, effects) = Succession::step(self.journal.as_ref(), event).expect("in its place");
        self.journal = Some(next);
        effects
    }

    /// Carries out an effect, and says what follows from it.
    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        let journal = self.journal.clone().expect("it is under way");
        match effect {
            Effect::Announce => {
                self.said = match journal.phase {
                    Phase::Ended => vec![journal.new],
                    Phase::Spreading | Phase::Ending => vec![OLD, NEW],
                };
                None
            }
            Effect::Promote => {
                (self.authority, self.old_key) = (NEW, false);
                Some(Event::Promoted(Timestamp(9)))
            }
        }
    }

    /// Runs until nothing is left to do, or dies after so many acts; whether it has died.
    fn run(&mut self, mut effects: Vec<Effect>, lives: &mut usize) -> bool {
        while let Some(effect) = (!effects.is_empty()).then(|| effects.remove(0)) {
            for act in 0..2 {
                if *lives == 0 {
                    return true;
                }
                *lives -= 1;
                if act == 0 {
                    continue;
                }
                if let Some(event) = self.carry_out(effect) {
                    effects.extend(self.write(event));
                }
            }
        }
        false
    }
}

#[test]
fn wherever_it_is_broken_off_it_goes_on_to_the_same_end() {
    for first in 0..12 {
        for second in 0..6 {
            let said = vec![];
            let mut disk = Disk { journal: None, authority: OLD, old_key: true, said };
            let mut lives = first;
            let effects = disk.write(begin());
            if disk.run(effects, &mut lives) {
                let mut lives = second;
                let again = disk.journal.as_ref().expect("written").resume();
                let dead = disk.run(again, &mut lives);
                let again = disk.journal.as_ref().expect("written").resume();
                assert!(!dead || !disk.run(again, &mut usize::MAX.clone()));
            }
            assert_eq!((disk.authority, &disk.said), (OLD, &vec![OLD, NEW]), "{first} {second}");
            let effects = disk.write(Event::Complete);
            let mut lives = first;
            if disk.run(effects, &mut lives) {
                let mut lives = second;
                let again = disk.journal.as_ref().expect("written").resume();
                disk.run(again, &mut lives);
                let again = disk.journal.as_ref().expect("written").resume();
                assert!(!disk.run(again, &mut usize::MAX.clone()));
            }
            assert_eq!(disk.journal.as_ref().map(|it| it.phase), Some(Phase::Ended));
            assert_eq!((disk.authority, disk.old_key, disk.said), (NEW, false, vec![NEW]));
        }
    }
}

#[test]
fn what_is_out_of_place_changes_nothing() {
    let (spreading, effects) = Succession::step(None, begin()).expect("the first");
    assert_eq!(effects, [Effect::Announce]);
    let under_way = Err(OutOfPlace::UnderWay);
    assert_eq!(Succession::step(Some(&spreading), begin()), under_way);
    for event in [Event::Complete, Event::Leave(BTreeSet::new()), Event::Promoted(Timestamp(1))] {
        assert_eq!(Succession::step(None, event), Err(OutOfPlace::None));
    }
    let none = Err(OutOfPlace::None);
    assert_eq!(Succession::step(Some(&spreading), Event::Promoted(Timestamp(1))), none);
    let (ending, _) = Succession::step(Some(&spreading), Event::Complete).expect("in its place");
    assert_eq!(Succession::step(Some(&ending), begin()), under_way);
    assert_eq!(Succession::step(Some(&ending), Event::Complete), none);
    assert_eq!(Succession::step(Some(&ending), Event::Lost(Timestamp(1))), none);
    let promoted = Event::Promoted(Timestamp(9));
    let (ended, _) = Succession::step(Some(&ending), promoted).expect("in its place");
    assert_eq!((ended.phase, ended.ended), (Phase::Ended, Some(Timestamp(9))));
    assert!(Succession::step(Some(&ended), begin()).is_ok(), "another may begin");
}

#[test]
fn a_new_authority_whose_key_is_lost_leaves_the_old_one() {
    let (spreading, _) = Succession::step(None, begin()).expect("the first");
    let lost = Event::Lost(Timestamp(7));
    let (ended, effects) = Succession::step(Some(&spreading), lost).expect("in its place");
    assert_eq!((ended.old, ended.new, ended.phase), (NEW, OLD, Phase::Ended));
    assert_eq!(effects, [Effect::Announce]);
}

#[test]
fn nobody_gets_a_certificate_that_their_neighbours_do_not_know() {
    use Progress::{Renewed, Settled, Trusting, Unaware};
    let (mut succession, _) = Succession::step(None, begin()).expect("the first");
    for (agent, updater, may, done) in [
        (Unaware, None, false, false),
        (Unaware, Some(Trusting), false, false),
        (Trusting, Some(Unaware), false, false),
        (Trusting, None, true, false),
        (Trusting, Some(Trusting), true, false),
        (Renewed, Some(Trusting), true, false),
        (Renewed, Some(Renewed), true, true),
        (Renewed, None, true, true),
        (Settled, Some(Renewed), true, true),
    ] {
        let one = [member(1, agent, updater)];
        assert_eq!(succession.may_renew(&one[0]), may, "{agent:?} {updater:?}");
        assert_eq!(succession.behind(&one).is_empty(), done, "{agent:?} {updater:?}");
    }
    let away = [member(1, Unaware, None), member(2, Trusting, None)];
    let leave = Event::Leave([Uuid::from_u128(1)].into());
    (succession, _) = Succession::step(Some(&succession), leave).expect("in its place");
    let names: Vec<&str> =
        succession.behind(&away).iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["node-2"]);
    succession.phase = Phase::Ended;
    assert!(succession.may_renew(&away[0]), "it was reached by the new one");
}

#[test]
fn how_far_a_daemon_is_follows_from_what_it_trusts_and_shows() {
    let (succession, _) = Succession::step(None, begin()).expect("the first");
    let other = Fingerprint([3; 32]);
    for (trusts, of, progress) in [
        (vec![], None, Progress::Unaware),
        (vec![OLD], None, Progress::Unaware),
        (vec![OLD, NEW], None, Progress::Trusting),
        (vec![OLD, NEW], Some(other), Progress::Trusting),
        (vec![OLD, NEW], Some(NEW), Progress::Renewed),
        (vec![], Some(NEW), Progress::Renewed),
        (vec![NEW], Some(NEW), Progress::Settled),
    ] {
        let trusts = trusts.into_iter().collect();
        assert_eq!(succession.progress(&trusts, of), progress, "{trusts:?} {of:?}");
    }
}

#[test]
fn a_phase_is_found_by_its_name() {
    for phase in Phase::ALL {
        assert_eq!(Phase::find(phase.as_str()), Some(phase));
    }
    assert_eq!(Phase::find("else"), None);
}
