//! Whom a daemon trusts follows from what those have said whom it trusts already.

use tempfile::TempDir;

use super::*;
use crate::edge::clock;
use crate::edge::pki::{Authority, Wish};
use crate::logic::trust::CertRole;

fn authority() -> Authority {
    let dir = tempfile::tempdir().expect("there is room");
    Authority::open_or_make(dir.path(), clock::now()).expect("an empty directory")
}

fn identity(authority: &Authority) -> Identity {
    let host = "node-1".parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Agent, addresses: &[], names: &[] };
    let issued = authority.issue(&wish, clock::now()).expect("a plain wish");
    Identity::of(&issued, authority.cert_pem()).expect("it was issued")
}

fn say(number: u64, names: &[&Authority], by: &[&Authority]) -> SignedNotice {
    let authorities = names.iter().map(|it| it.cert_pem().to_owned()).collect();
    let number = Count::capped(number);
    let text = Notice { number, authorities, ..Notice::default() }.text();
    let message = Notice::message(&text);
    let mut all = by.iter().map(|it| it.sign_words(&message).expect("it has its key"));
    let signature = all.next().expect("somebody signs");
    SignedNotice { text, signature, more: all.collect() }
}

fn prints(all: &[&Authority]) -> BTreeSet<Fingerprint> {
    all.iter().map(|it| it.fingerprint()).collect()
}

/// A daemon's memory, and a look at whom it trusts.
struct Daemon<'a> {
    dir: TempDir,
    authority: &'a Authority,
}

impl Daemon<'_> {
    fn open(&self) -> Trusted {
        Trusted::open(self.dir.path(), &identity(self.authority))
    }

    fn trusts(&self, trusted: &Trusted) -> BTreeSet<Fingerprint> {
        trusted.serve_as(&identity(self.authority)).trusts()
    }
}

#[test]
fn an_authority_hands_over_to_another_and_is_nobody_then() {
    let (old, new, stranger) = (authority(), authority(), authority());
    let daemon = Daemon { dir: tempfile::tempdir().expect("room"), authority: &old };
    let trusted = daemon.open();
    assert_eq!(daemon.trusts(&trusted), prints(&[&old]));
    let refused = trusted.take(say(1, &[&stranger], &[&stranger]));
    assert!(matches!(refused, Err(Untrue::Unsigned)), "{refused:?}");
    trusted.take(say(2, &[&old, &new], &[&old, &new])).expect("the old one says so");
    assert_eq!(daemon.trusts(&trusted), prints(&[&old, &new]));
    // The old key is gone when the end is told.
    trusted.take(say(3, &[&new], &[&new])).expect("the new one says so");
    assert_eq!(daemon.trusts(&trusted), prints(&[&new]));
    let thief = trusted.take(say(9, &[&old], &[&old]));
    assert!(matches!(thief, Err(Untrue::Unsigned)), "{thief:?}");
    // It is kept, whichever certificate of the two the daemon has after its next start.
    for authority in [&old, &new] {
        let trusted = Trusted::open(daemon.dir.path(), &identity(authority));
        assert_eq!(trusted.serve_as(&identity(authority)).trusts(), prints(&[&new]));
        assert!(trusted.take(say(9, &[&old], &[&old])).is_err());
        assert_eq!(trusted.number(), Count::capped(3));
    }
}

#[test]
fn who_has_heard_of_neither_takes_the_word_of_the_one_it_knows() {
    let (old, new) = (authority(), authority());
    let daemon = Daemon { dir: tempfile::tempdir().expect("room"), authority: &old };
    let trusted = daemon.open();
    assert!(trusted.take(say(3, &[&new], &[&new])).is_err());
    trusted.take(say(3, &[&new], &[&new, &old])).expect("one of the signatures is known");
    assert_eq!(daemon.trusts(&trusted), prints(&[&new]));
}

#[test]
fn what_names_no_authority_changes_nothing() {
    let old = authority();
    let daemon = Daemon { dir: tempfile::tempdir().expect("room"), authority: &old };
    let trusted = daemon.open();
    let host = "node-1".parse().expect("a name");
    let wish = Wish { host: &host, role: CertRole::Agent, addresses: &[], names: &[] };
    let leaf = old.issue(&wish, clock::now()).expect("a plain wish").certified.cert_pem;
    let two = old.cert_pem().repeat(2);
    for pem in ["", "what", &leaf, &two] {
        let authorities = vec![old.cert_pem().to_owned(), pem.to_owned()];
        let number = Count::capped(7);
        let text = Notice { number, authorities, ..Notice::default() }.text();
        let signature = old.sign_words(&Notice::message(&text)).expect("it has its key");
        let taken = trusted.take(SignedNotice { text, signature, more: Vec::new() });
        assert!(matches!(taken, Err(Untrue::Bad(_))), "{taken:?}");
    }
    assert_eq!((trusted.number(), daemon.trusts(&trusted)), (Count::default(), prints(&[&old])));
}

#[test]
fn an_identity_of_another_fleet_begins_anew() {
    let (old, new, other) = (authority(), authority(), authority());
    let daemon = Daemon { dir: tempfile::tempdir().expect("room"), authority: &old };
    let trusted = daemon.open();
    trusted.take(say(5, &[&old, &new], &[&old])).expect("the old one says so");
    let moved = trusted.serve_as(&identity(&other));
    assert_eq!((moved.trusts(), trusted.number()), (prints(&[&other]), Count::default()));
    assert!(trusted.take(say(6, &[&old], &[&old])).is_err());
    trusted.take(say(1, &[], &[&other])).expect("its own authority says so");
}
