//! `multipart/form-data` of an update: what it says first, then what is sent, which goes to disk
//! as it comes.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::io::AsyncWriteExt as _;

use super::answer::Answer;
use super::parts::{Part, Parts, STALL, slow};
use super::room::{Claim, TooFew};
use super::spool::{Spool, Transfer};
use crate::logic::release::{Digest, Label};
use crate::logic::update::AttemptId;

/// Bytes in a second that a sender must reach, after a while.
const RATE: u64 = 4 * 1024;
/// That while.
const WHILE: Duration = Duration::from_secs(30);
/// Most bytes of a field that is text.
const MAX_TEXT: usize = 256;

/// How much may be sent.
#[derive(Debug)]
pub(super) struct Room {
    /// Most bytes of one bundle.
    pub(super) most: u64,
    /// Bytes that were promised to the sender, who said how many there are; the others are asked for
    /// when they come.
    pub(super) promised: u64,
    /// The promise.
    pub(super) claim: Claim,
}

/// What an update's form says.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// What is sent.
    pub(super) sha256: Option<Digest>,
    /// What the sender calls it.
    pub(super) attempt: Option<AttemptId>,
    /// Whether the sender means it.
    pub(super) confirm_self: bool,
    /// What was sent now.
    pub(super) sent: Option<Transfer>,
}

fn bad(detail: impl Into<String>) -> Answer {
    Answer::problem(StatusCode::BAD_REQUEST, detail)
}

impl Form {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// The answer to whoever sent it: 400 for what is malformed, 408 for whoever is too slow, 413
    /// for too much, 507 when there is no space.
    pub(super) async fn read(mut parts: Parts, spool: &Spool, room: Room) -> Result<Self, Answer> {
        let mut form = Self::default();
        let mut room = Some(room);
        let mut is_sure = None;
        while let Some(part) = parts.next().await? {
            let name = part.name().to_owned();
            if form.sent.is_some() {
                let name: String = name.chars().take(80).collect();
                return Err(bad(format!("`{name}` comes after the tarball: it must come before")));
            }
            match name.as_str() {
                "sha256" if form.sha256.is_none() => {
                    let text = text(part, "sha256").await?;
                    let digest = text.parse().map_err(|e| bad(format!("sha256: {e}")))?;
                    form.sha256 = Some(digest);
                }
                "attempt" if form.attempt.is_none() => {
                    let text = text(part, "attempt").await?;
                    let label: Label = text.parse().map_err(|e| bad(format!("attempt: {e}")))?;
                    form.attempt = Some(AttemptId(label));
                }
                "confirm_self" if is_sure.is_none() => {
                    is_sure = Some(text(part, "confirm_self").await? == "true");
                }
                "tarball" => {
                    let sha256 = form.sha256.ok_or_else(|| bad("sha256: it must come first"))?;
                    let room = room.take().ok_or_else(|| bad("`tarball` comes twice"))?;
                    form.sent = Some(keep(part, (spool, room), sha256).await?);
                }
                "sha256" | "attempt" | "confirm_self" => {
                    return Err(bad(format!("`{name}` comes twice")));
                }
                other => {
                    let other: String = other.chars().take(80).collect();
                    return Err(bad(format!("`{other}` is no field of an update")));
                }
            }
        }
        form.confirm_self = is_sure.unwrap_or(false);
        Ok(form)
    }
}

/// Reads a field of text, all of which must come as soon as anything else.
async fn text(mut part: Part<'_>, name: &str) -> Result<String, Answer> {
    let mut bytes = Vec::new();
    let read = async {
        while let Some(chunk) = part.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_TEXT {
                return Err(bad(format!("{name}: it has more than {MAX_TEXT} bytes")));
            }
        }
        Ok(())
    };
    let read = tokio::time::timeout(STALL, read).await;
    read.map_err(|_elapsed| slow("or too little"))??;
    String::from_utf8(bytes).map_err(|error| bad(format!("{name}: {error}")))
}

/// Writes what is sent to its transfer, from its beginning.
async fn keep(
    mut part: Part<'_>,
    (spool, room): (&Spool, Room),
    sha256: Digest,
) -> Result<Transfer, Answer> {
    let mut transfer = open(spool, sha256)?;
    transfer.begin().map_err(|error| unwritten(&error))?;
    let mut writer = Writer::new(&transfer, room)?;
    while let Some(chunk) = part.chunk().await? {
        writer.put(&chunk).await?;
    }
    writer.end().await?;
    Ok(transfer)
}

/// Opens a transfer.
///
/// # Errors
///
/// 409 when somebody else sends the very same.
pub(super) fn open(spool: &Spool, sha256: Digest) -> Result<Transfer, Answer> {
    let open = spool.transfer(sha256).map_err(|error| unwritten(&error))?;
    let detail = "the very same is being sent by somebody else";
    open.ok_or_else(|| Answer::problem(StatusCode::CONFLICT, detail))
}

/// What cannot be written.
pub(super) fn unwritten(error: &std::io::Error) -> Answer {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let status = if matches!(error.kind(), StorageFull | QuotaExceeded) {
        StatusCode::INSUFFICIENT_STORAGE
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    Answer::problem(status, format!("cannot keep what is sent: {error}"))
}

/// Adds to a transfer, up to a limit and not too slowly.
pub(super) struct Writer {
    file: tokio::fs::File,
    length: u64,
    room: Room,
    begun: Instant,
    sent: u64,
    /// Bytes that were taken last: they are on their way to the disk until others are taken.
    last: u64,
}

impl Writer {
    /// Adds to the end.
    pub(super) fn new(transfer: &Transfer, room: Room) -> Result<Self, Answer> {
        let file = transfer.file.try_clone().map_err(|error| unwritten(&error))?;
        let length = transfer.len().map_err(|error| unwritten(&error))?;
        let file = tokio::fs::File::from_std(file);
        Ok(Self { file, length, room, begun: Instant::now(), sent: 0, last: 0 })
    }

    /// Adds some.
    pub(super) async fn put(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        let (most, count) = (self.room.most, bytes.len() as u64);
        self.sent = self.sent.saturating_add(count);
        if self.length.saturating_add(self.sent) > most {
            let detail = format!("it has more than {most} bytes");
            return Err(Answer::problem(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        self.spend(count)?;
        let passed = self.begun.elapsed();
        if passed > WHILE && self.sent / passed.as_secs().max(1) < RATE {
            return Err(slow(&format!("or less than {RATE} B/s")));
        }
        self.file.write_all(bytes).await.map_err(|error| unwritten(&error))?;
        self.room.claim.shrink(std::mem::replace(&mut self.last, count));
        Ok(())
    }

    /// Takes some of what was promised, or is promised more.
    fn spend(&mut self, count: u64) -> Result<(), Answer> {
        let Room { promised, claim, .. } = &mut self.room;
        let grown =
            claim.grow(count.saturating_sub(*promised)).map_err(|error| unwritten(&error))?;
        grown.map_err(|TooFew(free)| {
            let detail = format!("there is no space for it: {free} bytes are free");
            Answer::problem(StatusCode::INSUFFICIENT_STORAGE, detail)
        })?;
        *promised = promised.saturating_sub(count);
        Ok(())
    }

    /// All is there.
    pub(super) async fn end(&mut self) -> Result<(), Answer> {
        self.file.flush().await.map_err(|error| unwritten(&error))
    }
}
