//! Keys that were stolen and replaced, certificates that are good no more, and a master that moves.

use decnet_tests::live::Live;
use decnet_tests::master::Master;
use decnet_tests::papers::Papers;
use decnet_tests::world::{NODE, NODE_IP, VISITOR, World, wait_for};
use serde_json::{Value, json};

/// A master, and a node that it has enrolled, with an identity for the updater too.
fn enrolled(world: &World) -> Master<'_> {
    let master = Master::start(world);
    let (ip, dir) = (NODE_IP.to_string(), world.etc_dir().join("agent"));
    let dir = dir.display().to_string();
    let line = ["enroll", "--name", "node-1", "--address", &ip, "--out-dir", &dir];
    let enrolled = master.swarm(&line);
    assert!(enrolled.status.success(), "{enrolled:?}");
    master
}

fn host(master: &Master<'_>) -> Value {
    master.json(&["list"])[0].clone()
}

fn wait_until_active(master: &Master<'_>, world: &World) {
    // With the master's first question the node knows where it is.
    let active = wait_for(|| {
        master.json(&["check"]);
        let host = host(master);
        let beats = host["status"] == json!("active") && host["heard_from"].is_string();
        beats.then_some(())
    });
    assert!(active.is_some(), "{}\n{}", host(master), world.log());
}

/// What the master is known by, as whoever copies it has it.
fn stolen(world: &World, master: &Master<'_>, name: &str) -> Papers {
    let (from, to) = (master.state_dir().join("swarm"), world.dir.join(name));
    std::fs::create_dir_all(&to).expect("the directory is ours");
    for (file, as_file) in
        [("ca.crt", "ca.crt"), ("master.crt", "worker.crt"), ("master.key", "worker.key")]
    {
        std::fs::copy(from.join(file), to.join(as_file)).expect("it is there");
    }
    Papers::at(to)
}

/// The status of an agent's answer; 000 when it lets nobody in.
fn asked(world: &World, papers: &Papers) -> String {
    let output = papers.ask(world, &format!("https://{NODE_IP}:8765/health"), &[]);
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_master_key_that_was_stolen_and_replaced_commands_nothing() {
    let world = World::make();
    let master = enrolled(&world);
    let agent = world.start_agent("");
    wait_until_active(&master, &world);
    let thief = stolen(&world, &master, "thief");
    assert_eq!(asked(&world, &thief), "200", "it is the master's own");
    let place = format!("{NODE_IP}:8765");
    let mut live = Live::open(&[], &place, &thief, |command| world.spawn(command));
    assert_eq!(live.ask("/health"), Some(200));
    let renewed = master.json(&["master", "renew", "--revoke-old"]);
    assert_eq!(renewed["revoked"], json!(true), "{renewed}");
    let out = wait_for(|| (asked(&world, &thief) == "000").then_some(()));
    assert!(out.is_some(), "the thief still is in: {}", world.log());
    // What was open before is good for nothing more either.
    let status = live.ask("/health");
    assert!(matches!(status, None | Some(401 | 403)), "{status:?}");
    assert_eq!(live.ask("/health").filter(|status| *status == 200), None);
    let ours = wait_for(|| {
        let check = master.json(&["check"]);
        (check["results"][0]["ok"] == json!(true)).then_some(())
    });
    assert!(ours.is_some(), "the master is out: {}\n{}", master.log(), world.log());
    // It is kept, by node and master.
    drop(agent);
    let master = master.kill_and_start();
    let _agent = world.start_agent("");
    wait_until_active(&master, &world);
    let check = master.json(&["check"]);
    assert_eq!(check["results"][0]["ok"], json!(true), "{check}");
    assert_eq!(asked(&world, &thief), "000");
    let kept = ["trusted.json", "agent/trusted.json"].map(|file| world.state_dir().join(file));
    let kept = kept.iter().find_map(|path| std::fs::read_to_string(path).ok()).expect("it is kept");
    let old = renewed["before"].as_str().expect("a fingerprint");
    assert!(kept.contains(old), "{kept}");
}

#[test]
fn a_node_that_has_another_address_is_reached_there_once_it_shows_its_certificate() {
    let world = World::make();
    let master = enrolled(&world);
    let _agent = world.start_agent("");
    wait_until_active(&master, &world);
    let ip = |action: &str, address: &str| {
        let done = world.on_node(&["ip", "addr", action, address, "dev", NODE]);
        assert!(done.status.success(), "{done:?}");
    };
    ip("add", "10.77.255.99/16");
    ip("del", &format!("{NODE_IP}/16"));
    // A secondary address goes with the first unless it is promoted.
    let there = world.on_node(&["ip", "addr", "replace", "10.77.255.99/16", "dev", NODE]);
    assert!(there.status.success(), "{there:?}");
    let moved = wait_for(|| {
        let host = host(&master);
        (host["reached_at"] == json!("10.77.255.99")).then_some(host)
    });
    let moved = moved.unwrap_or_else(|| panic!("{}\n{}", host(&master), master.log()));
    assert_eq!(moved["heard_from"], json!("10.77.255.99"), "{moved}");
    let check = master.json(&["check"]);
    assert_eq!(check["results"][0]["ok"], json!(true), "{check}");
}

#[test]
fn a_node_follows_its_master_to_another_address() {
    let world = World::make();
    let master = enrolled(&world);
    let _agent = world.start_agent("");
    wait_until_active(&master, &world);
    let new = "10.77.255.88";
    let ip = |args: &[&str]| {
        let done = world.visit("ip", &[&["addr"], args].concat());
        assert!(done.status.success(), "{done:?}");
    };
    ip(&["add", &format!("{new}/32"), "dev", VISITOR]);
    let places = format!("https://10.77.255.87:8771,https://{new}:8771");
    let moved = master.json(&["master", "move", "--to", &places]);
    assert!(moved["notice"].as_u64().is_some(), "{moved}");
    let heard = wait_for(|| {
        let lines = world.log();
        lines
            .lines()
            .any(|line| line.contains("hears this node") && line.contains(new))
            .then_some(())
    });
    assert!(heard.is_some(), "{}", world.log());
}
