//! The configuration file, and where its deckies would stand.

use std::collections::{BTreeMap, BTreeSet};

use decnet::logic::config::{self, MAX_COUNT};
use decnet::logic::decky::Secret;
use decnet::logic::place::{Network, NodeSeed, Placement};

use crate::decky::NOW;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let config = match config::parse(text) {
        Ok(config) => config,
        Err(error) => {
            let lines = text.lines().count().max(1) + 1;
            assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line);
            return;
        }
    };
    let deckies = &config.fleet.deckies;
    assert!(deckies.len() <= MAX_COUNT * (1 + text.matches("[decky").count()));
    let network = Network {
        interface: "eth0".to_owned(),
        subnet: "10.77.0.0/16".parse().expect("a subnet"),
        subnet6: config.fleet.network.subnet6,
        gateway: config.fleet.network.gateway,
        own: BTreeSet::new(),
    };
    let seed = NodeSeed { secret: Secret([7; 32]), made: NOW };
    let Ok(mut placement) = Placement::new(&network, deckies, &BTreeMap::new(), &seed) else {
        return;
    };
    while let Ok(candidates) = placement.candidates() {
        if candidates.is_empty() {
            break;
        }
        placement.probed(&candidates, &BTreeMap::new()).expect("nobody has an address");
    }
    if let Ok(placed) = placement.finish() {
        assert_eq!(placed.len(), deckies.len());
    }
}
