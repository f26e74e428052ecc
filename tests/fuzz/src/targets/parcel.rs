//! Parcels, with a head of their own or behind a good one, and the frames in them.
//!
//! **Shape**: a byte for what it is, then its bytes.

use decnet::logic::kernel;
use decnet::logic::release::parcel::{
    ChunkSize, MAX_PART, Piece, Reader, Source, compress, decompress, head,
};
use decnet::logic::release::{
    Arch, Component, Digest, Envelope, File, FilePath, Manifest, Mode, Release,
};
use decnet::logic::time::Timestamp;

/// What the frames build on.
const PART: &[u8] = b"a program of another release, of which much may be found in this one";
/// Largest frame that is unpacked.
const LARGEST: usize = 64 * 1024;

pub(crate) fn run(data: &[u8]) {
    let [kind, data @ ..] = data else { return };
    match kind % 4 {
        0 => check(data),
        1 => check(&[good_head(), data.to_vec()].concat()),
        2 => {
            let [size, packed @ ..] = data else { return };
            let size = usize::from(*size) << 8;
            if let Ok(chunk) = decompress(packed, PART, size) {
                assert_eq!(chunk.len(), size);
            }
        }
        _ => {
            let packed = compress(data, PART, 1).expect("there is memory");
            assert_eq!(decompress(&packed, PART, data.len()).as_deref(), Ok(data));
        }
    }
}

/// The head of a release of two files of 3000 and 100 bytes, in chunks of 1024.
fn good_head() -> Vec<u8> {
    let file = |path: &str, size, mode| File {
        path: FilePath::parse(path).expect("it is a path"),
        size,
        mode,
        sha256: Digest([7; 32]),
    };
    let release = Release::seal(Manifest {
        schema: Manifest::schema(),
        fleet: "lab".parse().expect("it is a label"),
        components: vec![Component::Agent],
        version: "1".parse().expect("it is a label"),
        epoch: 1,
        number: 1,
        downgrade_from: None,
        arch: Arch::X86_64,
        min_kernel: kernel::Version(5, 19),
        created: Timestamp(1),
        expires: Timestamp(2),
        files: vec![
            file("bin/decnet", 3_000, Mode::Program),
            file("share/words", 100, Mode::Plain),
        ],
    });
    let release = release.expect("it holds together");
    let size = ChunkSize::new(10).expect("it is a size");
    head(size, Some(Digest([9; 32])), (&release, &Envelope::default()))
}

/// In one piece and in small ones, it says the same.
fn check(data: &[u8]) {
    assert_eq!(read(data, usize::MAX), read(data, 7));
}

/// What came, and how it ended.
fn read(data: &[u8], step: usize) -> (Vec<Piece>, String) {
    let mut reader = Reader::new(|_, _| Ok(()));
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    for mut input in data.chunks(step) {
        loop {
            let piece = match reader.next(&mut input) {
                Ok(Piece::More) => break,
                Ok(piece) => piece,
                Err(error) => return (pieces, error.to_string()),
            };
            match piece {
                Piece::Chunk { source, size, .. } => {
                    bytes += size as u64;
                    look(&reader, source, size);
                }
                Piece::File(_) => bytes = 0,
                Piece::FileEnd(index) => {
                    let files = reader.release().expect("it was read").files();
                    assert_eq!(files[index].size, bytes);
                }
                Piece::Same(_) => assert!(reader.base().is_some()),
                Piece::End | Piece::Head | Piece::More => {}
            }
            pieces.push(piece);
        }
    }
    (pieces, format!("{:?}", reader.finish()))
}

fn look(reader: &Reader<'_>, source: Source, size: usize) {
    if let Source::Part { length, .. } = source {
        assert!(reader.base().is_some() && (1..=MAX_PART).contains(&length));
    }
    assert!((1..=ChunkSize::LARGEST.bytes()).contains(&size));
    assert!(!reader.packed().is_empty() && reader.packed().len() <= size + size / 256 + 64);
    if size <= LARGEST
        && let Ok(chunk) = decompress(reader.packed(), PART, size)
    {
        assert_eq!(chunk.len(), size);
    }
}
