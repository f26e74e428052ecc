use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Limits, ListenError, Pace, Peer, listen, serve};

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
    let eat = async |bytes: Bytes| bytes.len().to_string();
    let app = Router::new().route("/", get(who)).route("/endless", get(endless));
    let app = app.route("/eat", post(eat));
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

/// Connections of one client that have sent this, and are held.
async fn crowd(server: &Server, count: usize, sent: &[u8]) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // Its place may have been taken already.
        stream.write_all(sent).await.ok();
        crowd.push(stream);
    }
    crowd
}

/// What somebody hears who comes now and asks for a page.
async fn asked(server: &Server) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn three_hundred_halves_of_requests_keep_nobody_out() {
    let server = start(Limits::default()).await;
    for half in [
        &b""[..],
        b"GET / HT",
        b"POST /eat HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n",
        b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let _crowd = crowd(&server, 300, half).await;
        let answer = asked(&server).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{half:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let pace = Pace { patience: Duration::from_millis(200), rate: 1 << 20 };
    let server = start(Limits { pace, ..Limits::default() }).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head = b"POST /eat HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n";
    slow.write_all(&[&head[..], b"half"].concat()).await.unwrap();
    let answer = rest(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("too slowly"), "{answer}");
    let mut quick = TcpStream::connect(server.address).await.unwrap();
    quick.write_all(&[&head[..], b"all of it"].concat()).await.unwrap();
    let mut first = [0; 15];
    quick.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn what_one_client_sends_at_once_is_limited_in_bytes() {
    let server = start(Limits { bytes_each: 1_000, ..Limits::default() }).await;
    let head = b"POST /eat HTTP/1.1\r\nhost: x\r\ncontent-length: 600\r\n\r\n";
    let half = [&head[..], &[b'x'; 590]].concat();
    let mut one = TcpStream::connect(server.address).await.unwrap();
    one.write_all(&half).await.unwrap();
    let mut two = TcpStream::connect(server.address).await.unwrap();
    two.write_all(&half).await.unwrap();
    // Whichever came second is told; the other ends well, and then there is room again.
    let told = tokio::select! {
        answer = rest(&mut two) => { one.write_all(&[b'x'; 10]).await.unwrap(); answer }
        answer = rest(&mut one) => { two.write_all(&[b'x'; 10]).await.unwrap(); answer }
    };
    assert!(told.starts_with("HTTP/1.1 503 "), "{told}");
    let whole = [&head[..], &[b'x'; 600]].concat();
    let again = async || {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&whole).await.unwrap();
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.unwrap();
        first == *b"HTTP/1.1 200 OK"
    };
    let there = tokio::time::timeout(Duration::from_secs(20), async { while !again().await {} });
    there.await.expect("there is room again");
}
