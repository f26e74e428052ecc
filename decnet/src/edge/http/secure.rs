//! A server whose clients show a certificate.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::Service as _;

use super::{Limits, Peer, connection};
use crate::edge::pki::{self, Authorize};
use crate::logic::admission::{self, Admission};

/// Connections that have not shown yet who they are.
const AT_THE_DOOR: usize = 128;
/// Those of one source: nobody keeps others waiting by saying nothing.
const PER_SOURCE: usize = 4;

/// How long somebody who shows no certificate may stay.
const ANONYMOUS: Duration = Duration::from_secs(30);

/// A place at the door, for as long as it is not known who has it.
struct Place {
    door: Arc<Mutex<Admission>>,
    source: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.door).release(self.source);
    }
}

fn lock(door: &Mutex<Admission>) -> MutexGuard<'_, Admission> {
    door.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a server shows and whom it lets in.
#[derive(Clone, Debug)]
pub struct Secure {
    config: watch::Receiver<Arc<ServerConfig>>,
    authorize: Arc<dyn Authorize>,
    door: Arc<Mutex<Admission>>,
}

impl Secure {
    /// Offers new connections what `config` holds; a change leaves those that are open alone.
    /// `authorize` is asked before each request, so that who is shut out is out at once.
    pub fn new(config: watch::Receiver<Arc<ServerConfig>>, authorize: Arc<dyn Authorize>) -> Self {
        Self { config, authorize, door: Arc::default() }
    }

    /// A place at the door for somebody from `source`, when there is one.
    fn place(&self, source: IpAddr) -> Option<Place> {
        let limits = admission::Limits {
            connections: AT_THE_DOOR,
            per_source: PER_SOURCE,
            ..admission::Limits::default()
        };
        let admitted = lock(&self.door).admit(&limits, source);
        admitted.then(|| Place { door: self.door.clone(), source })
    }

    /// Agrees on TLS with whoever connects; `None` when that does not come about.
    async fn shake_hands(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        time: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.config.borrow().clone());
        match tokio::time::timeout(time, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::info!(%peer, %error, "refused a connection");
                None
            }
            Err(_) => {
                tracing::info!(%peer, "refused a connection: TLS took too long");
                None
            }
        }
    }

    /// Serves one connection.
    pub(super) async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        limits: Limits,
        app: Router,
        closing: watch::Receiver<()>,
    ) {
        let Some(place) = self.place(peer.ip()) else {
            tracing::debug!(%peer, "refused a connection: too many wait at the door");
            return;
        };
        let shaken = self.shake_hands(stream, peer, limits.handshake_time).await;
        let Some(stream) = shaken else { return };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        // Where none was needed, the application asks who it is.
        let caller = match certificate.map(|der| pki::caller(der)) {
            Some(None) => return,
            Some(caller) => caller,
            None => None,
        };
        let anonymous = caller.is_none();
        let authorize = self.authorize;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let may = caller.as_ref().is_none_or(|caller| authorize.authorizes(caller));
            request.extensions_mut().insert(Peer(peer));
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            let mut app = app.clone();
            async move { if may { app.call(request).await } else { Ok(shut_out()) } }
        });
        let served = connection(stream, peer, limits, service, closing);
        if anonymous {
            // It keeps its place: nobody takes those of whoever is known.
            tokio::time::timeout(ANONYMOUS, served).await.ok();
            drop(place);
        } else {
            drop(place);
            served.await;
        }
    }
}

/// What somebody hears who was let in and is no longer.
fn shut_out() -> Response<Body> {
    let mut response =
        Response::new(Body::from(r#"{"detail":"this certificate is no longer good here"}"#));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
