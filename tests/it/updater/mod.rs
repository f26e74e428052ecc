//! The updater under systemd, with the units that are shipped, and without it: whatever is pushed and
//! whatever fails, the node runs a release that is whole and well.

mod alone;
mod commanded;
mod direct;
mod disk;
mod faultless;
mod fleet;
mod forgiven;
mod full;
mod hostile;
mod killed;
mod masters;
mod own;
mod own_full;
mod programs;
mod rooted;
mod stand_in;
mod strace;
mod supervised;
mod waiting;

use decnet_tests::node::Node;
use decnet_tests::releases::Behaviour;
use serde_json::Value;

/// Says a line to the helper that restarts units.
const ASK: &str = r#"
import socket, sys
helper = socket.socket(socket.AF_UNIX)
helper.settimeout(5)
helper.connect("/run/decnet-units.sock")
helper.sendall(sys.argv[1].encode() + b"\n")
helper.shutdown(socket.SHUT_WR)
print(helper.recv(4096).decode())
"#;

/// Asks the helper as a user; how that ends and what is said.
fn ask(node: &mut Node, user: &str, line: &str) -> (i32, String) {
    node.machine.run(&format!("runuser -u {user} -- /usr/bin/python3 -c '{ASK}' '{line}'"))
}

/// Pushes a bad release and sees it taken back.
fn taken_back(node: &mut Node, number: u64, behaviour: Behaviour) -> String {
    let bad = node.shop.release(number, behaviour);
    let attempt = format!("bad-{number}");
    let (said, status) = node.push(&bad, &attempt);
    assert_eq!((status, &said["detail"]["rolled_back"]), (409, &Value::Bool(true)), "{said}");
    node.runs(&node.first.clone());
    let kept = node.releases();
    assert!(!kept.contains(&bad.digest), "{kept:?}");
    let told = node.ask(&format!("/attempts/{attempt}"));
    assert_eq!((&told["status"], &told["body"]), (&Value::from(409), &said), "{told}");
    assert_eq!(node.audited().last(), Some(&(attempt, "rolled_back".into())));
    // It is not tried again.
    let (said, status) = node.push(&bad, &format!("again-{number}"));
    assert_eq!(status, 422, "{said}");
    said["detail"]["error"].as_str().expect("it says why").to_owned()
}

#[test]
fn a_good_release_replaces_the_one_before_and_can_be_gone_back_from() {
    let mut node = Node::boot();
    let first = node.first.clone();
    node.runs(&first);
    let before = node.agent();
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push(&second, "two");
    assert_eq!((status, &said["status"]), (200, &"updated".into()), "{said}");
    node.runs(&second);
    assert_ne!(node.agent()["boot_id"], before["boot_id"]);
    let health = node.ask("/health");
    assert_eq!(health["release"], first.digest.as_str(), "an update leaves the updater alone");
    let slots: Vec<&str> =
        [0, 1].map(|at| health["releases"][at]["digest"].as_str()).into_iter().flatten().collect();
    assert_eq!(slots, [&second.digest, &first.digest]);

    // Somebody who runs from a release says so by a lock on its manifest.
    let holds = "flock --shared /opt/decnet/current/release.json sleep infinity";
    node.machine.ok(&format!("systemd-run --quiet --unit=reader {holds}"));
    node.machine.until("systemctl is-active reader");

    // Once more: nothing is done.
    let pid = node.agent()["pid"].clone();
    let journal = node.machine.ok("stat -c %Y.%i /var/lib/decnet/updater/agent/journal");
    let (said, status) = node.push(&second, "two-again");
    assert_eq!((status, &said["status"]), (200, &"unchanged".into()), "{said}");
    assert_eq!(node.agent()["pid"], pid);
    assert_eq!(node.machine.ok("stat -c %Y.%i /var/lib/decnet/updater/agent/journal"), journal);

    let (said, status) = node.curl("master", "-X POST https://127.0.0.1:8766/rollback");
    assert_eq!((status, &said["status"]), (200, &"rolled_back".into()), "{said}");
    node.runs(&first);
    let third = node.shop.release(3, Behaviour::Good);
    assert_eq!(node.push(&third, "three").1, 200);
    node.runs(&third);
    // What somebody runs from stays for as long.
    let kept = node.releases();
    assert!(kept.len() == 3 && kept.contains(&second.digest), "{kept:?}");
    node.machine.ok("systemctl stop reader");
    let fourth = node.shop.release(4, Behaviour::Good);
    assert_eq!(node.push(&fourth, "four").1, 200);
    assert_eq!(node.releases().len(), 2);
    let outcomes: Vec<String> = node.audited().into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["updated", "unchanged", "updated", "updated", "updated"]);
    told_in_order(&mut node);
}

/// journald has what happened, in order, and as events.
fn told_in_order(node: &mut Node) {
    let expected = ["update.start", "update.done"].repeat(5);
    let events = |said: &str| -> Vec<String> {
        said.lines().filter(|line| line.starts_with("update.")).map(str::to_owned).collect()
    };
    let said = node.machine.journal("-u decnet-updater", |said| events(said) == expected);
    assert_eq!(said.matches("an update begins").count(), 5, "{said}");
    assert_eq!(events(&said), expected, "{said}");
    let one = node.machine.ok("journalctl -o json DECNET_EVENT=update.done DECNET_ATTEMPT=four");
    assert!(one.contains("\"DECNET_COMPONENT\":\"agent\""), "{one}");
}

#[test]
fn a_release_that_crashes_hangs_or_lies_is_taken_back() {
    let mut node = Node::boot();
    let second = node.shop.release(2, Behaviour::Good);
    assert_eq!(node.push(&second, "two").1, 200);
    node.first = second;
    for (number, behaviour) in [
        (10, Behaviour::Crashing),
        (11, Behaviour::Late),
        (12, Behaviour::Freezing),
        (13, Behaviour::Hanging),
        (14, Behaviour::Bare),
        (15, Behaviour::Lying),
    ] {
        let begun = std::time::Instant::now();
        taken_back(&mut node, number, behaviour);
        eprintln!("{behaviour:?}: {:?}", begun.elapsed());
    }
    let unfit = node.shop.release(16, Behaviour::Unfit);
    let (said, status) = node.push(&unfit, "unfit");
    let error = said["detail"]["error"].as_str().expect("it says why");
    assert!(status == 422 && error.contains("it is not well"), "{said}");
    let good = node.shop.release(20, Behaviour::Good);
    assert_eq!(node.push(&good, "good").1, 200);
    node.runs(&good);
}

/// A host without polkit asks the helper; one without either says what to do.
#[test]
fn without_polkit_a_helper_restarts_the_agent() {
    let mut node = Node::boot();
    node.machine.ok("rm /etc/polkit-1/rules.d/50-decnet.rules; systemctl restart polkit");
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push(&second, "denied");
    let error = said["detail"]["error"].as_str().expect("it says why");
    assert!(status == 500 && error.contains("decnet-units.socket"), "{status} {said}");
    node.runs(&node.first.clone());
    node.machine.ok("systemctl stop polkit; systemctl mask --runtime polkit; systemctl start decnet-units.socket");
    let (said, status) = node.push(&second, "helped");
    assert_eq!((status, &said["status"]), (200, &"updated".into()), "{said}");
    node.runs(&second);
    // It knows these verbs and units, and no other.
    for line in
        ["restart ssh.service", "restart decnet-agent.service x", "start decnet-agent.service", ""]
    {
        let (_, said) = ask(&mut node, "decnet -g decnet-updater", line);
        assert!(said.trim().starts_with("1 this is none"), "{line}: {said}");
    }
    // Nobody else may ask, other daemons of the same user no more than strangers.
    for other in ["decnet -g decnet-web", "nobody"] {
        let (code, said) = ask(&mut node, other, "restart decnet-agent.service");
        assert!(code != 0 && said.contains("PermissionError"), "{other} may ask: {said}");
    }
}
