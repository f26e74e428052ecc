//! Whoever is not the master: no byte of what they send is read.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use decnet::edge::clock;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::pushes::{Sender, request};
use futures_util::stream;

use super::{NODE, Scene};

/// Ten years in nanoseconds.
const LONG_AGO: u64 = 10 * 365 * 86_400_000_000_000;

pub(super) fn are_not_heard(scene: &mut Scene) {
    let shop = scene.node.shop.path().to_owned();
    let host = IpAddr::from([127, 0, 0, 1]);
    let (ours, theirs) = (authority(&shop.join("ca")), authority(&shop.join("other-ca")));
    let (now, past) = (clock::now(), Timestamp(clock::now().0 - LONG_AGO));
    for (name, authority, role, when) in [
        // A node that was decommissioned has these still.
        ("gone", &ours, CertRole::Agent, now),
        ("gone-updater", &ours, CertRole::Updater, now),
        ("expired", &ours, CertRole::Master, past),
        ("other", &theirs, CertRole::Master, now),
    ] {
        Papers::issue(shop.join(name), authority, ("gone-1", host), role, when);
    }
    for name in ["agent", "updater", "gone", "gone-updater"] {
        let sender = Sender::new(&shop.join(name), scene.node.machine.visitor(), NODE);
        // A body that never comes: whoever waits for it does not answer.
        let body = Body::from_stream(stream::pending::<Result<Bytes, String>>());
        let answer = sender.answer(request("update", body));
        let status = answer.map_or(0, |answer| answer.status().as_u16());
        assert!(status == 0 || status == 403, "{name}: {status}");
    }
    let file = shop.join("release-5.tar");
    let line = format!(
        "curl -sS -k -m 20 -o /dev/null -w '%{{http_code}}' -F sha256={} -F tarball=@{} \
         https://127.0.0.1:8766/update",
        "0".repeat(64),
        file.display()
    );
    for papers in ["", "expired", "other"] {
        let dir = shop.join(papers).display().to_string();
        let shown = if papers.is_empty() {
            String::new()
        } else {
            format!(" --cert {dir}/worker.crt --key {dir}/worker.key")
        };
        let (code, said) = scene.node.machine.run(&format!("{line}{shown}"));
        assert!(code != 0 && said.contains("000"), "{papers}: {code} {said}");
    }
    // The updater of this node may ask how its agent is, and nothing else.
    let agent = "https://127.0.0.1:8765";
    for (line, status) in [
        (format!("{agent}/health"), 200),
        (format!("{agent}/status"), 403),
        (format!("-X POST -d {{}} {agent}/teardown"), 403),
    ] {
        assert_eq!(scene.node.curl("updater", &line).1, status, "{line}");
    }
    let (state, lines) = scene.look();
    assert_eq!((state, lines.len()), (scene.before.clone(), scene.lines));
    let refused = |said: &str| said.contains("refused a connection");
    let said = scene.node.machine.journal("-u decnet-updater", refused);
    assert!(refused(&said), "{said}");
}
