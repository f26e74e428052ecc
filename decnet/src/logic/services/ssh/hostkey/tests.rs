use super::*;
use crate::logic::persona;

/// One whose RSA key is found in two steps.
const SECRET: Secret = Secret([79; 32]);

fn debian() -> &'static Profile {
    super::super::profile::of(persona::find("debian-12").unwrap())
}

fn ready<T>(mut ask: impl FnMut() -> Result<T, Pending>) -> (T, u32) {
    for steps in 0..10_000 {
        if let Ok(answer) = ask() {
            return (answer, steps);
        }
    }
    panic!("a key that is never ready");
}

#[test]
fn an_rsa_key_is_made_in_many_small_steps_and_then_kept() {
    let mut keys = Keys::default();
    let algorithm = Algorithm::Rsa(Hash::Sha256);
    let secret = Secret([1; 32]);
    let (public, steps) = ready(|| keys.public(algorithm, debian(), &secret));
    assert!(steps > 5, "{steps}");
    // "ssh-rsa", 65537, and a modulus whose highest bit is set: 3072 bits behind a zero.
    assert_eq!(public.len(), 4 + 7 + 4 + 3 + 4 + 385);
    assert_eq!(public[..18], *b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01");
    assert!(public[23] & 0x80 != 0);
    assert_eq!(keys.public(algorithm, debian(), &secret), Ok(public));
}

#[test]
fn keys_follow_from_the_secret_and_do_not_change() {
    let digest = |algorithm| {
        let mut keys = Keys::default();
        let (public, _) = ready(|| keys.public(algorithm, debian(), &SECRET));
        let digest = Hash::Sha256.of(&[&public]);
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    // A change here is a new host key for every decky there is.
    let all = [Algorithm::Ed25519, Algorithm::Ecdsa, Algorithm::Rsa(Hash::Sha256)].map(digest);
    assert_eq!(all, ["8552da6a0409fdff", "4e87b1e217dbde65", "df9f8a676704b42e"]);
}

/// RFC 8017 section 8.2.2: a signature raised to the public exponent is the padded hash.
#[test]
fn rsa_signatures_are_those_of_the_public_key() {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    let mut keys = Keys::default();
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
        let algorithm = Algorithm::Rsa(hash);
        let (public, _) = ready(|| keys.public(algorithm, debian(), &SECRET));
        let signature = keys.sign(algorithm, b"message", debian(), &SECRET).unwrap();
        let signature = &signature[signature.len() - 384..];
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 3072).unwrap();
        let modulus = Odd::new(number(&public[public.len() - 384..])).unwrap();
        let field = BoxedMontyParams::new(modulus);
        let raised =
            BoxedMontyForm::new(number(signature), &field).pow(&BoxedUint::from(65_537_u32));
        let padded = raised.retrieve().to_be_bytes();
        let digest = hash.of(&[b"message"]);
        assert!(padded.ends_with(&digest), "{hash:?}");
        assert_eq!(padded[..3], [0, 1, 0xff]);
    }
}
