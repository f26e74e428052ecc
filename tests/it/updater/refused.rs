//! What is refused leaves nothing behind but a line in the audit log.

use std::fs;

use decnet_tests::releases::{Behaviour, Bundle};

use super::node::Node;

/// Bundles that are refused.
fn bad_bundles(node: &mut Node, good: &Bundle, before: &str) {
    let shop = node.shop.path().to_owned();
    let bytes = fs::read(&good.path).expect("it is there");
    let write = |name: &str, bytes: &[u8]| {
        let path = shop.join(name);
        fs::write(&path, bytes).expect("it is ours");
        path
    };
    let unsigned = node.shop.unsigned(6, Behaviour::Good);
    let single = node.shop.unsigned(7, Behaviour::Good);
    let file = single.path.display().to_string();
    node.shop.done(&["sign", &file, "--key", "key-1"]);
    node.shop.done(&["sign", &file, "--key", "key-1"]);
    let old = node.shop.release(4, Behaviour::Good);
    let next = node.shop.release(8, Behaviour::Good);
    let next = fs::read(&next.path).expect("it is there");
    let middle = next.len() / 2;
    let mut changed = next.clone();
    changed[middle] ^= 1;
    for (name, path, why) in [
        ("unsigned", unsigned.path, "0 of 2 keys"),
        ("one-key", single.path, "1 of 2 keys"),
        ("old", old.path, "its number 4 is below 5"),
        ("empty", write("empty", b""), "it ends"),
        ("text", write("text", b"hello"), ""),
        ("cut", write("cut", &next[..middle]), "it ends"),
        ("trailing", write("trailing", &[&next[..], b"x"].concat()), ""),
        ("changed", write("changed", &changed), "are not those of the release"),
        ("headless", write("headless", &bytes[512..]), ""),
    ] {
        let (said, status) = node.push_to("update", &path, &format!("-F attempt={name}"));
        assert_eq!(status, 422, "{name}: {said}");
        let error = said["detail"]["error"].as_str().expect("it says why");
        assert!(error.contains(why), "{name}: {error}");
        assert_eq!(node.audited().last(), Some(&(name.to_owned(), "refused".to_owned())));
        assert_eq!(node.state(), before, "{name}");
    }
}

/// Requests that are none.
fn bad_forms(node: &mut Node, good: &Bundle, before: &str) {
    let good = good.path.display().to_string();
    let sum = "0".repeat(64);
    for (line, status, why) in [
        (format!("-F sha256={sum} -F tarball=@{good}"), 400, "what was sent has"),
        (format!("-F tarball=@{good}"), 400, "sha256"),
        (format!("-F tarball=@{good} -F sha256={sum}"), 400, "sha256"),
        (format!("-F sha256=xyz -F tarball=@{good}"), 400, "sha256"),
        (format!("-F sha256={sum}"), 400, "tarball"),
        (format!("-F sha256={sum} -F attempt=../x -F tarball=@{good}"), 400, "attempt"),
        (format!("-F sha256={sum} -F colour=red"), 400, "colour"),
        ("-d {}".to_owned(), 400, "multipart"),
        (format!("-F sha256={sum} -F attempt=five -F tarball=@{good}"), 409, "five"),
    ] {
        let (said, found) = node.curl("master", &format!("{line} https://127.0.0.1:8766/update"));
        assert_eq!(found, status, "{line}: {said}");
        assert!(said.to_string().contains(why), "{line}: {said}");
        assert_eq!(node.state(), before, "{line}");
    }
}

#[test]
fn what_may_not_be_installed_changes_nothing() {
    let mut node = Node::boot();
    let good = node.shop.release(5, Behaviour::Good);
    assert_eq!(node.push(&good, "five").1, 200);
    let before = node.state();
    bad_bundles(&mut node, &good, &before);
    bad_forms(&mut node, &good, &before);
    // Nobody but the master is heard.
    for who in ["agent", "updater"] {
        let (said, status) = node.curl(who, "https://127.0.0.1:8766/health");
        assert!(status == 0 || status == 403, "{who}: {status} {said}");
    }
    // The updater of this node may ask how its agent is, and nothing else.
    assert_eq!(node.curl("updater", "https://127.0.0.1:8765/health").1, 200);
    assert_eq!(node.curl("updater", "https://127.0.0.1:8765/status").1, 403);
    assert_eq!(node.curl("updater", "-X POST -d {} https://127.0.0.1:8765/teardown").1, 403);
}
