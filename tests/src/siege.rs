//! Visitors who do not stop coming, and say what became of each.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use decnet::edge::namespace;

/// Between two visits of one visitor. All that come in a second fit into the backlog of a port.
const PAUSE: Duration = Duration::from_millis(4);
/// How long a visitor waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often each visitor comes at least, however long each is made to wait.
pub const FEWEST: usize = 21;

/// What a visitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Connects and goes.
    Knock,
    /// Asks for a page and waits for it.
    Ask,
}

/// Visitors at work.
pub struct Siege {
    stop: Arc<AtomicBool>,
    visitors: Vec<JoinHandle<Tally>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections that came about.
    pub connected: usize,
    /// Those that did not, and why.
    pub refused: Vec<String>,
    /// Answers that came.
    pub answered: usize,
    /// Connections that ended without one.
    pub cut: usize,
    /// The longest that anybody waited for a connection.
    pub longest: Duration,
}

impl Siege {
    /// Begins, from this namespace.
    pub fn begin(from: &OwnedFd, visits: &[(SocketAddr, Way)]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let visitor = |(address, way): &(SocketAddr, Way)| {
            let from = from.try_clone().expect("descriptors are left");
            let (stop, address, way) = (stop.clone(), *address, *way);
            thread::spawn(move || {
                namespace::enter(&from).expect("tests run as root");
                let mut tally = Tally::default();
                while !stop.load(Ordering::Relaxed) || tally.visits() < FEWEST {
                    tally.visit(address, way);
                    thread::park_timeout(PAUSE);
                }
                tally
            })
        };
        Self { visitors: visits.iter().map(visitor).collect(), stop }
    }

    /// Ends, and says what became of each visitor.
    pub fn end(self) -> Vec<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let join = |visitor: JoinHandle<Tally>| visitor.join().expect("a visitor does not panic");
        self.visitors.into_iter().map(join).collect()
    }
}

impl Tally {
    fn visits(&self) -> usize {
        self.connected + self.refused.len()
    }

    fn visit(&mut self, address: SocketAddr, way: Way) {
        let began = Instant::now();
        let stream = TcpStream::connect_timeout(&address, PATIENCE);
        self.longest = self.longest.max(began.elapsed());
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => return self.refused.push(format!("{address}: {error}")),
        };
        self.connected += 1;
        if way == Way::Ask {
            match ask(stream) {
                Ok(_) => self.answered += 1,
                Err(_) => self.cut += 1,
            }
        }
    }
}

/// Asks for a page, and returns its first bytes.
pub fn ask(mut stream: TcpStream) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}
