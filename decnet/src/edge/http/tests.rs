use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Limits, ListenError, Peer, listen, serve};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

async fn start(limits: Limits) -> Server {
    let who = async |request: Request| {
        request.extensions().get::<Peer>().map(|Peer(address)| address.to_string()).unwrap()
    };
    let endless = async || {
        let piece = || Ok::<_, std::convert::Infallible>(vec![b'x'; 64 * 1024]);
        Body::from_stream(stream::repeat_with(piece))
    };
    let app = Router::new().route("/", get(who)).route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(listener, limits, app, async {
        stopped.await.ok();
    }));
    Server { address, stop: Some(stop), serving }
}

/// All that comes until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
    // A reset is an end as well.
    reading.await.expect("the server closes").ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_request_knows_who_sent_it() {
    let server = start(Limits::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&stream.local_addr().unwrap().to_string()), "{answer}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let first = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = listen(address).await.unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: another")));
    let nowhere = listen("192.0.2.1:1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(nowhere, ListenError::Refused { .. }), "{nowhere}");
}

#[tokio::test]
async fn a_head_is_limited_in_bytes_and_in_headers() {
    let server = start(Limits::default()).await;
    let table = [
        format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(100)),
    ];
    for head in table {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The server may close before everything is sent.
        stream.write_all(head.as_bytes()).await.ok();
        let answer = rest(&mut stream).await;
        let refused = ["", "HTTP/1.1 431 ", "HTTP/1.1 414 "];
        let status = answer.get(..13).unwrap_or_default();
        assert!(refused.contains(&status), "{answer}");
    }
}

#[tokio::test]
async fn who_sends_nothing_or_half_a_head_is_let_go() {
    let limits = Limits { head_time: Duration::from_millis(100), ..Limits::default() };
    let server = start(limits).await;
    for piece in [&b""[..], &b"GET / HT"[..]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(piece).await.unwrap();
        rest(&mut stream).await;
    }
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(GET).await.unwrap();
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn who_takes_nothing_is_let_go() {
    let limits =
        Limits { stall_time: Duration::from_millis(200), connections: 1, ..Limits::default() };
    let server = start(limits).await;
    let mut stalling = TcpStream::connect(server.address).await.unwrap();
    stalling.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    // The only place comes free without the stalling peer ever reading.
    let mut next = TcpStream::connect(server.address).await.unwrap();
    next.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut next).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn a_stop_ends_idle_connections_at_once_and_endless_ones_in_time() {
    let limits = Limits { drain_time: Duration::from_millis(200), ..Limits::default() };
    let mut server = start(limits).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(GET).await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    let mut endless = TcpStream::connect(server.address).await.unwrap();
    endless.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    endless.read_exact(&mut first).await.unwrap();
    server.stop.take().unwrap().send(()).unwrap();
    rest(&mut idle).await;
    tokio::time::timeout(Duration::from_secs(20), server.serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
