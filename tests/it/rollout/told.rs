//! What a rollout does with nodes that a release takes down once they were told.

use decnet::logic::release::Digest;
use decnet_tests::rollout::{Scene, bundle, count, node, report, text, wait_until};
use decnet_tests::updater::{Manner, Updater};
use decnet_tests::world::World;
use serde_json::json;

#[test]
fn a_release_that_takes_nodes_off_the_network_takes_no_more_than_the_policy_allows() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, _) = bundle(&scene.dir, "new");
    let nodes: Vec<Updater> =
        (1..=30).map(|number| scene.node(number, Manner::TakenDown)).collect();
    let told = |scene: &Scene<'_>| {
        let all = scene.latest();
        nodes.iter().filter(|one| node(&all, &one.name)["state"] == json!("silent")).count()
    };
    let line = ["update", "--all", "--bundle", &file, "--canary", "1", "--max-failures", "3"];
    let output = scene.master.swarm(&line);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("told, and silent since: n-001;"), "{said}");
    assert!(said.contains("has halted"), "{said}");
    let halted = scene.latest();
    assert_eq!((count(&halted, "bad"), count(&halted, "waiting")), (1, 29), "{halted}");
    assert_eq!(node(&halted, "n-001")["agent"], json!("error"));
    assert!(nodes[1..].iter().all(|node| node.played().heard.is_empty()));

    // The operator insists: there is another canary, and no more than that.
    let scene = scene.killed_and_started();
    scene.updaters.bring_up(&nodes[0]);
    let heard = nodes[0].played().heard.len();
    let id = halted["id"].as_str().expect("a number").to_owned();
    assert!(scene.master.swarm(&["rollouts", &id, "--resume"]).status.success());
    let again = wait_until(&scene, "halted again", |brief| {
        brief["state"] == json!("halted") && count(brief, "bad") == 2
    });
    assert_eq!((told(&scene), count(&again, "waiting")), (2, 28), "{again}");

    assert!(scene.master.swarm(&["rollouts", &id, "--abort"]).status.success());
    is_not_promised_again(&scene, &nodes, (&file, heard));
}

/// The release is not promised again to whom it took down, whoever says that all are meant.
fn is_not_promised_again(scene: &Scene<'_>, nodes: &[Updater], (file, heard): (&str, usize)) {
    nodes.iter().for_each(|node| node.played().manner = Manner::Good);
    let output = scene.master.swarm(&["update", "--all", "--bundle", file, "--soak", "0"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let all = scene.latest();
    let first = node(&all, "n-001");
    assert_eq!(first["agent"], json!("skipped"), "{first}");
    let detail = first["detail"].as_str().unwrap_or_default();
    assert!(
        detail.contains("it fell silent when rollout") && detail.contains("--host"),
        "{detail}"
    );
    assert_eq!(count(&all, "well"), 28, "{all}");
    assert_eq!(nodes[0].played().heard.len(), heard, "it is asked nothing");
    let named = scene.master.swarm(&["update", "--host", "n-001", "--bundle", file, "--soak", "0"]);
    assert_eq!(named.status.code(), Some(0), "{named:?}");
}

#[test]
fn who_falls_silent_or_back_after_it_was_updated_has_failed_and_so_has_a_failed_updater() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "new");
    let manners = [
        (Manner::FallsSilent, "self_failed", "updated", "error"),
        (Manner::FallsBack, "rolled_back", "rolled-back", "ok"),
        (Manner::RefusesSelf(409), "self_failed", "updated", "409"),
        (Manner::Good, "updated", "updated", "ok"),
    ];
    let nodes: Vec<Updater> =
        (1..).zip(manners).map(|(number, (manner, ..))| scene.node(number, manner)).collect();
    let old = Digest::of(b"old");
    nodes.iter().for_each(|node| node.played().current = Some(old));
    let more = ["--canary", "0", "--max-failures", "9", "--soak", "1", "--include-self", "--json"];
    let output = scene.master.swarm(&[&["update", "--all", "--bundle", &file], &more[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = report(&output);
    for (updater, (manner, state, agent, _)) in nodes.iter().zip(manners) {
        let found = node(&said, &updater.name);
        let words = (&found["state"], &found["agent"]);
        assert_eq!(words, (&json!(state), &json!(agent)), "{manner:?}: {found}");
    }
    assert_eq!(said["counts"]["bad"], json!(3), "{said}");
    let back = node(&said, &nodes[1].name)["detail"].to_string();
    assert!(back.contains(&format!("is release {} again", old.short())), "{back}");
    assert_eq!(nodes[3].played().own, Some(digest));
}

#[test]
fn failed_updaters_halt_as_failed_agents_do() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, _) = bundle(&scene.dir, "new");
    let nodes: Vec<Updater> =
        (1..=4).map(|number| scene.node(number, Manner::RefusesSelf(500))).collect();
    let more = ["--canary", "0", "--max-failures", "1", "--max-in-flight", "1"];
    let line =
        [&["update", "--all", "--include-self", "--soak", "0", "--bundle", &file], &more[..]];
    let output = scene.master.swarm(&line.concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("without an updater that is it: n-001, n-002"));
    let halted = scene.latest();
    assert_eq!((count(&halted, "bad"), count(&halted, "waiting")), (2, 2), "{halted}");
    assert!(nodes[2..].iter().all(|node| node.played().heard.is_empty()));
}
