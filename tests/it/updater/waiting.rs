//! What a daemon needs is not there: it waits inside, says why, and goes on by itself; and whoever
//! stops it is not told of a failure.

use decnet_tests::node::Node;

/// Every daemon that is a unit.
const UNITS: [&str; 5] = ["agent", "api", "swarmctl", "updater", "web"];

/// The process of a unit.
fn process(node: &mut Node, unit: &str) -> String {
    node.machine.property(unit, "MainPID")
}

/// Waits until a unit says this, and then until it serves, as the same process all the while.
fn waits(node: &mut Node, unit: &str, why: &str, remedy: &str, serves: &str) {
    let unit = format!("decnet-{unit}");
    let status = format!("systemctl show -p StatusText --value {unit}");
    node.machine.until(&format!("{status} | grep 'cannot serve yet' | grep '{why}'"));
    assert_eq!(node.machine.property(&unit, "ActiveState"), "active", "{unit}: {why}");
    let before = process(node, &unit);
    node.machine.ok(remedy);
    node.machine.until(&format!("{status} | grep '{serves}'"));
    assert_eq!(process(node, &unit), before, "{unit}: it is the same process");
}

#[test]
fn a_daemon_waits_for_what_is_not_there() {
    let mut node = Node::boot();
    let thief = |port: u16| {
        format!(
            "systemd-run -u thief-{port} python3 -m http.server {port}
             until curl -s -o /dev/null http://127.0.0.1:{port}; do sleep .1; done"
        )
    };
    let stop = |port: u16| format!("systemctl stop thief-{port}");
    node.machine.ok("systemctl stop decnet-updater; cd /etc/decnet; mv updater updater.away");
    node.machine.ok("systemctl start --no-block decnet-updater");
    let back = "mv /etc/decnet/updater.away /etc/decnet/updater";
    waits(
        &mut node,
        "updater",
        "there is no `/etc/decnet/updater/",
        back,
        "waiting for the master",
    );
    for (unit, port, serves) in [
        ("updater", 8766, "waiting for the master"),
        ("api", 8000, "serving what the store knows"),
        ("web", 8080, "serving the dashboard"),
        ("swarmctl", 8771, "nodes are heard at"),
    ] {
        node.machine.ok(&format!("systemctl stop decnet-{unit}; {}", thief(port)));
        node.machine.ok(&format!("systemctl start --no-block decnet-{unit}"));
        waits(&mut node, unit, &port.to_string(), &stop(port), serves);
    }
    // A file that cannot be read.
    node.machine.ok("systemctl stop decnet-updater; chmod 0 /etc/decnet/updater/updater.key
                     chown root /etc/decnet/updater/updater.key");
    node.machine.ok("systemctl start --no-block decnet-updater");
    let readable = "chown decnet /etc/decnet/updater/updater.key
                    chmod 600 /etc/decnet/updater/updater.key";
    waits(&mut node, "updater", "updater.key", readable, "waiting for the master");
    // A store, a record and a token that cannot be read or written.
    for (unit, file, serves) in [
        ("api", "store/events.db", "serving what the store knows"),
        ("swarmctl", "swarm/swarm.db", "nodes are heard at"),
        ("swarmctl", "swarm/token", "nodes are heard at"),
    ] {
        let path = format!("/var/lib/decnet/{file}");
        node.machine
            .ok(&format!("systemctl stop decnet-{unit}; chown root {path}; chmod 0 {path}"));
        node.machine.ok(&format!("systemctl start --no-block decnet-{unit}"));
        let back = format!("chmod 600 {path}; chown decnet {path}");
        waits(&mut node, unit, file, &back, serves);
    }
    // As often as one likes.
    for _ in 0..6 {
        node.machine.ok("systemctl kill -s KILL decnet-updater");
        node.machine.until("systemctl is-active decnet-updater");
    }
    let asked = node.asked("/health").replace("grep done", "grep updater");
    node.machine.until(&asked);
}

#[test]
fn whoever_stops_a_daemon_is_not_told_of_a_failure() {
    let mut node = Node::boot();
    let rounds = if std::env::var_os("DECNET_EXHAUSTIVE").is_some() { 40 } else { 10 };
    for unit in UNITS {
        // Moments between the very first and one at which it serves.
        for round in 0..rounds {
            node.machine.ok(&format!(
                "systemctl start --no-block decnet-{unit}; sleep 0.{:02}; systemctl stop decnet-{unit}",
                round * 37 % 100
            ));
            let unit = format!("decnet-{unit}");
            let found = ["Result", "ActiveState"].map(|name| node.machine.property(&unit, name));
            assert_eq!(found, ["success", "inactive"], "{unit}, round {round}");
        }
    }
}
