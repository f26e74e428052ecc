//! Shared secrets from curves and lattices.

use p256::NistP256;
use p256::elliptic_curve::ecdh::EphemeralSecret;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{
    AffinePoint, CurveArithmetic, FieldBytesSize, Generate as _, PublicKey,
};
use p384::NistP384;
use p521::NistP521;
use sntrup761::EncapsulationKey;
use x25519_dalek::StaticSecret;

use super::super::fault::Fault;
use super::super::random::Random;
use super::super::wire::Writer;
use super::{Answer, Hash};

/// A curve of NIST's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

/// X25519: both values are 32 bytes, and the secret must not be zero (RFC 8731 section 3).
pub(super) fn x25519(theirs: &[u8], random: &mut Random<'_>) -> Result<Answer, Fault> {
    let (public, secret) = curve25519(theirs, random)?;
    Ok(Answer { public: public.to_vec(), shared: Writer::default().mpint(&secret).done() })
}

/// Streamlined NTRU Prime, then X25519: the visitor's two keys come in one string, our ciphertext
/// and key go out in one, and the secret is the SHA-512 of both secrets, written as a string.
pub(super) fn sntrup(theirs: &[u8], random: &mut Random<'_>) -> Result<Answer, Fault> {
    let (lattice, curve) =
        theirs.split_at_checked(sntrup761::PUBLIC_KEY_SIZE).ok_or(Fault::Drop)?;
    let (public, secret) = curve25519(curve, random)?;
    let lattice = EncapsulationKey::try_from(lattice).or(Err(Fault::Drop))?;
    let (ciphertext, lattice_secret) = lattice.encapsulate_deterministic(random.bytes());
    let shared = Hash::Sha512.of(&[lattice_secret.as_ref(), &secret]);
    Ok(Answer {
        public: [ciphertext.as_ref(), &public].concat(),
        shared: Writer::default().string(shared).done(),
    })
}

/// ECDH on a curve of NIST's: points travel uncompressed (RFC 5656 section 4), and OpenSSH takes
/// no others.
pub(super) fn nist(curve: Curve, theirs: &[u8], random: &mut Random<'_>) -> Result<Answer, Fault> {
    if theirs.first() != Some(&4) {
        return Err(Fault::Drop);
    }
    match curve {
        Curve::P256 => ecdh::<NistP256>(theirs, random),
        Curve::P384 => ecdh::<NistP384>(theirs, random),
        Curve::P521 => ecdh::<NistP521>(theirs, random),
    }
}

fn curve25519(theirs: &[u8], random: &mut Random<'_>) -> Result<([u8; 32], [u8; 32]), Fault> {
    let theirs: [u8; 32] = theirs.try_into().or(Err(Fault::Drop))?;
    let ours = StaticSecret::from(random.bytes::<32>());
    let shared = ours.diffie_hellman(&theirs.into());
    if !shared.was_contributory() {
        return Err(Fault::Drop);
    }
    Ok((x25519_dalek::PublicKey::from(&ours).to_bytes(), shared.to_bytes()))
}

fn ecdh<C>(theirs: &[u8], random: &mut Random<'_>) -> Result<Answer, Fault>
where
    C: CurveArithmetic,
    FieldBytesSize<C>: ModulusSize,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
{
    let theirs = PublicKey::<C>::from_sec1_bytes(theirs).or(Err(Fault::Drop))?;
    let ours = EphemeralSecret::<C>::generate_from_rng(random);
    let shared = ours.diffie_hellman(&theirs);
    let public = ours.public_key().to_sec1_point(false).as_bytes().to_vec();
    Ok(Answer { public, shared: Writer::default().mpint(shared.raw_secret_bytes()).done() })
}
