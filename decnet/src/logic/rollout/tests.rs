use proptest::prelude::*;

use super::*;

const NONE: [Uuid; 0] = [];

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

fn policy(canary: usize, max_in_flight: usize, max_failures: usize) -> Policy {
    let (include_self, updater_port) = (false, 8766);
    Policy { canary, max_in_flight, max_failures, include_self, updater_port, soak_s: 0 }
}

fn rollout(policy: Policy, nodes: usize) -> Rollout {
    Rollout::new(policy, (0..nodes).map(|node| (id(node), NodeState::Waiting)).collect())
}

fn failed() -> NodeState {
    NodeState::Failed { why: "no".into(), status: Some(507) }
}

fn offline() -> NodeState {
    NodeState::Offline { why: "away".into() }
}

fn silent() -> NodeState {
    NodeState::Silent { why: "away".into() }
}

/// It was told, and this came of it.
fn told(rollout: &mut Rollout, node: usize, state: NodeState) -> Vec<Uuid> {
    rollout.take(Event::Trying(id(node))).unwrap();
    end(rollout, node, state)
}

/// It was asked again, and this is what it is.
fn look(rollout: &mut Rollout, node: usize, state: NodeState) -> Vec<Uuid> {
    let due = rollout.soaking().into_iter().find(|(soaking, _)| *soaking == id(node));
    let (_, look) = due.unwrap_or_else(|| panic!("{node} is not asked again: {rollout:?}"));
    rollout.take(Event::Looked(id(node), look, state)).unwrap();
    rollout.begin()
}

/// All that are asked again have the release still.
fn last(rollout: &mut Rollout) {
    while let Some((node, look)) = rollout.soaking().first() {
        rollout.take(Event::Looked(*node, *look, NodeState::Updated)).unwrap();
    }
}

fn end(rollout: &mut Rollout, node: usize, state: NodeState) -> Vec<Uuid> {
    rollout.take(Event::Ended(id(node), state)).unwrap();
    rollout.begin()
}

#[test]
fn no_other_node_begins_before_the_canaries_are_well() {
    let mut all = rollout(policy(2, 3, 9), 6);
    assert_eq!(all.begin(), [id(0), id(1)]);
    assert_eq!(all.begin(), NONE);
    assert_eq!(end(&mut all, 0, NodeState::Updated), NONE);
    assert_eq!(end(&mut all, 1, NodeState::Unchanged), [id(2), id(3), id(4)]);
    assert_eq!(end(&mut all, 2, failed()), [id(5)]);
}

#[test]
fn a_canary_that_fails_halts_and_one_that_is_away_is_replaced() {
    let mut all = rollout(policy(1, 3, 9), 4);
    assert_eq!(all.begin(), [id(0)]);
    assert_eq!(end(&mut all, 0, offline()), [id(1)]);
    assert_eq!(end(&mut all, 1, failed()), NONE);
    assert_eq!(all.phase, Phase::Halted);
    all.take(Event::Resume).unwrap();
    assert_eq!(all.begin(), [id(2)], "another canary");
    assert_eq!(end(&mut all, 2, NodeState::Updated), [id(3)]);
    assert_eq!(end(&mut all, 3, NodeState::Updated), NONE);
    last(&mut all);
    assert_eq!(all.phase, Phase::Done);
}

#[test]
fn a_node_that_is_told_and_does_not_answer_has_failed_and_is_not_awaited() {
    let mut all = rollout(policy(0, 1, 0), 3);
    all.begin();
    assert_eq!(told(&mut all, 0, offline()), NONE);
    assert_eq!((all.phase, &all.nodes[0].1), (Phase::Halted, &silent()));
    assert_eq!(all.take(Event::Back(id(0))), Err(OutOfPlace::Node(id(0))));
    all.take(Event::Resume).unwrap();
    assert_eq!(all.begin(), [id(1)]);
    end(&mut all, 1, offline());
    assert_eq!(all.nodes[1].1, offline(), "it was away before it was told anything");
}

#[test]
fn a_canary_that_is_told_and_does_not_come_back_stops_all() {
    for failure in
        [offline(), failed(), NodeState::SelfFailed { then: Well::Updated, why: "w".into() }]
    {
        let mut all = rollout(policy(1, 8, 99), 100);
        assert_eq!(all.begin(), [id(0)]);
        assert_eq!(told(&mut all, 0, failure), NONE);
        assert_eq!(all.phase, Phase::Halted);
        assert_eq!(all.nodes.iter().filter(|(_, state)| *state == NodeState::Waiting).count(), 99);
    }
}

#[test]
fn a_canary_counts_when_it_has_answered_once_more() {
    let mut all = rollout(policy(1, 8, 99), 3);
    all.begin();
    assert_eq!(told(&mut all, 0, NodeState::Updated), NONE);
    assert_eq!(all.soaking(), [(id(0), Look::First)]);
    let mut bad = all.clone();
    assert_eq!(look(&mut bad, 0, silent()), NONE);
    assert_eq!(bad.phase, Phase::Halted);
    assert_eq!(look(&mut all, 0, NodeState::Updated), [id(1), id(2)]);
}

#[test]
fn all_are_asked_again_after_the_last_was_told() {
    let mut all = rollout(policy(0, 1, 9), 3);
    all.begin();
    assert_eq!(told(&mut all, 0, NodeState::Updated), [id(1)]);
    assert_eq!(look(&mut all, 0, NodeState::Updated), NONE);
    assert_eq!(told(&mut all, 1, NodeState::Updated), [id(2)]);
    assert_eq!(end(&mut all, 2, NodeState::Unchanged), NONE, "it was told nothing");
    assert_eq!(all.phase, Phase::Running);
    assert_eq!(all.soaking(), [(id(0), Look::Last), (id(1), Look::Last)]);
    let early = Event::Looked(id(1), Look::First, NodeState::Updated);
    assert_eq!(all.take(early), Err(OutOfPlace::Node(id(1))), "of a look that counts no more");
    look(&mut all, 0, NodeState::RolledBack { why: "it fell back".into() });
    assert_eq!(all.phase, Phase::Running);
    look(&mut all, 1, NodeState::Updated);
    assert_eq!((all.phase, all.count(NodeState::is_bad)), (Phase::Done, 1));
}

#[test]
fn a_rollout_that_halts_asks_again_and_so_does_one_that_is_resumed() {
    let mut all = rollout(policy(0, 2, 0), 4);
    all.begin();
    assert_eq!(told(&mut all, 0, NodeState::Updated), [id(2)]);
    look(&mut all, 0, NodeState::Updated);
    told(&mut all, 1, failed());
    assert_eq!((all.phase, all.soaking()), (Phase::Halted, vec![]), "one is under way");
    told(&mut all, 2, NodeState::Updated);
    assert_eq!(all.soaking(), [(id(0), Look::Last), (id(2), Look::Last)]);
    look(&mut all, 0, NodeState::Updated);
    look(&mut all, 2, NodeState::Updated);
    assert_eq!((all.phase, all.soaking()), (Phase::Halted, vec![]));
    all.take(Event::Resume).unwrap();
    assert_eq!(all.begin(), [id(3)]);
    told(&mut all, 3, NodeState::Updated);
    assert_eq!(all.soaking().len(), 3);
}

#[test]
fn too_many_failures_halt_and_what_is_under_way_ends() {
    let mut all = rollout(policy(0, 2, 1), 5);
    assert_eq!(all.begin(), [id(0), id(1)]);
    assert_eq!(end(&mut all, 0, failed()), [id(2)]);
    let back = NodeState::RolledBack { why: "probe".into() };
    assert_eq!(end(&mut all, 1, back), NONE);
    assert_eq!((all.phase, all.under_way()), (Phase::Halted, vec![id(2)]));
    assert_eq!(end(&mut all, 2, NodeState::Updated), NONE);
    all.take(Event::Resume).unwrap();
    assert_eq!(all.begin(), [id(3), id(4)]);
    assert_eq!(end(&mut all, 3, failed()), NONE, "the third failure is the first that counts");
    assert_eq!(end(&mut all, 4, failed()), NONE);
    last(&mut all);
    assert_eq!(all.phase, Phase::Done, "nobody waits");
}

#[test]
fn a_paused_rollout_begins_nothing_and_a_resumed_one_ends() {
    let mut all = rollout(policy(0, 1, 0), 2);
    all.begin();
    all.take(Event::Pause).unwrap();
    assert_eq!(
        all.take(Event::Pause).unwrap_err().to_string(),
        "it is paused: it can be resumed or aborted"
    );
    assert_eq!(end(&mut all, 0, NodeState::Updated), NONE);
    all.take(Event::Resume).unwrap();
    assert_eq!(all.begin(), [id(1)]);
    end(&mut all, 1, NodeState::Updated);
    last(&mut all);
    assert_eq!(all.phase, Phase::Done);
}

#[test]
fn a_node_that_is_back_begins_unless_it_was_given_up() {
    let mut all = rollout(policy(0, 1, 0), 1);
    all.begin();
    end(&mut all, 0, offline());
    assert_eq!(all.phase, Phase::Done);
    all.take(Event::Back(id(0))).unwrap();
    assert_eq!((all.phase, all.begin()), (Phase::Running, vec![id(0)]));
    end(&mut all, 0, offline());
    all.take(Event::Abort).unwrap();
    assert_eq!(all.take(Event::Back(id(0))), Err(OutOfPlace::Aborted));
    assert!(all.take(Event::Abort).is_err());
}

#[test]
fn who_was_told_is_awaited_and_who_was_not_is_not_told_after_an_abort() {
    let mut all = rollout(policy(0, 2, 0), 3);
    all.begin();
    all.take(Event::Trying(id(0))).unwrap();
    all.take(Event::Abort).unwrap();
    assert_eq!(all.take(Event::Trying(id(1))), Err(OutOfPlace::Aborted));
    assert_eq!(all.nodes[2].1, NodeState::Skipped { skip: Skip::Aborted });
    assert_eq!(end(&mut all, 0, NodeState::Updated), NONE);
    assert_eq!(all.phase, Phase::Aborted);
    assert_eq!(all.take(Event::Ended(id(2), failed())), Err(OutOfPlace::Node(id(2))));
    assert_eq!(all.take(Event::Ended(id(1), NodeState::Waiting)), Err(OutOfPlace::Node(id(1))));
}

#[test]
fn what_was_not_said_depends_on_how_many_there_are() {
    let wish: Wish = serde_json::from_str(r#"{"hosts":{"all":true}}"#).unwrap();
    for (nodes, canary, max_failures) in [(1, 0, 3), (4, 0, 3), (5, 1, 3), (100, 1, 10)] {
        let found = wish.policy(nodes).unwrap();
        assert_eq!((found.canary, found.max_failures), (canary, max_failures), "{nodes}");
    }
    for text in [
        r#"{"hosts":{}}"#,
        r#"{"hosts":{"all":true,"host":"n"}}"#,
        r#"{"hosts":{"all":true},"x":1}"#,
    ] {
        assert!(serde_json::from_str::<Wish>(text).is_err(), "{text}");
    }
    let none = Wish { max_in_flight: Some(0), ..wish };
    assert_eq!(none.policy(9), Err(BadPolicy::InFlight));
}

#[test]
fn every_state_is_read_as_it_is_written() {
    let all = [
        NodeState::Waiting,
        NodeState::Sending,
        NodeState::Trying,
        NodeState::Updated,
        NodeState::Unchanged,
        NodeState::RolledBack { why: "w".into() },
        failed(),
        offline(),
        NodeState::Skipped { skip: Skip::NoUpdater },
        NodeState::Skipped { skip: Skip::Superseded(id(1)) },
        NodeState::Skipped { skip: Skip::TookDown(id(1)) },
        silent(),
        NodeState::SelfFailed { then: Well::Unchanged, why: "w".into() },
        NodeState::Soaking { then: Well::Updated, look: Look::Last },
    ];
    for state in all {
        let text = serde_json::to_string(&state).unwrap();
        assert!(text.contains(state.as_str()), "{text}");
        assert_eq!(serde_json::from_str::<NodeState>(&text).unwrap(), state);
    }
}

/// Something that happens; the number says to which of those to whom it can.
fn happening() -> impl Strategy<Value = (u8, usize)> {
    (0u8..20, any::<usize>())
}

fn soaking(all: &Rollout, number: usize) -> (Uuid, Look) {
    let soaking = all.soaking();
    let found = soaking.get(number % soaking.len().max(1)).copied();
    found.unwrap_or((Uuid::default(), Look::First))
}

fn event(all: &Rollout, (kind, number): (u8, usize)) -> Event {
    let pick =
        |nodes: Vec<Uuid>| nodes.get(number % nodes.len().max(1)).copied().unwrap_or_default();
    let under_way = pick(all.under_way());
    let away = all.nodes.iter().filter(|(_, state)| matches!(state, NodeState::Offline { .. }));
    match kind {
        0 => Event::Pause,
        1 | 2 => Event::Resume,
        3 if number.is_multiple_of(7) => Event::Abort,
        4..6 => Event::Back(pick(away.map(|(node, _)| *node).collect())),
        6..9 => Event::Trying(under_way),
        9 => Event::Ended(under_way, failed()),
        12..15 => {
            let (node, look) = soaking(all, number);
            let found = match kind {
                12 => silent(),
                _ => NodeState::Updated,
            };
            Event::Looked(node, look, found)
        }
        10 => Event::Ended(under_way, offline()),
        11 => Event::Ended(under_way, NodeState::RolledBack { why: "w".into() }),
        _ => Event::Ended(under_way, NodeState::Updated),
    }
}

/// What may never be, just after these nodes have begun.
fn check(all: &Rollout, before: &Rollout, begun: &[Uuid]) {
    let count = |is: fn(&NodeState) -> bool| all.nodes.iter().filter(|(_, s)| is(s)).count();
    let under_way = count(NodeState::is_under_way);
    if begun.is_empty() {
        return;
    }
    assert_eq!(before.phase, Phase::Running, "none begins otherwise");
    assert!(under_way <= all.policy.max_in_flight, "{all:?}");
    let well = count(NodeState::is_well);
    if well < all.policy.canary {
        let asked_again = count(NodeState::is_soaking);
        assert!(
            well + under_way + asked_again <= all.policy.canary.max(asked_again),
            "others before the canaries: {all:?}"
        );
    }
    let bad = count(NodeState::is_bad).saturating_sub(all.forgiven);
    assert!(bad <= all.policy.max_failures, "{all:?}");
}

proptest! {
    #[test]
    fn a_rollout_keeps_to_its_policy_and_ends(
        (canary, in_flight, failures) in (0usize..4, 1usize..5, 0usize..4),
        nodes in 0usize..12,
        happenings in prop::collection::vec(happening(), 0..80),
    ) {
        let mut all = rollout(policy(canary, in_flight, failures), nodes);
        let before = all.clone();
        let begun = all.begin();
        check(&all, &before, &begun);
        for happening in happenings {
            let untouched = all.clone();
            if all.take(event(&all, happening)).is_err() {
                prop_assert_eq!(&all, &untouched);
            }
            let before = all.clone();
            let begun = all.begin();
            check(&all, &before, &begun);
        }
        // From here on everything goes well.
        drop(all.take(Event::Resume));
        all.begin();
        for _ in 0..=8 * nodes {
            let event = match (all.under_way().first(), all.soaking().first()) {
                (Some(node), _) => Event::Ended(*node, NodeState::Updated),
                (None, Some((node, look))) => Event::Looked(*node, *look, NodeState::Updated),
                (None, None) => break,
            };
            all.take(event).unwrap();
            all.begin();
        }
        prop_assert!(matches!(all.phase, Phase::Aborted | Phase::Done), "{:?}", all);
        prop_assert!(all.nodes.iter().all(|(_, state)| *state != NodeState::Waiting));
    }
}
