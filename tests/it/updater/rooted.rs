//! Whose signatures count is the operator's word, whatever lies beside it and whoever put it there.

use std::path::Path;

use decnet_tests::node::Node;
use decnet_tests::releases::{Behaviour, Bundle};

/// Starts the updater again, however often that was done.
const RESTART: &str = "systemctl reset-failed decnet-updater; systemctl restart decnet-updater";

/// Makes a root of trust in the workshop: one key signs the next root, one signs releases.
fn root(node: &Node, name: &str, from: Option<&str>, signers: &[&str]) {
    let shop = &node.shop;
    let (root_key, release_key) = (format!("{name}-root"), format!("{name}-key"));
    for key in [&root_key, &release_key] {
        shop.done(&["keygen", "--out", key]);
    }
    let (root_pub, release_pub) = (format!("{root_key}.pub"), format!("{release_key}.pub"));
    let out = format!("{name}.json");
    let mut line = vec!["root", "--out", &out, "--root-key", &root_pub, "--root-threshold", "1"];
    line.extend(["--release-key", &release_pub, "--release-threshold", "1"]);
    line.extend(from.map_or(["--fleet", "lab"], |from| ["--from", from]));
    shop.done(&line);
    for signer in [&[root_key.as_str()], signers].concat() {
        shop.done(&["sign", &out, "--key", signer]);
    }
}

/// A good release that these have signed, with a root on its way.
fn signed(node: &Node, number: u64, keys: &[&str], root: Option<&str>) -> Bundle {
    let bundle = node.shop.unsigned(number, Behaviour::Good);
    let file = bundle.path.display().to_string();
    let mut line = vec!["sign", &file];
    line.extend(keys.iter().flat_map(|key| ["--key", *key]));
    line.extend(root.into_iter().flat_map(|root| ["--root", root]));
    node.shop.done(&line);
    bundle
}

fn refused(node: &mut Node, bundle: &Bundle, attempt: &str, why: &str) {
    let (said, status) = node.push(bundle, attempt);
    assert!(status == 422 && said.to_string().contains(why), "{attempt}: {status} {said}");
    assert_eq!(node.audited().last(), Some(&(attempt.to_owned(), "refused".into())));
}

fn taken(node: &mut Node, bundle: &Bundle, attempt: &str) {
    let (said, status) = node.push(bundle, attempt);
    assert_eq!(status, 200, "{attempt}: {said}");
    node.runs(bundle);
}

/// Puts a root in the operator's place.
fn put(node: &mut Node, name: &str) {
    let from = node.shop.path().join(name);
    put_file(node, &from, "/etc/decnet/updater/root.json");
}

fn put_file(node: &mut Node, from: &Path, to: &str) {
    node.machine.ok(&format!("install -D -m 644 {} {to}", from.display()));
}

fn says(node: &mut Node, what: &str) {
    let said = node.machine.journal("-u decnet-updater", |said| said.contains(what));
    assert!(said.contains(what), "{what}: {said}");
}

#[test]
fn a_root_that_others_could_change_is_not_trusted() {
    let mut node = Node::boot();
    let first = node.first.clone();
    let second = node.shop.release(2, Behaviour::Good);
    let dir = "/etc/decnet/updater";
    let (heals, stays) = ("waiting for the master", "nothing can be installed");
    for (number, (harm, heal, why, then)) in [
        ("chown decnet root.json", "chown root root.json", "belongs to the user", stays),
        // Its directory is seen to before each start.
        ("chown decnet .", "chown root .", "belongs to the user", heals),
        ("chmod 666 root.json", "chmod 644 root.json", "can be written by others than root", stays),
        ("chmod 777 .", "chmod 755 .", "can be written by others than root", heals),
        (
            "mv root.json away",
            "mv away root.json",
            "there is no `/etc/decnet/updater/root.json`",
            stays,
        ),
        ("cp -p root.json kept; echo x >root.json", "mv kept root.json", "root.json", stays),
    ]
    .into_iter()
    .enumerate()
    {
        node.machine.ok(&format!("cd {dir}; {harm}"));
        refused(&mut node, &second, &format!("harm-{number}"), "nobody is trusted to sign");
        let (said, _) = node.push(&second, &format!("again-{number}"));
        assert!(said.to_string().contains(why), "{harm}: {said}");
        // It serves all the same, and is started so.
        node.machine.ok(RESTART);
        assert_eq!(node.ask("/health")["status"], "ok");
        let status = node.machine.property("decnet-updater", "StatusText");
        assert!(status.contains(then), "{harm}: {status}");
        node.runs(&first);
        node.machine.ok(&format!("cd {dir}; {heal}"));
    }
    taken(&mut node, &second, "healed");
}

#[test]
fn the_operators_root_counts_and_what_follows_from_it() {
    let mut node = Node::boot();
    // Whoever runs as the agent plants a root that follows from nothing.
    root(&node, "thief", Some("root.json"), &[]);
    let planted = "/var/lib/decnet/updater/roots/2.json";
    let from = node.shop.path().join("thief.json");
    put_file(&mut node, &from, planted);
    node.machine.ok("chown -R decnet: /var/lib/decnet/updater/roots");
    let stolen = signed(&node, 9, &["thief-key"], None);
    refused(&mut node, &stolen, "stolen", "0 of 2 keys");
    says(&mut node, "the kept root of trust 2 does not count");
    node.machine.ok(RESTART);
    let status = node.machine.property("decnet-updater", "StatusText");
    assert!(status.contains("the kept root of trust 2 does not count"), "{status}");
    let second = node.shop.release(20, Behaviour::Good);
    taken(&mut node, &second, "two");

    // A root that follows comes with a bundle, and is kept over the planted one.
    root(&node, "next", Some("root.json"), &["root-key"]);
    let third = signed(&node, 30, &["next-key"], Some("next.json"));
    taken(&mut node, &third, "three");
    node.machine.ok(RESTART);
    let old = node.shop.release(31, Behaviour::Good);
    refused(&mut node, &old, "old-keys", "0 of 1 keys");
    let fourth = signed(&node, 40, &["next-key"], None);
    taken(&mut node, &fourth, "four");

    // Stolen keys have signed the highest number there is; the operator begins anew.
    root(&node, "anew", None, &[]);
    put(&mut node, "anew.json");
    let fifth = signed(&node, 50, &["next-key"], None);
    refused(&mut node, &fifth, "next-keys", "0 of 1 keys");
    says(&mut node, "the operator's new root of trust counts");
    let outcomes: Vec<String> = node.audited().into_iter().map(|(_, outcome)| outcome).collect();
    assert!(outcomes.contains(&"new_root".to_owned()), "{outcomes:?}");
    let begun = signed(&node, 10, &["anew-key"], None);
    taken(&mut node, &begun, "anew");
    // Once, not at each start.
    node.machine.ok(RESTART);
    let again: Vec<String> = node.audited().into_iter().map(|(_, outcome)| outcome).collect();
    let count = |all: &[String]| all.iter().filter(|outcome| *outcome == "new_root").count();
    assert_eq!((count(&outcomes), count(&again)), (1, 1));
    assert_eq!(node.machine.ok("ls /var/lib/decnet/updater/roots").trim(), "operator.json");
}
