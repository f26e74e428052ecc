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
        met: BTreeSet::new(),
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

fn nothing() -> Occupied {
    Occupied::default()
}

fn addresses(orders: &Orders) -> BTreeSet<Ipv4Addr> {
    orders.values().flatten().filter_map(|one| one.ip).collect()
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
    let ips = addresses(&orders);
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
    let mut nodes = [node(1, "10.0.0.0/24")];
    let first = spread(&many(2), &nodes, &BTreeMap::new(), None, &nothing()).expect("room");
    let taken = Occupied { taken: [[10, 0, 0, 2].into()].into(), ..nothing() };
    let second = spread(&many(2), &nodes, &places(&first), None, &taken).expect("room");
    let left = [[10, 0, 0, 3].into(), [10, 0, 0, 4].into()].into();
    assert_eq!(addresses(&second), left);
    nodes[0].met = taken.taken;
    let met = spread(&many(2), &nodes, &places(&first), None, &nothing()).expect("room");
    assert_eq!(addresses(&met), left, "its own node has met the machine");
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
    let there = [wish("a", Some([10, 0, 0, 2]))];
    let known = Occupied { taken: [[10, 0, 0, 2].into()].into(), ..nothing() };
    let taken = spread(&there, &nodes, &none, None, &known).expect_err("a node has it");
    assert!(matches!(taken, SpreadError::Taken { .. }), "{taken}");
    let router = [wish("a", Some([10, 0, 0, 1]))];
    let taken = spread(&router, &nodes, &none, None, &nothing()).expect_err("both say so");
    assert!(matches!(taken, SpreadError::Taken { .. }), "{taken}");
    let away = [wish("a", Some([10, 9, 9, 9]))];
    let misplaced = spread(&away, &nodes, &none, None, &nothing()).expect_err("elsewhere");
    assert!(matches!(misplaced, SpreadError::Misplaced { .. }), "{misplaced}");
    let dead = [Node { network: None, ..node(1, "10.0.0.0/24") }];
    assert_eq!(spread(&many(1), &dead, &none, None, &nothing()), Err(SpreadError::NoNode));
    assert!(spread(&[], &dead, &none, None, &nothing()).is_ok(), "nothing needs no node");
}

/// A node that says that it has every address of the LAN, by each way there is to say it.
fn liar(subnet: &str) -> Node {
    let mut liar = node(9, subnet);
    let all = || (0..=255).map(|last| Ipv4Addr::from([10, 0, 0, last]));
    liar.met = all().collect();
    let network = liar.network.as_mut().expect("it answers");
    network.own = all().map(IpAddr::V4).collect();
    liar
}

#[test]
fn what_a_node_claims_it_takes_from_no_other() {
    let honest = node(1, "10.0.0.0/24");
    let first =
        spread(&many(10), std::slice::from_ref(&honest), &BTreeMap::new(), None, &nothing())
            .expect("room");
    let before = places(&first);
    let claimed = addresses(&first).into_iter().chain([[10, 0, 0, 77].into()]).collect();
    let occupied = Occupied { claimed, ..nothing() };
    let nodes = [honest, liar("10.0.0.0/24")];
    let second = spread(&many(20), &nodes, &before, None, &occupied).expect("room");
    assert_eq!(counts(&second), [20, 0], "the liar has no address for any");
    let after = places(&second);
    assert!(before.iter().all(|(name, place)| after.get(name) == Some(place)), "nobody moves");
    assert_eq!(addresses(&second).len(), 20);
    let asked = [wish("asked", Some([10, 0, 0, 77]))];
    let third = spread(&asked, &nodes, &BTreeMap::new(), None, &occupied).expect("it is asked for");
    assert_eq!(third[&nodes[0].id][0].ip, Some([10, 0, 0, 77].into()));
}

#[test]
fn what_is_only_claimed_is_given_last_and_given() {
    let nodes = [node(1, "10.0.0.0/29"), node(2, "10.0.0.0/29")];
    let claimed = [2, 3].map(|last| [10, 0, 0, last].into()).into();
    let occupied = Occupied { claimed, ..nothing() };
    let some = spread(&many(3), &nodes, &BTreeMap::new(), None, &occupied).expect("room");
    let free = |last: &[u8]| last.iter().map(|last| [10, 0, 0, *last].into()).collect();
    assert_eq!(addresses(&some), free(&[4, 5, 6]));
    let all = spread(&many(5), &nodes, &BTreeMap::new(), None, &occupied).expect("room");
    assert_eq!(addresses(&all), free(&[2, 3, 4, 5, 6]));
    let more = spread(&many(6), &nodes, &BTreeMap::new(), None, &occupied).expect_err("five");
    assert!(matches!(more, SpreadError::Full { placed: 5, wanted: 6, .. }), "{more}");
}
