//! A server whose clients show a certificate.

use std::net::SocketAddr;
use std::sync::Arc;
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

use super::doorway::{Doorway, Place};
use super::metered::attend;
use super::{Limits, Peer, connection};
use crate::edge::pki::{self, Authorize};
use crate::logic::door::Holder;

/// How long somebody who shows no certificate may stay.
const ANONYMOUS: Duration = Duration::from_secs(30);

/// What a server shows and whom it lets in.
#[derive(Clone, Debug)]
pub struct Secure {
    config: watch::Receiver<Arc<ServerConfig>>,
    authorize: Arc<dyn Authorize>,
}

impl Secure {
    /// Offers new connections what `config` holds; a change leaves those that are open alone.
    /// `authorize` is asked before each request, so that who is shut out is out at once.
    pub fn new(config: watch::Receiver<Arc<ServerConfig>>, authorize: Arc<dyn Authorize>) -> Self {
        Self { config, authorize }
    }

    /// Agrees on TLS with whoever connects; `None` when that does not come about.
    async fn shake_hands(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        doorway: &Doorway,
        time: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.config.borrow().clone());
        match tokio::time::timeout(time, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                doorway.refused(peer, &error);
                None
            }
            Err(_) => {
                doorway.refused(peer, &"TLS took too long");
                None
            }
        }
    }

    /// Serves one connection.
    pub(super) async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        (limits, place, doorway): (Limits, Place, Arc<Doorway>),
        app: Router,
        closing: watch::Receiver<()>,
    ) {
        let shaken = self.shake_hands(stream, peer, &doorway, limits.handshake_time).await;
        let Some(stream) = shaken else { return };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        // Where none was needed, the application asks who it is.
        let caller = match certificate.map(|der| pki::caller(der)) {
            Some(None) => return,
            Some(caller) => caller,
            None => None,
        };
        let holder = match &caller {
            Some(caller) => Holder::Certificate(caller.fingerprint),
            None => Holder::Nameless(place.source),
        };
        if let Err(why) = place.introduce(holder) {
            doorway.refused(peer, &why);
            return;
        }
        let anonymous = caller.is_none();
        let (authorize, place) = (self.authorize, Arc::new(place));
        let service = service_fn(move |mut request: Request<Incoming>| {
            let may = caller.as_ref().is_none_or(|caller| authorize.authorizes(caller));
            request.extensions_mut().insert(Peer(peer));
            if let Some(caller) = &caller {
                request.extensions_mut().insert(caller.clone());
            }
            let (mut app, place) = (app.clone(), place.clone());
            async move {
                if !may {
                    return Ok(shut_out());
                }
                attend(&place, &limits, request, move |request| app.call(request)).await
            }
        });
        let served = connection(stream, peer, limits, service, closing);
        if anonymous {
            tokio::time::timeout(ANONYMOUS, served).await.ok();
        } else {
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
