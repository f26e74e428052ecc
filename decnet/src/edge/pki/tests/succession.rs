//! One authority takes the place of another, wherever that is broken off.

use super::*;

fn begun() -> (TempDir, Authorities) {
    let dir = tempfile::tempdir().expect("there is room");
    let now = clock::now();
    let first = Authorities::open_or_make(dir.path(), now).expect("an empty directory");
    let both = first.with_next(dir.path(), now).expect("there is room");
    (dir, both)
}

#[test]
fn the_next_authority_is_made_once_and_may_be_forgotten() {
    let (dir, both) = begun();
    let again = Authorities::open_or_make(dir.path(), clock::now()).expect("they are there");
    let print = |authorities: &Authorities| authorities.next().map(|next| next.fingerprint());
    assert_eq!(print(&again), print(&both));
    assert!(print(&both).is_some_and(|print| print != both.current().fingerprint()));
    let same = again.with_next(dir.path(), clock::now()).expect("it is there");
    assert_eq!(print(&same), print(&both));
    let one = same.without_next(dir.path()).expect("they can be removed");
    assert_eq!((print(&one), one.current().fingerprint()), (None, both.current().fingerprint()));
    let bundle = identity::certificates(Path::new("x"), both.bundle_pem().as_bytes());
    assert_eq!(bundle.expect("PEM").len(), 2);
}

/// After each of its acts: the next start ends it, and the old key is nowhere.
#[test]
fn taking_the_place_may_be_broken_off_anywhere() {
    for acts in 0..=6 {
        let (dir, both) = begun();
        let path = |name: &str| dir.path().join(name);
        let read = |name: &str| std::fs::read(path(name)).expect("it is there");
        let (old_key, old) = (read("ca.key"), both.current().fingerprint());
        let (next_key, next_crt, old_crt) = (read("next.key"), read("next.crt"), read("ca.crt"));
        let zeros = vec![0; old_key.len()];
        let write = |name: &str, bytes: &[u8]| std::fs::write(path(name), bytes).expect("room");
        let remove = |name: &str| std::fs::remove_file(path(name)).expect("it is there");
        let all: [&dyn Fn(); 6] = [
            &|| write("retired.crt", &old_crt),
            &|| write("ca.key", &zeros),
            &|| write("ca.key", &next_key),
            &|| write("ca.crt", &next_crt),
            &|| remove("next.key"),
            &|| remove("next.crt"),
        ];
        all.iter().take(acts).for_each(|act| act());
        let opened = Authorities::open_or_make(dir.path(), clock::now());
        let opened = opened.unwrap_or_else(|error| panic!("after {acts} acts: {error}"));
        let new = both.newest().fingerprint();
        assert!([old, new].contains(&opened.current().fingerprint()), "after {acts} acts");
        for _ in 0..2 {
            let ended = Authorities::promoted(dir.path(), clock::now()).expect("there is room");
            assert_eq!(ended.current().fingerprint(), new, "after {acts} acts");
            assert!(ended.next().is_none(), "after {acts} acts");
            let known: Vec<Fingerprint> =
                ended.all().iter().map(|der| Fingerprint::of(der)).collect();
            assert_eq!(known, [new, old], "after {acts} acts");
            assert_eq!(ended.trusted().count(), 1);
        }
        for entry in std::fs::read_dir(dir.path()).expect("it is there").flatten() {
            assert_ne!(std::fs::read(entry.path()).expect("a file"), old_key, "after {acts} acts");
        }
    }
}

#[test]
fn a_lost_key_of_the_authority_is_no_reason_to_promote_another() {
    let (dir, both) = begun();
    std::fs::remove_file(dir.path().join("ca.key")).expect("it is there");
    let error = Authorities::open_or_make(dir.path(), clock::now()).expect_err("no key");
    assert!(error.to_string().contains("has lost its key"), "{error}");
    let (dir, _) = begun();
    std::fs::remove_file(dir.path().join("next.key")).expect("it is there");
    let one = Authorities::open_or_make(dir.path(), clock::now()).expect("the first is whole");
    assert!(one.next().is_none() && both.next().is_some());
}

/// What a renewal has left holds together by itself, also for a release that knows no notices.
#[test]
fn whom_an_identity_trusts_is_kept_beside_it() {
    let (_ca, both) = begun();
    let next = both.next().expect("there is one");
    let dir = identity_dir(both.current(), CertRole::Agent, clock::now());
    let old = read(dir.path()).expect("it is whole");
    let keep = |identity: &Identity| renewal(dir.path()).keep_trust(identity).expect("room");
    let read_again = || read(dir.path()).expect("it is whole");
    let old = old.trusting(both.all());
    keep(&old);
    assert_eq!(read_again().trusts(), old.trusts());
    let request = renewal(dir.path()).request().expect("there is room");
    let signed = next.sign(&request.csr_pem, &wish(&host(), CertRole::Agent), clock::now());
    let signed = signed.expect("a plain wish");
    let new = renewal(dir.path()).take(&old, &signed.cert_pem).expect("its authority is trusted");
    assert_eq!((new.authority(), new.trusts().len()), (next.fingerprint(), 2));
    let alone = new.trusting(vec![next.der.clone()]);
    keep(&alone);
    assert_eq!(read_again().trusts(), [next.fingerprint()].into());
    // By this it would not hold together, and so it stays.
    keep(&read_again().trusting(vec![both.current().der.clone()]));
    assert_eq!(read_again().trusts(), [next.fingerprint()].into());
}
