use proptest::prelude::*;

use super::*;

const NONE: [Uuid; 0] = [];

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128 + 1)
}

fn policy(canary: usize, max_in_flight: usize, max_failures: usize) -> Policy {
    Policy { canary, max_in_flight, max_failures, include_self: false, updater_port: 8766 }
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
    assert_eq!(all.phase, Phase::Done);
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
        assert!(well + under_way <= all.policy.canary, "others before the canaries: {all:?}");
    }
    let bad = count(NodeState::is_bad) - all.forgiven;
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
        for _ in 0..=2 * nodes {
            let Some(node) = all.under_way().first().copied() else { break };
            all.take(Event::Ended(node, NodeState::Updated)).unwrap();
            all.begin();
        }
        prop_assert!(matches!(all.phase, Phase::Aborted | Phase::Done), "{:?}", all);
        prop_assert!(all.nodes.iter().all(|(_, state)| *state != NodeState::Waiting));
    }
}
