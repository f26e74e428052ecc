//! Roots of trust, and how one follows another.

use std::slice;

use super::*;

fn rings() -> (Keyring, Keyring) {
    (ring(2, &[1, 2, 3]), ring(2, &[11, 12, 13]))
}

#[test]
fn a_first_root_must_have_signed_itself() {
    let unsigned = root((1, 1), rings());
    for (keys, found) in [(&[][..], 0), (&[1], 1), (&[1, 1], 1), (&[1, 11, 12], 1)] {
        let refused = Trust::first(signed(unsigned.clone(), keys));
        assert_eq!(refused, Err(RootError::NewThreshold { found, wanted: 2 }), "{keys:?}");
    }
    let good = signed(unsigned, &[3, 1]);
    let trust = Trust::first(good.clone()).expect("two of three");
    assert_eq!(trust.signed(), &good);
    assert_eq!(SignedRoot::parse(&good.bytes()), Ok(good));
}

#[test]
fn a_root_follows_with_both_thresholds_and_the_next_version() {
    let trust = trust();
    let next = |version, epoch| root((version, epoch), (ring(2, &[3, 4, 5]), ring(1, &[14])));
    for (root, keys, wanted) in [
        (next(2, 1), &[4, 5][..], Err(RootError::OldThreshold { found: 0, wanted: 2 })),
        (next(2, 1), &[3, 4, 5], Err(RootError::OldThreshold { found: 1, wanted: 2 })),
        (next(2, 1), &[1, 2, 4], Err(RootError::NewThreshold { found: 1, wanted: 2 })),
        (next(2, 1), &[1, 2, 11, 12], Err(RootError::NewThreshold { found: 0, wanted: 2 })),
        (next(1, 1), &[1, 2, 4, 5], Err(RootError::Version { wanted: 2, found: 1 })),
        (next(3, 1), &[1, 2, 4, 5], Err(RootError::Version { wanted: 2, found: 3 })),
        (next(2, 1), &[1, 2, 4, 5], Ok(2)),
        (next(2, 9), &[1, 3, 4], Ok(2)),
    ] {
        let found = trust.advance(&signed(root, keys)).map(|trust| trust.root().version);
        assert_eq!(found, wanted, "{keys:?}");
    }
}

#[test]
fn a_root_of_another_fleet_or_an_earlier_epoch_does_not_follow() {
    let (before, after) = (root((1, 5), rings()), root((2, 4), rings()));
    let trust = Trust::first(signed(before, &[1, 2])).expect("it signs itself");
    let refused = trust.advance(&signed(after, &[1, 2]));
    assert_eq!(refused, Err(RootError::Epoch { now: 5, found: 4 }));
    let mut other = root((2, 5), rings());
    other.signed.fleet = "other".parse().expect("it is a label");
    let refused = trust.advance(&signed(other, &[1, 2]));
    assert!(matches!(refused, Err(RootError::Fleet { .. })), "{refused:?}");
}

#[test]
fn roots_are_walked_one_by_one() {
    let second = signed(root((2, 1), (ring(1, &[4]), rings().1)), &[1, 2, 4]);
    let third = signed(root((3, 1), (ring(1, &[5]), rings().1)), &[4, 5]);
    let walked = |roots: &[SignedRoot]| trust().walk(roots).map(|trust| trust.root().version);
    assert_eq!(walked(&[]), Ok(1));
    assert_eq!(walked(&[second.clone(), third.clone()]), Ok(3));
    // What it is past is passed over, whatever it is.
    assert_eq!(walked(&[root((1, 9), rings()), second.clone(), second.clone()]), Ok(2));
    let gap = Err(RootError::Version { wanted: 2, found: 3 });
    assert_eq!(walked(&[third.clone(), second]), gap);
    assert_eq!(walked(&[third]), gap);
    let forged = signed(root((2, 1), (ring(1, &[4]), rings().1)), &[1, 4]);
    assert_eq!(walked(&[forged]), Err(RootError::OldThreshold { found: 1, wanted: 2 }));
}

#[test]
fn rings_that_do_not_hold_together_are_refused() {
    let many: Vec<u8> = (1..=17).collect();
    for ring in [ring(0, &[1]), ring(2, &[1]), ring(1, &[]), ring(1, &[1, 1]), ring(1, &many)] {
        let fleet: Label = "lab".parse().expect("it is a label");
        for rings in [(ring.clone(), rings().1), (rings().0, ring)] {
            let refused = Root::new(fleet.clone(), (1, 1), NOW, rings);
            assert_eq!(refused, Err(RootError::Unsound));
        }
    }
    let mut parsed = signed(root((1, 1), rings()), &[1, 2]);
    parsed.signed.version = 0;
    assert_eq!(SignedRoot::parse(&parsed.bytes()), Err(RootError::Unsound));
    parsed.signed.version = 1;
    parsed.signatures = vec![parsed.signatures[0].clone(); 33];
    assert_eq!(SignedRoot::parse(&parsed.bytes()), Err(RootError::ManySignatures));
    assert_eq!(SignedRoot::parse(&[b' '; 40_000]), Err(RootError::Large));
}

#[test]
fn kept_roots_count_as_far_as_they_follow_from_the_operators() {
    let one = signed(root((1, 1), rings()), &[1, 2]);
    let two = signed(root((2, 1), (ring(1, &[4]), ring(1, &[14]))), &[1, 2, 4]);
    let three = signed(root((3, 1), (ring(1, &[5]), ring(1, &[15]))), &[4, 5]);
    // Made by somebody who has no key of the root before.
    let forged = signed(root((2, 1), (ring(1, &[9]), ring(1, &[19]))), &[9]);
    let version = |kept: &[SignedRoot]| {
        let lineage = Lineage::walk(one.clone(), kept).expect("it has signed itself");
        (lineage.trust().root().version, lineage.rejected().map(|(version, _)| *version))
    };
    assert_eq!(version(&[]), (1, None));
    assert_eq!(version(&[three.clone(), two.clone()]), (3, None));
    assert_eq!(version(&[forged, three.clone()]), (1, Some(2)));
    assert_eq!(version(slice::from_ref(&three)), (1, Some(3)));
    assert_eq!(version(slice::from_ref(&one)), (1, None));
    // An operator's root that was brought up to date makes those before it needless.
    let lineage = Lineage::walk(two.clone(), &[two.clone(), three.clone()]).expect("it is signed");
    assert_eq!((lineage.trust().root().version, lineage.rejected()), (3, None));
    assert!(Lineage::walk(signed(root((1, 1), rings()), &[1]), &[]).is_err());

    let known = Lineage::walk(one.clone(), slice::from_ref(&two)).expect("it is signed");
    let other = signed(root((1, 1), (ring(1, &[7]), ring(1, &[17]))), &[7]);
    let same_keys = signed(root((1, 1), (ring(1, &[7]), ring(1, &[14, 17]))), &[7]);
    for (operators, is_of, signs_for) in [
        (&one, true, false),
        (&two, true, true),
        (&three, true, false),
        (&other, false, false),
        (&same_keys, false, true),
    ] {
        let found = (known.is_of(operators), known.signs_for(&operators.signed));
        assert_eq!(found, (is_of, signs_for), "{operators:?}");
    }
    assert!(Lineage::walk(two, &[]).expect("it is signed").is_of(&one));
}
