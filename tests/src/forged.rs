//! Bundles and parcels made by hand, which say whatever a forger wants: everything that the
//! library's own packer would not write. Who signs them is said too, for the keys may be stolen.

use std::path::Path;

use decnet::edge::release::{read_root, read_secret};
use decnet::logic::kernel;
use decnet::logic::release::bundle::{BLOCK, END, header, padding};
use decnet::logic::release::parcel::{self, ChunkSize};
use decnet::logic::release::{
    Arch, Component, Digest, Envelope, File, FilePath, MANIFEST, Manifest, Mode, Purpose, Release,
    SIGNATURES, SecretKey, SignedRoot,
};
use decnet::logic::time::Timestamp;

/// A day in nanoseconds.
const DAY: u64 = 86_400_000_000_000;

/// A name, its bytes and what may be done with it.
pub type Entry<'a> = (&'a str, &'a [u8], Mode);

/// The files of a forged release. Its program is never started: that it fails is no reason.
pub const FILES: [Entry<'static>; 3] = [
    ("bin/decnet", b"#!/bin/sh\nexit 3\n", Mode::Program),
    ("share/empty", b"", Mode::Plain),
    ("share/words", &[b'w'; 1_500], Mode::Plain),
];

/// Where in a header something is that a forger changes.
pub mod field {
    pub const NAME: usize = 0;
    pub const MODE: usize = 100;
    pub const SIZE: usize = 124;
    pub const KIND: usize = 156;
    pub const LINK: usize = 157;
}

/// Whoever has the keys of a workshop, and one that nobody trusts.
pub struct Forge {
    release: Vec<SecretKey>,
    /// The key of the fleet's root.
    pub root_key: SecretKey,
    /// The fleet's root.
    pub root: SignedRoot,
}

impl Forge {
    /// Takes the keys of a workshop: 0 to 2 sign releases there, 3 signs none.
    pub fn at(shop: &Path) -> Self {
        let key = |name: &str| read_secret(&shop.join(name)).expect("the workshop has made it");
        let mut release = Vec::from(["key-1", "key-2", "key-3"].map(key));
        release.push(SecretKey::from_seed(&[66; 32]));
        let root = read_root(&shop.join("root.json")).expect("the workshop has made it");
        Self { release, root_key: key("root-key"), root }
    }

    /// One of the keys.
    pub fn key(&self, number: usize) -> &SecretKey {
        self.release.get(number).expect("there are four")
    }

    /// Signatures of these keys under any bytes.
    pub fn signed(&self, manifest: &[u8], keys: &[usize]) -> Envelope {
        let sign = |number: &usize| self.key(*number).sign(Purpose::Release, manifest);
        Envelope { signatures: keys.iter().map(sign).collect(), ..Envelope::default() }
    }

    /// A bundle of these files, whatever the manifest says; two keys have signed it.
    pub fn bundle(&self, manifest: &[u8], files: &[Entry<'_>]) -> Vec<u8> {
        let mut bundle = head(manifest, &self.signed(manifest, &[0, 1]));
        bundle.extend(files.iter().flat_map(|(name, bytes, mode)| part(name, bytes, *mode)));
        bundle.extend(END);
        bundle
    }

    /// A bundle in which `change` has been at the header of the second file.
    pub fn with_header(&self, number: u64, change: impl FnOnce(&mut Block)) -> Vec<u8> {
        let release = release(manifest(number));
        let mut bundle = head(release.bytes(), &self.signed(release.bytes(), &[0, 1]));
        let [first, second, third] = FILES;
        bundle.extend(part(first.0, first.1, first.2));
        let mut block = Block(header(second.0, 0, second.2).expect("the name is short"));
        change(&mut block);
        bundle.extend(block.summed());
        bundle.extend(part(third.0, third.1, third.2));
        bundle.extend(END);
        bundle
    }

    /// The beginning of a parcel, whose files are for the caller to write.
    pub fn parcel(&self, release: &Release, base: Option<Digest>) -> Vec<u8> {
        let envelope = self.signed(release.bytes(), &[0, 1]);
        parcel::head(ChunkSize::LARGEST, base, (release, &envelope))
    }
}

/// The header of a file, about to be changed.
pub struct Block([u8; BLOCK]);

impl Block {
    /// Writes over what is there.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        let place = self.0.get_mut(at..at + bytes.len()).expect("it is in the header");
        place.copy_from_slice(bytes);
    }

    /// Gives it another name.
    pub fn name(&mut self, name: &[u8]) {
        self.put(field::NAME, &[0; 100]);
        self.put(field::NAME, name);
    }

    /// With the sum of what it says now: all bytes, the sum's own taken for spaces.
    fn summed(mut self) -> [u8; BLOCK] {
        self.put(148, b"        ");
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.put(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

/// A manifest of [`FILES`] that fits the workshop's root and this machine.
pub fn manifest(number: u64) -> Manifest {
    let now = decnet::edge::clock::now();
    let file = |(path, bytes, mode): &Entry<'_>| File {
        path: FilePath::parse(path).expect("it is a path"),
        size: bytes.len() as u64,
        mode: *mode,
        sha256: Digest::of(bytes),
    };
    Manifest {
        schema: Manifest::schema(),
        fleet: "lab".parse().expect("it is a label"),
        components: vec![Component::Agent, Component::Updater],
        version: "0.0.1".parse().expect("it is a label"),
        epoch: 1,
        number,
        downgrade_from: None,
        arch: Arch::find(std::env::consts::ARCH).expect("it is one of ours"),
        min_kernel: kernel::Version(4, 0),
        created: Timestamp(now.0 - 1_000_000_000),
        expires: Timestamp(now.0 + DAY),
        files: FILES.iter().map(file).collect(),
    }
}

/// The release of a manifest that holds together.
pub fn release(manifest: Manifest) -> Release {
    Release::seal(manifest).expect("it holds together")
}

/// A manifest in which one text is another, as no program would write it.
pub fn misspelt(number: u64, from: &str, to: &str) -> Vec<u8> {
    let good = release(manifest(number));
    let text = String::from_utf8(good.bytes().to_vec()).expect("it is JSON");
    let bad = text.replacen(from, to, 1);
    assert_ne!(bad, text, "there is no `{from}` in it");
    bad.into_bytes()
}

/// The two files that a bundle begins with.
pub fn head(manifest: &[u8], envelope: &Envelope) -> Vec<u8> {
    let signatures = part(SIGNATURES, &envelope.bytes(), Mode::Plain);
    [signatures, part(MANIFEST, manifest, Mode::Plain)].concat()
}

/// A file of a bundle with its header and padding.
pub fn part(name: &str, bytes: &[u8], mode: Mode) -> Vec<u8> {
    let size = bytes.len() as u64;
    let head = header(name, size, mode).expect("the name is short");
    [&head, bytes, END.get(..padding(size)).expect("it is less than a block")].concat()
}
