use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream as Visitor};

use super::*;
use crate::edge::channel::{Channel, Wait};
use crate::logic::decky::{DeckyId, Identity, Secret};
use crate::logic::persona;
use crate::logic::services::Growth;
use crate::logic::wire::{FromFace, decode_each};

/// When a service fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fails {
    AtEnd,
    AtOpen,
    AtReceive,
    AtWake,
    Never,
}

/// A service that says what it hears, until it fails with everything of its decky in its hands.
struct Frail(Fails);

impl Frail {
    fn at(&self, moment: Fails, context: &mut Context<'_>) {
        let kept = &mut context.state.files;
        assert!(self.0 != moment, "this service fails {moment:?} with {} bytes", kept.bytes());
    }
}

impl Service for Frail {
    fn open(&mut self, context: &mut Context<'_>, _reply: &mut Reply) {
        self.at(Fails::AtOpen, context);
    }

    fn receive(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        self.at(Fails::AtReceive, context);
        reply.send(bytes);
        if self.0 == Fails::AtWake {
            reply.wait = Some(Duration::ZERO);
        }
    }

    fn wake(&mut self, context: &mut Context<'_>, _reply: &mut Reply) {
        self.at(Fails::AtWake, context);
    }

    fn end(&mut self, context: &mut Context<'_>, _reply: &mut Reply) {
        self.at(Fails::AtEnd, context);
    }
}

fn decky() -> Rc<Decky> {
    let persona = persona::find("debian-12").unwrap();
    let identity = Identity {
        name: "files-01".parse().unwrap(),
        hostname: "files-01".to_owned(),
        persona,
        mac: persona.mac([1, 2, 3, 4]),
        ip: [127, 0, 0, 1].into(),
        ip6: None,
        secret: Secret([7; 32]),
        booted: Timestamp(1),
    };
    let state = RefCell::default();
    Rc::new(Decky {
        id: DeckyId(1),
        identity,
        services: Vec::new(),
        state,
        whole: true.into(),
        growth: Growth::Allowed.into(),
        weight: 0.into(),
    })
}

/// A connection over the loopback, and the visitor's end of it.
fn connect(decky: &Rc<Decky>, fails: Fails) -> (Connection, Visitor) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let visitor = Visitor::connect(local).unwrap();
    let (stream, peer) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let service = Box::new(Frail(fails));
    let stream = TcpStream::from_std(stream);
    let kind = ServiceKind::Tcp;
    let ends = [local, peer];
    (Connection::new(stream, decky.clone(), kind, service, ends, Instant::now()), visitor)
}

/// Gives a connection turns until it is over or waits for its visitor, who has said something.
fn turns(connection: &mut Connection, outbox: &mut Outbox) -> After {
    let until = Instant::now() + Duration::from_secs(10);
    let mut buffer = vec![0; CHUNK];
    loop {
        let after = connection.turn(&Limits::default(), &mut buffer, Instant::now(), outbox);
        let waits = after == After::Wait && connection.bytes_in == 0;
        if !waits && !matches!(after, After::More | After::Sleep(_)) {
            return after;
        }
        assert!(Instant::now() < until, "{after:?} for ever");
    }
}

fn closings(agent: &Channel, outbox: &mut Outbox) -> Vec<Report> {
    outbox.flush().unwrap();
    let mut reports = Vec::new();
    while let Ok(message) = agent.receive(Wait::No) {
        decode_each(&message.bytes, |said| match said {
            FromFace::Reported(told) => reports.push(told.report),
            other => panic!("{other:?}"),
        })
        .unwrap();
    }
    reports.retain(|report| report.kind == Kind::ConnClose);
    reports
}

#[test]
fn a_service_that_panics_ends_its_own_connection_and_nobody_elses() {
    for fails in [Fails::AtOpen, Fails::AtReceive, Fails::AtWake, Fails::AtEnd] {
        let (agent, face) = Channel::pair().unwrap();
        let mut outbox = Outbox::new(face);
        let decky = decky();
        let (mut other, mut neighbour) = connect(&decky, Fails::Never);
        assert_eq!(other.open(Instant::now(), &mut outbox), After::More);

        let (mut frail, mut visitor) = connect(&decky, fails);
        let mut after = frail.open(Instant::now(), &mut outbox);
        if fails != Fails::AtOpen {
            assert_eq!(after, After::More, "{fails:?}");
            visitor.write_all(b"hello").unwrap();
            visitor.shutdown(Shutdown::Write).unwrap();
            after = turns(&mut frail, &mut outbox);
            if after == After::Wait {
                after = turns(&mut frail, &mut outbox);
            }
        }
        assert_eq!(after, After::Close(Reason::Fault), "{fails:?}");
        frail.close(Reason::Fault, &mut outbox);
        drop(frail);
        let reports = closings(&agent, &mut outbox);
        let [report] = reports.as_slice() else { panic!("{reports:?}") };
        assert_eq!(report.data.text("reason"), Some("fault"), "{fails:?}");
        assert_eq!(report.outcome, Some(Outcome::Failure), "{fails:?}");

        // What they share was in the hands of the one that failed, and is there for the other.
        neighbour.write_all(b"hello").unwrap();
        assert_eq!(turns(&mut other, &mut outbox), After::Wait, "{fails:?}");
        let mut answer = [0; 5];
        neighbour.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello", "{fails:?}");
        other.close(Reason::Removed, &mut outbox);
        let reports = closings(&agent, &mut outbox);
        assert_eq!(reports.len(), 1, "{fails:?}");
        assert_eq!(reports.first().and_then(|report| report.outcome), None, "{fails:?}");
    }
}
