use proptest::prelude::*;

use super::*;

fn fixed(byte: u8) -> impl FnMut(&mut [u8]) {
    move |buffer| buffer.fill(byte)
}

fn answer(method: &str, theirs: &[u8]) -> Result<Answer, Fault> {
    let mut nines = fixed(9);
    let random = &mut Random::new(&mut nines);
    match Method::named(method).unwrap().begin(None, theirs, random)? {
        Begun::Answer(answer) => Ok(answer),
        Begun::Raising(mut raising) => {
            let mut pieces = 1;
            loop {
                if let Some(answer) = raising.go_on() {
                    // A piece takes about a millisecond.
                    assert!((1..40).contains(&pieces), "{method}: {pieces}");
                    return Ok(answer);
                }
                pieces += 1;
            }
        }
    }
}

/// In pieces as at once.
#[test]
fn a_power_is_what_the_library_says() {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    for (method, bits) in [
        ("diffie-hellman-group14-sha256", 2048),
        ("diffie-hellman-group16-sha512", 4096),
        ("diffie-hellman-group18-sha512", 8192),
    ] {
        let found = answer(method, &[0x7f; 200]).unwrap();
        let prime = include_str!("modp.txt");
        let prime = prime.lines().find_map(|line| line.strip_prefix(&bits.to_string())).unwrap();
        let prime = BoxedUint::from_be_slice(&hex(prime.trim()), bits).unwrap();
        let field = BoxedMontyParams::new_vartime(Odd::new(prime).unwrap());
        let mut exponent = [9; 32];
        exponent[0] |= 0x80;
        let exponent = BoxedUint::from_be_slice(&exponent, 256).unwrap();
        let raised = |base: &[u8]| {
            let base = BoxedUint::from_be_slice(base, bits).unwrap();
            BoxedMontyForm::new(base, &field).pow(&exponent).retrieve().to_be_bytes()
        };
        assert_eq!(found.public, raised(&[2]).into_vec(), "{method}");
        let shared = Writer::default().mpint(&raised(&[0x7f; 200])).done();
        assert_eq!(found.shared, shared, "{method}");
    }
}

/// What a Debian 12 sshd takes and refuses.
#[test]
fn values_that_openssh_refuses_are_refused() {
    let base = [
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    ];
    let generator = hex(&base.concat());
    let compressed = [&[3], &generator[1..33]].concat();
    let nine = [&[9], [0; 31].as_slice()].concat();
    let table: &[(&str, &str, Vec<u8>, bool)] = &[
        ("short", "curve25519-sha256", vec![9], false),
        ("zero", "curve25519-sha256", vec![0; 32], false),
        ("good", "curve25519-sha256", nine.clone(), true),
        ("infinity", "ecdh-sha2-nistp256", vec![0], false),
        ("no point", "ecdh-sha2-nistp256", [&[4], [0; 64].as_slice()].concat(), false),
        ("compressed", "ecdh-sha2-nistp256", compressed, false),
        ("good point", "ecdh-sha2-nistp256", generator, true),
        ("short lattice", "sntrup761x25519-sha512", vec![b'x'; 1189], false),
        ("zero curve", "sntrup761x25519-sha512", vec![0; 1190], false),
        ("odd lattice", "sntrup761x25519-sha512", [vec![0xff; 1158], nine].concat(), true),
        ("nothing", "diffie-hellman-group14-sha256", vec![], false),
        ("one", "diffie-hellman-group14-sha256", vec![1], false),
        ("three bits", "diffie-hellman-group14-sha256", vec![7], false),
        ("four bits", "diffie-hellman-group14-sha256", vec![15], true),
        ("above the prime", "diffie-hellman-group14-sha256", vec![0xff; 256], false),
        ("too long", "diffie-hellman-group14-sha256", vec![0x7f; 257], false),
        ("large", "diffie-hellman-group16-sha512", vec![0x7f; 200], true),
    ];
    for (what, method, theirs, taken) in table {
        assert_eq!(answer(method, theirs).is_ok(), *taken, "{what}");
    }
}

#[test]
fn both_sides_of_a_lattice_come_to_the_same_secret() {
    let (public, private) = sntrup761::generate_key_from_seed([3; 32]);
    let secret = x25519_dalek::StaticSecret::from([5; 32]);
    let curve = x25519_dalek::PublicKey::from(&secret);
    let theirs = [public.as_ref(), curve.as_bytes()].concat();
    let answer = answer("sntrup761x25519-sha512@openssh.com", &theirs).unwrap();
    let (ciphertext, ours) = answer.public.split_at(sntrup761::CIPHERTEXT_SIZE);
    let lattice = private.decapsulate(&ciphertext.try_into().unwrap());
    let ours: [u8; 32] = ours.try_into().unwrap();
    let shared = secret.diffie_hellman(&ours.into());
    let hash = Hash::Sha512.of(&[lattice.as_ref(), shared.as_bytes()]);
    assert_eq!(answer.shared, Writer::default().string(hash).done());
}

/// What a Debian 12 sshd answers a wish for a group.
#[test]
fn groups_are_picked_as_openssh_picks_them() {
    let table: &[([u32; 3], Option<usize>)] = &[
        ([2048, 2048, 2048], Some(256)),
        ([1024, 4096, 8192], Some(512)),
        ([2048, 3000, 8192], Some(384)),
        ([2048, 5000, 5000], Some(512)),
        ([7000, 7000, 8192], Some(960)),
        ([6144, 6144, 6144], Some(768)),
        ([7680, 7680, 7680], Some(960)),
        ([1024, 2048, u32::MAX], Some(256)),
        // Nothing is of such a size: the largest known one that is not above it.
        ([2100, 2200, 2300], Some(256)),
        ([1024, 1024, 1024], None),
        ([8192, 4096, 2048], None),
        ([2048, 9000, 8192], None),
        ([0, 0, 0], None),
    ];
    for (sizes, expected) in table {
        let request: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        let found = GroupRequest::read(&request, &mut Random::new(&mut fixed(9)));
        let length = found.ok().map(|group| {
            let group = group.group();
            super::super::wire::Reader::new(&group).mpint().unwrap().len()
        });
        assert_eq!(length, *expected, "{sizes:?}");
    }
}

/// RFC 7748 section 6.1.
#[test]
fn a_curves_secret_is_that_of_the_rfc() {
    let bob_private = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let alice_public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    let shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    let mut fill = |buffer: &mut [u8]| buffer.copy_from_slice(&bob_private);
    let begun = Method::X25519.begin(None, &alice_public, &mut Random::new(&mut fill)).unwrap();
    let Begun::Answer(found) = begun else { panic!("{begun:?}") };
    assert_eq!(found.shared, Writer::default().mpint(&shared).done());
}

proptest! {
    #[test]
    fn any_value_never_panics(
        method in 0_usize..5,
        theirs in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let methods = [
            "curve25519-sha256",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group14-sha256",
        ];
        drop(answer(methods[method], &theirs));
    }

    #[test]
    fn any_offer_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let profile = super::super::profile::of(crate::logic::persona::find("debian-12").unwrap());
        if let Ok(proposal) = Proposal::read(&bytes) {
            drop(proposal.agree(profile, profile.kex));
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
