//! The updater replaces itself. It is good when it was reached from outside for long enough, and not
//! before; whichever way it fails, the one before answers again.

use std::time::Instant;

use decnet_tests::node::Node;
use decnet_tests::releases::{Behaviour, Bundle};
use serde_json::Value;

/// Makes the judge less patient than it is: what is tried here fails at once, or never.
const IMPATIENT: &str = "sed -i 's/^soak = .*/soak = 6\\npatience = 12/' /etc/decnet/decnet.toml
systemctl restart decnet-updater decnet-rescue";

/// Whether a new updater is started, and not what watches one.
const IS_UPDATER: &str = "[ $1 = updater ] && [ \"$2\" != --rescue ]";

/// Sends the updater another release of itself.
fn push(node: &mut Node, bundle: &Bundle, attempt: &str) -> (Value, u16) {
    let fields = format!("-F confirm_self=true -F attempt={attempt}");
    node.push_to("update-self", &bundle.path, &fields)
}

/// Waits until an attempt has ended: its status.
fn ended(node: &mut Node, attempt: &str) -> Value {
    let asked = node.asked(&format!("/attempts/{attempt}"));
    // A rescue may take longer than what is waited for.
    let told = (0..4).find_map(|_| {
        let line = format!("for i in $(seq 100); do {asked} && exit; sleep .2; done; exit 1");
        let (code, text) = node.machine.run(&line);
        (code == 0).then_some(text)
    });
    let told = told.unwrap_or_else(|| {
        panic!("`{attempt}` does not end: {}", node.machine.run("journalctl --no-pager -n 80").1)
    });
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}"));
    told["status"].clone()
}

/// Checks that the updater is this release, at rest.
fn is(node: &mut Node, bundle: &Bundle) {
    let health = node.ask("/health");
    assert_eq!(health["release"], bundle.digest.as_str(), "{health}");
    assert_eq!(health["attempt"], Value::Null, "{health}");
    let link = node.machine.ok("readlink /opt/decnet/updater/current");
    assert_eq!(link.trim(), format!("releases/{}", bundle.digest));
}

/// A node whose updater has become another release already, so that `prev` is one that it was.
fn node() -> (Node, Bundle) {
    let mut node = Node::boot();
    node.machine.ok(IMPATIENT);
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = push(&mut node, &second, "two");
    assert_eq!((status, &said["status"]), (202, &"self_update_queued".into()), "{said}");
    assert_eq!(ended(&mut node, "two"), 200);
    is(&mut node, &second);
    (node, second)
}

/// Pushes an updater that fails in this way, and sees the one before back.
fn taken_back(node: &mut Node, before: &Bundle, number: u64, script: &str) -> Bundle {
    let begun = Instant::now();
    let bad = node.shop.scripted(number, &format!("{IS_UPDATER} && {script}"));
    let agent = node.agent()["pid"].clone();
    let attempt = format!("bad-{number}");
    let (said, status) = push(node, &bad, &attempt);
    assert_eq!(status, 202, "{script}: {said}");
    assert_eq!(ended(node, &attempt), 409, "{script}");
    is(node, before);
    assert_eq!(node.agent()["pid"], agent, "{script}: it leaves the agent alone");
    let audited = node.audited_of("updater");
    let lines: Vec<_> = audited.iter().filter(|(of, _)| *of == attempt).collect();
    assert_eq!(lines, [&(attempt, "rolled_back".to_owned())], "{script}");
    eprintln!("{script}: {:?}", begun.elapsed());
    bad
}

/// What becomes of an updater that was good when it was started.
const BAD: [&str; 4] = [
    // Dies, and again, later than it takes to come up.
    "{ (sleep 5; kill -9 $$) & }",
    // Freezes, and systemd does not know yet.
    "{ (sleep 2; kill -STOP $$) & }",
    // Listens elsewhere.
    "exec ${0%/*}/program updater --port 9999",
    // Dies of the first who comes.
    "{ (until grep -q ' [0-9A-F]*:223E [0-9A-F]*:[0-9A-F]* 01 ' /proc/net/tcp; do sleep .1; done; \
     kill -9 $$) & }",
];

/// More of them, which take longer or are near to one of those.
const WORSE: [&str; 8] = [
    "exit 0",
    "exit 3",
    "{ (sleep 1; kill -9 $$) & }",
    "{ (sleep 3; kill -9 $$) & }",
    "exec sleep 1000",
    "trap '' TERM && while :; do sleep 1; done",
    "kill -ABRT $$",
    "exec ${0%/*}/program updater --host 127.0.0.77",
];

/// It is the one before. That one finds a trial that was interrupted, and cannot know by whom: the
/// release is taken back, and nothing is held against it.
const IMPOSTOR: &str = "exec ${0%/*}/../../../prev/bin/decnet updater";

#[test]
fn an_updater_that_does_not_serve_is_taken_back_by_the_one_before() {
    let (mut node, second) = node();
    let is_exhaustive = std::env::var_os("DECNET_EXHAUSTIVE").is_some();
    let more = if is_exhaustive { &WORSE[..] } else { &[] };
    for (number, script) in (3..).zip(BAD.iter().chain(more)) {
        let bad = taken_back(&mut node, &second, number, script);
        let (said, status) = push(&mut node, &bad, &format!("again-{number}"));
        assert_eq!(status, 422, "it has failed here before: {said}");
    }
    if is_exhaustive {
        let bad = taken_back(&mut node, &second, 29, IMPOSTOR);
        let (said, status) = push(&mut node, &bad, "again-29");
        assert_eq!(status, 202, "{said}");
        assert_eq!(ended(&mut node, "again-29"), 409);
        is(&mut node, &second);
    }
    // It goes on as before.
    let good = node.shop.release(30, Behaviour::Good);
    let (said, status) = node.push(&good, "agent");
    assert_eq!(status, 200, "{said}");
    node.runs(&good);
}

/// The node's own certificate may look, and nothing else; nobody else's may say that it serves.
fn only_who_judges_says_that_it_serves(node: &mut Node, release: &Bundle) {
    let own = "--cacert /etc/decnet/updater/ca.crt --cert /etc/decnet/updater/updater.crt \
               --key /etc/decnet/updater/updater.key";
    let asks = |what: &str| {
        format!("curl -sS -o /dev/null -w '%{{http_code}}' {own} https://127.0.0.1:8766{what}")
    };
    assert_eq!(node.machine.ok(&asks("/health")).trim(), "200");
    for closed in ["/releases", "/attempts/self", "/rollback -X POST"] {
        assert_eq!(node.machine.ok(&asks(closed)).trim(), "403", "{closed}");
    }
    let proof = "-X POST -H content-type:application/json -d '{\"release\":\"RELEASE\",\"pid\":1,\
                 \"nonce\":1}'";
    let proof = proof.replace("RELEASE", &release.digest);
    assert_eq!(node.machine.ok(&asks(&format!("/proved {proof}"))).trim(), "409");
    let (said, status) = node.curl("master", &format!("https://127.0.0.1:8766/proved {proof}"));
    assert_eq!(status, 403, "{said}");
}

#[test]
fn an_updater_is_on_trial_until_it_was_reached_from_outside() {
    let mut node = Node::boot();
    let first = node.first.clone();
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push_to("update-self", &second.path, "-F attempt=self");
    assert_eq!(status, 400, "{said}");
    assert!(said["detail"].as_str().is_some_and(|why| why.contains("confirm_self")), "{said}");
    // Without anybody who looks, it stays on trial.
    node.machine.ok("mv /etc/systemd/system/decnet-rescue.* /root; systemctl daemon-reload
                     systemctl stop decnet-rescue.timer decnet-rescue");
    let agent = node.agent()["pid"].clone();
    let (said, status) = push(&mut node, &second, "self");
    assert_eq!((status, &said["status"]), (202, &"self_update_queued".into()), "{said}");
    let argv = said["argv"].as_array().expect("it says how it is started");
    assert_eq!(argv[0], "/opt/decnet/updater/current/bin/decnet");
    assert_eq!(argv[1], "updater");
    // The one before may still be there, and says the same of what it is about to do.
    let is_new = format!("grep 'on trial' | grep '\"release\":\"{}\"'", second.digest);
    let asked = node.asked("/health").replace("grep done", &is_new);
    let health: Value = serde_json::from_str(&node.machine.until(&asked)).expect("it is JSON");
    assert_eq!(health["release"], second.digest.as_str(), "{health}");
    assert_eq!(health["attempt"]["id"], "self", "{health}");
    let told = node.ask("/attempts/self");
    assert_eq!(told["state"], "running", "{told}");
    let third = node.shop.release(3, Behaviour::Good);
    let (said, status) = node.push(&third, "agent");
    assert_eq!((status, &said["detail"]["attempt"]), (409, &"self".into()), "{said}");
    only_who_judges_says_that_it_serves(&mut node, &second);
    // Somebody comes.
    node.machine.ok("mv /root/decnet-rescue.* /etc/systemd/system; systemctl daemon-reload
                     systemctl start decnet-rescue");
    assert_eq!(ended(&mut node, "self"), 200);
    is(&mut node, &second);
    assert_eq!(node.agent()["pid"], agent, "it leaves the agent alone");
    node.runs(&first);
    assert_eq!(node.audited_of("updater"), [("self".to_owned(), "updated".to_owned())]);
}

/// Neither a trial nor a machine at fault is needed for it.
#[test]
fn an_updater_that_cannot_run_any_more_is_replaced_and_a_busy_port_is_waited_for() {
    let (mut node, second) = node();
    // Another program has its port: no release is to blame, and none is exchanged.
    node.machine.ok("sed -i 's/^patience = .*/patience = 2/' /etc/decnet/decnet.toml
        systemctl stop decnet-updater decnet-rescue
        systemd-run -u thief python3 -m http.server 8766
        until curl -s -o /dev/null http://127.0.0.1:8766; do sleep .1; done
        systemctl start decnet-updater");
    let status =
        "systemctl show -p StatusText --value decnet-updater | grep 'cannot serve yet.*8766'";
    node.machine.until(status);
    node.machine.until("journalctl -u decnet-rescue -o cat | grep 'no other could'");
    node.machine.ok("systemctl stop thief");
    let asked = node.asked("/health").replace("grep done", "grep updater");
    node.machine.until(&asked);
    is(&mut node, &second);
    assert_eq!(node.machine.property("decnet-updater", "ActiveState"), "active");
    // Its program is damaged.
    node.machine.ok("sed -i 's/^patience = .*/patience = 12/' /etc/decnet/decnet.toml
        cd /opt/decnet/updater/current/bin
        rm decnet; echo rubbish >decnet; chmod 755 decnet
        systemctl kill -s KILL decnet-updater");
    let first = node.first.clone();
    let asked = node.asked("/health").replace("grep done", &format!("grep {}", first.digest));
    let line = format!("for i in $(seq 200); do {asked} && exit; sleep .2; done; exit 1");
    let back = (0..4).any(|_| node.machine.run(&line).0 == 0);
    assert!(back, "{}", node.machine.run("journalctl --no-pager -n 80").1);
    is(&mut node, &first);
    let good = node.shop.release(9, Behaviour::Good);
    assert_eq!(push(&mut node, &good, "nine").1, 202);
    assert_eq!(ended(&mut node, "nine"), 200);
    is(&mut node, &good);
}
