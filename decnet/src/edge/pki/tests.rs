//! What is made is what is asked for, and who is let in is who should be.

mod own;
mod succession;

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::edge::clock;
use crate::logic::credential::Standing;
use crate::logic::time::Timestamp;
use crate::logic::trust::{Caller, CertRole, Fingerprint, NodeName};

const REMEDY: &str = "run `decnet swarm enroll`";
const YEAR: u64 = 365 * 86_400 * 1_000_000_000;
const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn wish(host: &NodeName, role: CertRole) -> Wish<'_> {
    Wish { host, role, addresses: &[HERE], names: &[] }
}

fn host() -> NodeName {
    "node-1".parse().expect("a name")
}

/// A directory with an identity that was issued `when`.
fn identity_dir(authority: &Authority, role: CertRole, when: Timestamp) -> TempDir {
    let dir = tempfile::tempdir().expect("there is room");
    let issued = authority.issue(&wish(&host(), role), when).expect("a plain wish");
    for (name, text) in [
        ("ca.crt", authority.cert_pem()),
        ("worker.crt", &issued.certified.cert_pem),
        ("worker.key", &issued.key_pem),
    ] {
        std::fs::write(dir.path().join(name), text).expect("there is room");
    }
    dir
}

fn read(dir: &Path) -> Result<Identity> {
    Identity::read(dir, "worker", REMEDY)
}

fn authority() -> (TempDir, Authority) {
    let dir = tempfile::tempdir().expect("there is room");
    let authority = Authority::open_or_make(dir.path(), clock::now()).expect("an empty directory");
    (dir, authority)
}

#[test]
fn an_authority_is_made_once_and_its_key_is_nobody_elses() {
    let (dir, authority) = authority();
    let again = Authority::open_or_make(dir.path(), clock::now()).expect("it is there");
    assert_eq!(again.fingerprint(), authority.fingerprint());
    let mode = std::fs::metadata(dir.path().join("ca.key")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let (other, _) = self::authority();
    std::fs::copy(other.path().join("ca.key"), dir.path().join("ca.key")).expect("there is room");
    let error = Authority::open_or_make(dir.path(), clock::now()).expect_err("another's key");
    assert!(error.to_string().ends_with("ca.crt` does not fit its key"), "{error}");
    std::fs::remove_file(dir.path().join("ca.key")).expect("it is there");
    let error = Authority::open_or_make(dir.path(), clock::now()).expect_err("no key");
    assert!(error.to_string().contains("has lost its key"), "{error}");
}

#[test]
fn a_certificate_says_what_was_wished() {
    let (_dir, authority) = authority();
    for role in CertRole::ALL {
        let names = ["node-1.example.org".to_owned()];
        let host = host();
        let wish = Wish { names: &names, ..wish(&host, role) };
        let issued = authority.issue(&wish, clock::now()).expect("a plain wish");
        let der = identity::certificates(Path::new("x"), issued.certified.cert_pem.as_bytes())
            .expect("PEM");
        let der = der.first().expect("one");
        let name = role.common_name(&host);
        let fingerprint = Fingerprint::of(der);
        assert_eq!(issued.certified.fingerprint, fingerprint);
        let validity = identity::validity(der).expect("it has one");
        assert_eq!(caller(der), Some(Caller { role, name, fingerprint, validity }));
        let (_, parsed) = x509_parser::parse_x509_certificate(der).expect("DER");
        let usage = parsed.extended_key_usage().expect("one").expect("one").value;
        assert!(usage.client_auth && usage.server_auth);
        let said = format!("{:?}", parsed.subject_alternative_name());
        assert!(said.contains("node-1.example.org") && said.contains("[127, 0, 0, 1]"), "{said}");
        assert_eq!(issued.certified.not_after.0 / YEAR, (clock::now().0 + YEAR) / YEAR);
    }
}

#[test]
fn an_identity_that_does_not_hold_together_is_named() {
    let (_dir, authority) = authority();
    let now = clock::now();
    let good = identity_dir(&authority, CertRole::Agent, now);
    assert_eq!(read(good.path()).expect("it is good").caller.role, CertRole::Agent);
    let spoil = |name: &str, text: &str| {
        let dir = identity_dir(&authority, CertRole::Agent, now);
        std::fs::write(dir.path().join(name), text).expect("there is room");
        read(dir.path()).expect_err("it is spoilt").to_string()
    };
    let other = authority.issue(&wish(&host(), CertRole::Agent), now).expect("a plain wish");
    let (_other_dir, stranger) = self::authority();
    for (name, text, why) in [
        ("worker.crt", "", "worker.crt` is empty"),
        ("ca.crt", "what", "ca.crt` must hold 1 to 8 certificates"),
        ("worker.crt", "what", "worker.crt` must hold one certificate"),
        ("worker.key", "what", "worker.key` holds no private key"),
        ("worker.key", other.key_pem.as_str(), "worker.key` is not the key of `"),
        ("ca.crt", stranger.cert_pem(), "worker.crt` was not signed by the authority"),
        ("worker.crt", &"x".repeat(100_000), "worker.crt` is too large"),
    ] {
        let said = spoil(name, text);
        assert!(said.contains(why), "{said} instead of {why}");
    }
    for (when, standing) in [
        (Timestamp(now.0 - 2 * YEAR), Standing::Ended { days: 365 }),
        (Timestamp(now.0 + YEAR), Standing::NotYet),
    ] {
        let dir = identity_dir(&authority, CertRole::Agent, when);
        let found = read(dir.path()).expect("when it is good is another question");
        assert_eq!(found.validity.standing(now), standing);
    }
    let empty = tempfile::tempdir().expect("there is room");
    let said = read(empty.path()).expect_err("nothing is there").to_string();
    assert!(said.contains("there is no `") && said.contains(REMEDY), "{said}");
}

/// Whether a client gets an answer from a server.
async fn meet(server: rustls::ServerConfig, client: rustls::ClientConfig) -> bool {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let serving = async move {
        let mut stream = TlsAcceptor::from(Arc::new(server)).accept(there).await?;
        stream.write_all(b"in").await?;
        stream.shutdown().await
    };
    let asking = async move {
        let name = ServerName::from(HERE);
        let mut stream = TlsConnector::from(Arc::new(client)).connect(name, here).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let (served, answer) = tokio::join!(serving, asking);
    let answered = answer.is_ok_and(|answer| answer == b"in");
    assert_eq!(served.is_ok(), answered, "they agree");
    answered
}

#[tokio::test]
async fn only_who_may_gets_in() {
    let (_dir, authority) = authority();
    let (_other_dir, stranger) = self::authority();
    let now = clock::now();
    let of = |authority: &Authority, role, when| {
        let dir = identity_dir(authority, role, when);
        read(dir.path()).expect("it holds together")
    };
    for server in CertRole::ALL {
        for welcome in CertRole::ALL {
            for client in CertRole::ALL {
                let serving =
                    server_config(&of(&authority, server, now), Arc::new(welcome)).expect("good");
                let asking =
                    client_config(&of(&authority, client, now), server, None).expect("good");
                let came_in = meet(serving, asking).await;
                assert_eq!(came_in, client == welcome, "{client:?} at {server:?}");
            }
        }
    }
    let agent = of(&authority, CertRole::Agent, now);
    let serving = || server_config(&agent, Arc::new(CertRole::Master)).expect("good");
    let long_ago = Timestamp(now.0 - 2 * YEAR);
    let to_come = Timestamp(now.0 + YEAR);
    for (what, identity) in [
        ("expired", of(&authority, CertRole::Master, long_ago)),
        ("not yet valid", of(&authority, CertRole::Master, to_come)),
        ("of another authority", of(&stranger, CertRole::Master, now)),
    ] {
        // Such a client trusts the server; it is the server that must refuse.
        let identity = identity.trusting(agent.cas.clone());
        let asking = client_config(&identity, CertRole::Agent, None).expect("good");
        assert!(!meet(serving(), asking).await, "{what}");
    }
    let master = of(&authority, CertRole::Master, now);
    for (role, known, comes) in [
        (CertRole::Agent, Some(agent.caller.fingerprint), true),
        (CertRole::Agent, Some(master.caller.fingerprint), false),
        (CertRole::Updater, None, false),
    ] {
        let asking =
            client_config(&master, role, known.as_ref().map(std::slice::from_ref)).expect("good");
        assert_eq!(meet(serving(), asking).await, comes, "{role:?} {known:?}");
    }
}

#[test]
fn what_is_no_certificate_of_ours_is_nobody() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let with = |names: &[&str], common: &[&str]| {
        let mut params = rcgen::CertificateParams::default();
        for name in common {
            params.distinguished_name.push(rcgen::DnType::CommonName, *name);
        }
        let uri = |name: &&str| rcgen::SanType::URI((*name).try_into().expect("ASCII"));
        params.subject_alt_names = names.iter().map(uri).collect();
        caller(params.self_signed(&key).expect("a certificate").der())
    };
    assert!(with(&["decnet:role:agent"], &["n"]).is_some());
    assert_eq!(with(&[], &["n"]), None);
    assert_eq!(with(&["decnet:role:root"], &["n"]), None);
    assert_eq!(with(&["decnet:role:agent", "decnet:role:master"], &["n"]), None);
    assert_eq!(caller(b""), None);
    assert_eq!(caller(&[0x30; 64]), None);
}

/// Ten years pass: what the authority signs is good all the same, and so is what two have signed that
/// are both trusted.
#[tokio::test]
async fn an_authority_that_has_ended_stops_no_daemon() {
    let (dir, now) = (tempfile::tempdir().expect("there is room"), clock::now());
    let then = Timestamp(now.0 - 11 * YEAR);
    let old = Authority::open_or_make(dir.path(), then).expect("an empty directory");
    assert!(!old.validity().standing(now).is_good());
    let (_dir, new) = authority();
    let both = format!("{}{}", old.cert_pem(), new.cert_pem());
    let of = |authority: &Authority, role| {
        let dir = identity_dir(authority, role, now);
        std::fs::write(dir.path().join("ca.crt"), &both).expect("there is room");
        read(dir.path()).expect("one of the two has signed it")
    };
    for (server, client) in [(&old, &old), (&old, &new), (&new, &old)] {
        let (agent, master) = (of(server, CertRole::Agent), of(client, CertRole::Master));
        assert_eq!(agent.authority(), server.fingerprint());
        let serving = server_config(&agent, Arc::new(CertRole::Master)).expect("good");
        let asking = client_config(&master, CertRole::Agent, None).expect("good");
        assert!(meet(serving, asking).await);
    }
}

/// The identity of an agent in a directory of its own, with a renewal that asks for another there.
fn asking(authority: &Authority) -> (TempDir, Identity, KeyRequest) {
    let dir = identity_dir(authority, CertRole::Agent, clock::now());
    let current = read(dir.path()).expect("it holds together");
    let request = renewal(dir.path()).request().expect("there is room");
    (dir, current, request)
}

fn renewal(dir: &Path) -> Renewal<'_> {
    Renewal { dir, name: "worker" }
}

#[test]
fn what_was_not_asked_for_is_not_taken() {
    let (_dir, authority) = authority();
    let (_other_dir, stranger) = self::authority();
    let (dir, current, request) = asking(&authority);
    let (host, other) = (host(), "node-2".parse().expect("a name"));
    let now = clock::now();
    let sign = |authority: &Authority, host: &NodeName, role| {
        authority.sign(&request.csr_pem, &wish(host, role), now).expect("a plain wish").cert_pem
    };
    let issued = authority.issue(&wish(&host, CertRole::Agent), now).expect("a plain wish");
    for (what, cert_pem, why) in [
        ("for another key", issued.certified.cert_pem, "it is not for the key that waits"),
        ("of a stranger", sign(&stranger, &host, CertRole::Agent), "no authority has signed it"),
        ("for another node", sign(&authority, &other, CertRole::Agent), "it is for somebody else"),
        ("for the master", sign(&authority, &host, CertRole::Master), "it is for somebody else"),
        ("for nobody", "what".to_owned(), "must hold one certificate"),
    ] {
        let said = renewal(dir.path()).take(&current, &cert_pem).expect_err(what).to_string();
        assert!(said.contains(why), "{what}: {said}");
        let kept = read(dir.path()).expect("it is as it was");
        assert_eq!(kept.caller, current.caller, "{what}");
    }
    let good = sign(&authority, &host, CertRole::Agent);
    let new = renewal(dir.path()).take(&current, &good).expect("it was asked for");
    assert_eq!(read(dir.path()).expect("it holds together").caller, new.caller);
    assert_ne!(new.caller.fingerprint, current.caller.fingerprint);
}

/// Broken off after each file: what is there is the old identity or the new one, and the next renewal
/// ends well.
#[test]
fn a_renewal_may_be_broken_off_anywhere() {
    let (_dir, authority) = authority();
    let host = host();
    let now = clock::now();
    for written in 0..=3 {
        let (dir, current, request) = asking(&authority);
        let again = renewal(dir.path()).request().expect("there is room");
        assert_eq!(again.key_pem, request.key_pem, "the key that waits is asked for again");
        let signed = authority.sign(&request.csr_pem, &wish(&host, CertRole::Agent), now);
        let signed = signed.expect("a plain wish");
        let files = [
            ("ca.crt", authority.cert_pem().to_owned()),
            ("worker.crt", signed.cert_pem),
            ("worker.key", request.key_pem),
        ];
        for (name, text) in files.into_iter().take(written) {
            std::fs::write(dir.path().join(name), text).expect("there is room");
        }
        let found = read(dir.path()).expect("one of the two is whole").caller.fingerprint;
        let wanted = if written < 2 { current.caller.fingerprint } else { signed.fingerprint };
        assert_eq!(found, wanted, "after {written} files");
        let current = read(dir.path()).expect("one of the two is whole");
        let request = renewal(dir.path()).request().expect("there is room");
        let next = authority.sign(&request.csr_pem, &wish(&host, CertRole::Agent), now);
        let next = next.expect("a plain wish");
        renewal(dir.path()).take(&current, &next.cert_pem).expect("it was asked for");
        let found = read(dir.path()).expect("it holds together").caller.fingerprint;
        assert_eq!(found, next.fingerprint);
        assert!(!next_key(dir.path(), "worker").exists());
    }
}

/// Of two places the one counts whose certificate was made last, whatever the clock says.
#[test]
fn the_identity_that_was_made_last_counts() {
    let (_dir, authority) = authority();
    let now = clock::now();
    let made = |days: u64| Timestamp(now.0 - days * 86_400 * 1_000_000_000);
    let first = identity_dir(&authority, CertRole::Agent, made(700));
    let second = identity_dir(&authority, CertRole::Agent, made(400));
    let nothing = tempfile::tempdir().expect("there is room");
    let places = |dirs: &[&TempDir]| Places {
        dirs: dirs.iter().map(|dir| dir.path().to_owned()).collect(),
        name: "worker",
        remedy: REMEDY,
    };
    let newest = read(second.path()).expect("it holds together").caller;
    for dirs in [[&first, &second, &nothing], [&second, &nothing, &first]] {
        assert_eq!(places(&dirs).read().expect("there are two").caller, newest);
    }
    std::fs::write(second.path().join("worker.key"), "what").expect("there is room");
    let older = places(&[&first, &second]).read().expect("the other is whole").caller;
    assert_eq!(older, read(first.path()).expect("it holds together").caller);
    let said = places(&[&nothing, &second]).read().expect_err("none is whole").to_string();
    assert!(said.contains("worker.key` holds no private key"), "{said}");
    let said = places(&[&nothing]).read().expect_err("there is none");
    assert!(said.is_missing() && said.to_string().contains(REMEDY), "{said}");
}
