//! Asking a server over TLS, one connection a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::patient::Patient;

/// How long a connection may take to come about, and as long again to be secured.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long it may take nothing of what is sent.
const STALL_TIME: Duration = Duration::from_secs(30);

/// A server that shows a certificate.
#[derive(Clone, Debug)]
pub struct SecureServer {
    /// Its address or name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The name that its certificate must have.
    pub name: ServerName<'static>,
    /// Who we are, and whom we take it for.
    pub config: Arc<ClientConfig>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody is there.
    #[error("cannot connect to {to}")]
    Connect {
        /// Where.
        to: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It takes too long.
    #[error("no answer from {to} within {} s", CONNECT_TIME.as_secs())]
    Late {
        /// Where.
        to: String,
    },
    /// It is not who it should be, or does not take us for who we are.
    #[error("{to} is not whom it was taken for")]
    Stranger {
        /// Where.
        to: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke before an answer came.
    #[error("no answer from {to}")]
    Answer {
        /// Where.
        to: String,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The answer broke off, or is too long.
    #[error("no whole answer from {to}: {why}")]
    Body {
        /// Where.
        to: String,
        /// Why.
        why: String,
    },
}

impl SecureServer {
    /// Sends `request` and reads the answer, of which at most `most` bytes are taken. It waits
    /// for as long as that takes: a deadline is for the caller to set.
    ///
    /// # Errors
    ///
    /// [`AskError`], by what failed.
    pub async fn ask(
        &self,
        request: Request<Body>,
        most: usize,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let answer = self.answer(request, most).await?;
        Ok((answer.status(), answer.into_body()))
    }

    /// As [`Self::ask`], with the answer's headers.
    ///
    /// # Errors
    ///
    /// [`AskError`], by what failed.
    pub async fn answer(
        &self,
        mut request: Request<Body>,
        most: usize,
    ) -> Result<Response<Bytes>, AskError> {
        let to = || format!("{}:{}", self.host, self.port);
        if let Ok(host) = HeaderValue::from_str(&self.host) {
            request.headers_mut().insert(header::HOST, host);
        }
        let stream = self.connect().await?;
        let failed = |source| AskError::Answer { to: to(), source };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(Patient::new(stream, STALL_TIME)))
                .await
                .map_err(failed)?;
        let answer = async {
            let answer = sender.send_request(request).await.map_err(failed)?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, most).collect().await;
            let body = body.map_err(|error| {
                let why = if error.is::<LengthLimitError>() {
                    format!("it is longer than {most} bytes")
                } else {
                    error.to_string()
                };
                AskError::Body { to: to(), why }
            })?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The connection may have ended with the whole answer read.
            _ = connection => answer.await,
        }
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, AskError> {
        let to = || format!("{}:{}", self.host, self.port);
        let late = |_| AskError::Late { to: to() };
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let stream = tokio::time::timeout(CONNECT_TIME, connecting).await.map_err(late)?;
        let stream = stream.map_err(|source| AskError::Connect { to: to(), source })?;
        stream.set_nodelay(true).ok();
        let connector = TlsConnector::from(self.config.clone());
        let shaking = connector.connect(self.name.clone(), stream);
        let stream = tokio::time::timeout(CONNECT_TIME, shaking).await.map_err(late)?;
        stream.map_err(|source| AskError::Stranger { to: to(), source })
    }
}
