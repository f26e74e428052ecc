//! Real directories: what is unpacked is what was packed, and what is refused leaves nothing.

use std::cell::Cell;
use std::fs::{self, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::logic::release::bundle::BundleError;
use crate::logic::release::samples::{self, FILES};
use crate::logic::release::{Envelope, MANIFEST, Mode, PathError, Refusal, Release};

fn dir() -> TempDir {
    tempfile::tempdir().expect("there is a temporary directory")
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("it is there").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn accept(envelope: &Envelope, release: &Release) -> Result<(), Refusal> {
    samples::gate().check(envelope, release).map(drop)
}

/// Unpacks a bundle, shows that nothing is left when it is refused, and says why it was.
fn refused(bundle: &mut impl Read) -> UnpackError {
    let dir = dir();
    let error = unpack(bundle, &dir.path().join("new"), accept).expect_err("it is refused");
    assert_eq!(names(dir.path()), Vec::<String>::new(), "{error:?}");
    error
}

/// A release on disk.
fn installed(dir: &Path) -> Release {
    let mut unpacked = unpack(&mut &samples::bundle()[..], dir, accept).expect("it is good");
    unpacked.tree.keep();
    unpacked.release
}

#[test]
fn a_bundle_becomes_the_directory_that_it_was() {
    let dir = dir();
    let new = dir.path().join("new");
    let release = installed(&new);
    for (name, bytes, mode) in FILES {
        let path = new.join(name);
        assert_eq!(fs::read(&path).expect("it is there"), bytes);
        assert_eq!(fs::metadata(&path).expect("it is there").mode(), 0o100_000 | mode.bits());
    }
    assert_eq!(fs::read(new.join(MANIFEST)).expect("it is there"), release.bytes());
    assert_eq!(verify(&new).expect("it is whole"), release);
    // And back, to the same bytes.
    let mut packed = Vec::new();
    let envelope = samples::envelope(&release, &[11, 12]);
    pack(&new, (&release, &envelope), &mut packed).expect("it can be packed");
    assert_eq!(packed, samples::bundle());
    assert_eq!(survey(&new).expect("it can be read"), release.files());
    assert_eq!(names(dir.path()), ["new"]);
}

#[test]
fn what_nobody_keeps_is_gone() {
    let dir = dir();
    let new = dir.path().join("new");
    drop(unpack(&mut &samples::bundle()[..], &new, accept).expect("it is good"));
    assert!(!new.exists());
}

#[test]
fn a_hostile_bundle_leaves_nothing() {
    let good = samples::bundle();
    let release = samples::release(7);
    let head = samples::head(&release, &samples::envelope(&release, &[11, 12]));
    let first = samples::part(FILES[0].0, FILES[0].1, FILES[0].2);
    for (bundle, wanted) in [
        (vec![], BundleError::Truncated("signatures.json".into())),
        (good[..good.len() - 1_025].to_vec(), BundleError::Truncated("share/words".into())),
        ([&good[..], b"x"].concat(), BundleError::Trailing),
        (
            [&head[..], &first, &samples::part("share/Empty", b"", Mode::Plain)].concat(),
            BundleError::Case("share/Empty".into()),
        ),
        (
            [&head[..], &first, &samples::part("../escape", b"", Mode::Plain)].concat(),
            BundleError::Name(PathError::Climbs("../escape".into())),
        ),
        (
            [&head[..], &first, &samples::part("share/empty", b"more", Mode::Plain)].concat(),
            BundleError::Size { name: "share/empty".into(), wanted: 0, found: 4 },
        ),
    ] {
        match refused(&mut &bundle[..]) {
            UnpackError::Bundle(found) => assert_eq!(found, wanted),
            other => panic!("{other:?}"),
        }
    }
}

/// Bytes without end, which counts how many were taken.
struct Endless<'a>(&'a Cell<u64>);

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        self.0.set(self.0.get() + buffer.len() as u64);
        Ok(buffer.len())
    }
}

#[test]
fn an_endless_bundle_is_refused_where_it_should_have_ended() {
    let (good, taken) = (samples::bundle(), Cell::new(0));
    let error = refused(&mut good.as_slice().chain(Endless(&taken)));
    assert!(matches!(error, UnpackError::Bundle(BundleError::Trailing)), "{error:?}");
    assert!(taken.get() <= 64 * 1024, "{}", taken.get());
}

#[test]
fn a_million_entries_are_refused_at_the_first_that_is_too_many() {
    let release = samples::release(7);
    let mut bundle = samples::bundle_of(&release, &FILES);
    bundle.truncate(bundle.len() - 1_024);
    let taken = Cell::new(0);
    let entry = samples::part("share/zz", b"", Mode::Plain);
    let many = entry.repeat(1_000);
    let mut all = bundle.as_slice().chain(many.as_slice()).chain(Endless(&taken));
    let error = refused(&mut all);
    assert!(matches!(error, UnpackError::Bundle(BundleError::Extra(_))), "{error:?}");
    assert_eq!(taken.get(), 0);
}

#[test]
fn a_sender_that_fails_leaves_nothing() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let good = samples::bundle();
    let error = refused(&mut good[..3_000].chain(Broken));
    assert!(matches!(error, UnpackError::Read(_)), "{error:?}");
}

#[test]
fn a_directory_that_is_there_is_not_unpacked_into() {
    let dir = dir();
    let there = dir.path().join("there");
    fs::create_dir(&there).expect("it can be made");
    fs::write(there.join("mine"), "mine").expect("it can be written");
    let error = unpack(&mut &samples::bundle()[..], &there, accept).expect_err("it is taken");
    assert!(matches!(error, UnpackError::Disk(_)), "{error:?}");
    assert_eq!(names(&there), ["mine"]);
    let link = dir.path().join("link");
    symlink(&there, &link).expect("it can be made");
    unpack(&mut &samples::bundle()[..], &link, accept).expect_err("it is taken");
    assert_eq!(names(&there), ["mine"]);
}

#[test]
fn nothing_is_reached_through_a_link() {
    let dir = dir();
    fs::create_dir(dir.path().join("tree")).expect("it can be made");
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).expect("it can be made");
    let tree = Tree::open(&dir.path().join("tree")).expect("it is there");
    // Somebody else puts a link where a folder is about to be.
    symlink(&outside, dir.path().join("tree/share")).expect("it can be made");
    symlink(outside.join("file"), dir.path().join("tree/file")).expect("it can be made");
    fs::write(outside.join("there"), "mine").expect("it can be written");
    assert!(tree.make_file("share/words", 0o444).is_err());
    assert!(tree.make_file("file", 0o444).is_err());
    assert!(tree.make_file("../outside/words", 0o444).is_err());
    assert!(tree.make_dir("share/units").is_err());
    assert!(tree.open_file("share/there").is_err());
    assert_eq!(names(&outside), ["there"]);
    tree.remove().expect("it can be removed");
    assert_eq!(names(&outside), ["there"], "removing follows no link");
    assert!(Tree::open(&outside.join("there")).is_err(), "it is no directory");
}

/// Something that a hand does to a release.
type Change = fn(&Path);

#[test]
fn a_release_that_was_changed_by_hand_is_found_out() {
    let break_it: [(&str, Change); 9] = [
        ("has not the bytes", |dir| {
            let path = dir.join("share/words");
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("it is ours");
            fs::write(&path, [b'x'; 1_500]).expect("it can be written");
            fs::set_permissions(&path, Permissions::from_mode(0o444)).expect("it is ours");
        }),
        ("is missing", |dir| {
            fs::set_permissions(dir.join("bin/decnet"), Permissions::from_mode(0o4555))
                .expect("it is ours");
        }),
        ("cannot open", |dir| fs::remove_file(dir.join("share/empty")).expect("it is there")),
        ("is not of the release", |dir| fs::write(dir.join("more"), "").expect("it is ours")),
        ("is not of the release", |dir| fs::create_dir(dir.join("bin/more")).expect("it is ours")),
        ("is not of the release", |dir| {
            fs::rename(dir.join("share/words"), dir.join("words")).expect("it is there");
            symlink("../words", dir.join("share/words")).expect("it is ours");
        }),
        ("is not of the release", |dir| {
            fs::remove_file(dir.join("share/words")).expect("it is there");
            nix::unistd::mkfifo(&dir.join("share/words"), nix::sys::stat::Mode::S_IRUSR)
                .expect("it is ours");
        }),
        ("cannot open", |dir| fs::remove_file(dir.join(MANIFEST)).expect("it is there")),
        ("release.json is refused", |dir| {
            fs::remove_file(dir.join(MANIFEST)).expect("it is there");
            fs::write(dir.join(MANIFEST), "{}").expect("it can be written");
        }),
    ];
    for (wanted, change) in break_it {
        let dir = dir();
        let new = dir.path().join("new");
        installed(&new);
        change(&new);
        let error = verify(&new).expect_err("it is not whole").to_string();
        assert!(error.contains(wanted), "{error}\nis not: {wanted}");
    }
}

#[test]
fn only_files_and_directories_become_a_release() {
    let dir = dir();
    fs::create_dir(dir.path().join("bin")).expect("it can be made");
    symlink("/bin/sh", dir.path().join("bin/decnet")).expect("it can be made");
    let error = survey(dir.path()).expect_err("it holds a link").to_string();
    assert!(error.contains("`bin/decnet` is neither a file nor a directory"), "{error}");
    fs::remove_file(dir.path().join("bin/decnet")).expect("it is there");
    fs::write(dir.path().join("bin/.env"), "SECRET=1").expect("it can be written");
    assert!(matches!(survey(dir.path()), Err(PackError::Name(PathError::Hidden(_)))));
}

#[test]
fn other_signatures_leave_the_rest_as_it_is() {
    let (release, good) = (samples::release(7), samples::bundle());
    let mut signed = Vec::new();
    let sign = |release: &Release, envelope: &mut Envelope| {
        envelope.sign(release, &samples::key(13));
    };
    resign(&mut &good[..], sign, &mut signed).expect("it is good");
    let head = samples::head(&release, &samples::envelope(&release, &[11, 12, 13]));
    let before = samples::head(&release, &samples::envelope(&release, &[11, 12]));
    assert_eq!(signed, [&head[..], &good[before.len()..]].concat());
    let (found, envelope) = read(&mut &signed[..], accept).expect("it is good");
    assert_eq!((found, envelope.signatures.len()), (release, 3));
    assert!(resign(&mut &good[..good.len() - 1], sign, &mut Vec::new()).is_err());
}

#[test]
fn a_key_is_born_for_its_owner_alone_and_never_written_over() {
    let dir = dir();
    let path = dir.path().join("release.key");
    write_secret(&path, &samples::key(1)).expect("it can be written");
    assert_eq!(fs::metadata(&path).expect("it is there").mode() & 0o777, 0o600);
    let public = read_public(&dir.path().join("release.key.pub")).expect("it is there");
    assert_eq!(read_secret(&path).expect("it is there").public(), public);
    assert!(write_secret(&path, &samples::key(2)).is_err());
    assert_eq!(read_secret(&path).expect("it is there").public(), public);
    let error = read_secret(&dir.path().join("release.key.pub")).expect_err("it is none");
    assert!(!format!("{error:?}").contains(&public.to_string()), "what it holds is not said");
}
