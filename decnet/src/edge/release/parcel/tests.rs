//! Parcels on real directories: what comes out is what was packed, whatever it was built on.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::pack::{Cut, pack_in};
use super::*;
use crate::edge::release::{UnpackError, receive, verify};
use crate::logic::release::parcel::{ChunkSize, ParcelError};
use crate::logic::release::samples::{self, FILES};
use crate::logic::release::{Digest, Envelope, File, FilePath, MANIFEST, Mode, Refusal, Release};

/// A file of a release in a test.
type Sample = (&'static str, Vec<u8>, Mode);

/// Two releases side by side: as bundles, and the older one as a directory too.
struct Pair {
    dir: TempDir,
    new: Release,
}

fn release(number: u64, files: &[Sample]) -> (Release, Vec<u8>) {
    let mut manifest = samples::manifest(number);
    let file = |(path, bytes, mode): &Sample| File {
        path: FilePath::parse(path).expect("it is a path"),
        size: bytes.len() as u64,
        mode: *mode,
        sha256: Digest::of(bytes),
    };
    manifest.files = files.iter().map(file).collect();
    let release = Release::seal(manifest).expect("it holds together");
    let parts: Vec<_> =
        files.iter().map(|(name, bytes, mode)| (*name, &bytes[..], *mode)).collect();
    let bundle = samples::bundle_of(&release, &parts);
    (release, bundle)
}

impl Pair {
    fn new(old: &[Sample], new: &[Sample]) -> Self {
        let dir = tempfile::tempdir().expect("there is a temporary directory");
        let (_, bundle) = release(6, old);
        fs::write(dir.path().join("old.tar"), &bundle).expect("it can be written");
        let into = dir.path().join("old");
        let mut unpacked = crate::edge::release::unpack(&mut &bundle[..], &into, accept);
        unpacked.as_mut().expect("it is good").tree.keep();
        let (new, bundle) = release(7, new);
        fs::write(dir.path().join("new.tar"), &bundle).expect("it can be written");
        Self { dir, new }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn pack(&self, base: Option<&str>, log: u8) -> (PackedParcel, Vec<u8>) {
        let chunk = ChunkSize::new(log).expect("it is a size");
        let cut = Cut { chunk, part: 2 << log, level: 3 };
        let mut parcel = Vec::new();
        let mut bundle = fs::File::open(self.path("new.tar")).expect("it is there");
        let base = base.map(|name| self.path(name));
        let made = pack_in(&mut bundle, base.as_deref(), &mut parcel, cut).expect("it is good");
        assert_eq!(made.bytes, parcel.len() as u64);
        (made, parcel)
    }

    fn unpack(&self, parcel: &[u8], base: Option<&str>) -> Result<(), UnpackError> {
        let base = base.map(|name| self.path(name));
        let mut unpacked = unpack(&mut &parcel[..], &self.path("new"), base.as_deref(), accept)?;
        assert_eq!(unpacked.release, self.new);
        unpacked.tree.keep();
        Ok(())
    }
}

fn accept(envelope: &Envelope, release: &Release) -> Result<(), Refusal> {
    samples::gate().check(envelope, release).map(drop)
}

/// Bytes that do not become shorter.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        Some(state.to_be_bytes()[0])
    };
    std::iter::successors(Some(seed), |_| None::<u64>);
    let mut state = seed;
    std::iter::from_fn(|| next(&mut state)).take(count).collect()
}

fn old() -> Vec<Sample> {
    vec![
        ("bin/decnet", noise(1, 100_000), Mode::Program),
        ("share/empty", vec![], Mode::Plain),
        ("share/gone", b"gone".to_vec(), Mode::Plain),
        ("share/words", noise(2, 5_000), Mode::Plain),
    ]
}

/// A line is put into the program, a file is new, one has moved, one is a copy of a program.
fn new() -> Vec<Sample> {
    let mut program = noise(1, 100_000);
    program.splice(40_000..40_003, *b"one line more");
    vec![
        ("bin/decnet", program, Mode::Program),
        ("share/empty", vec![], Mode::Plain),
        ("share/fresh", noise(3, 9_000), Mode::Plain),
        ("share/moved/words", noise(2, 5_000), Mode::Plain),
        ("share/program", noise(1, 100_000), Mode::Plain),
    ]
}

#[test]
fn a_parcel_becomes_the_release_whatever_it_is_built_on() {
    let pair = Pair::new(&old(), &new());
    let (made, parcel) = pair.pack(Some("old.tar"), 14);
    assert_eq!((made.same, made.patched, made.whole), (3, 1, 1));
    assert!(made.bytes < 16_000, "{made:?}");
    pair.unpack(&parcel, Some("old")).expect("it is good");
    assert_eq!(verify(&pair.path("new")).expect("it is whole"), pair.new);
    fs::remove_dir_all(pair.path("new")).expect("it is there");
    let (made, parcel) = pair.pack(None, 14);
    assert_eq!((made.same, made.patched, made.whole), (0, 0, 5));
    pair.unpack(&parcel, None).expect("it is good");
    assert_eq!(verify(&pair.path("new")).expect("it is whole"), pair.new);
}
