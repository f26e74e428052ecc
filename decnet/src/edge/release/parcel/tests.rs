//! Parcels on real directories: what comes out is what was packed, whatever it was built on.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::pack::{Cut, pack_in};
use super::*;
use crate::edge::release::{UnpackError, Unsound, receive, verify};
use crate::logic::release::parcel::{
    CHUNKS, ChunkSize, ParcelError, SAME, Source, chunk_head, compress, head,
};
use crate::logic::release::samples;
use crate::logic::release::{Digest, Envelope, File, FilePath, Mode, Refusal, Release};

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
        let unpacked = crate::edge::release::unpack(&mut &bundle[..], &into, accept);
        unpacked.expect("it is good").tree.keep();
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
    let next = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let states = std::iter::successors(Some(next(seed)), |state| Some(next(*state)));
    states.map(|state| state.to_be_bytes()[0]).take(count).collect()
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

impl Pair {
    /// Shows that nothing is left of a parcel that is refused, and says why it was.
    fn refused(&self, parcel: &[u8], base: Option<&str>) -> UnpackError {
        let error = self.unpack(parcel, base).expect_err("it is refused");
        assert!(!self.path("new").exists(), "{error:?}");
        error
    }

    /// A parcel of the newer release whose files are said to come so.
    fn hand_made(&self, base: Option<Digest>, files: &[&[u8]]) -> Vec<u8> {
        let envelope = samples::envelope(&self.new, &[11, 12]);
        let head = head(ChunkSize::LARGEST, base, (&self.new, &envelope));
        [&head, &files.concat()[..]].concat()
    }
}

fn chunks(bytes: &[u8], source: Source) -> Vec<u8> {
    let packed = compress(bytes, &[], 3).expect("there is memory");
    let length = u32::try_from(packed.len()).expect("it is short");
    [&[CHUNKS], &chunk_head(source, length)[..], &packed].concat()
}

#[test]
fn what_is_the_same_takes_no_room_twice() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    pair.unpack(&parcel, Some("old")).expect("it is good");
    let inode = |path: &str| fs::metadata(pair.path(path)).expect("it is there").ino();
    assert_eq!(inode("old/share/words"), inode("new/share/moved/words"));
    assert_eq!(inode("old/share/empty"), inode("new/share/empty"));
    // A link would have the program's mode.
    assert_ne!(inode("old/bin/decnet"), inode("new/share/program"));
    // What nobody keeps goes, and leaves what it was linked to.
    fs::remove_dir_all(pair.path("new")).expect("it is there");
    let base = pair.path("old");
    drop(unpack(&mut &parcel[..], &pair.path("new"), Some(&base), accept).expect("it is good"));
    assert!(!pair.path("new").exists());
    verify(&base).expect("it is whole");
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that cannot run says so")]
fn what_cannot_be_linked_is_copied() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    let elsewhere = TempDir::new_in("/dev/shm").expect("Linux has it");
    let device = |path: &Path| fs::metadata(path).expect("it is there").dev();
    if device(elsewhere.path()) == device(pair.dir.path()) {
        eprintln!("SKIPPED: temporary directories are in /dev/shm, so links work everywhere");
        return;
    }
    let bundle = fs::read(pair.path("old.tar")).expect("it is there");
    let base = elsewhere.path().join("old");
    let mut there =
        crate::edge::release::unpack(&mut &bundle[..], &base, accept).expect("it is good");
    there.tree.keep();
    let new = pair.path("new");
    let mut unpacked = unpack(&mut &parcel[..], &new, Some(&base), accept).expect("it is good");
    unpacked.tree.keep();
    assert_eq!(verify(&new).expect("it is whole"), pair.new);
}

#[test]
fn an_unchanged_release_is_a_head_and_a_byte_for_each_file() {
    let pair = Pair::new(&old(), &new());
    let (made, parcel) = pair.pack(Some("new.tar"), 14);
    let envelope = samples::envelope(&pair.new, &[11, 12]);
    let size = ChunkSize::new(14).expect("it is a size");
    let head = head(size, Some(pair.new.digest()), (&pair.new, &envelope));
    assert!(parcel == [&head[..], &[SAME; 5]].concat());
    assert_eq!((made.same, made.patched, made.whole), (5, 0, 0));
}

/// Something that befalls the release that a parcel builds on.
type Change = fn(&Path);

fn overwrite(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).expect("it is there");
    fs::write(path, bytes).expect("it can be written");
    let mode = if path.ends_with("bin/decnet") { 0o555 } else { 0o444 };
    let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(path, mode).expect("it is ours");
}

#[test]
fn a_base_that_is_not_whole_is_told_from_a_bad_parcel() {
    let changes: [(&str, Change); 7] = [
        ("has not the bytes", |dir| overwrite(&dir.join("bin/decnet"), &noise(5, 100_000))),
        ("has not the bytes", |dir| overwrite(&dir.join("share/words"), &noise(5, 5_000))),
        ("is missing", |dir| overwrite(&dir.join("share/words"), &noise(2, 5_001))),
        ("is missing", |dir| fs::remove_file(dir.join("share/words")).expect("it is there")),
        ("cannot open", |dir| fs::remove_file(dir.join("bin/decnet")).expect("it is there")),
        ("cannot open", |dir| fs::remove_file(dir.join("release.json")).expect("it is there")),
        ("release.json is refused", |dir| overwrite(&dir.join("release.json"), b"{}")),
    ];
    for (wanted, change) in changes {
        let pair = Pair::new(&old(), &new());
        let (_, parcel) = pair.pack(Some("old.tar"), 14);
        change(&pair.path("old"));
        match pair.refused(&parcel, Some("old")) {
            UnpackError::Base(BaseError::Unsound(error)) => {
                assert!(error.to_string().contains(wanted), "{error}\nis not: {wanted}");
            }
            other => panic!("{other:?}\nis not: {wanted}"),
        }
    }
}

#[test]
fn a_link_in_the_base_is_not_followed() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    let words = pair.path("old/share/words");
    fs::rename(&words, pair.path("words")).expect("it is there");
    std::os::unix::fs::symlink(pair.path("words"), &words).expect("it can be made");
    let error = pair.refused(&parcel, Some("old"));
    let is_disk = matches!(&error, UnpackError::Base(BaseError::Unsound(Unsound::Disk(_))));
    assert!(is_disk, "{error:?}");
}

#[test]
fn the_base_is_the_one_that_was_meant() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    let error = pair.refused(&parcel, None);
    assert!(matches!(error, UnpackError::Base(BaseError::Absent(_))), "{error:?}");
    let (_, whole) = pair.pack(None, 14);
    pair.unpack(&whole, None).expect("it is good");
    fs::rename(pair.path("new"), pair.path("other")).expect("it is there");
    let error = pair.refused(&parcel, Some("other"));
    assert!(matches!(error, UnpackError::Base(BaseError::Other { .. })), "{error:?}");
}

#[test]
fn a_hostile_parcel_leaves_nothing() {
    let pair = Pair::new(&old(), &new()[..1]);
    let base = verify(&pair.path("old")).expect("it is whole").digest();
    let path = |text: &str| FilePath::parse(text).expect("it is a path");
    let program = || path("bin/decnet");
    let bytes = &new()[0].1;
    let part = |from, length| chunks(bytes, Source::Part { from, length });
    let wrong = chunks(&noise(4, bytes.len()), Source::Whole);
    let short = chunks(&bytes[1..], Source::Whole);
    let good = chunks(bytes, Source::Whole);
    for (files, wanted) in [
        (&[&wrong[..]][..], ParcelError::Digest(program())),
        (&[&part(0, 100_001)], ParcelError::Beyond(program())),
        (&[&part(u64::MAX, 1)], ParcelError::Beyond(program())),
        (&[&part(100_000, 1)], ParcelError::Beyond(program())),
        (&[&[SAME]], ParcelError::Missing { path: program(), base }),
        (&[&good, b"x"], ParcelError::Trailing),
        (&[&good[..good.len() - 1]], ParcelError::Truncated("bin/decnet".into())),
        (&[], ParcelError::Truncated("bin/decnet".into())),
        (&[&[7]], ParcelError::Kind { path: program(), kind: 7 }),
    ] {
        match pair.refused(&pair.hand_made(Some(base), files), Some("old")) {
            UnpackError::Parcel(found) => assert_eq!(found, wanted),
            other => panic!("{other:?}\nis not: {wanted:?}"),
        }
    }
    let error = pair.refused(&pair.hand_made(None, &[&short]), None);
    assert!(matches!(error, UnpackError::Parcel(ParcelError::Damaged { .. })), "{error:?}");
    let error = pair.refused(&pair.hand_made(None, &[&[SAME]]), None);
    assert!(matches!(error, UnpackError::Parcel(ParcelError::NoBase(_))), "{error:?}");
    pair.unpack(&pair.hand_made(None, &[&good]), None).expect("that one is good");
}

#[test]
fn a_file_that_the_base_has_not_is_not_built_on() {
    let pair = Pair::new(&old()[..3], &new()[..3]);
    let base = verify(&pair.path("old")).expect("it is whole").digest();
    let program = chunks(&new()[0].1, Source::Whole);
    let fresh = chunks(&new()[2].1, Source::Part { from: 0, length: 1 });
    let parcel = pair.hand_made(Some(base), &[&program, &[SAME], &fresh]);
    let wanted = FilePath::parse("share/fresh").expect("it is a path");
    match pair.refused(&parcel, Some("old")) {
        UnpackError::Parcel(ParcelError::Missing { path, .. }) => assert_eq!(path, wanted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_written_of_a_release_that_may_not_be_installed() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    let no = |_: &Envelope, _: &Release| Err(Refusal::Threshold { found: 0, wanted: 2 });
    let asked = |_| -> Option<PathBuf> { panic!("the base is asked for after the head is good") };
    let error = receive(&mut &parcel[..], &pair.path("new"), asked, no).expect_err("it is refused");
    assert!(matches!(error, UnpackError::Parcel(ParcelError::Refused(_))), "{error:?}");
    assert!(!pair.path("new").exists());
}

#[test]
fn a_bundle_and_a_parcel_are_told_apart_by_how_they_begin() {
    let pair = Pair::new(&old(), &new());
    let (_, parcel) = pair.pack(Some("old.tar"), 14);
    let bundle = fs::read(pair.path("new.tar")).expect("it is there");
    let old = verify(&pair.path("old")).expect("it is whole").digest();
    let base_of = |digest| (digest == old).then(|| pair.path("old"));
    for input in [bundle, parcel] {
        let into = pair.path("new");
        let unpacked = receive(&mut &input[..], &into, base_of, accept).expect("it is good");
        assert_eq!(verify(&into).expect("it is whole"), pair.new);
        assert_eq!(unpacked.envelope, samples::envelope(&pair.new, &[11, 12]));
        drop(unpacked);
        for short in [&b""[..], b"decnet.parcel", &input[..3_000]] {
            receive(&mut &short[..], &into, base_of, accept).expect_err("it is cut");
            assert!(!into.exists());
        }
    }
}

#[test]
fn a_bundle_that_is_none_becomes_no_parcel() {
    let pair = Pair::new(&old(), &new());
    let bundle = fs::read(pair.path("new.tar")).expect("it is there");
    let out = &mut Vec::new();
    let cut = pack(&mut &bundle[..bundle.len() - 1], None, out).expect_err("it is cut");
    assert!(matches!(cut, NotMade::Bundle(_)), "{cut:?}");
    fs::write(pair.path("old.tar"), b"no").expect("it can be written");
    let base = pair.path("old.tar");
    let wrong = pack(&mut &bundle[..], Some(&base), out).expect_err("the base is none");
    assert!(matches!(wrong, NotMade::Base { .. }), "{wrong:?}");
    let absent = pack(&mut &bundle[..], Some(&pair.path("none")), out).expect_err("there is none");
    assert!(matches!(absent, NotMade::Disk(_)), "{absent:?}");
}

/// A release of a program and up to three files, whose bytes are cut from the same noise.
fn any_files() -> impl Strategy<Value = Vec<Sample>> {
    let names = ["share/a", "share/b/c", "share/d"];
    let file = || (0..4_000_usize, 0..6_000_usize);
    let files = prop::collection::vec(prop::option::of(file()), 3);
    (file(), files).prop_map(move |((from, length), files)| {
        let all = noise(1, 10_000);
        let bytes = |from: usize, length: usize| all[from..from + length].to_vec();
        let program = ("bin/decnet", bytes(from, length), Mode::Program);
        let files = names.into_iter().zip(files).filter_map(|(name, file)| {
            file.map(|(from, length)| (name, bytes(from, length), Mode::Plain))
        });
        [program].into_iter().chain(files).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_release_comes_out_of_its_parcel(
        old in any_files(),
        new in any_files(),
        log in 10..13_u8,
        end in any::<prop::sample::Index>(),
    ) {
        let pair = Pair::new(&old, &new);
        for (bundle, base) in [(Some("old.tar"), Some("old")), (None, None)] {
            let (made, parcel) = pair.pack(bundle, log);
            prop_assert_eq!(made.same + made.patched + made.whole, new.len());
            pair.refused(&parcel[..end.index(parcel.len())], base);
            pair.unpack(&parcel, base).expect("it is good");
            prop_assert_eq!(&verify(&pair.path("new")).expect("it is whole"), &pair.new);
            fs::remove_dir_all(pair.path("new")).expect("it is there");
        }
    }
}
