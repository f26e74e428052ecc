//! Whom an updater obeys: the newest master that it has seen, and none that the authority has taken
//! back.

use std::net::IpAddr;

use decnet::edge::clock;
use decnet::edge::pki::Authority;
use decnet::logic::swarm::{Count, Notice, SignedNotice};
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{CertRole, Fingerprint};
use decnet_tests::papers::{Papers, authority as authority_of};
use serde_json::json;

use super::alone::Alone;

const HEALTH: &str = "https://127.0.0.1:8766/health";

/// Another certificate of the master's, made so many minutes from now.
fn issue(node: &Alone, authority: &Authority, name: &str, minutes: u64) {
    let when = Timestamp(clock::now().0 + minutes * 60_000_000_000);
    let who = ("node-1", IpAddr::from([127, 0, 0, 1]));
    Papers::issue(node.path(name), authority, who, CertRole::Master, when);
}

/// Writes what the authority says, and where that is.
fn notice(node: &Alone, authority: &Authority, number: u64, revoked: &[Fingerprint]) -> String {
    let revoked = revoked.iter().copied().collect();
    let text = Notice { number: Count::capped(number), revoked, places: vec![] }.text();
    let signature = authority.sign_words(&Notice::message(&text)).expect("it has its key");
    let path = node.path(&format!("notice-{number}"));
    let signed = json!(SignedNotice { text, signature });
    std::fs::write(&path, signed.to_string()).expect("it is ours");
    format!(
        "-H 'content-type: application/json' -d @{} https://127.0.0.1:8766/notice",
        path.display()
    )
}

fn fingerprint(node: &mut Alone, name: &str) -> Fingerprint {
    let file = node.path(name).join("worker.crt");
    let line = format!("openssl x509 -in {} -outform der | sha256sum", file.display());
    let text = node.shell.ok(&line);
    text.split_whitespace().next().and_then(|print| print.parse().ok()).expect("a fingerprint")
}

#[test]
fn an_updater_obeys_no_master_that_is_older_or_revoked() {
    let mut node = Alone::of_scripts();
    let authority = authority_of(&node.shop.path().join("ca"));
    std::fs::rename(node.path("etc/master"), node.path("etc/old")).expect("it is there");
    assert_eq!(node.asked_with("etc/old", HEALTH).1, 200);
    issue(&node, &authority, "etc/master", 10);
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 200, "a newer one is a master");
    assert_eq!(node.asked_with("etc/old", HEALTH).1, 0, "and an older one is none from then on");
    node.kill();
    node.start("");
    node.up();
    assert_eq!(node.asked_with("etc/old", HEALTH).1, 0, "it is kept");

    issue(&node, &authority, "etc/third", 20);
    let stranger = authority_of(&node.path("stranger"));
    let (second, third) =
        (fingerprint(&mut node, "etc/master"), fingerprint(&mut node, "etc/third"));
    let forged = notice(&node, &stranger, 8, &[third]);
    assert_eq!(node.asked_with("etc/master", &forged).1, 422);
    let good = notice(&node, &authority, 9, &[second]);
    let (said, status) = node.asked_with("etc/third", &good);
    assert_eq!((said.trim(), status), (r#"{"number":9}"#, 200));
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 0);
    // An earlier one takes nothing back.
    let earlier = notice(&node, &authority, 3, &[]);
    assert_eq!(node.asked_with("etc/third", &earlier).1, 200);
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 0);
    assert_eq!(node.asked_with("etc/third", HEALTH).1, 200);
}
