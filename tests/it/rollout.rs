//! Releases for many nodes: what the operator sees, what the nodes hear, and what a master that is
//! killed has not forgotten.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use decnet::logic::release::Digest;
use decnet_tests::master::Master;
use decnet_tests::updater::{Manner, Updater, Updaters};
use decnet_tests::world::{World, decnet, wait_for};
use serde_json::{Value, json};

/// Runs `decnet release …`, which must succeed; what it prints.
fn release(args: &[&str]) -> String {
    let output = Command::new(decnet()).arg("release").args(args).output().expect("it is built");
    assert!(output.status.success(), "{args:?}: {output:?}");
    text(&output.stdout).trim().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A tree to release, with words of its own.
fn tree(dir: &Path, words: &str) -> PathBuf {
    let tree = dir.join(format!("tree-{words}"));
    fs::create_dir_all(tree.join("bin")).expect("it is ours");
    fs::create_dir_all(tree.join("share")).expect("it is ours");
    fs::write(tree.join("bin/decnet"), "#!/bin/sh\n").expect("it is ours");
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(tree.join("bin/decnet"), may_run).expect("it is ours");
    fs::write(tree.join("share/words"), words.repeat(100_000)).expect("it is ours");
    tree
}

/// A signed bundle, and the digest of its release.
fn bundle(dir: &Path, words: &str) -> (String, Digest) {
    let (tree, out) = (tree(dir, words), dir.join(format!("{words}.tar")));
    let (tree, out) = (tree.display().to_string(), out.display().to_string());
    let key = dir.join("key");
    if !key.exists() {
        release(&["keygen", "--out", &key.display().to_string()]);
    }
    let digest = release(&["pack", &tree, "--out", &out, "--number", "7"]);
    release(&["sign", &out, "--key", &key.display().to_string()]);
    (out, digest.parse().expect("a digest"))
}

/// The node of this name in a report.
fn node(report: &Value, name: &str) -> Value {
    let nodes = report["nodes"].as_array().expect("nodes");
    let found = nodes.iter().find(|node| node["host_name"] == json!(name));
    found.unwrap_or_else(|| panic!("{name} is not in {report}")).clone()
}

fn report(output: &Output) -> Value {
    let found = serde_json::from_slice(&output.stdout);
    found.unwrap_or_else(|_| panic!("no report: {output:?}"))
}

/// A master, and a directory of the test's own.
struct Scene<'a> {
    master: Master<'a>,
    updaters: Updaters<'a>,
    dir: PathBuf,
}

impl<'a> Scene<'a> {
    fn new(world: &'a World) -> Self {
        let (master, updaters) = (Master::start(world), Updaters::new(world));
        Self { master, updaters, dir: world.dir.join("scene") }
    }

    /// Enrols a node that behaves so, and is there.
    fn node(&self, number: u8, manner: Manner) -> Updater {
        let updater = self.updaters.enroll(&self.master, number).behaves(manner);
        self.updaters.bring_up(&updater);
        updater
    }

    /// The master is killed, and another goes on with what it has left.
    fn killed_and_started(self) -> Self {
        Self { master: self.master.kill_and_start(), ..self }
    }

    /// How the rollout is that was begun last.
    fn latest(&self) -> Value {
        let all = self.master.json(&["rollouts"]);
        let id = all[0]["id"].as_str().unwrap_or_else(|| panic!("no rollout: {all}")).to_owned();
        report(&self.master.swarm(&["rollouts", &id, "--json"]))
    }

    /// The bundles that the master keeps.
    fn kept(&self) -> usize {
        let dir = self.master.state_dir().join("swarm/bundles");
        fs::read_dir(dir).expect("it is there").count()
    }
}

#[test]
fn each_node_comes_to_what_its_updater_says() {
    let world = World::make();
    let scene = Scene::new(&world);
    let (file, digest) = bundle(&scene.dir, "new");
    let table = [
        (Manner::Good, "updated", 1),
        (Manner::RollsBack, "rolled-back", 1),
        (Manner::Refuses(507), "507", 0),
        (Manner::Refuses(422), "422", 0),
        (Manner::Busy(1), "updated", 1),
        (Manner::Cuts, "updated", 1),
        (Manner::Deaf(true), "updated", 1),
        (Manner::Stutters(200_000), "updated", 1),
    ];
    let nodes: Vec<Updater> =
        (1..).zip(table).map(|(number, (manner, ..))| scene.node(number, manner)).collect();
    let had = scene.node(20, Manner::Good);
    had.played().current = Some(digest);
    let away = scene.updaters.enroll(&scene.master, 21);
    let stranger = scene.updaters.stranger(&scene.master, 22);
    let bare =
        scene.master.swarm(&["enroll", "--name", "bare", "--address", "127.0.1.23", "--json"]);
    assert!(bare.status.success());

    let dry = scene.master.swarm(&["update", "--all", "--bundle", &file, "--dry-run", "--json"]);
    assert_eq!(dry.status.code(), Some(1), "one is away: {dry:?}");
    let dry = report(&dry);
    assert_eq!(dry["results"][0]["target"], json!(digest));
    let size = fs::metadata(&file).expect("it is there").len();
    assert_eq!(dry["results"][1]["send_bytes"], json!(size), "{dry}");
    let told = |updater: &Updater| updater.played().heard.iter().any(|line| line.contains("POST"));
    assert!(!nodes.iter().any(told), "nothing is changed");
    assert_eq!((scene.kept(), scene.master.json(&["rollouts"])), (0, json!([])));

    let more = ["--max-failures", "9", "--include-self", "--json"];
    let line = [&["update", "--all", "--bundle", &file], &more[..]].concat();
    let output = scene.master.swarm(&line);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = report(&output);
    for (updater, (manner, agent, updates)) in nodes.iter().zip(table) {
        let found = node(&said, &updater.name);
        let own = if agent == "updated" { "ok" } else { "skipped" };
        assert_eq!(
            (&found["agent"], &found["self"]),
            (&json!(agent), &json!(own)),
            "{manner:?}: {found}"
        );
        assert_eq!(updater.played().updates.len(), updates, "{manner:?}");
    }
    assert_eq!(node(&said, &had.name)["agent"], json!("unchanged"));
    let own = had.played().own;
    assert_eq!((had.played().updates.len(), own), (0, Some(digest)));
    let found = node(&said, &away.name);
    assert_eq!((&found["agent"], &found["state"]), (&json!("error"), &json!("offline")));
    let found = node(&said, &stranger.name);
    assert_eq!(found["agent"], json!("error"));
    assert!(
        found["detail"].as_str().is_some_and(|it| it.contains("not the updater that was enrolled"))
    );
    assert_eq!(stranger.played().heard, Vec::<String>::new());
    assert_eq!(node(&said, "bare")["agent"], json!("skipped"));
}

/// Begins an update of all nodes, and comes back with the operator's process.
fn begin(scene: &Scene<'_>, world: &World, more: &[&str]) -> std::process::Child {
    let mut command = Command::new(decnet());
    command.args(["swarm", "--state-dir"]).arg(scene.master.state_dir());
    command.args(["update", "--all"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    world.visitor.spawn(command)
}

/// Waits until the rollout that was begun last is so.
fn wait_until(scene: &Scene<'_>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = wait_for(|| {
        let all = scene.master.json(&["rollouts"]);
        all.get(0).filter(|brief| is(brief)).map(|_| ())
    });
    let latest = scene.latest();
    assert!(found.is_some(), "never {what}: {latest}");
    latest
}

fn count(brief: &Value, what: &str) -> u64 {
    brief["counts"][what].as_u64().expect("a number")
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
