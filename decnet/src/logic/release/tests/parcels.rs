//! Parcels as bytes: a good one in pieces of any size, and each way in which one is refused.

use proptest::prelude::*;

use super::*;
use crate::logic::release::parcel::{
    CHUNKS, ChunkSize, MAGIC, MAX_PART, ParcelError, Piece, Reader, SAME, Source, chunk_head,
    compress, decompress, head as parcel_head,
};

/// The release that the sample builds on.
const BASE: Digest = Digest([9; 32]);
/// How the last file's first chunk comes.
const PART: Source = Source::Part { from: 40, length: 1_000 };

fn chunk(bytes: &[u8], source: Source) -> Vec<u8> {
    let packed = compress(bytes, &[], 3).expect("there is memory");
    let length = u32::try_from(packed.len()).expect("it is short");
    [&chunk_head(source, length)[..], &packed].concat()
}

fn begin(base: Option<Digest>) -> Vec<u8> {
    let release = release(7);
    let size = ChunkSize::new(10).expect("it is a size");
    parcel_head(size, base, (&release, &envelope(&release, &[11, 12])))
}

/// The sample's files: one that is the same, an empty one, one by itself, one in two chunks.
fn files() -> [Vec<u8>; 4] {
    let words = FILES[3].1;
    [
        vec![SAME],
        vec![CHUNKS],
        [vec![CHUNKS], chunk(FILES[2].1, Source::Whole)].concat(),
        [vec![CHUNKS], chunk(&words[..1_024], PART), chunk(&words[1_024..], Source::Whole)]
            .concat(),
    ]
}

fn parcel_of(base: Option<Digest>, files: &[Vec<u8>]) -> Vec<u8> {
    [begin(base), files.concat()].concat()
}

fn parcel() -> Vec<u8> {
    parcel_of(Some(BASE), &files())
}

/// Reads a parcel in steps of so many bytes; what came, and the frames.
fn read(parcel: &[u8], step: usize) -> Result<Vec<(Piece, Vec<u8>)>, ParcelError> {
    let gate = gate();
    let mut reader = Reader::new(|envelope, release| gate.check(envelope, release).map(drop));
    let mut pieces = Vec::new();
    for mut input in parcel.chunks(step.max(1)) {
        loop {
            let piece = reader.next(&mut input)?;
            match piece {
                Piece::More => break,
                Piece::Chunk { .. } => pieces.push((piece, reader.packed().to_vec())),
                _ => pieces.push((piece, Vec::new())),
            }
        }
    }
    reader.finish()?;
    Ok(pieces)
}

fn refused(parcel: &[u8]) -> ParcelError {
    let whole = read(parcel, usize::MAX).expect_err("it is refused");
    assert_eq!(read(parcel, 7).expect_err("it is refused"), whole);
    whole
}

#[test]
fn a_good_parcel_is_read_whole_however_it_is_cut() {
    let whole = |index, source, size, bytes: &[u8]| {
        let packed = compress(bytes, &[], 3).expect("there is memory");
        (Piece::Chunk { index, source, size }, packed)
    };
    let alone = |piece| (piece, Vec::new());
    let wanted = [
        alone(Piece::Head),
        alone(Piece::Same(0)),
        alone(Piece::File(1)),
        alone(Piece::FileEnd(1)),
        alone(Piece::File(2)),
        whole(2, Source::Whole, 512, FILES[2].1),
        alone(Piece::FileEnd(2)),
        alone(Piece::File(3)),
        whole(3, PART, 1_024, &FILES[3].1[..1_024]),
        whole(3, Source::Whole, 476, &FILES[3].1[1_024..]),
        alone(Piece::FileEnd(3)),
        alone(Piece::End),
    ];
    for step in [1, 7, 56, 57, 58, 4_096, usize::MAX] {
        assert_eq!(read(&parcel(), step).expect("it is good"), wanted, "{step}");
    }
}

#[test]
fn nothing_is_read_of_a_release_that_may_not_be_installed() {
    let release = release(7);
    let head = parcel_head(ChunkSize::LARGEST, None, (&release, &envelope(&release, &[11])));
    let wanted = ParcelError::Refused(Refusal::Threshold { found: 1, wanted: 2 });
    assert_eq!(refused(&[head, vec![7; 100_000]].concat()), wanted);
}

#[test]
fn what_a_head_may_not_say_is_refused() {
    use ParcelError::*;
    let changed = |at: usize, bytes: &[u8]| {
        let mut parcel = parcel();
        parcel[at..at + bytes.len()].copy_from_slice(bytes);
        parcel
    };
    let envelope_bytes = u32::try_from(envelope(&release(7), &[11, 12]).bytes().len());
    let signatures = envelope_bytes.expect("it is short").to_le_bytes();
    let large = 256 * 1024 + 1_u32;
    let largest = u32::MAX;
    for (parcel, wanted) in [
        (bundle(), Magic),
        (changed(0, b"decnet.parcel/2\n"), Magic),
        (changed(16, &[9]), ChunkSize(9)),
        (changed(16, &[23]), ChunkSize(23)),
        (changed(16, &[255]), ChunkSize(255)),
        ([&parcel()[..49], &large.to_le_bytes(), &[1, 0, 0, 0]].concat(), HeadTooLarge(large, 1)),
        (
            [&parcel()[..49], &signatures, &largest.to_le_bytes()].concat(),
            HeadTooLarge(u32::from_le_bytes(signatures), largest),
        ),
    ] {
        assert_eq!(refused(&parcel), wanted);
    }
    assert!(matches!(refused(&changed(57, b"x")), Envelope(_)));
    let at = 57 + u32::from_le_bytes(signatures) as usize;
    assert!(matches!(refused(&changed(at, b"x")), Manifest(_)));
}

#[test]
fn what_a_file_may_not_say_is_refused() {
    use ParcelError::*;
    let path = |index: usize| FilePath::parse(FILES[index].0).expect("it is a path");
    let with = |index: usize, bytes: Vec<u8>| {
        let mut files = files();
        files[index] = bytes;
        parcel_of(Some(BASE), &files)
    };
    let head = |source, packed: u32| {
        let head = chunk_head(source, packed).to_vec();
        with(2, [vec![CHUNKS], head, vec![0; 600]].concat())
    };
    let mut unknown = chunk_head(Source::Whole, 10);
    unknown[0] = 3;
    let part = |length| Source::Part { from: 0, length };
    let mut odd = chunk_head(part(1), 10);
    odd[0] = 1;
    let most = 512 + 2 + 64 + 1;
    for (parcel, wanted) in [
        (with(0, vec![2]), Kind { path: path(0), kind: 2 }),
        (with(0, vec![255]), Kind { path: path(0), kind: 255 }),
        (parcel_of(None, &files()), NoBase(path(0))),
        (parcel_of(None, &[vec![CHUNKS], chunk_head(PART, 9).to_vec()]), NoBase(path(0))),
        (with(2, [vec![CHUNKS], unknown.to_vec()].concat()), ChunkHead(path(2))),
        (with(2, [vec![CHUNKS], odd.to_vec()].concat()), ChunkHead(path(2))),
        (head(Source::Whole, 0), ChunkHead(path(2))),
        (head(Source::Whole, most), ChunkHead(path(2))),
        (head(Source::Whole, u32::MAX), ChunkHead(path(2))),
        (head(part(0), 10), ChunkHead(path(2))),
        (head(part(MAX_PART + 1), 10), ChunkHead(path(2))),
        (head(part(u32::MAX), 10), ChunkHead(path(2))),
    ] {
        assert_eq!(refused(&parcel), wanted);
    }
}

#[test]
fn a_parcel_ends_where_it_ends() {
    let good = parcel();
    for end in 0..good.len() {
        let cut = read(&good[..end], usize::MAX).expect_err("it is cut");
        assert!(matches!(cut, ParcelError::Truncated(_)), "{end}: {cut:?}");
    }
    for more in [&b"x"[..], &[SAME], &[CHUNKS], &good] {
        assert_eq!(refused(&[&good, more].concat()), ParcelError::Trailing);
    }
    // A file that comes again is one too many, and one that is left out is missed at the end.
    let twice: Vec<_> = files().iter().chain(&files()[3..]).cloned().collect();
    assert_eq!(refused(&parcel_of(Some(BASE), &twice)), ParcelError::Trailing);
    let missed = parcel_of(Some(BASE), &files()[1..]);
    assert!(read(&missed, usize::MAX).is_err());
}

#[test]
fn nothing_is_taken_after_a_refusal() {
    let mut reader = Reader::new(|_, _| Ok(()));
    assert_eq!(reader.next(&mut &[0; 64][..]), Err(ParcelError::Magic));
    assert_eq!(reader.next(&mut &MAGIC[..]), Err(ParcelError::Trailing));
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn a_frame_that_is_not_the_chunk_is_refused() {
    let good = compress(&[7; 5_000], &[], 3).expect("there is memory");
    assert_eq!(decompress(&good, &[], 5_000).expect("it is good"), [7; 5_000]);
    for (packed, size) in [
        (&good[..], 4_999),
        (&good, 5_001),
        (&good[..good.len() - 1], 5_000),
        (&[&good[..], b"x"].concat(), 5_000),
        (&[], 5_000),
        (b"(\xb5/\xfd", 5_000),
        (&[0; 100], 5_000),
    ] {
        assert!(decompress(packed, &[], size).is_err(), "{size} {packed:?}");
    }
    // A frame that says it becomes an exabyte.
    let bomb = [&b"(\xb5/\xfd\xe0"[..], &[0, 0, 0, 0, 0, 0, 0, 16], &[0; 8]].concat();
    assert!(decompress(&bomb, &[], 5_000).is_err());
}

proptest! {
    #[test]
    fn a_chunk_comes_back_whatever_it_builds_on(
        bytes in prop::collection::vec(any::<u8>(), 1..3_000),
        part in prop::collection::vec(any::<u8>(), 0..3_000),
        cut in 0..3_000_usize,
    ) {
        let chunk = [&part[cut.min(part.len())..], &bytes].concat();
        let packed = compress(&chunk, &part, 3).expect("there is memory");
        prop_assert_eq!(decompress(&packed, &part, chunk.len()), Ok(chunk));
    }

    #[test]
    fn a_change_of_what_is_signed_is_refused(at in 0..parcel().len(), bit in 0..8_u32) {
        let mut changed = parcel();
        changed[at] ^= 1 << bit;
        // What is built on, and how, shows in the files' bytes alone.
        let is_signed = !(17..49).contains(&at) && at < begin(None).len();
        prop_assert!(!is_signed || read(&changed, usize::MAX).is_err(), "{}", at);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..3_000)) {
        prop_assert!(read(&[&MAGIC[..], &bytes].concat(), 100).is_err());
        prop_assert!(read(&bytes, 100).is_err());
    }
}
