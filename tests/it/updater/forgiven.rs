//! Releases that failed on a node: what it says of them, and how they are taken again.

use std::fs;

use decnet::logic::update::audit::Log;
use decnet_tests::releases::Bundle;
use serde_json::{Value, json};

use super::alone::Alone;
use super::stand_in;

/// A release whose agent ends at once, until there is a file.
fn bad(node: &Alone, number: u64) -> Bundle {
    let script = stand_in::script(&node.path(""));
    let gate = format!("[ $1 = agent ] && ! [ -e {} ] && exit 3\n", node.path("mended").display());
    let script = script.replacen('\n', &format!("\n{gate}"), 1);
    node.shop.script(number, &script)
}

/// The head of a bundle, as the master shows it before it sends anything.
fn head(bundle: &Bundle) -> Value {
    let mut file = fs::File::open(&bundle.path).expect("it was made");
    let (release, envelope) =
        decnet::edge::release::peek(&mut file, |_, _| Ok(())).expect("a bundle");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    json!({
        "signatures": text(&envelope.bytes()), "manifest": text(release.bytes()),
        "agent_bytes": 1_000, "updater_bytes": 1_000,
    })
}

#[test]
fn a_release_that_failed_is_shown_with_why_and_taken_again_once_it_is_forgiven() {
    let mut node = Alone::of_scripts();
    let first = node.current();
    let bad = bad(&node, 50);
    let (said, status) = node.push(&bad);
    assert_eq!(status, 409, "{said}");
    let shown = node.asked("releases", None).0;
    let quarantine = &shown["agent"]["quarantine"];
    assert_eq!(quarantine[0]["digest"], json!(bad.digest), "{shown}");
    let why = quarantine[0]["why"].as_str().unwrap_or_default().to_owned();
    assert!(why.starts_with("it "), "{shown}");
    assert_eq!(shown["updater"]["quarantine"], json!([]));

    // What would be said is said before anything is sent.
    let (said, status) = node.asked("releases/check", Some(&head(&bad)));
    assert_eq!(status, 200, "{said}");
    let refusal = said["agent"][0].as_str().unwrap_or_default();
    assert!(refusal.contains("has failed here before") && refusal.ends_with(&why), "{said}");
    assert_eq!((&said["updater"], &said["agent"][1]), (&json!([]), &Value::Null), "{said}");
    let (said, status) = node.push(&bad);
    assert_eq!(status, 422, "{said}");

    is_forgiven(&mut node, &bad);

    // It is so after the next start too.
    node.kill();
    node.start("");
    node.up();
    assert_eq!(node.asked("releases", None).0["agent"]["quarantine"], json!([]));
    assert_eq!(node.asked("releases/check", Some(&head(&bad))).0["agent"], json!([]));
    fs::write(node.path("mended"), "").expect("it is ours");
    let (said, status) = node.push(&bad);
    assert_eq!(status, 200, "{said}");
    assert_ne!(node.current(), first);
}

/// Has it taken again that has failed: which words are refused, and what is in the log.
fn is_forgiven(node: &mut Alone, bad: &Bundle) {
    for (digest, wanted, words) in [
        ("0123456", 400, "the first 8 of its hexadecimal digits"),
        ("ABCDEF0123", 400, "lower case"),
        ("0123456789", 404, "no release that begins with 0123456789 has failed here"),
    ] {
        let (said, status) = node.asked("releases/forgive", Some(&json!({ "digest": digest })));
        assert_eq!(status, wanted, "{digest}: {said}");
        assert!(said["detail"].to_string().contains(words), "{digest}: {said}");
    }
    let begin = &bad.digest[..8];
    let wish = json!({ "digest": begin, "attempt": "mercy" });
    let (said, status) = node.asked("releases/forgive", Some(&wish));
    assert_eq!((status, &said["status"]), (200, &json!("forgiven")), "{said}");
    assert_eq!(said["components"], json!(["agent"]));
    let mut lines = Vec::new();
    let log = fs::read(node.path("state/updater/agent/audit.log")).expect("there is one");
    Log::read(&log, |record| {
        if record.attempt.0.as_str() == "mercy-agent" {
            lines.push(serde_json::to_value(record).expect("it has a form in JSON"));
        }
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["outcome"], &lines[0]["to"]), (&json!("forgiven"), &json!(bad.digest)));
}

#[test]
fn what_a_node_would_refuse_is_told_beforehand_in_the_same_words() {
    let mut node = Alone::of_scripts();
    let script = stand_in::script(&node.path(""));
    let old = node.shop.script(5, &script);
    let newer = node.shop.script(10, &script);
    let (said, status) = node.push(&newer);
    assert_eq!(status, 200, "{said}");
    let ahead = node.shop.script(4_000_000_000, &script);
    let unsigned = node.shop.unsigned(60, decnet_tests::releases::Behaviour::Good);
    for (bundle, words) in [
        (&old, "is below"),
        (&ahead, "is a time (2096-"),
        (&unsigned, "0 of 2 keys that it takes have signed it"),
    ] {
        let (told, status) = node.asked("releases/check", Some(&head(bundle)));
        assert_eq!(status, 200, "{told}");
        let refusal = told["agent"][0].as_str().unwrap_or_default().to_owned();
        assert!(refusal.contains(words), "{told}");
        let (said, status) = node.push(bundle);
        assert_eq!(status, 422, "{said}");
        // The clock goes on between the two.
        let same = refusal.split(", and the clock").next().unwrap_or_default();
        assert!(said.contains(same), "{said} is not {told}");
    }
    let (told, _) = node.asked("releases/check", Some(&json!({ "manifest": "x" })));
    assert!(told["detail"].to_string().contains("missing field"), "{told}");
}

/// A disk that has bytes and no inodes is told beforehand, by that name.
#[test]
fn a_disk_without_inodes_is_told_before_anything_is_sent() {
    let mut node = Alone::on_small_disk();
    let next = node.next();
    let refusals = |node: &mut Alone| {
        let (said, status) = node.asked("releases/check", Some(&head(&next)));
        assert_eq!(status, 200, "{said}");
        said["agent"].clone()
    };
    assert_eq!(refusals(&mut node), json!([]));
    let disk = node.path("disk").display().to_string();
    node.shell.ok(&format!("cd {disk}; for n in $(seq 1000); do : >full-$n || break; done; true"));
    let said = refusals(&mut node);
    let why = said[0].as_str().unwrap_or_default();
    assert!(why.contains(" inodes and 0 are free") && !why.contains("bytes"), "{said}");
    assert_eq!(said[1], Value::Null, "{said}");
    // Which is what it says when it is sent.
    let (said, status) = node.push(&next);
    assert_eq!(status, 507, "{said}");
    node.shell.ok(&format!("rm {disk}/full-*"));
    assert_eq!(refusals(&mut node), json!([]));
}
