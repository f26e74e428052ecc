use super::*;
use crate::logic::release::Component;
use crate::logic::rollout::{Event, Policy};

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn offer(byte: u8) -> Offer {
    Offer {
        digest: Digest([byte; 32]),
        version: "0.1.0".parse().unwrap(),
        sha256: Digest([byte; 32]),
        bytes: 7,
        components: vec![Component::Agent],
    }
}

/// Begins a rollout with these nodes.
fn begin(hosts: &mut Hosts, number: u128, nodes: &[u128]) -> RolloutRow {
    let policy = Policy {
        canary: 0,
        max_in_flight: 9,
        max_failures: 0,
        include_self: false,
        updater_port: 8766,
        soak_s: 0,
    };
    let nodes: Vec<_> = nodes.iter().map(|node| (id(*node), NodeState::Waiting)).collect();
    let attempts: Vec<String> = nodes.iter().map(|(node, _)| format!("a-{node}")).collect();
    let rollout = Rollout::new(policy, nodes);
    let byte = u8::try_from(number % 256).unwrap();
    let row = RolloutRow { id: id(number), created_at: Timestamp(9), offer: offer(byte), rollout };
    hosts.begin_rollout(&row, &attempts).unwrap();
    row
}

/// Has it take these events, and written down.
fn take(hosts: &mut Hosts, number: u128, events: Vec<Event>) -> Rollout {
    let mut rollout = hosts.rollout(id(number)).unwrap().unwrap().rollout;
    for event in events {
        let before = rollout.clone();
        rollout.take(event).unwrap();
        rollout.begin();
        hosts.save_rollout(id(number), &rollout, &before).unwrap();
    }
    rollout
}

fn offline() -> NodeState {
    NodeState::Offline { why: "away".into() }
}

#[test]
fn what_is_written_down_is_found_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let row = {
        let mut hosts = Hosts::open(dir.path()).unwrap();
        let row = begin(&mut hosts, 1, &[20, 10]);
        assert_eq!(hosts.rollout(id(1)).unwrap().unwrap(), row);
        let mut rollout = row.rollout.clone();
        rollout.begin();
        hosts.save_rollout(id(1), &rollout, &row.rollout).unwrap();
        let ended = Event::Ended(id(10), offline());
        let rollout = take(&mut hosts, 1, vec![Event::Trying(id(20)), ended]);
        hosts.agent_ended(id(1), id(20), &NodeState::Updated).unwrap();
        hosts.own_ended(id(1), id(20), &OwnState::Done).unwrap();
        RolloutRow { rollout, ..row }
    };
    let hosts = Hosts::open(dir.path()).unwrap();
    assert_eq!(hosts.rollout(id(1)).unwrap().unwrap(), row);
    assert_eq!(hosts.rollout(id(2)).unwrap(), None);
    assert_eq!(hosts.open_rollouts().unwrap(), [id(1)]);
    assert_eq!(hosts.away().unwrap(), [(id(10), id(1))]);
    let found = hosts.rollout_nodes(id(1)).unwrap();
    let twenty = NodeRow {
        host: id(20),
        state: NodeState::Trying,
        own: OwnState::Done,
        agent: Some(NodeState::Updated),
        attempt: format!("a-{}", id(20)),
        told: true,
    };
    assert_eq!(
        found,
        [
            twenty.clone(),
            NodeRow {
                host: id(10),
                state: offline(),
                own: OwnState::None,
                agent: None,
                attempt: format!("a-{}", id(10)),
                told: false,
            },
        ]
    );
    assert_eq!(hosts.rollout_node(id(1), id(20)).unwrap(), Some(twenty));
}

#[test]
fn a_later_rollout_takes_the_place_of_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    let row = begin(&mut hosts, 1, &[10, 20]);
    let mut rollout = row.rollout.clone();
    rollout.begin();
    hosts.save_rollout(id(1), &rollout, &row.rollout).unwrap();
    let ends = [10, 20].map(|node| Event::Ended(id(node), offline()));
    take(&mut hosts, 1, ends.into());
    assert_eq!(hosts.away().unwrap().len(), 2);
    begin(&mut hosts, 2, &[10]);
    assert_eq!(hosts.away().unwrap(), [(id(20), id(1))]);
    let nodes = hosts.rollout_nodes(id(1)).unwrap();
    assert_eq!(nodes[0].state, NodeState::Skipped { skip: Skip::Superseded(id(2)) });
    let both = BTreeSet::from([Digest([1; 32]), Digest([2; 32])]);
    assert_eq!(hosts.named_bundles().unwrap(), both);
    hosts.desire_nothing(id(20)).unwrap();
    assert_eq!((hosts.away().unwrap(), hosts.named_bundles().unwrap().len()), (vec![], 1));
    take(&mut hosts, 2, vec![Event::Abort]);
    assert_eq!(hosts.named_bundles().unwrap(), BTreeSet::new());
}

#[test]
fn old_rollouts_are_forgotten_unless_something_is_wanted_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    for number in 1..=120 {
        begin(&mut hosts, number, &[if number == 5 { 50 } else { 10 }]);
        // Of the fifth something is still wanted, for its node is away.
        if number == 5 {
            take(&mut hosts, 5, vec![Event::Pause, Event::Resume]);
            take(&mut hosts, 5, vec![Event::Ended(id(50), offline())]);
        } else {
            take(&mut hosts, number, vec![Event::Abort]);
        }
    }
    let left: Vec<Uuid> = hosts.rollouts().unwrap().iter().map(|row| row.id).collect();
    assert_eq!(left.len(), 101, "{left:?}");
    assert_eq!(left.last(), Some(&id(5)));
    assert_eq!(hosts.rollout_nodes(id(1)).unwrap(), []);
}

#[test]
fn what_a_release_took_down_is_not_wanted_of_it_any_more_and_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = Hosts::open(dir.path()).unwrap();
    let row = begin(&mut hosts, 1, &[10, 20, 30]);
    let mut rollout = row.rollout.clone();
    rollout.begin();
    hosts.save_rollout(id(1), &rollout, &row.rollout).unwrap();
    // All three are away: one before it was told, one after, and one once it was well.
    let events = vec![
        Event::Ended(id(10), offline()),
        Event::Trying(id(20)),
        Event::Ended(id(20), offline()),
        Event::Trying(id(30)),
        Event::Ended(id(30), NodeState::Updated),
    ];
    let rollout = take(&mut hosts, 1, events);
    let (node, look) = rollout.soaking()[0];
    assert_eq!((node, hosts.open_rollouts().unwrap()), (id(30), vec![id(1)]));
    take(&mut hosts, 1, vec![Event::Looked(node, look, NodeState::Silent { why: "w".into() })]);
    drop(hosts);
    let mut hosts = Hosts::open(dir.path()).unwrap();
    assert_eq!(hosts.away().unwrap(), [(id(10), id(1))], "the others are promised nothing");
    let digest = row.offer.digest;
    assert_eq!(hosts.took_down(digest).unwrap(), [(id(20), id(1)), (id(30), id(1))].into());
    assert!(hosts.took_down(Digest([9; 32])).unwrap().is_empty());
    // One was tried again by name, and is well.
    let again = begin(&mut hosts, 257, &[20]);
    assert_eq!(again.offer.digest, digest);
    let mut rollout = again.rollout.clone();
    rollout.begin();
    hosts.save_rollout(id(257), &rollout, &again.rollout).unwrap();
    take(&mut hosts, 257, vec![Event::Ended(id(20), NodeState::Unchanged)]);
    assert_eq!(hosts.took_down(digest).unwrap(), [(id(30), id(1))].into());
}
