//! Bytes of a visitor that a report has to tell of: a digest of all, and where they are too many for
//! an event, all of them on their way to where they are kept whole.

use crate::logic::event::{MAX_RAW, MAX_WHOLE, Raw, RawDigest};
use crate::logic::services::{Piece, Report};

/// Numbers from here on are those of captures; uploads have the ones below.
const FIRST: u32 = 1 << 31;

/// Bytes that are captured.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    number: u32,
    digest: RawDigest,
    /// Bytes on their way; none when they are too many.
    sent: Option<usize>,
}

impl Capture {
    /// Nothing yet. `number` is one that no other capture of this connection has, below 2^31.
    pub(super) fn new(number: u32) -> Self {
        Self { number: FIRST | number, digest: RawDigest::default(), sent: Some(0) }
    }

    /// Takes bytes. An event has room for the first few, so that these alone go nowhere.
    pub(super) fn update(&mut self, bytes: &[u8], pieces: &mut Vec<Piece>) {
        let before = self.digest.head().len();
        self.digest.update(bytes);
        let (Some(sent), true) = (self.sent, self.digest.len() > MAX_RAW as u64) else { return };
        if self.digest.len() > MAX_WHOLE as u64 {
            self.sent = None;
            pieces.push(Piece { of: self.number, bytes: None });
            return;
        }
        let mut piece = Vec::new();
        if sent == 0 {
            piece.extend_from_slice(self.digest.head().get(..before).unwrap_or_default());
        }
        piece.extend_from_slice(bytes);
        self.sent = Some(sent + piece.len());
        pieces.push(Piece { of: self.number, bytes: Some(piece) });
    }

    /// What has come so far.
    pub(super) fn so_far(&self) -> Raw {
        self.digest.clone().finish()
    }

    /// How many bytes came.
    pub(super) fn len(&self) -> u64 {
        self.digest.len()
    }

    /// Whether none came.
    pub(super) fn is_empty(&self) -> bool {
        self.digest.is_empty()
    }

    /// That was all: the same report with what came.
    pub(super) fn finish(self, report: Report) -> Report {
        let whole = self.sent.filter(|sent| *sent > 0).map(|_| self.number);
        Report { whole, ..report.raw(self.digest.finish()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::event::Kind;

    /// What is on its way, and whether it is said to be all.
    fn capture(pieces: &[Vec<u8>]) -> (Vec<u8>, Report) {
        let (mut capture, mut sent) = (Capture::new(1), Vec::new());
        pieces.iter().for_each(|bytes| capture.update(bytes, &mut sent));
        let report = capture.finish(Report::new(Kind::Payload));
        (sent.into_iter().filter_map(|piece| piece.bytes).flatten().collect(), report)
    }

    #[test]
    fn what_an_event_has_no_room_for_goes_whole_and_the_rest_not_at_all() {
        let little = vec![vec![1; MAX_RAW - 1], vec![2]];
        let (sent, report) = capture(&little);
        assert_eq!((sent.len(), report.whole), (0, None));
        let more = vec![vec![1; MAX_RAW - 1], vec![2, 3], vec![4; 9]];
        let (sent, report) = capture(&more);
        assert!(sent == more.concat() && report.whole.is_some());
        assert_eq!(report.raw, Some(Raw::of(&more.concat())));
        let (sent, report) = capture(&[vec![1; MAX_RAW + 1]]);
        assert_eq!((sent.len(), report.whole.is_some()), (MAX_RAW + 1, true));
    }

    #[test]
    fn what_is_too_much_is_told_by_its_length_and_digest() {
        let much = vec![vec![1; MAX_WHOLE], vec![2]];
        let (_, report) = capture(&much);
        assert_eq!(report.whole, None);
        assert_eq!(report.raw.map(|raw| (raw.len, raw.sha256)), {
            let mut digest = RawDigest::default();
            much.iter().for_each(|bytes| digest.update(bytes));
            let raw = digest.finish();
            Some((raw.len, raw.sha256))
        });
    }
}
