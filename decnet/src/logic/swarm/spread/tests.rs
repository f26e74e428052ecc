//! No address twice, nobody moved without need.

use super::*;
use crate::logic::persona;
use crate::logic::services::{ServiceKind, ServiceSpec};

fn node(number: u8, subnet: &str) -> Node {
    let own = IpAddr::from([10, 0, 0, 100 + number]);
    Node {
        id: Uuid::from_u128(number.into()),
        name: format!("node-{number}").parse().expect("a name"),
        network: Some(NodeNetwork {
            interface: "eth0".to_owned(),
            subnet: subnet.parse().expect("a subnet"),
            subnet6: None,
            gateway: Some([10, 0, 0, 1].into()),
            own: [own].into(),
        }),
    }
}

fn wish(name: &str, ip: Option<[u8; 4]>) -> DeckyWish {
    DeckyWish {
        name: name.parse().expect("a name"),
        ip: ip.map(Into::into),
        ip6: None,
        persona: persona::find("debian-12").expect("it is in the table"),
        services: vec![ServiceSpec::plain(ServiceKind::Ssh)],
        line: 1,
    }
}

fn many(count: usize) -> Vec<DeckyWish> {
    (0..count).map(|n| wish(&format!("d-{n:04}"), None)).collect()
}

type Orders = BTreeMap<Uuid, Vec<OrderedDecky>>;

/// Where each decky is, by name.
fn places(orders: &Orders) -> BTreeMap<DeckyName, Before> {
    let of = |(node, deckies): (&Uuid, &Vec<OrderedDecky>)| {
        let node = *node;
        let place = move |decky: &OrderedDecky| (decky.name.clone(), Before { node, ip: decky.ip });
        deckies.iter().map(place).collect::<Vec<_>>()
    };
    orders.iter().flat_map(of).collect()
}

fn nothing() -> BTreeSet<Ipv4Addr> {
    BTreeSet::new()
}

fn counts(orders: &Orders) -> Vec<usize> {
    orders.values().map(Vec::len).collect()
}

#[test]
fn deckies_are_spread_evenly_and_no_address_is_given_twice() {
    let nodes: Vec<Node> = (1..=8).map(|n| node(n, "10.0.0.0/16")).collect();
    let orders =
        spread(&many(1_000), &nodes, &BTreeMap::new(), None, &nothing()).expect("there is room");
    assert_eq!(counts(&orders), [125; 8]);
    let ips: BTreeSet<Ipv4Addr> = orders.values().flatten().filter_map(|one| one.ip).collect();
    assert_eq!(ips.len(), 1_000);
    let own: Vec<Ipv4Addr> = (101..=108).map(|last| [10, 0, 0, last].into()).collect();
    for no in own.into_iter().chain([[10, 0, 0, 0].into(), [10, 0, 0, 1].into()]) {
        assert!(!ips.contains(&no), "{no}");
    }
}

#[test]
fn what_is_there_stays_where_it_is() {
    let mut nodes: Vec<Node> = (1..=2).map(|n| node(n, "10.0.0.0/24")).collect();
    let first = spread(&many(10), &nodes, &BTreeMap::new(), None, &nothing()).expect("room");
    nodes.push(node(3, "10.0.0.0/24"));
    let before = places(&first);
    let second = spread(&many(12), &nodes, &before, None, &nothing()).expect("room");
    let after = places(&second);
    assert!(before.iter().all(|(name, place)| after.get(name) == Some(place)));
    assert_eq!(counts(&second), [5, 5, 2], "the new ones go to the node with the fewest");
    // A node that does not answer keeps what it has and gets nothing.
    nodes[0].network = None;
    let third = spread(&many(14), &nodes, &after, None, &nothing()).expect("room");
    assert_eq!(counts(&third), [5, 5, 4]);
}

#[test]
fn a_decky_leaves_an_address_that_a_machine_has() {
    let nodes = [node(1, "10.0.0.0/24")];
    let first = spread(&many(2), &nodes, &BTreeMap::new(), None, &nothing()).expect("room");
    let taken = [[10, 0, 0, 2].into()].into();
    let second = spread(&many(2), &nodes, &places(&first), None, &taken).expect("room");
    let ips: BTreeSet<Ipv4Addr> = second.values().flatten().filter_map(|one| one.ip).collect();
    assert_eq!(ips, [[10, 0, 0, 3].into(), [10, 0, 0, 4].into()].into());
}

#[test]
fn an_address_that_is_asked_for_goes_to_a_node_that_can_have_it() {
    let nodes = [node(1, "10.0.0.0/24"), node(2, "10.0.1.0/24")];
    let wishes = [wish("a", Some([10, 0, 1, 9])), wish("b", None)];
    let orders = spread(&wishes, &nodes, &BTreeMap::new(), None, &nothing()).expect("room");
    assert_eq!(orders[&nodes[1].id][0].ip, Some([10, 0, 1, 9].into()));
    assert_eq!(orders[&nodes[0].id][0].ip, Some([10, 0, 0, 2].into()));
}

#[test]
fn addresses_come_from_the_range_that_is_said() {
    let nodes = [node(1, "10.0.0.0/16")];
    let range = "10.0.7.0/30".parse().ok();
    let orders = spread(&many(2), &nodes, &BTreeMap::new(), range, &nothing()).expect("room");
    let ips: Vec<_> = orders[&nodes[0].id].iter().filter_map(|decky| decky.ip).collect();
    assert_eq!(ips, [Ipv4Addr::from([10, 0, 7, 1]), Ipv4Addr::from([10, 0, 7, 2])]);
}

#[test]
fn what_cannot_be_is_said_and_nobody_gets_anything() {
    let nodes = [node(1, "10.0.0.0/30"), node(2, "10.0.0.0/30")];
    let none = BTreeMap::new();
    let full = spread(&many(2), &nodes, &none, None, &nothing()).expect_err("one is free");
    assert!(matches!(full, SpreadError::Full { placed: 1, wanted: 2, .. }), "{full}");
    let there = [wish("a", Some([10, 0, 0, 101]))];
    let taken = spread(&there, &nodes, &none, None, &nothing()).expect_err("a node has it");
    assert!(matches!(taken, SpreadError::Taken { .. }), "{taken}");
    let away = [wish("a", Some([10, 9, 9, 9]))];
    let misplaced = spread(&away, &nodes, &none, None, &nothing()).expect_err("elsewhere");
    assert!(matches!(misplaced, SpreadError::Misplaced { .. }), "{misplaced}");
    let dead = [Node { network: None, ..node(1, "10.0.0.0/24") }];
    assert_eq!(spread(&many(1), &dead, &none, None, &nothing()), Err(SpreadError::NoNode));
    assert!(spread(&[], &dead, &none, None, &nothing()).is_ok(), "nothing needs no node");
}
