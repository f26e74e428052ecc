//! What a face that was taken over says to the agent: it can end itself with it, and nothing else.

use std::net::SocketAddr;

use decnet::logic::decky::DeckyId;
use decnet::logic::event::{Kind, SessionId};
use decnet::logic::services::{Report, ServiceKind};
use decnet::logic::time::Timestamp;
use decnet::logic::wire::{FromFace, MAX_MESSAGE, Reported, encode};
use decnet_tests::puppet::{Came, Puppet, Seccomp};
use decnet_tests::world::{Agent, VISITOR_IP, World, wait_for};
use nix::libc;
use nix::sys::signal::Signal;

use super::taken::{ALL, ended, ends, serving};

/// The face's channels: to the keeper, to the agent.
const KEEPER: i64 = 0;
const AGENT: i64 = 1;

const ONE: &str = "[[decky]]\nname = \"all-01\"\nservices = [\"http\", \"ssh\", \"ftp\"]\n";

/// Has the face send a message.
fn say(puppet: &mut Puppet, channel: i64, bytes: &[u8], length: usize) -> Came {
    let at = puppet.put(0, bytes);
    let length = i64::try_from(length).expect("it is small");
    puppet.call(libc::SYS_sendto, [channel, at, length, libc::MSG_NOSIGNAL.into(), 0, 0])
}

fn report(agent: &Agent<'_>, service: ServiceKind, peer: SocketAddr) -> FromFace {
    let ip = agent.decky("all-01").ip;
    FromFace::Reported(Box::new(Reported {
        // They are counted from there.
        decky: DeckyId(0),
        at: Timestamp(1),
        service,
        session: SessionId(7),
        peer,
        local: SocketAddr::new(ip, 80),
        report: Report::new(Kind::Payload),
    }))
}

#[test]
fn a_message_that_no_face_sends_ends_the_face_and_not_the_agent() {
    let world = World::make();
    let agent = world.agent(ALL);
    let pid = agent.pid();
    let peer = SocketAddr::new(VISITOR_IP.into(), 4_711);
    let foreign = encode(&report(&agent, ServiceKind::Redis, peer)).expect("it is short");
    let joined = [1, 1, 0, 10, 0, 0, 1, 80];
    let many = joined.repeat(MAX_MESSAGE / joined.len());
    let garbage = [0xff; 64];
    for (bytes, length, channel, reason) in [
        (&garbage[..], garbage.len(), AGENT, "malformed"),
        (&garbage, 48 * 1024, AGENT, "malformed"),
        (&garbage, MAX_MESSAGE + 1, AGENT, "oversized"),
        (&foreign, foreign.len(), AGENT, "foreign"),
        (&many, many.len(), AGENT, "too-much"),
        (&garbage, garbage.len(), KEEPER, "spoke"),
    ] {
        let before = ends(&world);
        let mut puppet = Puppet::take(serving(&agent), Seccomp::Holds);
        let said = say(&mut puppet, channel, bytes, length);
        let sent = Came::Returned(i64::try_from(length).expect("small"));
        // It may be ended before it is back.
        assert!([sent, Came::Killed(Signal::SIGKILL)].contains(&said), "{reason}: {said:?}");
        drop(puppet);
        assert_eq!(ended(&world, before), reason);
    }
    assert_eq!(agent.pid(), pid);
    agent.wait_up();
}

/// A report of a visitor whom the capture never saw says so; one of a visitor who was there does
/// not.
#[test]
fn a_peer_that_the_capture_never_saw_is_marked() {
    let world = World::make();
    let agent = world.agent(ONE);
    let url = format!("http://{}/", agent.decky("all-01").ip);
    assert!(world.visit("curl", &["-sS", "-m60", &url]).status.success());
    let real = world.event_of(Kind::HttpRequest);
    assert_eq!(real.data.value("unseen"), None, "{real:?}");
    let forged: SocketAddr = "10.77.9.9:4711".parse().expect("an address");
    let bytes = encode(&report(&agent, ServiceKind::Http, forged)).expect("it is short");
    let mut puppet = Puppet::take(serving(&agent), Seccomp::Holds);
    let sent = Came::Returned(i64::try_from(bytes.len()).expect("small"));
    assert_eq!(say(&mut puppet, AGENT, &bytes, bytes.len()), sent);
    drop(puppet);
    let event = world.event("forged event", |event| event.event == Kind::Payload);
    let unseen = event.data.value("unseen").map(ToString::to_string);
    assert_eq!(unseen.as_deref(), Some("true"), "{event:?}");
}

/// Whatever the face writes for people is shown as what it is: escaped, short, and few lines.
#[test]
fn what_the_face_writes_for_people_can_be_no_other_line() {
    let world = World::make();
    let agent = world.agent(ALL);
    let mut puppet = Puppet::take(serving(&agent), Seccomp::Holds);
    let forged = b"<3>decnet: all is lost\x1b[2J\nMESSAGE=another\n";
    let at = puppet.put(0, forged);
    let length = i64::try_from(forged.len()).expect("small");
    for _ in 0..2_000 {
        puppet.call(libc::SYS_write, [2, at, length, 0, 0, 0]);
    }
    drop(puppet);
    let lines = |log: &str| log.lines().filter(|line| line.contains("the face says")).count();
    wait_for(|| (lines(&world.log()) >= 64).then_some(())).expect("it is shown");
    let log = world.log();
    // Twice: a log for people escapes once more.
    assert!(log.contains("<3>decnet: all is lost\\\\x1b[2J"), "{log}");
    let bare = log.lines().filter(|line| line.starts_with('<') || line.starts_with("MESSAGE"));
    assert_eq!(bare.count(), 0, "{log}");
    assert_eq!(agent.wait_up().deckies.len(), 2);
    assert_eq!(lines(&world.log()), 64);
}
