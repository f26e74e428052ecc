//! The parts of `multipart/form-data` as they come. It is apart from what the form says because it
//! bounds what is held of it: whoever reads forms keeps everything that is in no part's body until
//! the next part begins, and a hostile one never does.
//!
//! **Invariant**: no more than [`HELD`] bytes of a request are in memory at a time, and nobody
//! waits longer than [`STALL`] for some.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use http_body_util::BodyExt as _;

use super::answer::Answer;

/// How long nothing may come.
pub(super) const STALL: Duration = Duration::from_secs(20);
/// Most bytes of a request that are held, those of names and other headers among them.
const HELD: usize = 256 * 1024;
/// How long the rest of what is refused is read, so that its sender hears why.
const DRAIN: Duration = Duration::from_secs(20);
/// Most bytes of that.
const DRAINED: usize = 128 * 1024 * 1024;

/// What becomes of the bytes that come.
#[derive(Debug)]
enum Tally {
    /// They are kept; so many are held.
    Kept { held: usize },
    /// They are dropped; so many more may come.
    Dropped { left: usize },
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Tally>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts some that have come.
    fn came(&self, bytes: Bytes) -> Option<Result<Bytes, axum::Error>> {
        match &mut *self.lock() {
            Tally::Kept { held } => {
                *held = held.saturating_add(bytes.len());
                Some(if *held <= HELD { Ok(bytes) } else { Err(too_much()) })
            }
            Tally::Dropped { left } => {
                *left = left.saturating_sub(bytes.len());
                (*left == 0).then(|| Err(too_much()))
            }
        }
    }

    /// Counts some that are held no longer.
    fn went(&self, count: usize) {
        if let Tally::Kept { held } = &mut *self.lock() {
            *held = held.saturating_sub(count);
        }
    }

    fn is_full(&self) -> bool {
        matches!(&*self.lock(), Tally::Kept { held } if *held > HELD)
    }
}

fn too_much() -> axum::Error {
    axum::Error::new(std::io::Error::other("too much of a form is in no field"))
}

/// The parts of a form.
#[derive(Debug)]
pub(super) struct Parts {
    form: Multipart,
    shared: Shared,
}

impl<S: Send + Sync> FromRequest<S> for Parts {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &S) -> Result<Self, Answer> {
        let shared = Shared(Arc::new(Mutex::new(Tally::Kept { held: 0 })));
        let tally = shared.clone();
        let (head, body) = request.into_parts();
        let body = body.into_data_stream().filter_map(move |chunk| {
            ready(chunk.map_or_else(|error| Some(Err(error)), |bytes| tally.came(bytes)))
        });
        let request = Request::from_parts(head, Body::from_stream(body));
        let form = Multipart::from_request(request, state).await;
        let form = form.map_err(|error| bad(format!("it takes multipart/form-data: {error}")))?;
        Ok(Self { form, shared })
    }
}

fn bad(detail: String) -> Answer {
    Answer::problem(StatusCode::BAD_REQUEST, detail)
}

/// Reads what is left of a body as [`Parts::drain`] does that of a form.
pub(super) async fn drain(mut body: Body) {
    let all = async {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    drop(tokio::time::timeout(DRAIN, all).await);
}

/// What is said to whoever sends too slowly.
pub(super) fn slow(detail: &str) -> Answer {
    let detail = format!("nothing has come for {} s, {detail}", STALL.as_secs());
    Answer::problem(StatusCode::REQUEST_TIMEOUT, detail)
}

impl Parts {
    /// The next one, when there is one.
    ///
    /// # Errors
    ///
    /// 400 for what is malformed, 408 when it does not come.
    pub(super) async fn next(&mut self) -> Result<Option<Part<'_>>, Answer> {
        let Self { form, shared } = self;
        let next = tokio::time::timeout(STALL, form.next_field()).await;
        let next = next.map_err(|_elapsed| slow("and no field is whole"))?;
        let next = next.map_err(|error| {
            let text = if shared.is_full() {
                format!("more than {HELD} bytes are in no field")
            } else {
                error.body_text()
            };
            bad(text)
        })?;
        Ok(next.map(|field| Part { field, shared }))
    }

    /// Reads what is left, up to a limit, and keeps none of it: whoever is still sending would not
    /// hear why it is refused.
    pub(super) async fn drain(mut self) {
        *self.shared.lock() = Tally::Dropped { left: DRAINED };
        let all = async { while let Ok(Some(_)) = self.form.next_field().await {} };
        drop(tokio::time::timeout(DRAIN, all).await);
    }
}

/// A part of a form.
#[derive(Debug)]
pub(super) struct Part<'p> {
    field: Field<'p>,
    shared: &'p Shared,
}

impl Part<'_> {
    /// What it is called.
    pub(super) fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// More of its body, when there is more.
    ///
    /// # Errors
    ///
    /// 400 for what is malformed, 408 when nothing comes.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Answer> {
        let chunk = tokio::time::timeout(STALL, self.field.chunk()).await;
        let chunk = chunk.map_err(|_elapsed| slow("and the form is not whole"))?;
        let chunk = chunk.map_err(|error| bad(error.body_text()))?;
        if let Some(bytes) = &chunk {
            self.shared.went(bytes.len());
        }
        Ok(chunk)
    }
}
