//! A master that brings releases to updaters, and what it says of that.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use decnet::logic::release::Digest;
use serde_json::{Value, json};

use crate::master::Master;
use crate::updater::{Manner, Updater, Updaters};
use crate::world::{World, decnet, wait_for};

/// Runs `decnet release …`, which must succeed; what it prints.
pub fn release(args: &[&str]) -> String {
    let output = Command::new(decnet()).arg("release").args(args).output().expect("it is built");
    assert!(output.status.success(), "{args:?}: {output:?}");
    text(&output.stdout).trim().to_owned()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A tree to release, with words of its own.
pub fn tree(dir: &Path, words: &str) -> PathBuf {
    let tree = dir.join(format!("tree-{words}"));
    fs::create_dir_all(tree.join("bin")).expect("it is ours");
    fs::create_dir_all(tree.join("share")).expect("it is ours");
    fs::write(tree.join("bin/decnet"), "#!/bin/sh\n").expect("it is ours");
    let may_run = fs::Permissions::from_mode(0o755);
    fs::set_permissions(tree.join("bin/decnet"), may_run).expect("it is ours");
    fs::write(tree.join("share/noise"), noise(words)).expect("it is ours");
    tree
}

/// 300 kB that no compression makes shorter.
fn noise(seed: &str) -> Vec<u8> {
    let blocks = (0..9_600).map(|number| Digest::of(format!("{seed} {number}").as_bytes()).0);
    blocks.flatten().collect()
}

/// A signed bundle, and the digest of its release.
pub fn bundle(dir: &Path, words: &str) -> (String, Digest) {
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
pub fn node(report: &Value, name: &str) -> Value {
    let nodes = report["nodes"].as_array().expect("nodes");
    let found = nodes.iter().find(|node| node["host_name"] == json!(name));
    found.unwrap_or_else(|| panic!("{name} is not in {report}")).clone()
}

pub fn report(output: &Output) -> Value {
    let found = serde_json::from_slice(&output.stdout);
    found.unwrap_or_else(|_| panic!("no report: {output:?}"))
}

/// A master, and a directory of the test's own.
pub struct Scene<'a> {
    pub master: Master<'a>,
    pub updaters: Updaters<'a>,
    pub dir: PathBuf,
}

impl<'a> Scene<'a> {
    pub fn new(world: &'a World) -> Self {
        let (master, updaters) = (Master::start(world), Updaters::new(world));
        Self { master, updaters, dir: world.dir.join("scene") }
    }

    /// Enrols a node that behaves so, and is there.
    pub fn node(&self, number: u8, manner: Manner) -> Updater {
        let updater = self.updaters.enroll(&self.master, number).behaves(manner);
        self.updaters.bring_up(&updater);
        updater
    }

    /// The master is killed, and another goes on with what it has left.
    pub fn killed_and_started(self) -> Self {
        Self { master: self.master.kill_and_start(), ..self }
    }

    /// How the rollout is that was begun last.
    pub fn latest(&self) -> Value {
        let all = self.master.json(&["rollouts"]);
        let id = all[0]["id"].as_str().unwrap_or_else(|| panic!("no rollout: {all}")).to_owned();
        report(&self.master.swarm(&["rollouts", &id, "--json"]))
    }

    /// The bundles that the master keeps.
    pub fn kept(&self) -> usize {
        let dir = self.master.state_dir().join("swarm/bundles");
        let names = fs::read_dir(dir).expect("it is there").flatten();
        names.filter(|entry| text(entry.file_name().as_encoded_bytes()).ends_with(".tar")).count()
    }
}

/// Begins an update of all nodes, and comes back with the operator's process.
pub fn begin(scene: &Scene<'_>, world: &World, more: &[&str]) -> Child {
    let mut command = Command::new(decnet());
    command.args(["swarm", "--state-dir"]).arg(scene.master.state_dir());
    command.args(["update", "--all", "--soak", "1"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    world.visitor.spawn(command)
}

/// Waits until the rollout that was begun last is so.
pub fn wait_until(scene: &Scene<'_>, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let found = wait_for(|| {
        let all = scene.master.json(&["rollouts"]);
        all.get(0).filter(|brief| is(brief)).map(|_| ())
    });
    let latest = scene.latest();
    assert!(found.is_some(), "never {what}: {latest}");
    latest
}

pub fn count(brief: &Value, what: &str) -> u64 {
    brief["counts"][what].as_u64().expect("a number")
}
