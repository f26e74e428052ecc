//! A request on its way in and its answer on its way out: the body must come at some rate and find
//! room, and the connection's place follows how far it is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use serde_json::json;
use tokio::time::{Instant, Sleep};

use super::Limits;
use super::doorway::{BodyError, Place, Unheard};
use super::hear_out::Standing;
use crate::logic::door::Stage;

/// How slowly the body of a request may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// For how long nothing may come.
    pub patience: Duration,
    /// Bytes that earn a second of it.
    pub rate: u32,
}

/// Has `answer` made for a request, whose body is metered; the place is idle again when the answer
/// has gone.
pub(super) async fn attend<F>(
    place: &Arc<Place>,
    limits: &Limits,
    request: Request<Incoming>,
    answer: impl FnOnce(Request<Body>) -> F,
) -> Result<Response<Body>, Infallible>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let unheard = Arc::new(OnceLock::new());
    let visit = Visit(place.clone());
    place.become_stage(if request.body().is_end_stream() { Stage::Busy } else { Stage::Asking });
    let request = request.map(|body| {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Metered {
            body,
            place: place.clone(),
            pace: limits.pace,
            left: limits.pace.patience,
            waiting: None,
            unheard: unheard.clone(),
        })
    });
    let response = answer(request).await?;
    let response = match unheard.get() {
        Some(why) if response.extensions().get::<Standing>().is_none() => problem(*why),
        _ => response,
    };
    place.become_stage(Stage::Answered);
    Ok(response.map(|body| Body::new(Held { body, _visit: visit })))
}

fn problem(why: Unheard) -> Response<Body> {
    let mut response = Response::new(Body::from(json!({ "detail": why.to_string() }).to_string()));
    *response.status_mut() = match why {
        Unheard::Full => StatusCode::SERVICE_UNAVAILABLE,
        Unheard::Slow => StatusCode::REQUEST_TIMEOUT,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// A request that is being answered.
#[derive(Debug)]
struct Visit(Arc<Place>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.become_stage(Stage::Idle);
    }
}

/// A body that comes.
struct Metered {
    body: Incoming,
    place: Arc<Place>,
    pace: Pace,
    /// How long nothing may come, at most the pace's patience.
    left: Duration,
    /// Since when nothing has come.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    unheard: Arc<OnceLock<Unheard>>,
}

impl Metered {
    fn fail<T>(&self, why: Unheard) -> Poll<Option<Result<T, BodyError>>> {
        // Whatever came first is told.
        self.unheard.set(why).ok();
        Poll::Ready(Some(Err(why.into())))
    }

    /// So many bytes have come: the time that was waited for them is spent, and some earned.
    fn earn(&mut self, bytes: usize) {
        if let Some((since, _)) = self.waiting.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let earned = Duration::from_secs(1).mul_f64(f64::from(bytes) / f64::from(self.pace.rate));
        self.left = self.left.saturating_add(earned).min(self.pace.patience);
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            let left = self.left;
            let (_, sleep) = self
                .waiting
                .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
            ready!(sleep.as_mut().poll(cx));
            return self.fail(Unheard::Slow);
        };
        match frame {
            None => {
                self.place.become_stage(Stage::Busy);
                Poll::Ready(None)
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.earn(bytes);
                if self.place.hold(bytes).is_err() {
                    return self.fail(Unheard::Full);
                }
                if self.body.is_end_stream() {
                    self.place.become_stage(Stage::Busy);
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, and the visit that lasts until it has gone.
struct Held {
    body: Body,
    _visit: Visit,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
