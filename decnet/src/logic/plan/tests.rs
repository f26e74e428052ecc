//! Whatever was observed, following the plan leads to what is wanted.

use std::collections::BTreeMap;

use super::*;
use crate::logic::decky::{Identity, Secret};
use crate::logic::mac::Mac;
use crate::logic::persona;
use crate::logic::services::{ServiceKind, ServiceSpec};
use crate::logic::time::Timestamp;

fn decky(name: &str, service: ServiceKind) -> Decky {
    let identity = Identity {
        name: name.parse().expect("a name"),
        hostname: name.to_owned(),
        persona: persona::find("debian-12").expect("it is in the table"),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        ip: [10, 0, 0, 1].into(),
        ip6: None,
        secret: Secret([0; 32]),
        booted: Timestamp(0),
    };
    Decky { identity, services: vec![ServiceSpec::plain(service)] }
}

fn wanted(deckies: &[Decky]) -> BTreeMap<DeckyName, Decky> {
    deckies.iter().map(|decky| (decky.identity.name.clone(), decky.clone())).collect()
}

fn seen(decky: &Decky, stage: Stage, busy: bool) -> BTreeMap<DeckyName, Observed> {
    let observed = Observed { id: DeckyId(1), decky: decky.clone(), stage, busy };
    BTreeMap::from([(decky.identity.name.clone(), observed)])
}

#[test]
fn each_stage_has_its_next_step() {
    let a = decky("a", ServiceKind::Ssh);
    let other = decky("a", ServiceKind::Http);
    let id = DeckyId(1);
    let table = [
        (Stage::New, false, &a, vec![LinkOp::Make(id)]),
        (Stage::Namespace, false, &a, vec![LinkOp::Link(id)]),
        (Stage::Linked, false, &a, vec![LinkOp::Finish(id)]),
        (Stage::Up, false, &a, vec![]),
        (Stage::Failed, false, &a, vec![]),
        (Stage::New, true, &a, vec![]),
        (Stage::Up, false, &other, vec![LinkOp::Drop(id)]),
        (Stage::Failed, false, &other, vec![LinkOp::Drop(id)]),
        (Stage::Linked, true, &other, vec![]),
    ];
    for (stage, busy, want, ops) in table {
        let planned = plan(&wanted(std::slice::from_ref(want)), &seen(&a, stage, busy));
        assert_eq!(planned, ops, "{stage:?} busy={busy}");
    }
    assert_eq!(plan(&wanted(&[]), &seen(&a, Stage::Up, false)), [LinkOp::Drop(id)]);
}

/// Carries out what is planned, in a world where each step works, until nothing is planned.
fn follow(want: &BTreeMap<DeckyName, Decky>, observed: &mut BTreeMap<DeckyName, Observed>) {
    for round in 0.. {
        assert!(round < 10, "it does not settle: {observed:?}");
        let fresh: Vec<Decky> = missing(want, observed).into_iter().cloned().collect();
        for decky in fresh {
            let id = DeckyId(100 + u32::try_from(observed.len()).expect("few"));
            let name = decky.identity.name.clone();
            observed.insert(name, Observed { id, decky, stage: Stage::New, busy: false });
        }
        let ops = plan(want, observed);
        if ops.is_empty() {
            return;
        }
        for op in ops {
            let (LinkOp::Drop(id) | LinkOp::Finish(id) | LinkOp::Link(id) | LinkOp::Make(id)) = op;
            let stage = match op {
                LinkOp::Drop(_) => {
                    observed.retain(|_, seen| seen.id != id);
                    continue;
                }
                LinkOp::Make(_) => Stage::Namespace,
                LinkOp::Link(_) => Stage::Linked,
                LinkOp::Finish(_) => Stage::Up,
            };
            for seen in observed.values_mut().filter(|seen| seen.id == id) {
                seen.stage = stage;
            }
        }
    }
}

#[test]
fn from_any_state_the_plan_leads_to_what_is_wanted() {
    let names = ["a", "b", "c"];
    let stages = [Stage::New, Stage::Namespace, Stage::Linked, Stage::Up];
    // Each decky is wanted or not, there or not, the same or changed, at each stage.
    for case in 0..3usize.pow(3) * 4usize.pow(3) {
        let mut case = case;
        let mut draw = |of: usize| {
            let drawn = case % of;
            case /= of;
            drawn
        };
        let (mut want, mut observed) = (Vec::new(), BTreeMap::new());
        for (n, name) in (1..).zip(names) {
            let there = decky(name, ServiceKind::Ssh);
            match draw(3) {
                0 => {}
                1 => want.push(there.clone()),
                _ => want.push(decky(name, ServiceKind::Http)),
            }
            let stage = stages.get(draw(4)).copied().unwrap_or(Stage::Up);
            if n != 3 || stage != Stage::New {
                let name = there.identity.name.clone();
                observed
                    .insert(name, Observed { id: DeckyId(n), decky: there, stage, busy: false });
            }
        }
        let want = wanted(&want);
        follow(&want, &mut observed);
        let reached: BTreeMap<DeckyName, Decky> =
            observed.iter().map(|(name, seen)| (name.clone(), seen.decky.clone())).collect();
        assert_eq!(reached, want);
        assert!(observed.values().all(|seen| seen.stage == Stage::Up));
    }
}
