//! What is wrong with the machine is not held against a release, and what else runs from a release
//! goes on with the next.

use decnet_tests::node::Node;
use decnet_tests::releases::{Behaviour, Bundle};

/// Waits until a unit runs from a release.
fn runs_from(node: &mut Node, unit: &str, bundle: &Bundle) {
    let digest = &bundle.digest;
    node.machine.until(&format!(
        "readlink /proc/$(systemctl show --property=MainPID --value {unit})/exe | grep -q {digest}"
    ));
}

#[test]
fn what_runs_beside_the_agent_follows_it() {
    let mut node = Node::boot();
    let first = node.first.clone();
    node.machine.ok("systemctl start decnet-api decnet-web");
    let second = node.shop.release(2, Behaviour::Good);
    assert_eq!(node.push(&second, "two").1, 200);
    for unit in ["decnet-api", "decnet-web"] {
        runs_from(&mut node, unit, &second);
    }
    // What did not run is not started.
    assert_eq!(node.machine.property("decnet-swarmctl", "ActiveState"), "inactive");
    // A release that is taken back was never theirs.
    let pids = |node: &mut Node| {
        ["decnet-api", "decnet-web"].map(|unit| node.machine.property(unit, "MainPID"))
    };
    let before = pids(&mut node);
    let bad = node.shop.release(3, Behaviour::Crashing);
    assert_eq!(node.push(&bad, "bad").1, 409);
    assert_eq!(pids(&mut node), before);
    let (said, status) = node.curl("master", "-X POST https://127.0.0.1:8766/rollback");
    assert_eq!(status, 200, "{said}");
    for unit in ["decnet-api", "decnet-web"] {
        runs_from(&mut node, unit, &first);
    }
    // Where that is not allowed it is said, and the update holds.
    node.machine.ok(
        "sed -i '/decnet-api/d' /etc/polkit-1/rules.d/50-decnet.rules; systemctl restart polkit",
    );
    let third = node.shop.release(4, Behaviour::Good);
    assert_eq!(node.push(&third, "three").1, 200);
    node.runs(&third);
    runs_from(&mut node, "decnet-web", &third);
    runs_from(&mut node, "decnet-api", &first);
    let why = "a unit goes on with a release before the agent's";
    let said = node.machine.journal("-u decnet-updater", |said| said.contains(why));
    assert!(said.contains(why), "{said}");
}

/// Starts an agent beside the unit, which is stopped; it holds the lock and the port.
const STRAY: &str = "
systemctl stop decnet-agent.socket decnet-agent
systemd-run --quiet --unit=stray -p User=decnet -p Group=decnet-agent \
  -p AmbientCapabilities='CAP_NET_ADMIN CAP_NET_RAW' /opt/decnet/current/bin/decnet agent
for i in $(seq 400); do [ -S /run/decnet/agent/agent.sock ] && exit; sleep .05; done
journalctl -n 20 --no-pager; exit 1";

#[test]
fn an_agent_beside_its_unit_is_ended_before_the_restart() {
    let mut node = Node::boot();
    node.machine.ok(STRAY);
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push(&second, "two");
    assert_eq!(status, 200, "{said}");
    node.runs(&second);
    assert_eq!(node.machine.property("stray", "MainPID"), "0");
    let pid = node.agent()["pid"].to_string();
    assert_eq!(node.machine.property("decnet-agent", "MainPID"), pid);
}

#[test]
fn a_port_that_is_in_use_is_not_held_against_a_release() {
    let mut node = Node::boot();
    node.machine.ok(
        "systemctl stop decnet-agent.socket decnet-agent
         systemd-run --quiet --unit=squatter /usr/bin/python3 -m http.server 8765
         for i in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:8765/ && exit; sleep .05; done
         exit 1",
    );
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push(&second, "busy");
    assert_eq!(status, 500, "{said}");
    assert_eq!(node.ask("/releases")["agent"]["quarantine"].as_array().map(Vec::len), Some(0));
    node.machine.ok("systemctl stop squatter");
    let (said, status) = node.push(&second, "again");
    assert_eq!(status, 200, "{said}");
    node.runs(&second);
}
