//! What systemd adds: a watchdog, a start limit that is reached, and an updater that is killed.

use decnet_tests::releases::{Behaviour, Bundle};
use serde_json::Value;

use decnet_tests::node::Node;

/// Makes systemd less patient with the agent than our unit has it be.
const IMPATIENT: &str = "
set -e
mkdir -p /run/systemd/system/decnet-agent.service.d
cat >/run/systemd/system/decnet-agent.service.d/impatient.conf <<'UNIT'
[Unit]
StartLimitIntervalSec=120
StartLimitBurst=1
[Service]
RestartSec=100ms
WatchdogSec=4
UNIT
sed -i 's/^soak = .*/soak = 6/' /etc/decnet/decnet.toml
systemctl daemon-reload
systemctl reset-failed decnet-agent
systemctl restart decnet-agent decnet-updater";

#[test]
fn a_release_that_systemd_gives_up_is_taken_back() {
    let mut node = Node::boot();
    node.machine.ok(IMPATIENT);
    let first = node.first.clone();
    for (number, behaviour, given_up) in [
        (2, Behaviour::Unwatched, "Watchdog timeout"),
        (3, Behaviour::Crashing, "Start request repeated too quickly"),
    ] {
        let bad = node.shop.release(number, behaviour);
        let (said, status) = node.push(&bad, &format!("bad-{number}"));
        assert_eq!((status, &said["detail"]["rolled_back"]), (409, &Value::Bool(true)), "{said}");
        node.runs(&first);
        let told = |journal: &str| journal.contains(given_up);
        let journal = node.machine.journal("_PID=1 UNIT=decnet-agent.service", told);
        assert!(told(&journal), "{behaviour:?}: {journal}");
    }
}

/// Begins a push, and kills the updater when it has said this.
fn killed_at(node: &mut Node, bundle: &Bundle, attempt: &str, word: &str) {
    let line = node.push_line("update", &bundle.path, &format!("-F attempt={attempt}"));
    node.machine.ok(&format!(
        "mark=$(journalctl -n 0 --show-cursor -o cat | sed 's/-- cursor: //')
         ({line}) >/dev/null 2>&1 &
         for i in $(seq 600); do
           journalctl --after-cursor \"$mark\" -o cat -u decnet-updater | grep -q '{word}' && break
           sleep .05
         done
         systemctl kill --kill-whom=main -s KILL decnet-updater
         wait; true"
    ));
    let told = node.machine.until(&node.asked(&format!("/attempts/{attempt}")));
    let told: Value = serde_json::from_str(&told).expect("it is JSON");
    assert_eq!(told["state"], "done", "{told}");
}

#[test]
fn an_updater_that_is_killed_ends_what_it_began() {
    let mut node = Node::boot();
    let second = node.shop.release(2, Behaviour::Good);
    killed_at(&mut node, &second, "good", "the agent is restarted");
    // It was on trial, and has answered ever since: it is kept or taken back, and whole.
    let current = node.machine.ok("readlink /opt/decnet/current");
    let kept = current.trim() == format!("releases/{}", second.digest);
    let (now, next) = if kept { (second, 3) } else { (node.first.clone(), 2) };
    node.runs(&now);
    let outcome = node.ask("/attempts/good")["status"].clone();
    assert_eq!(outcome, if kept { 200 } else { 409 });

    let bad = node.shop.release(next + 1, Behaviour::Late);
    killed_at(&mut node, &bad, "bad", "the agent is restarted");
    node.runs(&now);
    assert_eq!(node.ask("/attempts/bad")["status"], 409);

    let good = node.shop.release(next + 2, Behaviour::Good);
    assert_eq!(node.push(&good, "next").1, 200);
    node.runs(&good);
    // Operators read what happened in its order.
    let ended = |journal: &str| journal.contains("an update has ended well");
    let journal = node.machine.journal("-u decnet-updater -u decnet-agent", ended);
    let mut rest = journal.as_str();
    for word in [
        "an update begins",
        "the agent is restarted",
        "an update was interrupted",
        "an update begins",
        "an update was interrupted",
        "an update was taken back",
        "an update begins",
        "the agent is restarted",
        "agent.stop",
        "agent.start",
        "an update has ended well",
    ] {
        let at = rest.find(word).unwrap_or_else(|| panic!("no `{word}` in its place: {journal}"));
        rest = &rest[at + word.len()..];
    }
}
