//! Releases that hold together, and that may not be installed here all the same.

use decnet::logic::kernel;
use decnet::logic::release::bundle::END;
use decnet::logic::release::{
    Arch, Component, Envelope, Keyring, Manifest, Release, SecretKey, SignedRoot,
};
use decnet::logic::time::Timestamp;
use decnet_tests::forged::{FILES, Forge, head, manifest, part, release};

use super::{Row, Scene};

/// A bundle with these signatures and roots.
fn bundle(release: &Release, envelope: &Envelope) -> Vec<u8> {
    let files = FILES.iter().flat_map(|(name, bytes, mode)| part(name, bytes, *mode));
    head(release.bytes(), envelope).into_iter().chain(files).chain(END).collect()
}

/// Who has signed, and for whom.
fn rows_of_signers(forge: &Forge) -> Vec<Row> {
    let good = release(manifest(6));
    let by = |keys: &[usize]| bundle(&good, &forge.signed(good.bytes(), keys));
    let elsewhere = release(manifest(7));
    let borrowed = bundle(&good, &forge.signed(elsewhere.bytes(), &[0, 1]));
    let many = [0; 33];
    vec![
        ("unsigned", by(&[]), 422, "0 of 2 keys"),
        ("one-key", by(&[2]), 422, "1 of 2 keys"),
        ("same-key-twice", by(&[0, 0, 0]), 422, "1 of 2 keys"),
        ("stranger", by(&[1, 3]), 422, "1 of 2 keys"),
        ("borrowed", borrowed, 422, "0 of 2 keys"),
        ("many-signatures", by(&many), 422, "it has more than 32 signatures"),
    ]
}

/// What the manifest says, which enough keys have signed.
fn rows_of_manifests(forge: &Forge) -> Vec<Row> {
    let other_arch = match manifest(6).arch {
        Arch::Aarch64 => Arch::X86_64,
        Arch::X86_64 => Arch::Aarch64,
    };
    let made = manifest(6).created;
    let past = |days: u64| Timestamp(made.0 - days * 86_400_000_000_000);
    let rows = [
        (
            "expired",
            Manifest { created: past(9), expires: past(1), ..manifest(6) },
            "it has expired on",
        ),
        ("arch", Manifest { arch: other_arch, ..manifest(6) }, "and this machine is"),
        (
            "component",
            Manifest { components: vec![Component::Updater], ..manifest(6) },
            "it is not for the agent",
        ),
        (
            "fleet",
            Manifest { fleet: "other".parse().expect("a label"), ..manifest(6) },
            "it is for the fleet `other`",
        ),
        (
            "kernel",
            Manifest { min_kernel: kernel::Version(99, 0), ..manifest(6) },
            "it needs Linux 99.0",
        ),
        ("epoch", Manifest { epoch: 2, ..manifest(6) }, "it is of epoch 2"),
        ("old", manifest(4), "its number 4 is below 5"),
        ("number-taken", manifest(5), "another release has been here with its number 5"),
        (
            "downgrade",
            Manifest { downgrade_from: Some(4), ..manifest(3) },
            "its number 3 is below 5",
        ),
    ];
    let row =
        |(name, manifest, why)| (name, forge.bundle(release(manifest).bytes(), &FILES), 422, why);
    rows.into_iter().map(row).collect()
}

/// The root after one, for an epoch, with rings of one key each, signed by some.
fn next(
    before: &SignedRoot,
    numbers: (u64, u64),
    (root, releases): (&SecretKey, &SecretKey),
    signers: &[&SecretKey],
) -> SignedRoot {
    let mut next = before.clone();
    (next.signed.version, next.signed.epoch) = numbers;
    next.signed.root = Keyring { threshold: 1, keys: vec![root.public()] };
    next.signed.release = Keyring { threshold: 1, keys: vec![releases.public()] };
    next.signatures.clear();
    signers.iter().for_each(|key| next.sign(key));
    next
}

/// Roots that do not follow from the node's own: of each the release is signed as they say.
fn rows_of_roots(forge: &Forge) -> Vec<Row> {
    let (old, thief) = (&forge.root_key, forge.key(3));
    let release = release(Manifest { epoch: 2, ..manifest(6) });
    let with = |roots: Vec<SignedRoot>| {
        let envelope = Envelope { roots, ..forge.signed(release.bytes(), &[3]) };
        bundle(&release, &envelope)
    };
    let first = &forge.root;
    let good = next(first, (2, 2), (old, thief), &[old]);
    let skips = next(first, (3, 2), (old, thief), &[old]);
    let unwanted = next(first, (2, 2), (thief, thief), &[thief]);
    let unsigned = next(first, (2, 2), (thief, thief), &[old]);
    let then = next(first, (3, 2), (thief, thief), &[thief]);
    let mut fleet = next(first, (2, 2), (old, thief), &[]);
    fleet.signed.fleet = "other".parse().expect("a label");
    fleet.sign(old);
    vec![
        ("root-skips", with(vec![skips]), 422, "it is version 3, and 2 is the next"),
        ("root-unwanted", with(vec![unwanted]), 422, "0 of 1 keys of the root before"),
        ("root-unsigned", with(vec![unsigned]), 422, "0 of its own 1 keys"),
        // The first of two follows, and is not kept either.
        ("root-second", with(vec![good, then]), 422, "0 of 1 keys of the root before"),
        ("root-fleet", with(vec![fleet]), 422, "it is of the fleet `other`"),
        ("root-many", with(vec![first.clone(); 9]), 422, "it has more than 32 signatures"),
    ]
}

pub(super) fn refused(scene: &mut Scene) {
    let forge = &scene.forge;
    let rows = [rows_of_signers(forge), rows_of_manifests(forge), rows_of_roots(forge)];
    scene.refuses(rows.into_iter().flatten().collect());
}
