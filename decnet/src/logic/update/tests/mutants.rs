//! Every effect is needed: without any one of them, somewhere, something goes wrong.

use std::collections::HashSet;

use super::model::{PAIR, explore, is_full_from_anywhere, scenarios};
use super::world::Site;

/// A world in which one effect is never done goes wrong somewhere. What was tried is a place in
/// the decision (after which event, in which phase, as which of the effects), not a run of it.
#[test]
#[expect(clippy::print_stdout, reason = "how much was tried is the point")]
fn no_effect_can_be_left_out() {
    let scenarios = scenarios();
    let mut sites: HashSet<Site> = HashSet::new();
    let mut found_in: Vec<HashSet<Site>> = Vec::new();
    for scenario in &scenarios {
        let found = explore(scenario, 1, None).unwrap_or_else(|e| panic!("{scenario:?}: {e}"));
        sites.extend(found.sites.iter().cloned());
        found_in.push(found.sites);
    }
    let mut survivors: Vec<Site> = Vec::new();
    for site in &sites {
        let is_in = |index: &usize| found_in[*index].contains(site);
        let concerned: Vec<usize> = (0..scenarios.len()).filter(is_in).collect();
        let is_killed = |crashes: usize| {
            concerned.iter().any(|index| explore(&scenarios[*index], crashes, Some(site)).is_err())
        };
        let is_missed =
            |index: &usize| is_full_from_anywhere(&scenarios[*index], Some(site)).is_err();
        let is_missed = site.2 == "Reserve" && concerned.iter().any(is_missed);
        if !(is_missed || is_killed(1) || is_killed(PAIR)) {
            survivors.push(site.clone());
        }
    }
    survivors.sort();
    println!("{} places tried", sites.len());
    assert_eq!(survivors, Vec::<Site>::new());
}
