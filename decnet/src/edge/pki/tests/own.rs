//! Whoever looks at itself is not kept out by the date of its own certificate.

use super::*;

/// A server that forgives one certificate.
#[derive(Debug)]
struct Forgiving(Fingerprint);

impl Authorize for Forgiving {
    fn authorizes(&self, caller: &Caller) -> bool {
        caller.role == CertRole::Updater
    }

    fn forgives(&self, caller: &Caller) -> bool {
        caller.fingerprint == self.0
    }
}

#[tokio::test]
async fn its_own_certificate_is_known_whenever_it_is_good_and_others_are_not() {
    let (_dir, authority) = authority();
    let (_other_dir, stranger) = self::authority();
    let now = clock::now();
    let of = |authority: &Authority, when| {
        let dir = identity_dir(authority, CertRole::Updater, when);
        read(dir.path()).expect("it holds together")
    };
    let good = of(&authority, now);
    let mut checked = 0;
    for when in [Timestamp(now.0 - 2 * YEAR), Timestamp(now.0 + YEAR), now] {
        let own = of(&authority, when);
        let other = of(&authority, when);
        let foreign = of(&stranger, when);
        let serving = |identity: &Identity| {
            let forgiving = Forgiving(own.caller.fingerprint);
            server_config(identity, Arc::new(forgiving)).expect("TLS takes it")
        };
        let asking = || same_or_good_config(&own).expect("TLS takes it");
        for (server, comes) in
            [(&own, true), (&other, when == now), (&foreign, false), (&good, true)]
        {
            assert_eq!(meet(serving(server), asking()).await, comes, "{when} {checked}");
            checked += 1;
        }
        // What it forgives one it forgives no other.
        let stolen = client_config(&other, CertRole::Updater, None).expect("TLS takes it");
        assert_eq!(meet(serving(&good), stolen).await, when == now);
    }
    assert_eq!(checked, 12);
}
