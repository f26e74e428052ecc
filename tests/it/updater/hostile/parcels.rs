//! Parcels that become something else than what was signed, or far more than they say.

use decnet::logic::release::parcel::{CHUNKS, MAX_PART, SAME, Source, chunk_head, compress};
use decnet::logic::release::{Digest, Release};
use decnet_tests::forged::{FILES, manifest, release};

use super::Scene;

/// A chunk by itself, whose frame is anything.
fn framed(source: Source, frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("it is short");
    [&[CHUNKS][..], &chunk_head(source, length), frame].concat()
}

/// A file in one chunk.
fn chunk(bytes: &[u8], source: Source) -> Vec<u8> {
    framed(source, &compress(bytes, &[], 3).expect("there is memory"))
}

/// A frame of 128 KiB that becomes 4 GiB of zeros: 32 768 blocks, each one byte that comes 131 072
/// times (RFC 8878, 3.1.1.2).
fn bomb() -> Vec<u8> {
    // Not in one segment, a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
    let block =
        |is_last: u32| [&((131_072 << 3) | (1 << 1) | is_last).to_le_bytes()[..3], &[0]].concat();
    frame.extend(block(0).repeat(32_767));
    frame.extend(block(1));
    frame
}

/// A frame that says that it becomes an exabyte.
fn boast() -> Vec<u8> {
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &[0, 0, 0, 0, 0, 0, 0, 16], &[0; 8]].concat()
}

/// Digests that should name a base: what is here is for the caller to say.
fn climbing() -> Digest {
    let mut bytes = [b'/'; 32];
    bytes[..6].copy_from_slice(b"../../");
    Digest(bytes)
}

pub(super) fn refused(scene: &mut Scene) {
    let good: Release = release(manifest(6));
    let current = scene.node.ask("/releases")["agent"]["current"]["digest"].clone();
    let current: Digest = current.as_str().and_then(|text| text.parse().ok()).expect("a digest");
    let [program, _, words] = FILES.map(|(_, bytes, _)| chunk(bytes, Source::Whole));
    let empty = vec![CHUNKS];
    let of = |base, files: &[&[u8]]| [scene.forge.parcel(&good, base), files.concat()].concat();
    let alone = |files: &[&[u8]]| of(None, files);
    let on_current = |last: &[u8]| of(Some(current), &[&program, &empty, last]);
    let part = |from, length| chunk(FILES[2].1, Source::Part { from, length });
    let other = chunk(&[b'x'; 1_500], Source::Whole);
    let bytes = "bytes of `share/words` are not";
    let size = "cannot be unpacked to its size";
    let head = "has a head that says what none may";
    let whole = alone(&[&program, &empty, &words]);
    let rows = vec![
        ("p-other", alone(&[&program, &empty, &other]), 422, bytes),
        ("p-bomb", alone(&[&program, &empty, &framed(Source::Whole, &bomb())]), 422, head),
        ("p-boast", alone(&[&program, &empty, &framed(Source::Whole, &boast())]), 422, size),
        ("p-short", alone(&[&program, &empty, &chunk(b"w", Source::Whole)]), 422, size),
        ("p-long", alone(&[&program, &empty, &chunk(&[b'w'; 1_501], Source::Whole)]), 422, size),
        ("p-absent", of(Some(Digest([9; 32])), &[&[SAME]]), 412, "which is not here"),
        // A base is 32 bytes, never a path: these name a release in hexadecimal that is not here.
        ("p-climbing", of(Some(climbing()), &[&[SAME]]), 412, "2e2e2f2e2e2f2f2f"),
        ("p-no-base", alone(&[&[SAME]]), 422, "the parcel names none"),
        ("p-same", of(Some(current), &[&[SAME]]), 422, "builds on a file that release"),
        ("p-beyond", on_current(&part(0, 1)), 422, "builds on a file that release"),
        ("p-part", on_current(&part(0, MAX_PART + 1)), 422, head),
        ("p-kind", alone(&[&[7]]), 422, "comes in way 7"),
        ("p-cut", whole.get(..whole.len() - 1).unwrap_or_default().into(), 422, "in the midst"),
        ("p-head", whole.get(..60).unwrap_or_default().into(), 422, "in the midst of `its head`"),
        ("p-trailing", [&whole[..], b"x"].concat(), 422, "something after its end"),
        ("p-missing", alone(&[&program, &empty]), 422, "in the midst of `share/words`"),
        ("p-unsigned", unsigned(&good), 422, "0 of 2 keys"),
    ];
    scene.refuses(rows);
}

fn unsigned(release: &Release) -> Vec<u8> {
    use decnet::logic::release::Envelope;
    use decnet::logic::release::parcel::{ChunkSize, head};
    head(ChunkSize::LARGEST, None, (release, &Envelope::default()))
}
