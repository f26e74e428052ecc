//! HTTP/1.1 over TCP or TLS: serving an application within limits, and asking another server.

mod ask;
mod doorway;
mod form;
mod hear_out;
mod metered;
mod patient;
mod secure;
mod upstream;

use std::convert::Infallible;
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service as _;

pub use ask::{AskError, SecureServer};
use doorway::{Doorway, MINUTE, Place};
pub use form::{FormError, file_request, form_request};
pub use hear_out::hear_out;
pub use metered::Pace;
use metered::attend;
use patient::Patient;
pub use secure::Secure;
pub use upstream::{BadUrl, Upstream, UpstreamError};

use crate::logic::door::Holder;

/// What a server allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once of which it is known who comes; further ones take the places of others.
    pub connections: usize,
    /// Those of one certificate, or of one source where there are none.
    pub each: usize,
    /// Bytes of requests that are held at once.
    pub bytes: u64,
    /// Those of one certificate, or of one source.
    pub bytes_each: u64,
    /// How slowly the body of a request may come.
    pub pace: Pace,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Time for a head to come, and for a connection to be idle.
    pub head_time: Duration,
    /// Time for TLS to be agreed upon.
    pub handshake_time: Duration,
    /// Time for which a peer may take nothing of what is sent.
    pub stall_time: Duration,
    /// Time that open requests have to end when the server does.
    pub drain_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            each: 64,
            bytes: 64 << 20,
            bytes_each: 40 << 20,
            pace: Pace { patience: Duration::from_secs(20), rate: 16 * 1024 },
            head_bytes: 16 * 1024,
            headers: 64,
            head_time: Duration::from_secs(20),
            handshake_time: Duration::from_secs(5),
            stall_time: Duration::from_secs(30),
            drain_time: Duration::from_secs(3),
        }
    }
}

/// Why a port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has it.
    #[error("cannot listen on {address}: another program does, stop it or choose another port")]
    InUse {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel refuses.
    #[error("cannot listen on {address}")]
    Refused {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Listens on `address`.
///
/// # Errors
///
/// [`ListenError`], by what is in the way.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => ListenError::InUse { address, source },
        _ => ListenError::Refused { address, source },
    })
}

/// Who sent a request: among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves `app` on `listener` until `stop`, then lets open requests end.
pub async fn serve(
    listener: TcpListener,
    limits: Limits,
    app: Router,
    stop: impl Future<Output = ()>,
) {
    serve_over(listener, None, limits, app, stop).await;
}

/// As [`serve`], over TLS: a request has its [`crate::logic::trust::Caller`] among its extensions.
pub async fn serve_tls(
    listener: TcpListener,
    secure: Secure,
    limits: Limits,
    app: Router,
    stop: impl Future<Output = ()>,
) {
    serve_over(listener, Some(secure), limits, app, stop).await;
}

async fn serve_over(
    listener: TcpListener,
    secure: Option<Secure>,
    limits: Limits,
    app: Router,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let doorway = Doorway::new(&limits);
    let mut minute = tokio::time::interval(MINUTE);
    let (close, closing) = watch::channel(());
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most often the process has no file descriptor left; one will come free.
                    tracing::debug!(%error, "cannot accept, retrying in 100 ms");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            _ = minute.tick() => {
                doorway.each_minute();
                continue;
            }
            () = &mut stop => break,
        };
        // Answers are small and whole: waiting to fill a packet only delays them.
        stream.set_nodelay(true).ok();
        let (app, secure, closing) = (app.clone(), secure.clone(), closing.clone());
        let place = doorway.arrive(peer.ip());
        let (id, way) = (place.id, doorway.clone());
        let task = connections.spawn(async move {
            match secure {
                None => plain(stream, peer, (limits, place), app, closing).await,
                Some(secure) => {
                    secure.connection(stream, peer, (limits, place, way), app, closing).await;
                }
            }
        });
        doorway.watch(id, task);
        // Whoever has come says what it wants before others take its place.
        tokio::task::yield_now().await;
    }
    drop(listener);
    close.send(()).ok();
    let drained = async { while connections.join_next().await.is_some() {} };
    // What is left then ends with the set.
    tokio::time::timeout(limits.drain_time, drained).await.ok();
}

/// Serves a connection without TLS: with its first request it is known.
async fn plain(
    stream: TcpStream,
    peer: SocketAddr,
    (limits, place): (Limits, Place),
    app: Router,
    closing: watch::Receiver<()>,
) {
    let place = Arc::new(place);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let (place, mut app) = (place.clone(), app.clone());
        async move {
            if place.introduce(Holder::Source(place.source)).is_err() {
                return Ok(full());
            }
            attend(&place, &limits, request, move |request| app.call(request)).await
        }
    });
    connection(stream, peer, limits, service, closing).await;
}

/// What somebody hears for whom there is no place.
fn full() -> Response<Body> {
    let mut response = Response::new(Body::from(r#"{"detail":"all places are taken: try again"}"#));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

async fn connection<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    limits: Limits,
    service: S,
    mut closing: watch::Receiver<()>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_time)
            .max_buf_size(limits.head_bytes)
            .max_headers(limits.headers)
            .serve_connection(TokioIo::new(Patient::new(stream, limits.stall_time)), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection failed");
    }
}

#[cfg(test)]
mod tests;
