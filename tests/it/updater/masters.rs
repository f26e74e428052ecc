//! Whom an updater obeys: the newest master that it has seen, and none that the authority has taken
//! back.

use std::net::IpAddr;
use std::process::Command;

use decnet::edge::clock;
use decnet::edge::pki::Authority;
use decnet::logic::swarm::{Count, Notice, SignedNotice};
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{CertRole, Fingerprint};
use decnet_tests::crowd::{ADDRESSES, Crowd, SILENT};
use decnet_tests::live::Live;
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
    let text = Notice { number: Count::capped(number), revoked, ..Notice::default() }.text();
    let signature = authority.sign_words(&Notice::message(&text)).expect("it has its key");
    let path = node.path(&format!("notice-{number}"));
    let signed = json!(SignedNotice { text, signature, more: Vec::new() });
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

/// A connection that is open from now on.
fn live(node: &Alone, name: &str) -> Live {
    let net = format!("--net=/proc/{}/ns/net", node.shell.pid());
    let papers = Papers::at(node.path(name));
    let start = |mut command: Command| command.spawn().expect("nsenter is installed");
    Live::open(&["nsenter", &net], "127.0.0.1:8766", &papers, start)
}

fn is_out(status: Option<u16>, who: &str) {
    assert!(matches!(status, None | Some(401 | 403)), "{who}: {status:?}");
}

/// Forty addresses hold what connections they get, and the master is served.
#[test]
fn forty_silent_addresses_keep_no_master_out_at_the_updater() {
    let mut node = Alone::of_scripts();
    let script = node.path("addresses");
    std::fs::write(&script, ADDRESSES).expect("it is ours");
    // The master is one of many strangers too.
    let line = "sh SCRIPT 10.77.91; ip addr add 10.77.92.1/16 dev lo";
    node.shell.ok(&line.replace("SCRIPT", &script.display().to_string()));
    let net = format!("--net=/proc/{}/ns/net", node.shell.pid());
    let start = |mut command: Command| command.spawn().expect("nsenter is installed");
    let args = ["127.0.0.1", "8766", "10.77.91"];
    let _crowd = Crowd::begin(&["nsenter", &net], SILENT, &args, start);
    for _ in 0..5 {
        let asked = node.asked_with("etc/master", &format!("--interface 10.77.92.1 {HEALTH}"));
        assert_eq!(asked.1, 200, "{}", node.log());
    }
    let second = node.next();
    let (said, status) = node.push(&second);
    assert_eq!(status, 200, "{said}");
    let lines = node.log().lines().filter(|line| line.contains("refused")).count();
    assert!(lines <= 100, "{lines} lines of those that were refused");
}

#[test]
fn an_updater_obeys_no_master_that_is_older_or_revoked() {
    let mut node = Alone::of_scripts();
    let authority = authority_of(&node.shop.path().join("ca"));
    std::fs::rename(node.path("etc/master"), node.path("etc/old")).expect("it is there");
    assert_eq!(node.asked_with("etc/old", HEALTH).1, 200);
    let mut old = live(&node, "etc/old");
    assert_eq!(old.ask("/health"), Some(200));
    issue(&node, &authority, "etc/master", 10);
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 200, "a newer one is a master");
    is_out(old.ask("/health"), "the live connection of an older one");
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
    let mut open = live(&node, "etc/master");
    assert_eq!(open.ask("/health"), Some(200));
    let (said, status) = node.asked_with("etc/third", &good);
    assert_eq!((said.trim(), status), (r#"{"number":9}"#, 200));
    is_out(open.ask("/health"), "the live connection of one that was taken back");
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 0);
    // An earlier one takes nothing back.
    let earlier = notice(&node, &authority, 3, &[]);
    assert_eq!(node.asked_with("etc/third", &earlier).1, 200);
    assert_eq!(node.asked_with("etc/master", HEALTH).1, 0);
    assert_eq!(node.asked_with("etc/third", HEALTH).1, 200);
}
