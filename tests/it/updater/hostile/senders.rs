//! Senders who never end hold nobody up; and while they try, the ways out of the worst work: back
//! to an older release, and on to other keys after a stolen one has signed the highest number.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use axum::body::{Body, Bytes};
use decnet_tests::pushes::{Sender, opening, request};
use decnet_tests::releases::{Behaviour, Bundle};
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::NODE;
use decnet_tests::node::Node;

/// The first byte of a tarball, and then one more each `pause`; without one, none.
fn slow(digit: char, pause: Option<Duration>) -> Body {
    let sum = digit.to_string().repeat(64);
    let begin = opening(&[("sha256", sum.as_bytes()), ("tarball", b"s")]);
    let begin = stream::iter([Ok::<_, String>(Bytes::from(begin))]);
    let rest = stream::unfold((), move |()| async move {
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => std::future::pending().await,
        }
        Some((Ok(Bytes::from_static(b"s")), ()))
    });
    Body::from_stream(begin.chain(rest))
}

/// As fast as it is taken, for ever.
fn endless() -> Body {
    let sum = "e".repeat(64);
    let begin = opening(&[("sha256", sum.as_bytes()), ("tarball", b"")]);
    let some = Bytes::from(vec![0; 64 * 1024]);
    let begin = stream::iter([Ok::<_, String>(Bytes::from(begin))]);
    Body::from_stream(begin.chain(stream::repeat_with(move || Ok(some.clone()))))
}

/// Starts somebody who sends a body, and ends with the status of the answer; 0 for somebody whom
/// the connection was closed on before they listened.
fn start(node: &Node, body: impl FnOnce() -> Body + Send + 'static) -> thread::JoinHandle<u16> {
    let master = Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
    thread::spawn(move || {
        let answer = master.answer(request("update", body()));
        answer.map_or(0, |answer| answer.status().as_u16())
    })
}

/// Packs a release again that was made with other options, and signs it.
fn packed(node: &Node, made: &Bundle, options: &[&str], signing: &[&str]) -> Bundle {
    let shop = &node.shop;
    let tree = made.path.display().to_string().replace("/release-", "/tree-").replace(".tar", "");
    let path: PathBuf = made.path.with_extension("again.tar");
    let out = path.display().to_string();
    let line = [&["pack", &tree, "--out", &out, "--fleet", "lab"], options].concat();
    let digest = shop.done(&line);
    shop.done(&[&["sign", &out], signing].concat());
    Bundle { digest, path }
}

/// Pushes a release that must run then.
fn updated(node: &mut Node, bundle: &Bundle, attempt: &str) {
    let (said, status) = node.push(bundle, attempt);
    assert_eq!((status, &said["status"]), (200, &"updated".into()), "{attempt}: {said}");
    node.runs(bundle);
}

fn refused(node: &mut Node, path: &Path, attempt: &str, why: &str) {
    let (said, status) = node.push_to("update", path, &format!("-F attempt={attempt}"));
    let error = said["detail"]["error"].as_str().unwrap_or_default();
    assert!(status == 422 && error.contains(why), "{attempt}: {status} {said}");
}

/// While one is pushed, another and a rollback hear whose attempt it is.
fn two_at_once(node: &mut Node, next: &Bundle) {
    let master = Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
    let bytes = std::fs::read(&next.path).expect("it was made");
    let first = thread::spawn(move || master.push("first", &bytes));
    let busy = |node: &mut Node| -> Option<Value> {
        node.ask("/health").get("attempt").map(|attempt| attempt["id"].clone())
    };
    let found = decnet_tests::world::wait_for(|| busy(node)).expect("it begins");
    assert_eq!(found, "first");
    let other = node.shop.path().join("release-1.tar");
    for (said, status) in [
        node.push_to("update", &other, "-F attempt=second"),
        node.curl("master", "-X POST https://127.0.0.1:8766/rollback"),
    ] {
        assert_eq!((status, &said["detail"]["attempt"]), (409, &"first".into()), "{said}");
    }
    let (said, status) = first.join().expect("it does not panic");
    assert_eq!((status, &said["status"]), (200, &"updated".into()), "{said}");
    node.runs(next);
}

#[test]
fn who_never_ends_holds_nobody_up() {
    let mut node = Node::boot();
    let most = "[Service]\nEnvironment=DECNET_UPDATER_MAX_UPLOAD=160";
    node.machine.amend("decnet-updater.service", "most", most);
    node.machine.ok("systemctl restart decnet-updater");
    let slow = [
        start(&node, || slow('a', Some(Duration::from_millis(300)))),
        start(&node, || slow('b', None)),
    ];
    let endless = start(&node, endless);

    let ninth = node.shop.release(9, Behaviour::Good);
    two_at_once(&mut node, &ninth);
    // Back to an older one, which is signed for those that have had the ninth.
    let fifth = node.shop.release(5, Behaviour::Good);
    refused(&mut node, &fifth.path, "old", "its number 5 is below 9");
    let two = ["--key", "key-1", "--key", "key-2"];
    let fifth = packed(&node, &fifth, &["--number", "5", "--downgrade-from", "9"], &two);
    updated(&mut node, &fifth, "down");
    // Whoever has stolen two keys signs the highest number, which is a time to come; and the highest
    // that is none: nothing can follow it, but new keys.
    let future = node.shop.release(u64::MAX, Behaviour::Good);
    refused(&mut node, &future.path, "future", "its number 18446744073709551615 is a time");
    let highest = node.shop.release(999_999_999, Behaviour::Good);
    updated(&mut node, &highest, "highest");
    let next = node.shop.release(10, Behaviour::Good);
    refused(&mut node, &next.path, "stuck", "its number 10 is below 999999999");
    let shop = &node.shop;
    shop.done(&["keygen", "--out", "key-4"]);
    let line = ["root", "--from", "root.json", "--out", "2.json", "--new-epoch"];
    let ring = ["--release-key", "key-4.pub", "--release-threshold", "1"];
    shop.done(&[&line[..], &ring].concat());
    shop.done(&["sign", "2.json", "--key", "root-key"]);
    let options = ["--number", "1", "--epoch", "2"];
    let rescue = packed(&node, &next, &options, &["--key", "key-4", "--root", "2.json"]);
    updated(&mut node, &rescue, "rescue");
    let late = node.shop.release(11, Behaviour::Good);
    refused(&mut node, &late.path, "stolen", "0 of 1 keys");

    let status = endless.join().expect("it does not panic");
    assert!(status == 413 || status == 0, "{status}");
    assert_eq!(slow.map(|sender| sender.join().expect("it does not panic")), [408, 408]);
    let left = node.machine.ok("ls -A /var/lib/decnet/updater/spool");
    assert_eq!(left.trim(), "", "what they sent is gone");
    node.runs(&rescue);
}
