//! A server whose clients show a certificate.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::{Limits, Peer, connection};
use crate::edge::pki::{self, Admission};

/// What a server shows and whom it lets in.
#[derive(Clone, Debug)]
pub struct Secure {
    /// What new connections are offered; a change leaves those that are open alone.
    pub config: watch::Receiver<Arc<ServerConfig>>,
    /// Whom to serve: asked before each request, so that who is shut out is out at once.
    pub admission: Arc<dyn Admission>,
}

impl Secure {
    /// Serves one connection.
    pub(super) async fn connection(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        limits: Limits,
        app: Router,
        closing: watch::Receiver<()>,
    ) {
        let acceptor = TlsAcceptor::from(self.config.borrow().clone());
        let handshake = tokio::time::timeout(limits.handshake_time, acceptor.accept(stream));
        let stream = match handshake.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::info!(%peer, %error, "refused a connection");
                return;
            }
            Err(_) => {
                tracing::info!(%peer, "refused a connection: TLS took too long");
                return;
            }
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let Some(caller) = certificate.and_then(|der| pki::caller(der)) else { return };
        let admission = self.admission;
        let service = service_fn(move |mut request: Request<Incoming>| {
            let admitted = admission.admits(&caller);
            request.extensions_mut().insert(Peer(peer));
            request.extensions_mut().insert(caller.clone());
            let mut app = app.clone();
            async move { if admitted { app.call(request).await } else { Ok(shut_out()) } }
        });
        connection(stream, peer, limits, service, closing).await;
    }
}

/// What somebody hears who was let in and is no longer.
fn shut_out() -> Response<Body> {
    let mut response =
        Response::new(Body::from(r#"{"detail":"this certificate is no longer admitted"}"#));
    *response.status_mut() = StatusCode::FORBIDDEN;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
