//! A disk that is full, and one on which hands have been at work: the updater says so, starts, and
//! goes on.

use axum::body::{Body, Bytes};
use axum::http::Request;
use decnet::logic::release::Digest;
use decnet::logic::release::parcel::{CHUNKS, Source, chunk_head, compress};
use decnet_tests::forged::{Forge, manifest, release};
use decnet_tests::pushes::{Sender, opening, request};
use decnet_tests::releases::Behaviour;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::NODE;
use decnet_tests::node::Node;

/// Stops the updater, changes something, and starts it: what it says of that.
fn changed(node: &mut Node, how: &str) -> String {
    node.machine.ok(&format!("systemctl stop decnet-updater; set -e; {how}"));
    let now = node.machine.ok("date +%s.%N");
    node.machine.ok("systemctl reset-failed decnet-updater; systemctl start decnet-updater");
    assert_eq!(node.ask("/health")["status"], "ok", "{how}");
    node.machine.journal(&format!("-u decnet-updater --since=@{}", now.trim()), |_| true)
}

/// Puts a directory onto a disk of its own, with so many bytes of room beside what is in it.
fn on_own_disk(dir: &str, room: &str) -> String {
    format!(
        "cp -a {dir} /run/copy; mount -t tmpfs \
           -o size=$(( $(du -s --block-size=1 {dir} | cut -f1) + {room} )),mode=755 none {dir}
         chown --reference=/run/copy {dir}; chmod --reference=/run/copy {dir}
         cp -a /run/copy/. {dir}; rm -r /run/copy"
    )
}

/// Everything that is free again after what did not fit.
fn left(node: &mut Node) -> String {
    node.machine.ok("ls -A /var/lib/decnet/updater/spool /opt/decnet/releases; \
         df --output=avail /var/lib/decnet/updater/spool /opt/decnet")
}

/// Zeros for ever, nobody knows how many.
fn zeros(begin: Vec<u8>) -> Body {
    let some = Bytes::from(vec![0; 64 * 1024]);
    let begin = stream::iter([Ok::<_, String>(Bytes::from(begin))]);
    // More than there is, and little enough for all of it to be taken.
    Body::from_stream(begin.chain(stream::iter((0..512).map(move |_| Ok(some.clone())))))
}

/// A parcel of 3 000 files of one byte: a few kilobytes, of which each takes a block.
fn crumbs(node: &Node) -> Vec<u8> {
    let forge = Forge::at(node.shop.path());
    let mut wanted = manifest(6);
    let program = wanted.files.first().cloned().expect("there are three");
    let crumb = |number: usize| decnet::logic::release::File {
        path: format!("share/{number:04}").try_into().expect("it is a path"),
        size: 1,
        mode: decnet::logic::release::Mode::Plain,
        sha256: Digest::of(b"x"),
    };
    wanted.files = [program].into_iter().chain((0..3_000).map(crumb)).collect();
    let release = release(wanted);
    let chunk = |bytes: &[u8]| {
        let packed = compress(bytes, &[], 3).expect("there is memory");
        let length = u32::try_from(packed.len()).expect("it is short");
        [&[CHUNKS][..], &chunk_head(Source::Whole, length), &packed].concat()
    };
    let program = chunk(decnet_tests::forged::FILES[0].1);
    [forge.parcel(&release, None), program, chunk(b"x").repeat(3_000)].concat()
}

/// Two are sent at once, of which each alone would fit.
fn together(node: &mut Node) {
    let zeros = node.shop.path().join("zeros");
    std::fs::write(&zeros, vec![0; 12 << 20]).expect("it is ours");
    let line = |sum: &str, more: &str| {
        format!(
            "-X PATCH -H 'upload-offset: 0' {more} --data-binary @{} \
             https://127.0.0.1:8766/uploads/{}",
            zeros.display(),
            sum.repeat(64)
        )
    };
    let slow = node.curl_line("master", &line("a", "--limit-rate 3M"));
    node.machine.ok(&format!("({slow}) >/run/slow 2>&1 & echo"));
    let begun = format!("[ -s /var/lib/decnet/updater/spool/{}.part ]", "a".repeat(64));
    node.machine.until(&begun);
    is_full(
        &node.curl("master", &line("b", "")),
        "there is no space for it: it has 12582912 bytes",
    );
    node.machine.until("grep -q 204 /run/slow");
    node.machine.ok("rm /var/lib/decnet/updater/spool/*");
}

fn is_full((said, status): &(Value, u16), why: &str) {
    assert!(*status == 507 && said.to_string().contains(why), "{why}: {status} {said}");
}

#[test]
fn a_full_disk_is_said_and_freed() {
    let mut node = Node::boot();
    let first = node.first.clone();
    let second = node.shop.release(2, Behaviour::Good);
    let most = "[Service]\nEnvironment=DECNET_UPDATER_RESERVE=0";
    node.machine.amend("decnet-updater.service", "reserve", most);
    let spool = on_own_disk("/var/lib/decnet/updater/spool", "16777216");
    changed(&mut node, &format!("{spool}\n{}", on_own_disk("/opt/decnet", "8388608")));
    let master = Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
    let before = left(&mut node);

    // It says how much it is, and it does not fit.
    is_full(&node.push(&second, "long"), "there is no space for it: it has");
    assert_eq!(left(&mut node), before);
    // It does not say, and is cut where the disk ends.
    let sum = "a".repeat(64);
    let begin = opening(&[("sha256", sum.as_bytes()), ("tarball", b"")]);
    is_full(&master.send(request("update", zeros(begin))), "there is no space for it");
    assert_eq!(left(&mut node), before);
    let patch = |body: Body| {
        let request = Request::patch(format!("/uploads/{sum}")).header("upload-offset", 0);
        request.body(body).expect("a plain request")
    };
    is_full(&master.send(patch(zeros(Vec::new()))), "there is no space for it");
    assert_eq!(left(&mut node), before);
    // What was broken off makes room for what may be whole.
    assert_eq!(master.send(patch(Body::from(vec![0; 12 << 20]))).1, 204);
    let mut other = patch(Body::from(vec![0; 12 << 20]));
    *other.uri_mut() = format!("/uploads/{}", "b".repeat(64)).parse().expect("a path");
    assert_eq!(master.send(other).1, 204);
    let kept = node.machine.ok("ls /var/lib/decnet/updater/spool");
    assert_eq!(kept.trim(), format!("{}.part", "b".repeat(64)));
    node.machine.ok("rm /var/lib/decnet/updater/spool/*");
    together(&mut node);
    assert_eq!(left(&mut node), before);

    // It fits where it is kept, and what it becomes does not.
    let crumbs = crumbs(&node);
    is_full(&master.push("crumbs", &crumbs), "nothing was changed: cannot");
    // What the way back takes is at hand since then, once and for all.
    let before = left(&mut node);
    is_full(&master.push("more-crumbs", &crumbs), "nothing was changed: cannot");
    assert_eq!(left(&mut node), before);
    node.runs(&first);

    // A reserve for others is not used either.
    let most = "[Service]\nEnvironment=DECNET_UPDATER_RESERVE=100000000";
    node.machine.amend("decnet-updater.service", "reserve", most);
    changed(&mut node, "true");
    is_full(&node.push(&second, "reserved"), "there is no space for it: it has");
    let begin = opening(&[("sha256", sum.as_bytes()), ("tarball", b"")]);
    is_full(&master.send(request("update", zeros(begin))), "there is no space for it");
    assert_eq!(left(&mut node), before);
    node.runs(&first);
}

#[test]
fn what_hands_have_changed_is_said_and_the_updater_starts() {
    let mut node = Node::boot();
    let second = node.shop.release(2, Behaviour::Good);
    assert_eq!(node.push(&second, "two").1, 200);
    let forge = Forge::at(node.shop.path());
    let master = Sender::new(&node.shop.path().join("master"), node.machine.visitor(), NODE);
    let old = forge.bundle(release(manifest(1)).bytes(), &decnet_tests::forged::FILES);
    let dir = "cd /var/lib/decnet/updater/agent; rm -f *bad-* *torn-*; cp -a /run/kept/. .";
    node.machine.ok("cp -a /var/lib/decnet/updater/agent /run/kept");
    for (number, (how, why, kept)) in [
        ("truncate -s 40 journal", "it is damaged: its sum is wrong", "journal.bad-*"),
        ("truncate -s 0 journal", "it does not begin with", "journal.bad-*"),
        ("sed -i '2s/2/3/' journal", "it is damaged: its sum is wrong", "journal.bad-*"),
        ("head -c 5000 /dev/urandom >journal", "it does not begin with", "journal.bad-*"),
        ("truncate -s -5 audit.log", "the audit log", "audit.torn-*"),
        ("sed -i '1s/attempt/tempted/' audit.log", "the audit log", "audit.torn-*"),
        ("head -c 5000 /dev/urandom >audit.log", "the audit log", "audit.torn-*"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = changed(&mut node, &format!("{dir}; {how}"));
        assert!(said.contains(why), "{how}: {said}");
        node.machine.ok(&format!("cd /var/lib/decnet/updater/agent; ls {kept}"));
        // What was proved is known still, nothing older comes back, and the log goes on.
        let attempt = format!("old-{number}");
        let (said, status) = master.push(&attempt, &old);
        assert!(status == 422 && said.to_string().contains("below 2"), "{how}: {said}");
        assert_eq!(node.audited().last(), Some(&(attempt, "refused".into())), "{how}");
        node.runs(&second);
    }
    let gone = format!("rm -r /opt/decnet/releases/{}", node.first.digest);
    let said = changed(&mut node, &gone);
    assert!(said.contains("`prev`, is not here"), "{said}");
    assert_eq!(node.ask("/releases")["agent"]["prev"], Value::Null);
    let (said, status) = node.curl("master", "-X POST https://127.0.0.1:8766/rollback");
    assert_eq!(status, 404, "{said}");
    let said = changed(&mut node, "rm -f /opt/decnet/current; ln -s / /opt/decnet/current");
    assert!(said.contains("the link `current` does not name what it did"), "{said}");
    node.runs(&second);
    let third = node.shop.release(3, Behaviour::Good);
    assert_eq!(node.push(&third, "three").1, 200);
    node.runs(&third);
    assert_eq!(node.ask("/releases")["agent"]["prev"]["digest"], second.digest.as_str());
    assert_eq!(node.releases().len(), 2);
}
