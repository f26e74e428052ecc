//! The updater replaces itself, and is put back by the rescue unit when that does not come up.

use decnet_tests::releases::Behaviour;

use decnet_tests::node::Node;

#[test]
fn the_updater_becomes_another_release_and_comes_back_from_a_bad_one() {
    let mut node = Node::boot();
    let first = node.first.clone();
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push_to("update-self", &second.path, "-F attempt=self");
    assert_eq!(status, 400, "{said}");
    assert!(said["detail"].as_str().is_some_and(|why| why.contains("confirm_self")), "{said}");
    let push = |node: &mut Node, path: &std::path::Path, attempt: &str| {
        node.push_to("update-self", path, &format!("-F confirm_self=true -F attempt={attempt}"))
    };
    let agent = node.agent()["pid"].clone();
    let (said, status) = push(&mut node, &second.path, "self");
    assert_eq!((status, &said["status"]), (202, &"self_update_queued".into()), "{said}");
    let argv = said["argv"].as_array().expect("it says how it is started");
    assert_eq!(argv[0], "/opt/decnet/updater/current/bin/decnet");
    assert_eq!(argv[1], "updater");
    let is_second = format!(
        "curl -sS -m 5 --cacert {0}/ca.crt --cert {0}/worker.crt --key {0}/worker.key \
         https://127.0.0.1:8766/health | grep -q '\"release\":\"RELEASE\"'",
        node.shop.path().join("master").display()
    );
    node.machine.until(&is_second.replace("RELEASE", &second.digest));
    assert_eq!(node.ask("/attempts/self")["status"], 200);
    assert_eq!(node.agent()["pid"], agent, "it leaves the agent alone");
    node.runs(&first);

    let bad = node.shop.release(3, Behaviour::NoUpdater);
    let (said, status) = push(&mut node, &bad.path, "bad");
    assert_eq!(status, 202, "{said}");
    node.machine.until("systemctl show -p ActiveEnterTimestampMonotonic --value decnet-rescue | grep -qv '^0$' || journalctl -u decnet-rescue | grep -q 'Finished'");
    node.machine.until(&is_second.replace("RELEASE", &second.digest));
    let told = node.ask("/attempts/bad");
    assert_eq!(told["status"], 409, "{told}");
    assert_eq!(node.agent()["pid"], agent, "it leaves the agent alone");

    // It goes on as before.
    let (said, status) = push(&mut node, &bad.path, "bad-again");
    assert_eq!(status, 422, "{said}");
    let (said, status) = node.push(&second, "agent");
    assert_eq!(status, 200, "{said}");
    node.runs(&second);
}
