//! Bundles, manifests, signatures and roots, as somebody with the master's key could send them.

use decnet::logic::release::bundle::{Piece, Reader};
use decnet::logic::release::{Digest, Envelope, FilePath, Release, SignedRoot};

pub(crate) fn run(data: &[u8]) {
    if let Ok(release) = Release::parse(data) {
        assert_eq!(release.bytes(), data, "there is one way to write it");
        assert_eq!(release.digest(), Digest::of(data));
        check(&release);
    }
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(Envelope::parse(&envelope.bytes()).as_ref(), Ok(&envelope));
    }
    if let Ok(root) = SignedRoot::parse(data) {
        assert_eq!(SignedRoot::parse(&root.bytes()).as_ref(), Ok(&root));
    }
    // In one piece and in small ones, it says the same.
    assert_eq!(read(data, usize::MAX), read(data, 100));
}

fn check(release: &Release) {
    for file in release.files() {
        let path = file.path.as_str();
        assert_eq!(FilePath::parse(path).as_ref(), Ok(&file.path));
        assert!(path.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
    }
}

/// How many files there were, how many bytes in them, and how it ended.
fn read(data: &[u8], step: usize) -> (usize, usize, String) {
    let mut reader = Reader::new(|_, _| Ok(()));
    let (mut files, mut bytes) = (0, 0);
    for mut input in data.chunks(step) {
        loop {
            match reader.next(&mut input) {
                Ok(Piece::Data(some)) => bytes += some.len(),
                Ok(Piece::FileEnd) => files += 1,
                Ok(Piece::More) => break,
                Ok(Piece::End | Piece::File(_)) => {}
                Ok(Piece::Head) => check(reader.release().expect("it was just read")),
                Err(error) => return (files, bytes, error.to_string()),
            }
        }
    }
    (files, bytes, format!("{:?}", reader.finish()))
}
