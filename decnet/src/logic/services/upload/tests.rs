use super::*;
use crate::logic::decky::Identity;
use crate::logic::event::Raw;
use crate::logic::files::{Files, MAX_FILE, Owner};
use crate::logic::persona;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

fn decky() -> Identity {
    Identity::sample(persona::find("debian-12").unwrap())
}

/// What came of sending a file.
struct Sent {
    report: Report,
    whole: Vec<u8>,
    size: u64,
    read: Vec<u8>,
    done: Result<(), Fault>,
}

/// Sends pieces, each where it says, and gives what came of it: the report, all that is kept whole,
/// and how long the file is and what it holds.
fn send(files: &mut Files, pieces: &[(u64, Vec<u8>)]) -> Sent {
    let decky = decky();
    let (mut reply, path) = (Reply::default(), "/tmp/x".to_owned());
    let mut access = files.by(&decky, Owner::ROOT, NOW);
    let mut upload = Upload::begin(path.clone(), "sftp", Existing::Emptied, &mut access).unwrap();
    for (offset, bytes) in pieces {
        upload.write(*offset, bytes, &mut access, &mut reply);
    }
    let done = upload.finish(&mut access, &mut reply);
    let [report] = reply.reports.as_slice() else { panic!("{:?}", reply.reports) };
    let size = access.stat(&path).unwrap().size;
    let mut whole = Vec::new();
    for piece in &reply.pieces {
        match &piece.bytes {
            Some(bytes) => whole.extend_from_slice(bytes),
            None => whole.clear(),
        }
    }
    let read = access.read(&path).unwrap();
    Sent { report: report.clone(), whole, size, read, done }
}

#[test]
fn what_is_sent_in_order_is_kept_whole_and_read_as_it_was_sent() {
    let pieces: Vec<(u64, Vec<u8>)> =
        (0..40_u8).map(|n| (u64::from(n) * 32_768, vec![n; 32_768])).collect();
    let sent: Vec<u8> = pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let Sent { report, whole, size, read, done } = send(&mut Files::default(), &pieces);
    assert!(report.whole.is_some() && done.is_ok());
    assert_eq!((size, read.len()), (sent.len() as u64, sent.len()));
    assert!(whole == sent && read == sent);
    let raw = report.raw.expect("a digest");
    assert_eq!(Raw { whole: None, ..Raw::of(&sent) }, raw);
}

/// Length and digest of everything are told in each case, the file reads as long as it looks, and
/// whoever sent it is told where that is less.
#[test]
fn what_cannot_be_kept_whole_is_told_and_reads_as_long_as_it_looks() {
    let large = vec![(0, vec![1; MAX_FILE]), (MAX_FILE as u64, vec![2; 10])];
    let sent = send(&mut Files::default(), &large);
    assert_eq!((sent.report.whole, sent.done), (None, Err(Fault::NoSpace)));
    assert_eq!(sent.report.raw.map(|raw| raw.len), Some(MAX_FILE as u64 + 10));
    assert_eq!((sent.size, sent.read.len()), (MAX_FILE as u64, MAX_FILE));
    // No room for the file, and all of it is kept beside the events.
    let mut files = Files::default();
    let decky = decky();
    files.by(&decky, Owner::ROOT, NOW).write("/tmp/y", b"full").unwrap();
    files.set_most(20);
    let sent = send(&mut files, &[(0, vec![1; 40_000]), (40_000, vec![1; 40_000])]);
    assert!(sent.report.whole.is_some());
    assert_eq!((sent.whole.len(), sent.size, sent.read.len()), (80_000, 4, 4));
    assert_eq!(sent.done, Err(Fault::NoSpace));
}

/// What comes in another order is told as the file that it made.
#[test]
fn what_comes_out_of_order_is_kept_as_what_it_makes() {
    let disorder = vec![(10, vec![1; 10]), (0, vec![2; 10])];
    let sent = send(&mut Files::default(), &disorder);
    let made = [[2; 10], [1; 10]].concat();
    assert_eq!((sent.size, &sent.read, &sent.whole), (20, &made, &made));
    assert!(sent.report.whole.is_some() && sent.done.is_ok());
    let raw = sent.report.raw.expect("a digest");
    assert_eq!(raw.sha256, Raw::of(&made).sha256);
}
