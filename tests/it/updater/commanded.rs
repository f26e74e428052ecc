//! A master's rollout over a node under systemd: all of the way from `decnet swarm update` to the
//! agent that runs.

use decnet_tests::releases::{Behaviour, Bundle};
use serde_json::{Value, json};

use decnet_tests::node::Node;

/// Starts a master on the node's machine, which enrols the node anew.
const SETUP: &str = "
set -e; install -d -o decnet -m 700 /run/master /run/master/etc
systemctl stop decnet-updater decnet-agent decnet-agent.socket
systemd-run --quiet --unit=master SHOP/program swarmctl --etc-dir /run/master/etc --state-dir /run/master/state
for i in $(seq 200); do curl -sf http://127.0.0.1:8770/health >/dev/null && break; sleep .1; done
SHOP/program swarm --state-dir /run/master/state enroll --name node-1 --address 127.0.0.1 --updater \
  --out-dir /run/master/papers
cp /run/master/papers/* /etc/decnet/agent
cp /run/master/papers-updater/* /etc/decnet/updater
chown -R decnet:decnet /etc/decnet/agent
chown decnet:decnet /etc/decnet/updater/*.crt /etc/decnet/updater/updater.key
systemctl start decnet-agent.socket decnet-agent decnet-updater
for i in $(seq 200); do
  SHOP/program swarm --state-dir /run/master/state check && exit 0; sleep .1
done
exit 1";

/// Runs `decnet swarm`, and gives its exit code and what it prints.
fn swarm(node: &mut Node, line: &str) -> (i32, String) {
    let program = node.shop.path().join("program");
    node.machine.run(&format!("{} swarm --state-dir /run/master/state {line}", program.display()))
}

/// Begins a rollout, and gives its exit code and what came of the node.
fn update(node: &mut Node, bundle: &Bundle, more: &str) -> (i32, Value) {
    let line = format!("update --all --json --bundle {} {more} 2>/dev/null", bundle.path.display());
    let (code, said) = swarm(node, &line);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{code}: {said}"));
    (code, said["nodes"][0].clone())
}

/// How large the parcels are that the master has made, in bytes.
fn parcels(node: &mut Node) -> Vec<u64> {
    let sizes = node.machine.ok("cd /run/master/state/swarm/bundles; stat -c %s *.parcel");
    sizes.lines().filter_map(|line| line.trim().parse().ok()).collect()
}

/// A node that a master commands.
fn commanded() -> Node {
    let mut node = Node::boot();
    node.machine.ok(&SETUP.replace("SHOP", &node.shop.path().display().to_string()));
    node
}

#[test]
fn a_rollout_brings_a_node_what_it_has_not_and_leaves_it_well() {
    let mut node = commanded();
    let second = node.shop.release(2, Behaviour::Good);
    let (code, said) = update(&mut node, &second, "--include-self");
    assert_eq!(
        (code, &said["agent"], &said["self"]),
        (0, &json!("updated"), &json!("ok")),
        "{said}"
    );
    node.runs(&second);
    let own = node.machine.ok("readlink /opt/decnet/updater/current");
    assert_eq!(own.trim(), format!("releases/{}", second.digest));
    let whole = *parcels(&mut node).iter().max().expect("it was sent one");

    // Of the next only what differs is sent, and only that takes space.
    let third = node.shop.release(3, Behaviour::Good);
    let (code, said) = update(&mut node, &third, "");
    assert_eq!((code, &said["agent"]), (0, &json!("updated")), "{said}");
    node.runs(&third);
    let least = *parcels(&mut node).iter().min().expect("it was sent one");
    assert!(least <= 64 * 1024 && whole > 1024 * 1024, "{least} and {whole} bytes");
    let inodes = node.machine.ok("cd /opt/decnet; stat -Lc %i current/bin/decnet prev/bin/decnet");
    let inodes: Vec<&str> = inodes.split_whitespace().collect();
    assert_eq!(inodes.first(), inodes.last(), "what is the same is there once");

    // The same again: nobody is told anything.
    let log = node.machine.journal("-u decnet-updater", |_| true);
    let (code, said) = update(&mut node, &third, "");
    assert_eq!((code, &said["agent"]), (0, &json!("unchanged")), "{said}");
    assert_eq!(node.machine.journal("-u decnet-updater", |_| true), log);

    let bad = node.shop.release(4, Behaviour::Crashing);
    let (code, said) = update(&mut node, &bad, "--max-failures 0");
    assert_eq!((code, &said["agent"]), (1, &json!("rolled-back")), "{said}");
    node.runs(&third);

    // A disk that has lost what the next release is to build on: all of it is sent.
    node.machine.ok("cd /opt/decnet/current/share; chmod u+w number; echo 99 >number");
    let fifth = node.shop.release(5, Behaviour::Good);
    let (code, said) = update(&mut node, &fifth, "");
    assert_eq!((code, &said["agent"]), (0, &json!("updated")), "{said}");
    node.runs(&fifth);
    let audit = node.machine.ok("cat /var/lib/decnet/updater/agent/audit.log");
    assert!(audit.contains("the release that it builds on is not whole"), "{audit}");

    let sixth = node.shop.release(6, Behaviour::Good);
    assert_eq!(update(&mut node, &sixth, "").0, 0);
    let (code, said) = swarm(&mut node, "rollback --host node-1");
    assert!(code == 0 && said.contains("rolled-back"), "{said}");
    node.runs(&fifth);
}

#[test]
fn what_failed_on_a_node_is_sent_again_once_the_operator_forgives_it() {
    let mut node = commanded();
    let first = node.first.clone();
    let bad = node.shop.release(2, Behaviour::Crashing);
    let (code, said) = update(&mut node, &bad, "");
    assert_eq!((code, &said["agent"]), (1, &json!("rolled-back")), "{said}");
    let (code, said) = update(&mut node, &bad, "");
    assert_eq!(code, 1, "{said}");
    let detail = said.to_string();
    assert!(detail.contains("has failed here before"), "it says why: {said}");
    let quarantined = |node: &mut Node| {
        let (code, said) = swarm(node, "list");
        assert_eq!(code, 0, "{said}");
        said.contains(&bad.digest[..12])
    };
    assert!(quarantined(&mut node), "the list says so");

    let other = swarm(&mut node, "release forgive --host node-1 0123456789");
    assert!(other.0 == 1 && other.1.contains("no release that begins with"), "{other:?}");
    let (code, said) = swarm(&mut node, &format!("release forgive --all {}", &bad.digest[..10]));
    assert!(code == 0 && said.contains("forgiven"), "{code}: {said}");
    assert!(!quarantined(&mut node), "and says so no more");
    let audit = node.machine.ok("cat /var/lib/decnet/updater/agent/audit.log");
    assert_eq!(audit.matches("\"outcome\":\"forgiven\"").count(), 1, "{audit}");
    // It is tried again, and is what it was.
    let (code, said) = update(&mut node, &bad, "");
    assert_eq!((code, &said["agent"]), (1, &json!("rolled-back")), "{said}");
    let outcomes: Vec<String> = node.audited().into_iter().map(|(_, outcome)| outcome).collect();
    let tried = outcomes.iter().filter(|outcome| *outcome == "rolled_back").count();
    assert_eq!(tried, 2, "{outcomes:?}");
    node.runs(&first);
}

/// Nobody is there who would judge.
const NO_JUDGE: &str = "
systemctl stop decnet-rescue.timer decnet-rescue; rm /etc/systemd/system/decnet-rescue.*
systemctl daemon-reload
sed -i 's/^soak = .*/soak = 8\\npatience = 5/' /etc/decnet/decnet.toml
systemctl restart decnet-updater";

/// What the updater says to its own node.
const HEALTH: &str = "curl -sSf -m 10 --cacert /etc/decnet/updater/ca.crt \
    --cert /etc/decnet/updater/updater.crt --key /etc/decnet/updater/updater.key \
    https://127.0.0.1:8766/health";

/// Where there is no judge the master is the proof, and says `ok` when the trial is over.
#[test]
fn an_updater_that_nobody_judges_is_proved_by_its_master() {
    let mut node = commanded();
    node.machine.ok(NO_JUDGE);
    let second = node.shop.release(2, Behaviour::Good);
    let program = node.shop.path().join("program");
    let line = format!(
        "{} swarm --state-dir /run/master/state update --all --json --include-self --bundle {}",
        program.display(),
        second.path.display()
    );
    node.machine.ok(&format!("({line} >/run/said 2>/run/errors; echo $? >/run/ended) & true"));
    // It runs as the other release, and is on trial: nobody has been told that it is well. Who asked
    // it by its node's own certificate would be its judge.
    node.machine.until(&format!(
        "readlink /opt/decnet/updater/current | grep {} && \
         grep -a '\"phase\":\"trial\"' /var/lib/decnet/updater/updater/journal && \
         journalctl -u decnet-updater -o cat | grep 'this updater is on trial'",
        second.digest
    ));
    node.machine.ok("! [ -e /run/ended ]");
    let waited = "for i in $(seq 120); do [ -e /run/ended ] && exit 0; sleep 1; done; exit 1";
    node.machine.ok(waited);
    let said = node.machine.ok("cat /run/said");
    assert_eq!(node.machine.ok("cat /run/ended").trim(), "0", "{said}");
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    let part = &said["nodes"][0];
    assert_eq!((&part["agent"], &part["self"]), (&json!("updated"), &json!("ok")), "{said}");
    let health: Value = serde_json::from_str(&node.machine.ok(HEALTH)).expect("JSON");
    assert_eq!(health["attempt"], Value::Null, "its trial is over: {health}");
    assert_eq!(health["release"], json!(second.digest), "{health}");
}
