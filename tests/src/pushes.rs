//! Requests to an updater, byte by byte: forms that curl would not send, bodies that come slowly,
//! never end, or never begin.

use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, header};
use decnet::edge::http::SecureServer;
use decnet::edge::pki::{self, Identity};
use decnet::logic::release::Digest;
use decnet::logic::trust::CertRole;
use futures_util::stream;
use rustls::pki_types::ServerName;
use serde_json::Value;

use crate::world::within;

/// What forms are cut with.
const CUT: &str = "cut-7f1d";
/// How long a request may take in all.
const TIME: Duration = Duration::from_secs(120);

/// A field of a form, and its bytes.
pub type Field<'a> = (&'a str, &'a [u8]);

/// Somebody who sends requests to an updater.
pub struct Sender {
    server: SecureServer,
    namespace: OwnedFd,
}

impl Sender {
    /// Whoever has the papers in `dir`, in this namespace, to the updater of the node `node-1`.
    pub fn new(dir: &Path, namespace: OwnedFd, host: IpAddr) -> Self {
        let identity = Identity::read(dir, "worker", "").expect("they are whole");
        let config = pki::client_config(&identity, CertRole::Updater, None).expect("TLS");
        let name = ServerName::try_from("node-1").expect("a name");
        let server =
            SecureServer { host: host.to_string(), port: 8_766, name, config: config.into() };
        Self { server, namespace }
    }

    /// Sends a request; why there is no answer, when there is none.
    pub fn answer(&self, request: Request<Body>) -> Result<Response<Bytes>, String> {
        within(&self.namespace, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let answer = self.server.answer(request, 1 << 20);
                let answer = tokio::time::timeout(TIME, answer).await.expect("it answers in time");
                answer.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
            })
        })
    }

    /// Sends a request: the answer and its status, which must come.
    pub fn send(&self, request: Request<Body>) -> (Value, u16) {
        let answer = self.answer(request).unwrap_or_else(|error| panic!("{error}"));
        let (status, body) = (answer.status().as_u16(), answer.into_body());
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        (serde_json::from_slice(&body).unwrap_or_else(|_| text()), status)
    }

    /// Sends a form to a route.
    pub fn post(&self, route: &str, fields: &[Field<'_>]) -> (Value, u16) {
        self.send(request(route, [opening(fields), closing()].concat()))
    }

    /// Sends a bundle or a parcel as the attempt of this name.
    pub fn push(&self, attempt: &str, bytes: &[u8]) -> (Value, u16) {
        let sum = Digest::of(bytes).to_string();
        let attempt = ("attempt", attempt.as_bytes());
        self.post("update", &[("sha256", sum.as_bytes()), attempt, ("tarball", bytes)])
    }
}

/// A form for a route, whose body is for the caller to make.
pub fn request(route: &str, body: impl Into<Body>) -> Request<Body> {
    let kind = format!("multipart/form-data; boundary={CUT}");
    let request = Request::post(format!("/{route}")).header(header::CONTENT_TYPE, kind);
    request.body(body.into()).expect("a plain request")
}

/// The fields of a form, of which the last is still open.
pub fn opening(fields: &[Field<'_>]) -> Vec<u8> {
    let field = |(name, bytes): &Field<'_>| {
        let head =
            format!("\r\n--{CUT}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), bytes].concat()
    };
    fields.iter().flat_map(field).collect()
}

/// What ends a form.
pub fn closing() -> Vec<u8> {
    format!("\r\n--{CUT}--\r\n").into_bytes()
}

/// A body that is mostly a file, of which little is held.
pub fn of_file(begin: Vec<u8>, path: &Path, end: Vec<u8>) -> Body {
    let mut file = File::open(path).expect("it was made");
    let chunks = std::iter::from_fn(move || {
        let mut chunk = vec![0; 256 * 1024];
        let count = file.read(&mut chunk).expect("it can be read");
        chunk.truncate(count);
        (count > 0).then_some(chunk)
    });
    let all = std::iter::once(begin).chain(chunks).chain([end]);
    Body::from_stream(stream::iter(all.map(|bytes| Ok::<_, String>(Bytes::from(bytes)))))
}
