//! Bundles whose tar, manifest or files are not what they should be, with all signatures there.

use decnet::logic::release::bundle::{END, header};
use decnet::logic::release::{MANIFEST, Mode, SIGNATURES};
use decnet_tests::forged::{Block, FILES, field, manifest, misspelt, part, release};

use super::{Row, Scene};

/// What somebody does to the header of a file.
type Change = fn(&mut Block);

/// Names that lead elsewhere, things that are no files, and modes that give rights.
pub(super) fn unfit_headers(scene: &mut Scene) {
    let changes: [(&str, Change, &str); 19] = [
        ("traversal", |block| block.name(b"share/../../../etc/passwd"), "climbs out"),
        ("absolute", |block| block.name(b"/etc/passwd"), "is absolute"),
        ("backslash", |block| block.name(b"share\\empty"), "has a character other than"),
        ("nul", |block| block.name(b"share/emp\0ty"), "has a character other than"),
        ("deep", |block| block.name(b"share/2/3/4/5/6/7/8/9"), "deeper than 8"),
        ("case", |block| block.name(b"share/Empty"), "in case alone"),
        ("duplicate", |block| block.name(b"bin/decnet"), "`bin/decnet` comes twice"),
        ("extra", |block| block.name(b"share/other"), "`share/other` is not a file of the"),
        ("symlink", |block| kind(block, b'2'), "is a symbolic link"),
        ("hardlink", |block| kind(block, b'1'), "is a hard link"),
        ("char-device", |block| block.put(field::KIND, b"3"), "is a device"),
        ("block-device", |block| block.put(field::KIND, b"4"), "is a device"),
        ("directory", |block| block.put(field::KIND, b"5"), "is a directory"),
        ("fifo", |block| block.put(field::KIND, b"6"), "is a fifo"),
        ("long-name", |block| block.put(field::KIND, b"L"), "is a long name"),
        ("pax", |block| block.put(field::KIND, b"x"), "is a pax extension"),
        ("sparse", |block| block.put(field::KIND, b"S"), "is a sparse file"),
        ("setuid", |block| block.put(field::MODE, b"0004555\0"), "is setuid"),
        ("endless", |block| block.put(field::SIZE, b"77777777777\0"), "bytes, and 0 in the"),
    ];
    let row = |(name, change, why)| (name, scene.forge.with_header(6, change), 422, why);
    let rows = changes.map(row).into();
    scene.refuses(rows);
}

/// A link to what is outside.
fn kind(block: &mut Block, kind: u8) {
    block.put(field::KIND, &[kind]);
    block.put(field::LINK, b"/etc/passwd");
}

/// Manifests that enough keys have signed, and that nobody may have written.
pub(super) fn unfit_manifests(scene: &mut Scene) {
    let words = "\"share/words\"";
    let named = |name| misspelt(6, words, name);
    let many = |count: usize| {
        let mut many = manifest(6);
        let [program, _, file] = <[_; 3]>::try_from(many.files.clone()).expect("there are three");
        let numbered = (0..count).map(|number| decnet::logic::release::File {
            path: format!("share/{number:04}").try_into().expect("it is a path"),
            ..file.clone()
        });
        many.files = [program].into_iter().chain(numbered).collect();
        serde_json::to_vec(&many).expect("it has a form in JSON")
    };
    let rows = [
        ("m-traversal", named("\"share/../../x\""), "climbs out"),
        ("m-absolute", named("\"/etc/passwd\""), "is absolute"),
        ("m-backslash", named("\"share\\\\words\""), "has a character other than"),
        ("m-nul", named("\"share/wo\\u0000rds\""), "has a character other than"),
        ("m-unicode", named("\"share/w\u{f6}rds\""), "has a character other than"),
        ("m-deep", named("\"share/2/3/4/5/6/7/8/9\""), "deeper than 8"),
        ("m-elsewhere", named("\"usr/lib/words\""), "neither in `bin/` nor in `share/`"),
        ("m-duplicate", named("\"share/empty\""), "`share/empty` is in it twice"),
        ("m-case", misspelt(6, "share/empty", "share/Words"), "in case alone"),
        ("m-folder", named("\"share/empty/words\""), "is also a file"),
        ("m-unsorted", named("\"share/before\""), "is not where it belongs"),
        ("m-setuid", misspelt(6, "\"555\"", "\"4555\""), "is no release.json"),
        ("m-bomb", misspelt(6, "\"size\": 1500", "\"size\": 4294967296"), "it is larger than"),
        ("m-overflow", misspelt(6, "1500", "18446744073709551615"), "it is larger than"),
        ("m-many", many(5_000), "it has more than 4096 files"),
        ("m-spaced", misspelt(6, ": 1500", ":  1500"), "must not be one release"),
        ("m-number", misspelt(6, "\"number\": 6", "\"number\": 0"), "both begin at 1"),
        ("m-schema", misspelt(6, "release/1", "release/2"), "it is not `decnet.release/1`"),
        ("m-program", misspelt(6, "bin/decnet", "bin/other1"), "no `bin/decnet`"),
    ];
    let row = |(name, bytes, why): (_, Vec<u8>, _)| -> Row {
        (name, scene.forge.bundle(&bytes, &FILES), 422, why)
    };
    let rows = rows.map(row).into();
    scene.refuses(rows);
}

/// Files of something else, too many, too few, none, and what is no bundle at all.
pub(super) fn other_files(scene: &mut Scene) {
    let good = release(manifest(6));
    let good = good.bytes();
    let [first, second, third] = FILES;
    let mixed = (third.0, &[b'x'; 1_500][..], third.2);
    let forge = &scene.forge;
    let whole = forge.bundle(good, &FILES);
    let before_end = whole.len() - END.len();
    let entry = part("share/zz", b"", Mode::Plain);
    let entries = [whole.get(..before_end).unwrap_or_default(), &entry.repeat(20_000)].concat();
    let large = |name, size| header(name, size, Mode::Plain).expect("the name is short").to_vec();
    let signatures = part(SIGNATURES, &forge.signed(good, &[0, 1]).bytes(), Mode::Plain);
    let stuffed = part(SIGNATURES, &vec![b' '; 300_000], Mode::Plain);
    let rows = vec![
        ("mixed", forge.bundle(good, &[first, second, mixed]), 422, "bytes of `share/words`"),
        ("missing", forge.bundle(good, &[first, second]), 422, "it ends before `share/words`"),
        ("swapped", forge.bundle(good, &[first, third, second]), 422, "where `share/empty`"),
        ("entries", entries, 422, "`share/zz` is not a file of the release"),
        ("cut", whole.get(..before_end - 1_000).unwrap_or_default().into(), 422, "in the midst"),
        ("unended", whole.get(..before_end).unwrap_or_default().into(), 422, "in the midst of"),
        ("trailing", [&whole[..], b"\0"].concat(), 422, "something after its end"),
        ("twice", [&whole[..], &whole].concat(), 422, "something after its end"),
        ("nothing", Vec::new(), 422, "it ends"),
        ("text", b"hello".to_vec(), 422, "in the midst of `signatures.json`"),
        ("zeros", vec![0; 5_000], 422, "is no tar header"),
        ("gzip", [&[0x1f, 0x8b, 8, 0][..], &[7; 600]].concat(), 422, "is no tar header"),
        ("zstd", [&[0x28, 0xb5, 0x2f, 0xfd][..], &[7; 600]].concat(), 422, "is no tar header"),
        ("large-signatures", large(SIGNATURES, 1 << 32), 422, "more than 262144 it never has"),
        ("stuffed-signatures", stuffed, 422, "more than 262144 it never has"),
        // What a million files would take.
        (
            "large-manifest",
            [signatures, large(MANIFEST, 150_000_000)].concat(),
            422,
            "more than 1048576 it never has",
        ),
        ("headless", part(MANIFEST, good, Mode::Plain), 422, "it does not begin with"),
    ];
    scene.refuses(rows);
}
