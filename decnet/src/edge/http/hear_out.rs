//! Whoever is refused while still sending would not hear why: a server that closes a connection on
//! which more comes breaks it. So the rest is read first, and dropped.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// How long the rest may take to come.
const TIME: Duration = Duration::from_secs(20);
/// Most bytes of it: who sends more at such a rate will not end.
const MOST: usize = 1 << 30;

/// With an answer that was made before the rest of the body came, or did not: it stands, whatever
/// becomes of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing;

/// Has a request answered, and before the answer goes reads what is left of its body, within
/// limits.
pub async fn hear_out(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut shared = Shared(Arc::new(Mutex::new((body, Course::Well))));
    let mut response = next.run(Request::from_parts(head, Body::new(shared.clone()))).await;
    if shared.lock().1 == Course::Well {
        response.extensions_mut().insert(Standing);
    }
    let rest = async {
        let mut left = MOST;
        while let Some(Ok(frame)) = shared.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    drop(tokio::time::timeout(TIME, rest).await);
    response
}

/// A body that is still there when whoever was to read it has dropped it.
#[derive(Clone)]
struct Shared(Arc<Mutex<(Body, Course)>>);

/// How the body came so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Broken,
    Well,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Body, Course)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut shared = self.lock();
        let frame = Pin::new(&mut shared.0).poll_frame(cx);
        if let Poll::Ready(Some(Err(_))) = &frame {
            shared.1 = Course::Broken;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.lock().0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().0.size_hint()
    }
}
