//! What guards the deckies lasts as long as anybody can use their sockets.

use std::time::{Duration, Instant};

use decnet::edge::frames::Frames;
use decnet::edge::{namespace, stack};
use decnet_tests::puppet::{Came, Puppet, Seccomp};
use decnet_tests::world::World;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::namespaces;
use super::taken::{ADDRESS, address, descriptors, serving};

const ONE: &str =
    "[[decky]]\nname = \"ftp-01\"\nservices = [\"ftp\", \"http\", \"ssh\", \"telnet\"]\n";

/// Whether the decky of this MAC asks for a connection until then.
fn begins(frames: &Frames, mac: [u8; 6], until: Instant) -> bool {
    while let Some(frame) = frames.receive(until).expect("the wire is up") {
        let tcp = frame.get(12..14) == Some(&[0x08, 0x00]) && frame.get(23) == Some(&6);
        let asks = frame.get(47).is_some_and(|flags| flags & 0x12 == 2);
        if frame.get(6..12) == Some(&mac) && tcp && asks {
            return true;
        }
    }
    false
}

fn dead(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

fn wait_dead(pid: i32) {
    let gone = decnet_tests::world::wait_for(|| dead(pid).then_some(()));
    gone.unwrap_or_else(|| panic!("{pid} lives"));
}

/// The agent is killed, and a face that has got round its filter and is not killed with it asks for
/// a connection: nothing leaves, whether the keeper holds the guard or the face alone. That it would
/// be seen shows what happens when the face lets go, which its filter keeps it from.
#[test]
fn a_face_that_outlives_the_agent_and_the_keeper_still_begins_nothing() {
    let world = World::make();
    let mut agent = world.agent(ONE);
    let decky = agent.decky("ftp-01");
    let (face, keeper) = (serving(&agent), agent.process_of("keeper"));
    let all = descriptors(face);
    let frames = world.frames();
    // Two layers more are off: Landlock does not know of this way, and the stack is let take it.
    for decky in namespaces(keeper) {
        let allow = || {
            namespace::enter(&decky).expect("tests run as root");
            stack::set("ipv4/tcp_fastopen", "1").expect("tests run as root");
        };
        std::thread::scope(|scope| scope.spawn(allow).join()).expect("no panic");
    }
    let mut puppet = Puppet::take(face, Seccomp::Suspended);
    let set = libc::PR_SET_PDEATHSIG.into();
    assert_eq!(puppet.call(libc::SYS_prctl, [set, 0, 0, 0, 0, 0]), Came::Returned(0));
    // Held by a debugger: a stopped process whose group has lost its parent is ended by the kernel.
    let held = Puppet::take(keeper, Seccomp::Holds);
    agent.process.kill().expect("it is ours");
    agent.process.wait().expect("it is ours");

    let peer = puppet.put(0, &address(9_999));
    let mut came = Vec::new();
    for (fd, _) in all.iter().filter(|(fd, is)| *fd > 2 && is.starts_with("socket:")) {
        let flags = (libc::MSG_FASTOPEN | libc::MSG_NOSIGNAL).into();
        let arguments = [(*fd).into(), peer, 1, flags, peer, ADDRESS.into()];
        came.push(puppet.call(libc::SYS_sendto, arguments));
    }
    let begun = came.contains(&Came::Refused(Errno::EINPROGRESS));
    assert!(begun, "none of {all:?} can begin anything: {came:?}");
    let until = Instant::now() + Duration::from_secs(2);
    assert!(!begins(&frames, decky.mac.0, until), "it began without an agent");
    kill(Pid::from_raw(keeper), Signal::SIGKILL).expect("it is ours");
    wait_dead(keeper);
    drop(held);
    let until = Instant::now() + Duration::from_secs(3);
    assert!(!begins(&frames, decky.mac.0, until), "it began without a keeper");
    for (fd, _) in all.iter().filter(|(_, is)| is.contains("bpf")) {
        assert_eq!(puppet.call(libc::SYS_close, [(*fd).into(), 0, 0, 0, 0, 0]), Came::Returned(0));
    }
    let until = Instant::now() + Duration::from_secs(20);
    assert!(begins(&frames, decky.mac.0, until), "this test sees nothing at all");
    drop(puppet);
    kill(Pid::from_raw(face), Signal::SIGKILL).expect("it is ours");
    wait_dead(face);
}

/// A keeper that finds the agent gone ends the face, also one that would not end by itself.
#[test]
fn a_face_that_does_not_die_with_its_parent_is_ended_by_the_keeper() {
    let world = World::make();
    let mut agent = world.agent(ONE);
    let (face, keeper) = (serving(&agent), agent.process_of("keeper"));
    let mut puppet = Puppet::take(face, Seccomp::Suspended);
    let set = libc::PR_SET_PDEATHSIG.into();
    assert_eq!(puppet.call(libc::SYS_prctl, [set, 0, 0, 0, 0, 0]), Came::Returned(0));
    agent.process.kill().expect("it is ours");
    agent.process.wait().expect("it is ours");
    // It is stopped, and so does nothing that it is asked.
    assert_eq!(puppet.ended(), Came::Killed(Signal::SIGKILL));
    wait_dead(face);
    wait_dead(keeper);
}

/// An agent whose keeper is killed ends the face, also one that would not end by itself.
#[test]
fn a_face_whose_keeper_is_killed_is_ended_by_the_agent() {
    let world = World::make();
    let agent = world.agent(ONE);
    let (face, keeper) = (serving(&agent), agent.process_of("keeper"));
    let mut puppet = Puppet::take(face, Seccomp::Suspended);
    let set = libc::PR_SET_PDEATHSIG.into();
    assert_eq!(puppet.call(libc::SYS_prctl, [set, 0, 0, 0, 0, 0]), Came::Returned(0));
    kill(Pid::from_raw(keeper), Signal::SIGKILL).expect("it is ours");
    assert_eq!(puppet.ended(), Came::Killed(Signal::SIGKILL));
    wait_dead(face);
}
