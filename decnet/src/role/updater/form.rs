//! `multipart/form-data` of an update: what it says first, then what is sent, which goes to disk
//! as it comes.

use std::time::{Duration, Instant};

use axum::extract::multipart::{Field, Multipart};
use axum::http::StatusCode;
use tokio::io::AsyncWriteExt as _;

use super::answer::Answer;
use super::spool::{Spool, Transfer};
use crate::logic::release::{Digest, Label};
use crate::logic::update::AttemptId;

/// How long nothing may come.
const STALL: Duration = Duration::from_secs(20);
/// Bytes in a second that a sender must reach, after a while.
const RATE: u64 = 4 * 1024;
/// That while.
const WHILE: Duration = Duration::from_secs(30);
/// How long the rest of what is refused is read, so that its sender hears why.
const DRAIN: Duration = Duration::from_secs(5);
/// Most bytes of that.
const DRAINED: usize = 128 * 1024 * 1024;
/// Most bytes of a field that is text.
const MAX_TEXT: usize = 256;

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
    pub(super) async fn read(
        mut parts: Multipart,
        spool: &Spool,
        most: u64,
    ) -> Result<Self, Answer> {
        let read = Self::read_parts(&mut parts, spool, most).await;
        if read.is_err() {
            // Whoever is still sending would not hear why.
            drop(tokio::time::timeout(DRAIN, drain(&mut parts)).await);
        }
        read
    }

    async fn read_parts(parts: &mut Multipart, spool: &Spool, most: u64) -> Result<Self, Answer> {
        let mut form = Self::default();
        loop {
            let next = tokio::time::timeout(STALL, parts.next_field()).await;
            let next = next.map_err(|_elapsed| slow())?;
            let Some(field) = next.map_err(|error| bad(error.body_text()))? else { break };
            let name = field.name().unwrap_or_default().to_owned();
            if form.sent.is_some() {
                return Err(bad(format!("`{name}` comes after the tarball: it must come before")));
            }
            match name.as_str() {
                "sha256" if form.sha256.is_none() => {
                    let text = text(field, "sha256").await?;
                    let digest = text.parse().map_err(|e| bad(format!("sha256: {e}")))?;
                    form.sha256 = Some(digest);
                }
                "attempt" if form.attempt.is_none() => {
                    let text = text(field, "attempt").await?;
                    let label: Label = text.parse().map_err(|e| bad(format!("attempt: {e}")))?;
                    form.attempt = Some(AttemptId(label));
                }
                "confirm_self" => form.confirm_self = text(field, "confirm_self").await? == "true",
                "tarball" => {
                    let sha256 = form.sha256.ok_or_else(|| bad("sha256: it must come first"))?;
                    form.sent = Some(keep(field, spool, sha256, most).await?);
                }
                "sha256" | "attempt" => return Err(bad(format!("`{name}` comes twice"))),
                other => {
                    let other: String = other.chars().take(80).collect();
                    return Err(bad(format!("`{other}` is no field of an update")));
                }
            }
        }
        Ok(form)
    }
}

/// Reads what is left, up to a limit, and keeps none of it.
async fn drain(parts: &mut Multipart) {
    let mut left = DRAINED;
    while let Ok(Some(mut field)) = parts.next_field().await {
        while let Ok(Some(chunk)) = field.chunk().await {
            let Some(rest) = left.checked_sub(chunk.len()) else { return };
            left = rest;
        }
    }
}

async fn text(mut field: Field<'_>, name: &str) -> Result<String, Answer> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(&mut field).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_TEXT {
            return Err(bad(format!("{name}: it has more than {MAX_TEXT} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|error| bad(format!("{name}: {error}")))
}

async fn chunk(field: &mut Field<'_>) -> Result<Option<axum::body::Bytes>, Answer> {
    let chunk = tokio::time::timeout(STALL, field.chunk()).await.map_err(|_elapsed| slow())?;
    chunk.map_err(|error| bad(error.body_text()))
}

fn slow() -> Answer {
    let detail = format!("nothing has come for {} s, or less than {RATE} B/s", STALL.as_secs());
    Answer::problem(StatusCode::REQUEST_TIMEOUT, detail)
}

/// Writes what is sent to its transfer, from its beginning.
async fn keep(
    mut field: Field<'_>,
    spool: &Spool,
    sha256: Digest,
    most: u64,
) -> Result<Transfer, Answer> {
    let transfer = open(spool, sha256)?;
    transfer.file.set_len(0).map_err(|error| unwritten(&error))?;
    let mut writer = Writer::new(&transfer, most)?;
    let written = async {
        while let Some(chunk) = chunk(&mut field).await? {
            writer.put(&chunk).await?;
        }
        writer.end().await
    };
    match written.await {
        Ok(()) => Ok(transfer),
        Err(answer) => {
            transfer.forget();
            Err(answer)
        }
    }
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
    most: u64,
    begun: Instant,
    sent: u64,
}

impl Writer {
    /// Adds to the end.
    pub(super) fn new(transfer: &Transfer, most: u64) -> Result<Self, Answer> {
        let file = transfer.file.try_clone().map_err(|error| unwritten(&error))?;
        let length = transfer.len().map_err(|error| unwritten(&error))?;
        let file = tokio::fs::File::from_std(file);
        Ok(Self { file, length, most, begun: Instant::now(), sent: 0 })
    }

    /// Adds some.
    pub(super) async fn put(&mut self, bytes: &[u8]) -> Result<(), Answer> {
        self.sent = self.sent.saturating_add(bytes.len() as u64);
        if self.length.saturating_add(self.sent) > self.most {
            let detail = format!("it has more than {} bytes", self.most);
            return Err(Answer::problem(StatusCode::PAYLOAD_TOO_LARGE, detail));
        }
        let passed = self.begun.elapsed();
        if passed > WHILE && self.sent / passed.as_secs().max(1) < RATE {
            return Err(slow());
        }
        self.file.write_all(bytes).await.map_err(|error| unwritten(&error))
    }

    /// All is there.
    pub(super) async fn end(&mut self) -> Result<(), Answer> {
        self.file.flush().await.map_err(|error| unwritten(&error))
    }
}
