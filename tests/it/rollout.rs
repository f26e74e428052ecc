//! Releases for many nodes: what the operator sees, what the nodes hear, and what a master that is
//! killed has not forgotten.

mod before;
mod told;

use std::fs;
use std::time::Duration;

use decnet_tests::rollout::{Scene, begin, bundle, count, node, report, text, tree, wait_until};
use decnet_tests::updater::{Manner, Updater};
use decnet_tests::world::{World, wait_for};
use serde_json::{Value, json};

/// How a node behaves, what comes of its agent, and how often it carries out an update.
const MANNERS: [(Manner, &str, usize); 9] = [
    (Manner::Good, "updated", 1),
    (Manner::RollsBack, "rolled-back", 1),
    (Manner::Refuses(507), "507", 0),
    (Manner::Refuses(422), "422", 0),
    (Manner::Busy(1), "updated", 1),
    (Manner::Cuts, "updated", 1),
    (Manner::Deaf(true), "updated", 1),
    (Manner::Stutters(200_000), "updated", 1),
    (Manner::Unsound, "updated", 1),
];

#[test]
fn each_node_comes_to_what_its_updater_says() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "new");
    let nodes: Vec<Updater> =
        (1..).zip(MANNERS).map(|(number, (manner, ..))| scene.node(number, manner)).collect();
    let had = scene.node(20, Manner::Good);
    had.played().current = Some(digest);
    let more = ["--max-failures", "9", "--include-self", "--soak", "0", "--json"];
    let output = scene.master.swarm(&[&["update", "--all", "--bundle", &file], &more[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = report(&output);
    for (updater, (manner, agent, updates)) in nodes.iter().zip(MANNERS) {
        let found = node(&said, &updater.name);
        let own = if agent == "updated" { "ok" } else { "skipped" };
        let words = (&found["agent"], &found["self"]);
        assert_eq!(words, (&json!(agent), &json!(own)), "{manner:?}: {found}");
        assert_eq!(updater.played().updates.len(), updates, "{manner:?}");
    }
    assert_eq!(node(&said, &had.name)["agent"], json!("unchanged"));
    let own = had.played().own;
    assert_eq!((had.played().updates.len(), own), (0, Some(digest)));
}

/// What comes of the update itself; the bytes that were sent to the node that is there.
fn update_follows(
    scene: &Scene<'_>,
    line: &[&str],
    (good, away, stranger): (&Updater, &Updater, &Updater),
) -> Value {
    let output = scene.master.swarm(line);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("without an updater: bare"), "{output:?}");
    let said = report(&output);
    let (lost, odd) = (node(&said, &away.name), node(&said, &stranger.name));
    assert_eq!((&lost["agent"], &lost["state"]), (&json!("error"), &json!("offline")));
    let detail = odd["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("not the updater that was enrolled"), "{said}");
    assert_eq!((&odd["agent"], stranger.played().heard.len()), (&json!("error"), 0));
    assert_eq!(node(&said, "bare")["agent"], json!("skipped"));
    assert_eq!(node(&said, &good.name)["agent"], json!("updated"));
    json!(good.played().received)
}

#[test]
fn a_dry_run_changes_nothing_and_a_stranger_is_not_spoken_to() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "new");
    let good = scene.node(1, Manner::Good);
    let away = scene.updaters.enroll(&scene.master, 2);
    let stranger = scene.updaters.stranger(&scene.master, 3);
    let bare = ["enroll", "--name", "bare", "--address", "127.0.1.4", "--json"];
    assert!(scene.master.swarm(&bare).status.success());
    let line = ["update", "--all", "--bundle", &file, "--soak", "0", "--json"];
    let dry = scene.master.swarm(&[&line[..], &["--dry-run"]].concat());
    assert_eq!(dry.status.code(), Some(1), "one is away: {dry:?}");
    let dry = report(&dry);
    let found = dry["results"][1].clone();
    assert_eq!((&found["target"], &found["ok"]), (&json!(digest), &json!(true)), "{dry}");
    let told = |line: &String| line.contains("POST") && !line.contains("/releases/check");
    assert!(!good.played().heard.iter().any(told), "nothing is changed");
    let unreachable = dry["results"][2]["refusals"][0].as_str().unwrap_or_default();
    assert!(unreachable.contains("127.0.1.2:8766"), "{dry}");
    assert_eq!(dry["results"][3]["ok"], json!(false), "a stranger: {dry}");
    assert_eq!((scene.kept(), scene.master.json(&["rollouts"])), (0, json!([])));

    let sent = update_follows(&scene, &line, (&good, &away, &stranger));
    assert_eq!(sent, found["send_bytes"], "as was said before");
}

#[test]
fn a_fleet_is_updated_once_though_its_master_is_killed() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "fleet");
    let nodes: Vec<Updater> = (1..=100)
        .map(|number| {
            let updater = scene.updaters.enroll(&scene.master, number);
            let mut played = updater.played();
            played.takes = Duration::from_millis(700);
            if number % 10 == 3 {
                played.manner = Manner::RollsBack;
            }
            if number % 10 != 7 {
                scene.updaters.bring_up(&updater);
            }
            drop(played);
            updater
        })
        .collect();
    let more = ["--bundle", &file, "--max-in-flight", "10", "--max-failures", "10", "--json"];
    let operator = begin(&scene, &world, &more);
    wait_until(&scene, "well under way", |brief| count(brief, "well") >= 25);
    let scene = scene.killed_and_started();
    let before = wait_until(&scene, "under way again", |brief| count(brief, "under_way") > 0);
    assert!(count(&before, "waiting") > 0, "it was killed too late: {before}");
    let output = operator.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = report(&output);
    assert_eq!(said["state"], json!("done"));
    for (number, updater) in (1..).zip(&nodes) {
        let (agent, updates) = match number % 10 {
            3 => ("rolled-back", 1),
            7 => ("error", 0),
            _ => ("updated", 1),
        };
        assert_eq!(node(&said, &updater.name)["agent"], json!(agent), "{number}");
        assert_eq!(updater.played().updates.len(), updates, "{number}");
    }
    // Those that were away come back, and nobody asks for it.
    nodes.iter().skip(6).step_by(10).for_each(|updater| scene.updaters.bring_up(updater));
    let after = wait_until(&scene, "all there", |brief| {
        count(brief, "well") == 90 && brief["state"] == json!("done")
    });
    assert_eq!((count(&after, "bad"), count(&after, "offline")), (10, 0));
    for updater in &nodes {
        let played = updater.played();
        assert_eq!(played.updates, [digest], "{} had it once", updater.name);
    }
    assert_eq!(scene.kept(), 1);
}

#[test]
fn wrong_use_and_what_is_no_release_change_nothing() {
    let world = World::make();
    let scene = Scene::new(&world);
    let node = scene.node(1, Manner::Good);
    let (file, _) = bundle(&scene.dir, "new");
    let no_bundle = tree(&scene.dir, "x").join("bin/decnet").display().to_string();
    let odd = tree(&scene.dir, "odd");
    fs::write(odd.join("notes.txt"), "n").expect("it is ours");
    let odd = odd.display().to_string();
    let bare = ["enroll", "--name", "bare", "--address", "127.0.1.9", "--json"];
    assert!(scene.master.swarm(&bare).status.success());
    let table: [(&[&str], i32, &str); 13] = [
        (&["update", "--bundle", &file], 2, "--host"),
        (&["update", "--all", "--host", "n-001", "--bundle", &file], 2, "cannot be used with"),
        (&["update", "--all"], 2, "--root"),
        (&["update", "--all", "--bundle", &file, "--root", "/tmp"], 2, "cannot be used with"),
        (&["update", "--all", "--bundle", &file, "--max-in-flight", "0"], 2, "it takes 1 to 128"),
        (&["update", "--all", "--bundle", "/nonexistent"], 2, "there is no bundle"),
        (&["update", "--all", "--bundle", &no_bundle], 1, "it is no bundle"),
        (&["update", "--all", "--root", &odd], 1, "neither in `bin/` nor in `share/`"),
        (&["update", "--host", "nobody", "--bundle", &file], 1, "there is no node `nobody`"),
        (&["update", "--host", "bare", "--bundle", &file], 1, "has no updater"),
        (&["rollouts", "0193", "--pause"], 1, "there is no such rollout"),
        (&["rollouts", "--pause"], 2, "required"),
        (&["update", "--all", "--bundle", &file, "--url", "http://127.0.0.1:1"], 2, "running?"),
    ];
    for (line, code, wanted) in table {
        let output = scene.master.swarm(line);
        let said = text(&output.stderr);
        assert!(
            output.status.code() == Some(code) && said.contains(wanted),
            "{line:?}: {output:?}"
        );
    }
    assert_eq!(node.played().heard, Vec::<String>::new());
    assert_eq!((scene.kept(), scene.master.json(&["rollouts"])), (0, json!([])));
}

#[test]
fn a_tree_is_packed_the_same_each_time_and_nodes_go_back() {
    let world = World::make();
    let scene = Scene::new(&world);
    let node = scene.node(1, Manner::Good);
    let tree = tree(&scene.dir, "tree");
    fs::write(tree.join("notes.txt"), "n").expect("it is ours");
    let root = tree.display().to_string();
    let line = ["update", "--host", "n-001", "--root", &root, "--exclude", "*.txt", "--soak", "0"];
    let none = scene.master.swarm(&["rollback", "--host", "n-001"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(text(&none.stdout).contains("404"), "{none:?}");
    for agent in ["updated", "unchanged"] {
        let output = scene.master.swarm(&line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let shown = text(&output.stdout);
        let row: Vec<&str> = shown.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(row, ["n-001", "127.0.1.1", agent, "—"], "{shown}");
    }
    assert!(fs::metadata(tree.join("release.json")).is_err(), "the tree is as it was");
    let first = node.played().current;
    fs::write(tree.join("share/noise"), "other").expect("it is ours");
    assert!(scene.master.swarm(&line).status.success());
    let second = node.played().current;
    assert_ne!(first, second);
    fs::write(tree.join("share/noise"), "yet another").expect("it is ours");
    assert!(scene.master.swarm(&line).status.success());
    assert_eq!(
        scene.kept(),
        2,
        "what nobody is to have any more is gone, and nothing builds on it"
    );
    let back = scene.master.swarm(&["rollback", "--all"]);
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    assert!(text(&back.stdout).contains("rolled-back"), "{back:?}");
    assert_eq!(node.played().current, second);
}

#[test]
fn a_canary_that_fails_spares_the_others_until_the_operator_says_so() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, _) = bundle(&scene.dir, "new");
    let bad = scene.node(1, Manner::RollsBack);
    let others = [scene.node(2, Manner::Good), scene.node(3, Manner::Good)];
    let line = ["update", "--all", "--bundle", &file, "--canary", "1", "--soak", "0"];
    let output = scene.master.swarm(&line);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("has halted"), "{output:?}");
    let halted = scene.latest();
    assert_eq!((count(&halted, "bad"), count(&halted, "waiting")), (1, 2), "{halted}");
    assert!(others.iter().all(|node| node.played().heard.is_empty()));
    let id = halted["id"].as_str().expect("a number").to_owned();
    assert_eq!(scene.master.swarm(&["rollouts", &id, "--pause"]).status.code(), Some(1));
    assert!(scene.master.swarm(&["rollouts", &id, "--resume"]).status.success());
    wait_until(&scene, "done", |brief| brief["state"] == json!("done"));
    assert!(others.iter().all(|node| node.played().updates.len() == 1));
    assert_eq!(bad.played().updates.len(), 1);
}

#[test]
fn a_rollout_is_paused_resumed_and_aborted_between_nodes() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, _) = bundle(&scene.dir, "new");
    let nodes: Vec<Updater> = (1..=3).map(|number| scene.node(number, Manner::Good)).collect();
    nodes.iter().for_each(|node| node.played().takes = Duration::from_millis(1_500));
    let update = ["--bundle", &file, "--max-in-flight", "1"];
    let mut operator = begin(&scene, &world, &update);
    let first = wait_until(&scene, "at the first", |brief| count(brief, "under_way") == 1);
    let id = first["id"].as_str().expect("a number").to_owned();
    let told = |word: &str| scene.master.swarm(&["rollouts", &id, word]).status.code();
    assert_eq!(told("--pause"), Some(0));
    let conflict = scene.master.swarm(&[&["update", "--all"], &update[..]].concat());
    assert!(text(&conflict.stderr).contains("is under way and has nodes"), "{conflict:?}");
    let paused = wait_until(&scene, "at rest", |brief| count(brief, "under_way") == 0);
    assert_eq!((&paused["state"], count(&paused, "waiting")), (&json!("paused"), 2), "{paused}");
    assert_eq!(operator.wait().expect("it ends").code(), Some(1), "it is left as it is");
    assert_eq!(told("--resume"), Some(0));
    wait_until(&scene, "at the second", |brief| count(brief, "under_way") == 1);
    assert_eq!(told("--abort"), Some(0));
    let aborted = wait_until(&scene, "at rest", |brief| count(brief, "under_way") == 0);
    assert_eq!((&aborted["state"], scene.kept()), (&json!("aborted"), 1), "{aborted}");
    assert_eq!(nodes[2].played().heard, Vec::<String>::new());
    assert_eq!(told("--resume"), Some(1));
}

#[test]
fn a_rollout_goes_on_without_its_operator_and_can_be_listened_to() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "new");
    let node = scene.node(1, Manner::Good);
    node.played().takes = Duration::from_secs(3);
    let operator = begin(&scene, &world, &["--bundle", &file]);
    let begun = wait_until(&scene, "told", |brief| count(brief, "under_way") == 1);
    assert!(wait_for(|| (!node.played().heard.is_empty()).then_some(())).is_some());
    let pid = nix::unistd::Pid::from_raw(operator.id().try_into().expect("a number"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it runs");
    let output = operator.wait_with_output().expect("it ends");
    let id = begun["id"].as_str().expect("a number");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let hint = format!("decnet swarm rollouts {id} --follow");
    assert!(text(&output.stderr).contains(&hint), "{output:?}");

    let token = fs::read_to_string(scene.master.state_dir().join("swarm/token")).expect("a token");
    let (bearer, url) = (
        format!("authorization: Bearer {token}"),
        format!("http://127.0.0.1:8770/swarm/rollouts/{id}"),
    );
    let stream =
        ["curl", "-sSN", "-m", "20", "-H", &bearer, "-H", "accept: text/event-stream", &url];
    let heard = text(&world.visitor.run(&stream).stdout);
    let last = heard.lines().rfind(|line| line.starts_with("data: ")).unwrap_or_default();
    let last: Value = serde_json::from_str(last.trim_start_matches("data: ")).expect("a report");
    assert_eq!((&last["state"], &last["nodes"][0]["agent"]), (&json!("done"), &json!("updated")));
    assert!(heard.matches("event: rollout").count() >= 2, "{heard}");
    let followed = scene.master.swarm(&["rollouts", id, "--follow"]);
    assert!(followed.status.success(), "{followed:?}");
    assert_eq!(node.played().updates, [digest]);
}

#[test]
fn a_node_that_says_nothing_delays_no_other() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, _) = bundle(&scene.dir, "new");
    let mute = scene.updaters.enroll(&scene.master, 1);
    // The kernel takes connections for it; nobody ever answers them.
    let _silent = world.as_visitor(|| std::net::TcpListener::bind(mute.place)).expect("it is free");
    let nodes: Vec<Updater> = (2..=6).map(|number| scene.node(number, Manner::Good)).collect();
    let more = ["--bundle", &file, "--canary", "0", "--max-in-flight", "2", "--json"];
    let operator = begin(&scene, &world, &more);
    let others = wait_until(&scene, "through with the others", |brief| count(brief, "well") == 5);
    assert_eq!(count(&others, "under_way"), 1, "it is still waited for: {others}");
    assert!(nodes.iter().all(|node| node.played().updates.len() == 1));
    let said = report(&operator.wait_with_output().expect("it ends"));
    let detail = node(&said, &mute.name)["detail"].to_string();
    assert!(detail.contains("no answer from 127.0.1.1:8766 within 5 s"), "{detail}");
}

/// The most memory that a process has had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    let number: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    number * 1_024
}

#[test]
fn a_large_bundle_costs_the_master_no_memory() {
    let world = World::make();
    let scene = Scene::new(&world);
    let node = scene.node(1, Manner::Good);
    let tree = tree(&scene.dir, "large");
    fs::write(tree.join("share/large"), vec![b'x'; 96 * 1024 * 1024]).expect("it is ours");
    let before = peak(scene.master.process.id());
    let root = tree.display().to_string();
    let output = scene.master.swarm(&["update", "--all", "--root", &root, "--soak", "0"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(node.played().updates.len(), 1);
    let grown = peak(scene.master.process.id()) - before;
    assert!(grown <= 64 * 1024 * 1024, "it has taken {grown} bytes more");
}
