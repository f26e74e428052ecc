//! Keys, roots, releases and bundles for tests.

use super::bundle::{END, header, padding};
use super::*;
use crate::logic::kernel;
use crate::logic::time::Timestamp;

/// When everything in the samples happens.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000_000_000);

pub(crate) const FILES: [(&str, &[u8], Mode); 4] = [
    ("bin/decnet", b"#!/bin/sh\necho decnet\n", Mode::Program),
    ("share/empty", b"", Mode::Plain),
    ("share/units/decnet-agent.service", &[b'u'; 512], Mode::Plain),
    ("share/words", &[b'w'; 1_500], Mode::Plain),
];

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

pub(crate) fn ring(threshold: usize, keys: &[u8]) -> Keyring {
    Keyring { threshold, keys: keys.iter().map(|number| key(*number).public()).collect() }
}

/// A root that nobody has signed.
pub(crate) fn root(numbers: (u64, u64), rings: (Keyring, Keyring)) -> SignedRoot {
    let expires = Timestamp(NOW.0 * 2);
    let fleet = "lab".parse().expect("it is a label");
    let signed = Root::new(fleet, numbers, expires, rings).expect("it holds together");
    SignedRoot { signed, signatures: Vec::new() }
}

pub(crate) fn signed(mut root: SignedRoot, keys: &[u8]) -> SignedRoot {
    keys.iter().for_each(|number| root.sign(&key(*number)));
    root
}

/// Two of the root keys 1, 2 and 3, and two of the release keys 11, 12 and 13.
pub(crate) fn trust() -> Trust {
    let root = root((1, 1), (ring(2, &[1, 2, 3]), ring(2, &[11, 12, 13])));
    Trust::first(signed(root, &[1, 2])).expect("it signs itself")
}

pub(crate) fn manifest(number: u64) -> Manifest {
    let file = |(path, bytes, mode): &(&str, &[u8], Mode)| File {
        path: FilePath::parse(path).expect("it is a path"),
        size: bytes.len() as u64,
        mode: *mode,
        sha256: Digest::of(bytes),
    };
    Manifest {
        schema: Manifest::schema(),
        fleet: "lab".parse().expect("it is a label"),
        components: vec![Component::Agent, Component::Updater],
        version: "0.1.0".parse().expect("it is a label"),
        epoch: 1,
        number,
        downgrade_from: None,
        arch: Arch::X86_64,
        min_kernel: kernel::Version(5, 19),
        created: Timestamp(NOW.0 - 1),
        expires: Timestamp(NOW.0 + 1),
        files: FILES.iter().map(file).collect(),
    }
}

pub(crate) fn release(number: u64) -> Release {
    Release::seal(manifest(number)).expect("it holds together")
}

pub(crate) fn envelope(release: &Release, keys: &[u8]) -> Envelope {
    let mut envelope = Envelope::default();
    keys.iter().for_each(|number| envelope.sign(release, &key(*number)));
    envelope
}

pub(crate) fn gate() -> Gate {
    let machine =
        Machine { arch: Arch::X86_64, kernel: kernel::Version(6, 1), component: Component::Agent };
    Gate { trust: trust(), floor: Floor::default(), machine, now: NOW }
}

/// A file of a bundle with its header and padding.
pub(crate) fn part(name: &str, bytes: &[u8], mode: Mode) -> Vec<u8> {
    let size = bytes.len() as u64;
    let head = header(name, size, mode).expect("it is short");
    [&head, bytes, &END[..padding(size)]].concat()
}

pub(crate) fn head(release: &Release, envelope: &Envelope) -> Vec<u8> {
    let signatures = part(SIGNATURES, &envelope.bytes(), Mode::Plain);
    [signatures, part(MANIFEST, release.bytes(), Mode::Plain)].concat()
}

/// A bundle of these files, whatever the release says.
pub(crate) fn bundle_of(release: &Release, files: &[(&str, &[u8], Mode)]) -> Vec<u8> {
    let mut bundle = head(release, &envelope(release, &[11, 12]));
    bundle.extend(files.iter().flat_map(|(name, bytes, mode)| part(name, bytes, *mode)));
    bundle.extend(END);
    bundle
}

/// A good bundle.
pub(crate) fn bundle() -> Vec<u8> {
    bundle_of(&release(7), &FILES)
}
