//! The parts of `multipart/form-data` as they come. It is apart from what the form says because it
//! bounds what is held of it: whoever reads forms keeps everything that is in no part's body until
//! the next part begins, and a hostile one never does.
//!
//! **Invariant**: no more than [`HELD`] bytes of a request are in memory at a time, and nobody
//! waits longer than [`STALL`] for some.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures_util::StreamExt as _;

use super::answer::Answer;

/// How long nothing may come.
pub(super) const STALL: Duration = Duration::from_secs(20);
/// Most bytes of a request that are held, those of names and other headers among them.
const HELD: usize = 256 * 1024;

/// How many bytes are held.
#[derive(Clone, Debug, Default)]
struct Held(Arc<AtomicUsize>);

impl Held {
    /// Counts some that have come.
    fn came(&self, bytes: Bytes) -> Result<Bytes, axum::Error> {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        if self.is_full() { Err(too_much()) } else { Ok(bytes) }
    }

    /// Counts some that are held no longer.
    fn went(&self, count: usize) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) > HELD
    }
}

fn too_much() -> axum::Error {
    axum::Error::new(std::io::Error::other("too much of a form is in no field"))
}

/// The parts of a form.
#[derive(Debug)]
pub(super) struct Parts {
    form: Multipart,
    held: Held,
}

impl<S: Send + Sync> FromRequest<S> for Parts {
    type Rejection = Answer;

    async fn from_request(request: Request, state: &S) -> Result<Self, Answer> {
        let held = Held::default();
        let tally = held.clone();
        let (head, body) = request.into_parts();
        let body = body.into_data_stream();
        let body = body.map(move |chunk| chunk.and_then(|bytes| tally.came(bytes)));
        let request = Request::from_parts(head, Body::from_stream(body));
        let form = Multipart::from_request(request, state).await;
        let form = form.map_err(|error| bad(format!("it takes multipart/form-data: {error}")))?;
        Ok(Self { form, held })
    }
}

fn bad(detail: String) -> Answer {
    Answer::problem(StatusCode::BAD_REQUEST, detail)
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
        let Self { form, held } = self;
        let next = tokio::time::timeout(STALL, form.next_field()).await;
        let next = next.map_err(|_elapsed| slow("and no field is whole"))?;
        let next = next.map_err(|error| {
            let text = if held.is_full() {
                format!("more than {HELD} bytes are in no field")
            } else {
                error.body_text()
            };
            bad(text)
        })?;
        Ok(next.map(|field| Part { field, held }))
    }
}

/// A part of a form.
#[derive(Debug)]
pub(super) struct Part<'p> {
    field: Field<'p>,
    held: &'p Held,
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
            self.held.went(bytes.len());
        }
        Ok(chunk)
    }
}
