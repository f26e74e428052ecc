//! Every decky finds a place of its own, or an error says why not.

use super::*;
use crate::logic::persona;
use crate::logic::services::{ServiceKind, ServiceSpec};

fn network() -> Network {
    Network {
        interface: "eth0".to_owned(),
        subnet: "10.0.0.0/29".parse().expect("a subnet"),
        subnet6: "fd00::/64".parse().ok(),
        gateway: Some([10, 0, 0, 1].into()),
        own: [[10, 0, 0, 2].into()].into(),
    }
}

fn seed() -> NodeSeed {
    NodeSeed { secret: Secret([7; 32]), made: Timestamp(1_000_000_000_000_000_000) }
}

fn wish(name: &str, persona: &str, ip: Option<[u8; 4]>) -> DeckyWish {
    DeckyWish {
        name: name.parse().expect("a name"),
        ip: ip.map(Into::into),
        ip6: None,
        persona: persona::find(persona).expect("it is in the table"),
        services: vec![ServiceSpec::plain(ServiceKind::Ssh)],
        line: 1,
    }
}

/// Places `wishes` on a LAN where these addresses have a holder.
fn place(wishes: &[DeckyWish], held: &[[u8; 4]]) -> Result<Vec<Decky>, PlaceError> {
    let (network, seed) = (network(), seed());
    let holders: BTreeMap<IpAddr, Mac> =
        held.iter().map(|ip| (IpAddr::from(*ip), Mac([2, 0, 0, 0, 0, 9]))).collect();
    let mut placement = Placement::new(&network, wishes, &BTreeMap::new(), &seed)?;
    for round in 0.. {
        assert!(round < 10, "it does not settle");
        let candidates = placement.candidates()?;
        if candidates.is_empty() {
            break;
        }
        placement.probed(&candidates, &holders)?;
    }
    placement.finish()
}

fn last_bytes(deckies: &[Decky]) -> Vec<u8> {
    deckies.iter().map(|decky| decky.identity.ip.octets()[3]).collect()
}

#[test]
fn addresses_are_given_out_from_the_beginning_past_those_that_are_taken() {
    let three = [
        wish("a", "debian-12", None),
        wish("b", "debian-12", Some([10, 0, 0, 4])),
        wish("c", "printer", None),
    ];
    // .1 is the gateway, .2 the node, .4 asked for.
    assert_eq!(last_bytes(&place(&three, &[]).expect("room")), [3, 4, 5]);
    // .3 answers the probe.
    assert_eq!(last_bytes(&place(&three, &[[10, 0, 0, 3]]).expect("room")), [6, 4, 5]);
}

#[test]
fn an_address_that_is_none_for_a_decky_is_refused() {
    let table = [
        ([10, 0, 1, 1], "is outside the subnet 10.0.0.0/29"),
        ([10, 0, 0, 0], "is not for a machine in 10.0.0.0/29"),
        ([10, 0, 0, 7], "is not for a machine in 10.0.0.0/29"),
        ([10, 0, 0, 1], "is the gateway's"),
        ([10, 0, 0, 2], "is the node's own"),
    ];
    for (ip, why) in table {
        let error = place(&[wish("a", "debian-12", Some(ip))], &[]).expect_err("unfit");
        assert_eq!(
            error.to_string(),
            format!("the address {} of decky `a` {why}", Ipv4Addr::from(ip))
        );
    }
}

#[test]
fn a_holder_of_an_address_that_was_asked_for_is_named() {
    let error = place(&[wish("a", "debian-12", Some([10, 0, 0, 3]))], &[[10, 0, 0, 3]]);
    let text = error.expect_err("it is held").to_string();
    assert_eq!(text, "the address 10.0.0.3 of decky `a` is in use by 02:00:00:00:00:09");
}

#[test]
fn a_full_subnet_says_how_many_found_room() {
    let many: Vec<DeckyWish> = (0..5).map(|n| wish(&format!("d{n}"), "debian-12", None)).collect();
    let error = place(&many, &[]).expect_err("four have room");
    assert_eq!(
        error.to_string(),
        "the subnet 10.0.0.0/29 is full: 4 of 5 deckies have an address; ask for fewer, or say \
         another `subnet` in [network]"
    );
}

#[test]
fn two_windows_machines_cannot_have_one_name() {
    let error = place(&[wish("ab-1", "windows-10", None), wish("a-b1", "windows-10", None)], &[]);
    assert_eq!(
        error.expect_err("AB1").to_string(),
        "the deckies `ab-1` and `a-b1` would both be called AB1"
    );
}

#[test]
fn a_decky_keeps_the_address_that_it_had() {
    let (network, seed) = (network(), seed());
    let wishes = [wish("a", "debian-12", None), wish("b", "debian-12", None)];
    let before = BTreeMap::from([(wishes[1].name.clone(), Ipv4Addr::new(10, 0, 0, 3))]);
    let mut placement = Placement::new(&network, &wishes, &before, &seed).expect("room");
    let candidates = placement.candidates().expect("room");
    placement.probed(&candidates, &BTreeMap::new()).expect("free");
    assert_eq!(last_bytes(&placement.finish().expect("room")), [4, 3]);
}

#[test]
fn what_belongs_to_a_decky_is_its_own_and_stays() {
    let wishes: Vec<DeckyWish> =
        (0..4).map(|n| wish(&format!("d{n}"), "debian-12", None)).collect();
    let first = place(&wishes, &[]).expect("room");
    assert_eq!(first, place(&wishes, &[]).expect("room"), "nothing is drawn anew");
    for pick in [
        |decky: &Decky| decky.identity.mac.to_string(),
        |decky: &Decky| decky.identity.hostname.clone(),
        |decky: &Decky| format!("{:?}", decky.identity.secret.0),
        |decky: &Decky| format!("{:?}", decky.identity.ip6),
        |decky: &Decky| format!("{:?}", decky.identity.booted),
    ] {
        let all: BTreeSet<String> = first.iter().map(pick).collect();
        assert_eq!(all.len(), first.len(), "{all:?}");
    }
    let identity = &first[0].identity;
    assert!(identity.ip6.is_some_and(|ip| network().subnet6.expect("there").contains(&ip)));
    assert!(identity.booted < seed().made);
}
