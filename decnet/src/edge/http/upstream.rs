//! Asking another HTTP server, one connection a request.

use std::fmt;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::patient::Patient;

/// How long a connection may take to come about.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// How long an answer may take to begin.
const ANSWER_TIME: Duration = Duration::from_secs(40);
/// How long the server may take nothing of what is sent.
const STALL_TIME: Duration = Duration::from_secs(30);

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    authority: Authority,
    port: u16,
}

/// A text that is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address such as http://127.0.0.1:8000: plain HTTP, no path")]
pub struct BadUrl(String);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// Nobody is there.
    #[error("cannot connect to {to}")]
    Connect {
        /// Where.
        to: Upstream,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke before an answer came.
    #[error("{to} did not answer")]
    Answer {
        /// Where.
        to: Upstream,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The answer did not begin in time.
    #[error("{to} takes too long")]
    Late {
        /// Where.
        to: Upstream,
    },
}

impl Upstream {
    /// Whether it can be reached from other machines than this one.
    pub fn is_local(&self) -> bool {
        let host = self.authority.host().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Sends `request` and answers what comes back. The answer's body is streamed; when it is
    /// dropped, the connection ends.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`], by what failed.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, UpstreamError> {
        self.send_within(request, ANSWER_TIME).await
    }

    /// As [`Self::send`], where the answer may take so long to begin: of a request with many bytes.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`], by what failed.
    pub async fn send_within(
        &self,
        mut request: Request<Body>,
        time: Duration,
    ) -> Result<Response<Body>, UpstreamError> {
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        let host = HeaderValue::from_str(self.authority.as_str());
        request.headers_mut().insert(header::HOST, host.expect("an authority is visible ASCII"));
        let late = || UpstreamError::Late { to: self.clone() };
        let stream = self.connect().await?;
        let io = TokioIo::new(Patient::new(stream, STALL_TIME));
        let failed = |source| UpstreamError::Answer { to: self.clone(), source };
        let (mut sender, connection) = http1::handshake(io).await.map_err(failed)?;
        let mut connection: Connection = Box::pin(connection);
        let answer = {
            let mut answer = pin!(tokio::time::timeout(time, sender.send_request(request)));
            tokio::select! {
                answer = &mut answer => answer,
                // The connection may have ended with the whole answer read.
                _ = &mut connection => answer.await,
            }
        };
        let answer = answer.or(Err(late()))?.map_err(failed)?;
        Ok(answer.map(|body| Body::new(Passing { connection: Some(connection), body })))
    }

    async fn connect(&self) -> Result<TcpStream, UpstreamError> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let connecting = TcpStream::connect((host, self.port));
        let timeout = tokio::time::timeout(CONNECT_TIME, connecting).await;
        timeout
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(|source| UpstreamError::Connect { to: self.clone(), source })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl FromStr for Upstream {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = || BadUrl(text.chars().take(80).collect());
        let uri: Uri = text.parse().or(Err(bad()))?;
        let authority = uri.authority().cloned().ok_or_else(bad)?;
        let plain = uri.scheme() == Some(&Scheme::HTTP)
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
            && !authority.as_str().contains('@');
        if plain {
            Ok(Self { port: authority.port_u16().unwrap_or(80), authority })
        } else {
            Err(bad())
        }
    }
}

type Connection = Pin<Box<http1::Connection<TokioIo<Patient<TcpStream>>, Body>>>;

/// The body of an answer, with the connection it comes over. Whoever reads the body drives the
/// connection, so it needs no task and ends with the body.
struct Passing {
    connection: Option<Connection>,
    body: Incoming,
}

impl hyper::body::Body for Passing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(cx).is_ready()
        {
            // What went wrong with it shows in the body.
            self.connection = None;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
