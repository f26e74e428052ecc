//! Every pair of crashes, wherever they fall, for every kind of release and of update.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use super::disk::{Data, Place};
use super::world::{Behaviour, Faults, Scenario, Site, World, id};
use super::*;

/// How many crashes are tried in a row.
pub(super) const PAIR: usize = 2;

const BEHAVIOURS: [Behaviour; 6] = [
    Behaviour::Crashing,
    Behaviour::Deaf,
    Behaviour::Good,
    Behaviour::Hanging,
    Behaviour::Lying,
    Behaviour::Unfit,
];

pub(super) fn release(number: u64) -> Identity {
    Identity::of(&samples::release(number))
}

/// First install, update, rollback and self-update, to releases of every behaviour.
pub(super) fn scenarios() -> Vec<Rc<Scenario>> {
    let base = Scenario {
        name: "update",
        component: Component::Agent,
        kind: Kind::Update,
        old: Some(release(6)),
        older: Some(release(5)),
        to: release(7),
        behaviour: Behaviour::Good,
        is_tired: false,
    };
    let rollback =
        Scenario { name: "rollback", kind: Kind::Rollback, to: release(5), ..base.clone() };
    let updater = Scenario { name: "self-update", component: Component::Updater, ..base.clone() };
    let kinds = [
        Scenario { name: "first install", old: None, older: None, ..base.clone() },
        Scenario { name: "second install", older: None, is_tired: true, ..base.clone() },
        Scenario { name: "first self-update", older: None, ..updater.clone() },
        base,
        rollback,
        updater,
    ];
    let with = |kind: &Scenario| {
        BEHAVIOURS.map(|behaviour| Rc::new(Scenario { behaviour, ..kind.clone() }))
    };
    kinds.iter().flat_map(with).collect()
}

/// What was gone through.
#[derive(Clone, Debug, Default)]
pub(super) struct Explored {
    pub(super) runs: usize,
    pub(super) worlds: usize,
    pub(super) sites: HashSet<Site>,
}

/// Goes through everything that up to `crashes` crashes can do.
pub(super) fn explore(
    scenario: &Rc<Scenario>,
    crashes: usize,
    skip: Option<&Site>,
) -> Tried<Explored> {
    let faults = Faults { skip: skip.cloned(), ..Faults::default() };
    let mut found = Explored::default();
    let mut world = World::new(scenario);
    play(&mut world, &faults)?;
    ended_as_it_should(&world)?;
    settled(&world)?;
    goes_down_each_time(world.clone(), &faults)?;
    let (mut seen, mut ends) = (HashSet::new(), HashSet::new());
    let mut left = Vec::new();
    crashed(&mut world, &mut seen, &mut left)?;
    found.sites.extend(world.sites);
    for crash in 1..=crashes {
        for mut world in std::mem::take(&mut left) {
            world.recover(&faults)?;
            settled(&world)?;
            // Worlds that ended alike go on alike.
            if ends.insert(format!("{:?}{:?}", world.journal, world.disk.settled())) {
                next_succeeds(&world)?;
            }
            if crash < crashes {
                crashed(&mut world, &mut seen, &mut left)?;
            }
            found.sites.extend(world.sites);
            found.runs += 1;
        }
    }
    found.worlds = seen.len();
    Ok(found)
}

/// A machine that loses its power whenever the new release has been started ends with the old.
fn goes_down_each_time(mut world: World, faults: &Faults) -> Tried<()> {
    let new = world.scenario.to.digest;
    let is_started = |world: &World| {
        let was_started = world.sites.last().is_some_and(|site| site.2 == "Restart");
        was_started && world.agent == Some(new)
    };
    for _ in 0..6 {
        let Some(started) = world.moments.iter().find(|moment| is_started(moment)) else {
            return Ok(());
        };
        // The least that a power cut leaves.
        world = started.after_crash().swap_remove(0);
        world.recover(faults)?;
    }
    Err("it is tried for ever".into())
}

/// A disk that is full from any moment on, for ever, holds nothing in its place.
pub(super) fn is_full_from_anywhere(scenario: &Rc<Scenario>, skip: Option<&Site>) -> Tried<()> {
    let faults = Faults { skip: skip.cloned(), ..Faults::default() };
    let mut whole = World::new(scenario);
    play(&mut whole, &faults)?;
    for at in 0..whole.done {
        let faults = Faults { full: Some(at), ..faults.clone() };
        let mut world = World::new(scenario);
        play(&mut world, &faults)
            .and_then(|()| settled(&world))
            .and_then(|()| next_succeeds(&world))
            .map_err(|error| format!("a disk that is full from {at} on: {error}"))?;
    }
    Ok(())
}

/// What is asked for, and then the same once more.
fn play(world: &mut World, faults: &Faults) -> Tried<()> {
    let Scenario { kind, to, .. } = world.scenario.as_ref().clone();
    let wanted = (kind == Kind::Update).then(|| to.clone());
    world.ask("first", wanted, faults)?;
    world.ask("second", Some(to), faults)
}

/// Adds the worlds that crashes at any of its moments leave and that were not seen yet. What holds
/// at every instant holds in each.
fn crashed(world: &mut World, seen: &mut HashSet<u64>, found: &mut Vec<World>) -> Tried<()> {
    for moment in std::mem::take(&mut world.moments) {
        for world in moment.after_crash() {
            let mut hasher = DefaultHasher::new();
            (&world.disk, world.agent, format!("{:?}", world.memory)).hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                at_every_instant(&world).map_err(|error| format!("after a crash: {error}"))?;
                found.push(world);
            }
        }
    }
    Ok(())
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Tried<()> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Before anybody recovers anything.
fn at_every_instant(world: &World) -> Tried<()> {
    let journal = match world.disk.get(Place::State, "journal") {
        Some(Data::Journal(Some((_, journal)))) => journal,
        other => return Err(format!("the journal is {other:?}")),
    };
    let current = journal.current.as_ref().map(|current| current.digest);
    let tried = match &journal.phase {
        Phase::Reversal { attempt, .. } | Phase::Trial { attempt, .. } => Some(attempt.to.digest),
        _ => None,
    };
    let link = world.link("current");
    ensure(link == current || (link.is_some() && link == tried), || {
        format!("the journal does not say why `current` is {link:?}: {journal:?}")
    })?;
    for name in ["current", "prev"] {
        let link = world.link(name);
        ensure(link.is_none_or(|digest| world.is_whole(digest)), || {
            format!("`{name}` is {link:?}, which is not whole")
        })?;
    }
    Ok(())
}

/// When everything is recovered.
fn settled(world: &World) -> Tried<()> {
    at_every_instant(world)?;
    let Scenario { to, old, component, behaviour, .. } = world.scenario.as_ref();
    let is_agent = *component == Component::Agent;
    let (current, old) = (world.link("current"), old.as_ref().map(|old| old.digest));
    ensure(current == Some(to.digest) || current == old, || format!("`current` is {current:?}"))?;
    let is_new = current == Some(to.digest);
    ensure(!is_new || *behaviour == Behaviour::Good, || "a bad release stayed".into())?;
    ensure(!is_agent || world.agent == current, || {
        format!("the agent runs {:?}, and `current` is {current:?}", world.agent)
    })?;
    ensure(!is_agent || world.follower.is_none_or(|run| Some(run) == current), || {
        format!("others run {:?}, and `current` is {current:?}", world.follower)
    })?;
    let prev = world.journal.prev.as_ref().map(|prev| prev.digest);
    ensure(world.link("prev") == prev, || format!("`prev` is {:?}", world.link("prev")))?;
    let names = world.disk.names(Place::Releases);
    ensure(names.len() == world.journal.kept().len(), || format!("left: {names:?}"))?;
    let floor = world.journal.floor.number;
    let highest = if is_new { to.number.max(6) } else { old.map_or(0, |_| 6) };
    ensure(floor == highest, || format!("the floor is {floor}"))?;
    promises(world, is_new)?;
    audited(world)
}

/// Whoever got the last answer can rely on it, and what was found bad is known.
fn promises(world: &World, is_new: bool) -> Tried<()> {
    let is_known = world.journal.is_quarantined(world.scenario.to.digest);
    // Or pardoned, for the one before failed too.
    let was_hindered = world.was_hindered || world.scenario.is_tired;
    ensure(is_known || was_hindered || !world.memory.condemned, || {
        "it is not known to be bad".into()
    })?;
    let Some((_, outcome)) = world.memory.replies.last() else { return Ok(()) };
    let holds = match outcome {
        Outcome::Updated | Outcome::Unchanged => is_new,
        Outcome::RolledBack { cause } | Outcome::FirstFailed { cause } => {
            let known = world.journal.is_quarantined(world.scenario.to.digest);
            // Or it was asked for once more, and that went on.
            known || !cause.is_of_release()
        }
        _ => true,
    };
    ensure(holds, || format!("it was said: {outcome:?}"))
}

/// One line for each attempt.
fn audited(world: &World) -> Tried<()> {
    let bytes = world.log();
    let mut attempts = Vec::new();
    let log = Log::read(&bytes, |record| attempts.push(record.attempt.clone()));
    ensure(log.whole == bytes.len(), || "the audit log is torn".into())?;
    let lines = |attempt: &str| attempts.iter().filter(|found| **found == id(attempt)).count();
    let is_told = |attempt: &str| {
        // What failed before it began may be that very line.
        let is_final = |reply: &&(AttemptId, Outcome)| {
            !matches!(reply.1, Outcome::Queued | Outcome::Failed { .. })
        };
        world.memory.replies.iter().filter(is_final).any(|(of, _)| *of == id(attempt))
    };
    for (attempt, is_owed) in
        [("first", world.memory.begun || is_told("first")), ("second", is_told("second"))]
    {
        let found = lines(attempt);
        ensure(found <= 1 && (found == 1 || !is_owed), || {
            format!("{found} lines of {attempt}: {:?}, {:?}", world.memory, world.sites)
        })?;
    }
    Ok(())
}

/// The next good release can be installed.
fn next_succeeds(world: &World) -> Tried<()> {
    let mut world = world.clone();
    let old = world.journal.current.clone();
    world.scenario = Rc::new(Scenario {
        kind: Kind::Update,
        older: world.journal.prev.clone(),
        to: release(9),
        behaviour: Behaviour::Good,
        is_tired: false,
        old,
        ..world.scenario.as_ref().clone()
    });
    world.memory = Default::default();
    world.ask("next", Some(release(9)), &Faults::default())?;
    ensure(world.link("current") == Some(release(9).digest), || "the next update failed".into())?;
    ensure(world.disk.names(Place::Releases).len() <= 2, || "three releases stayed".into())
}

/// What comes of it when nothing crashes.
fn ended_as_it_should(world: &World) -> Tried<()> {
    let Scenario { component, old, behaviour, .. } = world.scenario.as_ref();
    let mut outcomes = Vec::new();
    Log::read(&world.log(), |record| outcomes.push(record.outcome.clone()));
    let is_right = |outcome: &Outcome| match behaviour {
        Behaviour::Good => *outcome == Outcome::Updated,
        Behaviour::Unfit => matches!(outcome, Outcome::Refused { reason: Reason::Unfit(_) }),
        _ if old.is_none() => matches!(outcome, Outcome::FirstFailed { .. }),
        _ => matches!(outcome, Outcome::RolledBack { .. }),
    };
    ensure(outcomes.first().is_some_and(is_right), || format!("it ended so: {outcomes:?}"))?;
    let replies: Vec<&Outcome> = world.memory.replies.iter().map(|(_, outcome)| outcome).collect();
    let told = match (component, behaviour) {
        (Component::Updater, b) if *b != Behaviour::Unfit => {
            replies.first() == Some(&&Outcome::Queued) && replies.len() == 3
        }
        _ => replies.len() == 2,
    };
    ensure(told, || format!("it was said: {replies:?}"))
}

#[test]
#[expect(clippy::print_stdout, reason = "how much was tried is the point")]
fn two_crashes_anywhere_leave_a_whole_and_healthy_release() {
    let (mut runs, mut worlds) = (0, 0);
    for scenario in scenarios() {
        let found = explore(&scenario, PAIR, None);
        let found = found.unwrap_or_else(|error| {
            panic!("{} to a {:?} release: {error}", scenario.name, scenario.behaviour)
        });
        runs += found.runs;
        worlds += found.worlds;
    }
    println!("{runs} runs through {worlds} worlds after a crash");
    assert!(worlds > 1_000, "{worlds} worlds are too few to say anything");
}

#[test]
fn a_disk_that_is_full_from_any_moment_on_holds_nothing_in_its_place() {
    for scenario in scenarios() {
        is_full_from_anywhere(&scenario, None).unwrap_or_else(|error| {
            panic!("{} to a {:?} release: {error}", scenario.name, scenario.behaviour)
        });
    }
}

#[test]
fn a_failure_anywhere_and_a_crash_after_it_do_no_harm() {
    for scenario in scenarios() {
        fail_anywhere(&scenario).unwrap_or_else(|error| {
            panic!("{} to a {:?} release: {error}", scenario.name, scenario.behaviour)
        });
    }
}

fn fail_anywhere(scenario: &Rc<Scenario>) -> Tried<()> {
    let mut whole = World::new(scenario);
    play(&mut whole, &Faults::default())?;
    let mut seen = HashSet::new();
    for at in 0..whole.done {
        for is_done in [false, true] {
            let faults = Faults { error: Some((at, is_done)), ..Faults::default() };
            let mut world = World::new(scenario);
            play(&mut world, &faults)?;
            settled(&world)?;
            let mut left = Vec::new();
            crashed(&mut world, &mut seen, &mut left)?;
            for mut world in left {
                world.recover(&Faults::default())?;
                settled(&world)?;
            }
        }
    }
    Ok(())
}
