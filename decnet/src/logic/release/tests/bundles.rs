//! Bundles as bytes: good ones in pieces of any size, and the attack table's hostile ones.

use proptest::prelude::*;
use tar::{EntryType, Header};

use super::*;
use crate::logic::release::bundle::{BundleError, END, Piece, Reader, header};

/// Reads a bundle in steps of so many bytes.
fn read(bundle: &[u8], step: usize) -> Result<Vec<Vec<u8>>, BundleError> {
    let gate = gate();
    let mut reader = Reader::new(|envelope, release| gate.check(envelope, release).map(drop));
    let mut files: Vec<Vec<u8>> = Vec::new();
    for mut input in bundle.chunks(step.max(1)) {
        loop {
            match reader.next(&mut input)? {
                Piece::Data(bytes) => files.last_mut().expect("it was opened").extend(bytes),
                Piece::File(index) => {
                    assert_eq!(index, files.len());
                    files.push(Vec::new());
                }
                Piece::More => break,
                Piece::End | Piece::FileEnd | Piece::Head => {}
            }
        }
    }
    reader.finish()?;
    Ok(files)
}

fn refused(bundle: &[u8]) -> BundleError {
    let whole = read(bundle, usize::MAX).expect_err("it is refused");
    assert_eq!(read(bundle, 511).expect_err("it is refused"), whole);
    whole
}

/// A good bundle with the part of `share/empty` replaced by a header that `change` has changed.
fn with_header(change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut changed = Header::new_ustar();
    changed.as_mut_bytes().copy_from_slice(&header("share/empty", 0, Mode::Plain).expect("short"));
    change(&mut changed);
    changed.set_cksum();
    let mut bundle = head(&release(7), &envelope(&release(7), &[11, 12]));
    bundle.extend(part(FILES[0].0, FILES[0].1, FILES[0].2));
    bundle.extend(changed.as_bytes());
    bundle.extend(FILES[2..].iter().flat_map(|(name, bytes, mode)| part(name, bytes, *mode)));
    bundle.extend(END);
    bundle
}

fn named(name: &[u8]) -> Vec<u8> {
    with_header(|header| {
        header.as_old_mut().name = [0; 100];
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
    })
}

#[test]
fn a_good_bundle_is_read_whole_however_it_is_cut() {
    let wanted: Vec<&[u8]> = FILES.iter().map(|(_, bytes, _)| *bytes).collect();
    for step in [1, 7, 511, 512, 513, 4_096, usize::MAX] {
        assert_eq!(read(&bundle(), step).expect("it is good"), wanted, "{step}");
    }
}

#[test]
fn nothing_is_read_of_a_release_that_may_not_be_installed() {
    let release = release(7);
    let bundle = [head(&release, &envelope(&release, &[11])), vec![7; 100_000]].concat();
    let wanted = BundleError::Refused(Refusal::Threshold { found: 1, wanted: 2 });
    assert_eq!(refused(&bundle), wanted);
}

#[test]
fn everything_but_a_file_is_refused_by_its_kind() {
    for (kind, wanted) in [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a fifo"),
        (EntryType::Directory, "a directory"),
        (EntryType::GNULongName, "a long name"),
        (EntryType::GNULongLink, "a long name"),
        (EntryType::XHeader, "a pax extension"),
        (EntryType::XGlobalHeader, "a pax extension"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::new(b'?'), "of an unknown kind"),
    ] {
        let bundle = with_header(|header| header.set_entry_type(kind));
        let wanted = BundleError::Kind { name: "share/empty".into(), kind: wanted };
        assert_eq!(refused(&bundle), wanted);
    }
}

#[test]
fn a_name_that_is_not_the_next_file_is_refused_by_what_it_is() {
    use BundleError::*;
    let name = |text: &str| Name(FilePath::parse(text).expect_err("it is no path"));
    for (text, wanted) in [
        ("share/../../etc/passwd", name("share/../../etc/passwd")),
        ("/etc/passwd", name("/etc/passwd")),
        ("share\\empty", name("share\\empty")),
        ("share/emp\0ty", name("share/emp\0ty")),
        ("share/empt\u{fffd}", name("share/empt\u{fffd}")),
        ("share/Empty", Case("share/Empty".into())),
        ("share/other", Extra("share/other".into())),
        ("bin/decnet", Duplicate("bin/decnet".into())),
        ("share/words", Order { wanted: "share/empty".into(), found: "share/words".into() }),
    ] {
        assert_eq!(refused(&named(text.as_bytes())), wanted);
    }
    let mark = name("share/empt\u{fffd}");
    assert_eq!(refused(&named(b"share/empt\xff")), mark, "no UTF-8");
}

#[test]
fn a_header_that_says_anything_else_is_refused() {
    use BundleError::*;
    let name = || "share/empty".to_owned();
    for (bundle, wanted) in [
        (with_header(|header| header.set_mode(0o4555)), Setuid(name())),
        (with_header(|header| header.set_mode(0o2444)), Setuid(name())),
        (with_header(|header| header.set_mode(0o1444)), Setuid(name())),
        (with_header(|header| header.set_mode(0o666)), Mode { name: name(), mode: 0o666 }),
        (
            with_header(|header| header.set_size(u64::MAX)),
            Size { name: name(), wanted: 0, found: u64::MAX },
        ),
        (with_header(|header| header.set_size(1)), Size { name: name(), wanted: 0, found: 1 }),
        (with_header(|header| header.set_uid(1)), Odd(name())),
        (with_header(|header| header.set_mtime(1)), Odd(name())),
        (with_header(|header| header.as_old_mut().linkname[0] = b'x'), Odd(name())),
        (with_header(|header| header.as_mut_bytes()[345] = b'/'), Odd(name())),
        (with_header(|header| header.as_mut_bytes()[511] = 1), Odd(name())),
    ] {
        assert_eq!(refused(&bundle), wanted);
    }
    let at = bundle().len() - END.len() - 2_048;
    let mut damaged = bundle();
    damaged[at] ^= 1;
    assert_eq!(refused(&damaged), Damaged("share/words".into()));
}

#[test]
fn files_are_those_of_the_release_all_of_them_and_no_other() {
    use BundleError::*;
    let release = release(7);
    let path = |text: &str| FilePath::parse(text).expect("it is a path");
    // Mix and match: the same sizes, other bytes.
    let mut files = FILES;
    files[3].1 = &[b'x'; 1_500];
    assert_eq!(refused(&bundle_of(&release, &files)), Digest(path("share/words")));
    assert_eq!(refused(&bundle_of(&release, &FILES[..3])), Missing("share/words".into()));
    assert_eq!(refused(&bundle_of(&release, &[])), Missing("bin/decnet".into()));
    let more = [&FILES[..], &[("share/z", b"z", super::super::Mode::Plain)]].concat();
    assert_eq!(refused(&bundle_of(&release, &more)), Extra("share/z".into()));
    let more = [&FILES[..], &FILES[3..]].concat();
    assert_eq!(refused(&bundle_of(&release, &more)), Duplicate("share/words".into()));
    let mut files = FILES;
    files.swap(1, 2);
    let wanted = Order { wanted: FILES[1].0.into(), found: FILES[2].0.into() };
    assert_eq!(refused(&bundle_of(&release, &files)), wanted);
}

#[test]
fn a_bundle_ends_where_it_ends() {
    let good = bundle();
    for end in [1, 512, 4_096, good.len() - 2_000, good.len() - 1_024, good.len() - 1] {
        let cut = refused(&good[..end]);
        assert!(matches!(cut, BundleError::Truncated(_)), "{end}: {cut:?}");
    }
    assert!(matches!(read(&[], 1), Err(BundleError::Truncated(_))));
    for more in [&b"x"[..], &[0], &[0; 9_216], &good] {
        assert_eq!(refused(&[&good, more].concat()), BundleError::Trailing);
    }
    let mut half = good.clone();
    let last = half.len() - 1;
    half[last] = 1;
    assert_eq!(refused(&half), BundleError::Trailing);
    let mut stuffed = good;
    stuffed[last - END.len()] = 1;
    assert_eq!(refused(&stuffed), BundleError::Padding("share/words".into()));
}

#[test]
fn the_head_is_small_and_comes_first() {
    use BundleError::*;
    let release = release(7);
    assert_eq!(
        refused(&part("bin/decnet", b"x", super::super::Mode::Program)),
        Head("bin/decnet".into())
    );
    assert_eq!(refused(&part(MANIFEST, b"x", super::super::Mode::Plain)), Head(MANIFEST.into()));
    let gzip = [&[0x1f, 0x8b, 8, 0][..], &[7; 600]].concat();
    assert_eq!(refused(&gzip), Damaged(SIGNATURES.into()));
    assert_eq!(refused(&[0; 5_000]), Damaged(SIGNATURES.into()));
    let large = header(SIGNATURES, 1 << 40, super::super::Mode::Plain).expect("it is short");
    assert!(matches!(refused(&large), HeadTooLarge { name: SIGNATURES, .. }));
    let signatures =
        part(SIGNATURES, &envelope(&release, &[11]).bytes(), super::super::Mode::Plain);
    let large = header(MANIFEST, 1 << 21, super::super::Mode::Plain).expect("it is short");
    assert!(matches!(refused(&[&signatures[..], &large].concat()), HeadTooLarge { .. }));
    let plain = super::super::Mode::Plain;
    assert!(matches!(refused(&part(SIGNATURES, b"{}", plain)), Envelope(_)));
    let none = [signatures, part(MANIFEST, b"{}", plain)].concat();
    assert!(matches!(refused(&none), Manifest(_)));
}

#[test]
fn nothing_is_taken_after_a_refusal() {
    let mut reader = Reader::new(|_, _| Ok(()));
    let mut input = &[0; 512][..];
    assert!(reader.next(&mut input).is_err());
    assert_eq!(reader.next(&mut &b"x"[..]), Err(BundleError::Trailing));
}

proptest! {
    #[test]
    fn any_change_of_a_bundle_is_refused(at in 0..bundle().len(), bit in 0..8_u32) {
        let mut changed = bundle();
        changed[at] ^= 1 << bit;
        prop_assert!(read(&changed, usize::MAX).is_err(), "{at}");
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        prop_assert!(read(&bytes, 100).is_err());
    }
}
