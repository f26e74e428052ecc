//! What a machine takes and what it refuses: the attack table's half that needs no file.

use super::*;
use crate::logic::kernel;
use crate::logic::time::Timestamp;

fn asked(gate: &Gate, manifest: Manifest, keys: &[u8]) -> Result<u64, Refusal> {
    let release = Release::seal(manifest).expect("it holds together");
    let accepted = gate.check(&envelope(&release, keys), &release)?;
    assert_eq!(accepted.identity, Identity::of(&release));
    Ok(accepted.identity.number)
}

#[test]
fn it_takes_a_threshold_of_the_release_keys() {
    for (keys, found) in [
        (&[][..], 0),
        (&[11], 1),
        (&[11, 11], 1),
        (&[11, 1, 2, 3], 1),
        (&[11, 99], 1),
        (&[1, 2, 3], 0),
    ] {
        let wanted = Err(Refusal::Threshold { found, wanted: 2 });
        assert_eq!(asked(&gate(), manifest(7), keys), wanted, "{keys:?}");
    }
    assert_eq!(asked(&gate(), manifest(7), &[11, 12]), Ok(7));
    assert_eq!(asked(&gate(), manifest(7), &[13, 11, 12]), Ok(7));
}

#[test]
fn a_signature_is_for_one_manifest_and_one_purpose() {
    let (release, other) = (release(7), release(8));
    let threshold = |found| Err(Refusal::Threshold { found, wanted: 2 });
    let moved = envelope(&other, &[11, 12]);
    assert_eq!(gate().check(&moved, &release), threshold(0));
    // The same bytes, signed as a root.
    let mut envelope = Envelope::default();
    for number in [11, 12] {
        envelope.signatures.push(key(number).sign(Purpose::Root, release.bytes()));
    }
    assert_eq!(gate().check(&envelope, &release), threshold(0));
    // A signature over the first bytes only.
    envelope.signatures.clear();
    let most = &release.bytes()[..release.bytes().len() - 1];
    for number in [11, 12] {
        envelope.signatures.push(key(number).sign(Purpose::Release, most));
    }
    assert_eq!(gate().check(&envelope, &release), threshold(0));
}

#[test]
fn it_must_fit_the_machine() {
    let label = |text: &str| -> Label { text.parse().expect("it is a label") };
    for (manifest, wanted) in [
        (
            Manifest { arch: Arch::Aarch64, ..manifest(7) },
            Refusal::Arch { wanted: Arch::X86_64, found: Arch::Aarch64 },
        ),
        (
            Manifest { components: vec![Component::Updater], ..manifest(7) },
            Refusal::Component(Component::Agent),
        ),
        (
            Manifest { fleet: label("other"), ..manifest(7) },
            Refusal::Fleet { wanted: label("lab"), found: label("other") },
        ),
        (
            Manifest { min_kernel: kernel::Version(6, 2), ..manifest(7) },
            Refusal::Kernel { wanted: kernel::Version(6, 2), found: kernel::Version(6, 1) },
        ),
        (Manifest { epoch: 2, ..manifest(7) }, Refusal::Epoch { wanted: 1, found: 2 }),
    ] {
        assert_eq!(asked(&gate(), manifest, &[11, 12]), Err(wanted));
    }
}

#[test]
fn what_is_older_than_the_floor_is_refused() {
    let had = Identity::of(&release(7));
    let gate = Gate { floor: Floor::default().raised(&had), ..gate() };
    let old = |number| Err(Refusal::Old { number, floor: 7 });
    assert_eq!(asked(&gate, manifest(6), &[11, 12]), old(6));
    assert_eq!(asked(&gate, manifest(8), &[11, 12]), Ok(8));
    assert_eq!(asked(&gate, manifest(7), &[11, 12]), Ok(7), "a replay is no older release");
    let other = Manifest { version: "0.2.0".parse().expect("it is a label"), ..manifest(7) };
    assert_eq!(asked(&gate, other, &[11, 12]), Err(Refusal::NumberTaken(7)));
    // A downgrade is signed for the machines that have had this and nothing later.
    let down = |from| Manifest { downgrade_from: Some(from), ..manifest(5) };
    assert_eq!(asked(&gate, down(7), &[11, 12]), Ok(5));
    assert_eq!(asked(&gate, down(6), &[11, 12]), old(5));
}

#[test]
fn what_is_of_a_time_to_come_poisons_no_machine() {
    let year = std::time::Duration::from_hours(365 * 24);
    let (clock, created) = (NOW, NOW.plus(year));
    let future = Manifest { created, expires: created.plus(year), ..manifest(7) };
    let refused = Err(Refusal::Future { created, clock });
    assert_eq!(asked(&gate(), future.clone(), &[11, 12]), refused);
    let number = 1_900_000_000;
    let time = Timestamp(number * 1_000_000_000);
    let refused = Err(Refusal::NumberAhead { number, time, clock });
    assert_eq!(asked(&gate(), manifest(number), &[11, 12]), refused);
    // A clock at 1970 is no clock: what has been here says what time it is at least.
    let had = Identity::of(&release(6));
    let lost = Gate { now: Timestamp(9), floor: Floor::default().raised(&had), ..gate() };
    assert_eq!(asked(&lost, future, &[11, 12]), Ok(7));
}

#[test]
fn the_floor_never_sinks() {
    let at = |number| Identity::of(&release(number));
    let floor = Floor::default().raised(&at(7));
    assert_eq!((floor.epoch, floor.number, floor.digest), (1, 7, Some(release(7).digest())));
    let down = Identity { created: Timestamp(NOW.0 + 9), ..at(5) };
    let after = floor.raised(&down);
    assert_eq!(after, Floor { created: Timestamp(NOW.0 + 9), ..floor });
    let later = Identity { epoch: 2, ..at(1) };
    assert_eq!((floor.raised(&later).epoch, floor.raised(&later).number), (2, 1));
    assert_eq!(floor.raised(&later).raised(&at(9)), floor.raised(&later));
}

#[test]
fn a_number_at_the_end_is_left_behind_by_a_new_epoch() {
    // Whoever stole enough release keys has signed the highest number there is.
    let highest = Release::seal(manifest(u64::MAX)).expect("it holds together");
    let stuck = Gate { floor: Floor::default().raised(&Identity::of(&highest)), ..gate() };
    let refused = asked(&stuck, manifest(8), &[11, 12]);
    assert_eq!(refused, Err(Refusal::Old { number: 8, floor: u64::MAX }));
    let next = root((2, 2), (ring(2, &[1, 2, 3]), ring(2, &[21, 22, 23])));
    let next = signed(next, &[1, 2]);
    let release = Release::seal(Manifest { epoch: 2, ..manifest(1) }).expect("it holds together");
    let rescue = Envelope { roots: vec![next.clone()], ..envelope(&release, &[21, 22]) };
    let accepted = stuck.check(&rescue, &release).expect("the new keys count");
    assert_eq!(accepted.trust.signed(), &next);
    // And the stolen keys do no more.
    let forged = Envelope { roots: vec![next], ..envelope(&release, &[11, 12]) };
    let refused = stuck.check(&forged, &release);
    assert_eq!(refused, Err(Refusal::Threshold { found: 0, wanted: 2 }));
}

#[test]
fn a_root_in_the_envelope_must_follow() {
    let forged = signed(root((2, 1), (ring(1, &[66]), ring(1, &[67]))), &[66]);
    let release = release(7);
    let envelope = Envelope { roots: vec![forged], ..envelope(&release, &[67]) };
    let refused = gate().check(&envelope, &release);
    assert!(matches!(refused, Err(Refusal::Root(_))), "{refused:?}");
}

#[test]
fn what_has_expired_is_refused_whatever_the_clock_says() {
    let late = Gate { now: Timestamp(NOW.0 + 2), ..gate() };
    let expired = Err(Refusal::Expired(manifest(7).expires));
    assert_eq!(asked(&late, manifest(7), &[11, 12]), expired);
    // The clock was set back, yet a later release has been here.
    let seen = Identity { created: Timestamp(NOW.0 + 2), ..Identity::of(&release(6)) };
    let back = Gate { now: Timestamp(0), floor: Floor::default().raised(&seen), ..gate() };
    assert_eq!(asked(&back, manifest(7), &[11, 12]), expired);
    // What stolen keys said of the time does not outlive their epoch.
    let lied = Floor { epoch: 0, created: Timestamp(u64::MAX), ..Floor::default() };
    assert_eq!(asked(&Gate { floor: lied, ..gate() }, manifest(7), &[11, 12]), Ok(7));
    let ahead = Gate { now: Timestamp(NOW.0 * 3), ..gate() };
    let lasting = Manifest { expires: Timestamp(u64::MAX), ..manifest(7) };
    assert_eq!(
        asked(&ahead, lasting, &[11, 12]),
        Err(Refusal::RootExpired(trust().root().expires))
    );
}

#[test]
fn an_envelope_has_an_end() {
    let release = release(7);
    let good = envelope(&release, &[11, 12]);
    assert_eq!(Envelope::parse(&good.bytes()), Ok(good.clone()));
    let many = Envelope { signatures: vec![good.signatures[0].clone(); 33], ..good.clone() };
    assert_eq!(Envelope::parse(&many.bytes()), Err(EnvelopeError::Large));
    let roots = Envelope { roots: vec![trust().signed().clone(); 9], ..good };
    assert_eq!(Envelope::parse(&roots.bytes()), Err(EnvelopeError::Large));
    assert_eq!(Envelope::parse(&[b' '; 300_000]), Err(EnvelopeError::Large));
    let other = br#"{"schema":"decnet.root/1","roots":[],"signatures":[]}"#;
    assert_eq!(Envelope::parse(other), Err(EnvelopeError::Schema));
    assert!(matches!(Envelope::parse(b"{}"), Err(EnvelopeError::Text(_))));
}
