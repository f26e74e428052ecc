//! The master as a client of agents, and nodes that do nothing but answer it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use decnet::edge::pki::{self, Identity};
use decnet::logic::trust::CertRole;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: node\r\n\r\n";
/// What an agent answers, nearly.
const HEALTHY: &str = r#"{"status":"ok","role":"agent","release":"0.1.0","boot_id":"00000000-0000-4000-8000-000000000000","pid":1,"started_at":"2026-11-23T00:00:00.000000000Z"}"#;

/// Whoever asks an agent as the master.
#[derive(Clone)]
pub(crate) struct Asker {
    config: Arc<ClientConfig>,
    place: SocketAddr,
}

impl Asker {
    pub(crate) fn new(master: &Identity, place: SocketAddr) -> Self {
        let config = pki::client_config(master, CertRole::Agent, None);
        Self { config: Arc::new(config.expect("an identity that was just made")), place }
    }

    /// Connects; the handshake is done, both sides have checked the other.
    pub(crate) async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.place).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::from(self.place.ip());
        TlsConnector::from(self.config.clone()).connect(name, stream).await
    }
}

/// Asks for `/health` and reads the whole answer.
pub(crate) async fn health(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    exchange(stream, HEALTH).await.map(drop)
}

/// Sends a request and reads the whole answer: its body.
pub(crate) async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
) -> io::Result<Vec<u8>> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut read = Vec::with_capacity(8_192);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(body) = whole(&read)? {
            return Ok(body.to_vec());
        }
    }
}

/// The body of an answer that is all there and went well.
fn whole(read: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = read.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if !head.starts_with("http/1.1 20") {
        let said = format!("{head}{}", String::from_utf8_lossy(body));
        return Err(io::Error::other(said));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok((body.len() >= length).then_some(body))
}

/// Answers whoever is let in by `config`, as long as the runtime is there.
pub(crate) async fn answer(listener: TcpListener, config: Arc<ServerConfig>) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = TlsAcceptor::from(config.clone());
        tokio::spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut question = [0; 4_096];
            while let Ok(1..) = stream.read(&mut question).await {
                let length = HEALTHY.len();
                let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{HEALTHY}");
                if stream.write_all(text.as_bytes()).await.is_err() || stream.flush().await.is_err()
                {
                    return;
                }
            }
        });
    }
}
