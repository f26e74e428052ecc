//! A debugger inside the face: what it may not call ends it, and with what it may call it begins
//! nothing.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use decnet::edge::sandbox::{ALLOWED, Must};
use decnet::logic::event::Kind;
use decnet_tests::puppet::{Came, Puppet, Seccomp};
use decnet_tests::world::{Agent, VISITOR_IP, World, wait_for};
use nix::libc::{self, c_int, c_long};
use nix::sys::signal::Signal;

/// A decky with sockets of every sort: that listen, that are bound alone, and for datagrams.
pub(super) const ALL: &str = "[[decky]]\nname = \"all-01\"\nservices = [\"http\", \"ftp\"]\n\
    [[decky]]\nname = \"any-01\"\nservices = [\"tcp\", \"udp\"]\n";

/// The descriptors of a process, and what each is.
pub(super) fn descriptors(pid: i32) -> Vec<(RawFd, String)> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
    let mut all: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((number, target.to_string_lossy().into_owned()))
        })
        .collect();
    all.sort();
    all
}

/// The visitor's address and a port, for the kernel: of an IPv6 socket, which takes both.
pub(super) fn address(port: u16) -> Vec<u8> {
    let family = u16::try_from(libc::AF_INET6).expect("it is 10").to_ne_bytes();
    let ip = VISITOR_IP.to_ipv6_mapped().octets();
    [&family[..], &port.to_be_bytes(), &[0; 4], &ip, &[0; 4]].concat()
}

/// How long that is.
pub(super) const ADDRESS: i32 = 28;

/// How often the face has ended.
pub(super) fn ends(world: &World) -> usize {
    world.events().iter().filter(|event| event.event == Kind::FaceEnded).count()
}

/// Waits until the face has ended once more than `before`, and says how the last did.
pub(super) fn ended(world: &World, before: usize) -> String {
    let found = wait_for(|| {
        let events = world.events();
        let mut ends = events.iter().filter(|event| event.event == Kind::FaceEnded);
        ends.nth(before).map(|event| event.data.text("reason").unwrap_or_default().to_owned())
    });
    found.expect("the end of the face is an event")
}

/// A face that serves: the deckies' sockets have come.
pub(super) fn serving(agent: &Agent<'_>) -> i32 {
    let found = wait_for(|| {
        let (_, face) = agent.processes().into_iter().find(|(role, _)| role == "face")?;
        let all = std::fs::read_dir(format!("/proc/{face}/fd")).ok()?;
        (all.count() >= 12).then_some(face)
    });
    found.expect("a face serves")
}

fn word(value: c_int) -> i64 {
    i64::from(value)
}

/// A call with its arguments, and what it would be good for. `P` stands for the address of a peer,
/// `T` for the text of a path, `S` for a socket that is bound, `G` for what guards the decky.
type Try = (&'static str, c_long, [Arg; 6]);

#[derive(Clone, Copy)]
enum Arg {
    Is(c_int),
    Guard,
    Path,
    Peer,
    Socket,
}

use Arg::{Guard, Is, Path, Peer, Socket};

const NO: Arg = Is(0);

/// Ways outwards.
fn outwards() -> Vec<Try> {
    let quiet = Is(libc::MSG_NOSIGNAL);
    let long = Is(ADDRESS);
    vec![
        (
            "begin by sending",
            libc::SYS_sendto,
            [Socket, Path, Is(1), Is(libc::MSG_FASTOPEN), Peer, long],
        ),
        ("begin by sending, quietly", libc::SYS_sendto, [Socket, Path, Is(1), quiet, Peer, long]),
        ("send out of band", libc::SYS_sendto, [Socket, Path, Is(1), Is(libc::MSG_OOB), NO, NO]),
        (
            "send with an address behind a pointer",
            libc::SYS_sendmsg,
            [Socket, Path, quiet, NO, NO, NO],
        ),
        ("send many", libc::SYS_sendmmsg, [Socket, Path, Is(1), quiet, NO, NO]),
        ("connect", libc::SYS_connect, [Socket, Peer, long, NO, NO, NO]),
        (
            "make a socket",
            libc::SYS_socket,
            [Is(libc::AF_INET), Is(libc::SOCK_STREAM), NO, NO, NO, NO],
        ),
        ("bind", libc::SYS_bind, [Socket, Peer, long, NO, NO, NO]),
        (
            "connect when it sends",
            libc::SYS_setsockopt,
            [Socket, Is(libc::IPPROTO_TCP), Is(libc::TCP_FASTOPEN_CONNECT), Path, Is(4), NO],
        ),
    ]
}

/// Ways to have more than it was given.
fn upwards() -> Vec<Try> {
    vec![
        ("let go of the guard", libc::SYS_close, [Guard, NO, NO, NO, NO, NO]),
        ("put another in the guard's place", libc::SYS_dup2, [Socket, Guard, NO, NO, NO, NO]),
        ("open a file", libc::SYS_openat, [Is(libc::AT_FDCWD), Path, NO, NO, NO, NO]),
        ("run a program", libc::SYS_execve, [Path, NO, NO, NO, NO, NO]),
        (
            "have memory to run",
            libc::SYS_mmap,
            [
                NO,
                Is(4_096),
                Is(libc::PROT_EXEC | libc::PROT_WRITE),
                Is(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS),
                Is(-1),
                NO,
            ],
        ),
        (
            "map what it holds",
            libc::SYS_mmap,
            [NO, Is(4_096), Is(libc::PROT_READ), Is(libc::MAP_SHARED), Socket, NO],
        ),
        ("start a process", libc::SYS_clone, [Is(libc::SIGCHLD), NO, NO, NO, NO, NO]),
        (
            "not die with its parent",
            libc::SYS_prctl,
            [Is(libc::PR_SET_PDEATHSIG), NO, NO, NO, NO, NO],
        ),
        ("ask the kernel by a ring", libc::SYS_io_uring_setup, [Is(8), Path, NO, NO, NO, NO]),
        ("leave its group", libc::SYS_setsid, [NO; 6]),
        ("signal", libc::SYS_kill, [Is(1), Is(9), NO, NO, NO, NO]),
        ("look into another process", libc::SYS_ptrace, [Is(16), Is(1), NO, NO, NO, NO]),
        ("use BPF", libc::SYS_bpf, [Is(28), Path, Is(64), NO, NO, NO]),
        (
            "send signals about sockets",
            libc::SYS_fcntl,
            [Socket, Is(libc::F_SETOWN), Is(1), NO, NO, NO],
        ),
        ("name a device", libc::SYS_ioctl, [Socket, Is(0x8910), Path, NO, NO, NO]),
        ("accept and pass on", libc::SYS_accept4, [Socket, NO, NO, NO, NO, NO]),
    ]
}

impl Arg {
    fn value(self, puppet: &Puppet, sockets: &[RawFd], guard: RawFd) -> i64 {
        match self {
            Is(value) => word(value),
            Guard => word(guard),
            Path => puppet.put(512, b"/etc/passwd\0"),
            Peer => puppet.put(0, &address(9_999)),
            Socket => word(*sockets.last().expect("it serves")),
        }
    }
}

/// The face's sockets besides its channels, and one of the descriptors that hold the guard.
fn held(face: i32) -> (Vec<RawFd>, RawFd) {
    let all = descriptors(face);
    let of = |what: &str| -> Vec<RawFd> {
        all.iter().filter(|(fd, is)| *fd > 2 && is.contains(what)).map(|(fd, _)| *fd).collect()
    };
    let guard = *of("bpf").first().unwrap_or_else(|| panic!("no guard in {all:?}"));
    (of("socket:"), guard)
}

/// Whether this test goes through all of a list, or each second one: every end of a face takes a
/// second, for it must not keep the machine busy.
fn is_exhaustive() -> bool {
    std::env::var_os("DECNET_EXHAUSTIVE").is_some()
}

#[test]
fn a_call_that_serving_does_not_take_ends_the_face_and_is_an_event() {
    let world = World::make();
    let agent = world.agent(ALL);
    let pid = agent.pid();
    let step = if is_exhaustive() { 1 } else { 3 };
    for (what, call, arguments) in outwards().into_iter().chain(upwards()).step_by(step) {
        let before = ends(&world);
        let face = serving(&agent);
        let (sockets, guard) = held(face);
        let mut puppet = Puppet::take(face, Seccomp::Holds);
        let arguments = arguments.map(|argument| argument.value(&puppet, &sockets, guard));
        assert_eq!(puppet.call(call, arguments), Came::Killed(Signal::SIGSYS), "it could {what}");
        drop(puppet);
        assert_eq!(ended(&world, before), "violation", "{what}");
    }
    assert_eq!(agent.pid(), pid);
    agent.wait_up();
}

/// Arguments that are as hostile as a shape of the filter lets them be: whatever it leaves open is a
/// socket, the address of a peer, a length, and so on.
fn hostile(call: c_long, shape: &[Must], puppet: &Puppet, fd: RawFd) -> [i64; 6] {
    let peer = puppet.put(0, &address(9_999));
    let long = puppet.put(64, &ADDRESS.to_ne_bytes());
    let mut arguments = match call {
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait => [word(fd), peer, 4, 0, 0, 0],
        libc::SYS_epoll_ctl => [3, word(libc::EPOLL_CTL_ADD), word(fd), peer, 0, 0],
        // Nothing to wait for, so that they come back.
        libc::SYS_poll => [peer, 0, 0, 0, 0, 0],
        libc::SYS_ppoll | libc::SYS_clock_nanosleep => [0, 0, puppet.put(128, &[0; 16]), 0, 0, 0],
        libc::SYS_futex => [peer, word(libc::FUTEX_WAKE), 1, 0, 0, 0],
        libc::SYS_accept4 | libc::SYS_getpeername | libc::SYS_getsockname => {
            [word(fd), peer, long, 0, 0, 0]
        }
        libc::SYS_recvmsg => [word(fd), puppet.put(256, &[0; 64]), 0, 0, 0, 0],
        libc::SYS_listen => [word(fd), 1_000, 0, 0, 0, 0],
        libc::SYS_shutdown => [word(fd), 2, 0, 0, 0, 0],
        libc::SYS_setsockopt => [word(fd), 0, 0, puppet.put(256, &[1; 16]), 8, 0],
        _ => [word(fd), peer, word(ADDRESS), 0, peer, word(ADDRESS)],
    };
    for must in shape {
        let (Must::Be(at, _) | Must::BeNull(at) | Must::Have(at, _) | Must::Lack(at, _)) = *must;
        let argument = &mut arguments[usize::from(at)];
        match *must {
            Must::Be(_, value) => *argument = word(value),
            Must::BeNull(_) => *argument = 0,
            Must::Have(_, bits) => *argument |= word(bits),
            Must::Lack(_, bits) => *argument &= !word(bits),
        }
    }
    arguments
}

/// These end the process or what a debugger needs of it, and reach nobody.
const ENDS: [c_long; 5] =
    [libc::SYS_exit, libc::SYS_exit_group, libc::SYS_rt_sigreturn, libc::SYS_munmap, libc::SYS_brk];

#[test]
fn with_whatever_it_may_call_the_face_begins_nothing() {
    let world = World::make();
    let agent = world.agent(ALL);
    let (pid, deckies) = (agent.pid(), agent.wait_up().deckies);
    let macs: Vec<[u8; 6]> = deckies.iter().map(|decky| decky.mac.0).collect();
    let heard = world.as_visitor(|| std::net::TcpListener::bind("0.0.0.0:9999")).expect("free");
    heard.set_nonblocking(true).expect("it can be");
    let frames = world.frames();
    let face = serving(&agent);
    let before = descriptors(face);
    let (sockets, _) = held(face);
    let mut puppet = Puppet::take(face, Seccomp::Holds);
    let mut made = 0;
    // What the calls bring besides is the face's own business: it may hang up on its visitors.
    for allowed in ALLOWED.iter().filter(|allowed| !ENDS.contains(&allowed.call)) {
        let none: &[&[Must]] = &[&[]];
        let shapes = if allowed.shapes.is_empty() { none } else { allowed.shapes };
        for shape in shapes {
            for fd in &sockets {
                let arguments = hostile(allowed.call, shape, &puppet, *fd);
                let came = puppet.call(allowed.call, arguments);
                assert!(
                    !matches!(came, Came::Killed(_)),
                    "{} with {shape:?}: {came:?}",
                    allowed.call
                );
                made += 1;
            }
        }
    }
    assert!(made > 300, "{made} calls");
    let files: Vec<_> = descriptors(face)
        .into_iter()
        .filter(|(fd, _)| !before.iter().any(|(old, _)| old == fd))
        .collect();
    assert!(files.iter().all(|(_, is)| is.starts_with("socket:")), "it opened {files:?}");
    drop(puppet);
    let until = Instant::now() + Duration::from_secs(2);
    while let Some(frame) = frames.receive(until).expect("the wire is up") {
        let ours = frame.get(6..12).is_some_and(|mac| macs.iter().any(|other| other == mac));
        // IPv4: TCP with SYN alone, or UDP. Of IPv6 its kernel speaks by itself, and nobody is there.
        let ip = ours && frame.get(12..14) == Some(&[0x08, 0x00]);
        let tcp =
            ip && frame.get(23) == Some(&6) && frame.get(47).is_some_and(|flags| flags & 0x12 == 2);
        let udp = ip && frame.get(23) == Some(&17);
        assert!(!tcp && !udp, "this left a decky: {frame:02x?}");
    }
    assert!(heard.accept().is_err(), "a connection came through");
    assert_eq!(agent.pid(), pid);
    agent.wait_up();
    // Whatever became of that face and of the sockets, the next serves them all.
    let addresses = [("all-01", 21), ("all-01", 80), ("any-01", 4_444)];
    for (name, port) in addresses {
        let at = std::net::SocketAddr::new(agent.decky(name).ip, port);
        let connect = || {
            let connected = std::net::TcpStream::connect_timeout(&at, Duration::from_secs(5));
            connected.ok()
        };
        world.as_visitor(|| wait_for(connect)).unwrap_or_else(|| panic!("{at} refuses"));
    }
}

#[test]
fn the_face_holds_its_channels_and_sockets_and_what_guards_them() {
    let world = World::make();
    let agent = world.agent(ALL);
    let face = serving(&agent);
    let held = descriptors(face);
    let is = |fd: RawFd| held.iter().find(|(number, _)| *number == fd).map(|(_, is)| is.as_str());
    for (fd, expected) in [(0, "socket:"), (1, "socket:"), (2, "pipe:")] {
        assert!(is(fd).is_some_and(|is| is.starts_with(expected)), "{fd} is {:?}", is(fd));
    }
    let kinds = ["socket:", "anon_inode:[eventpoll]", "anon_inode:bpf_link", "anon_inode:bpf-link"];
    for (fd, is) in held.iter().filter(|(fd, _)| *fd > 2) {
        assert!(kinds.iter().any(|kind| is.starts_with(kind)), "{fd} is {is}");
    }
    assert_eq!(held.iter().filter(|(_, is)| is.contains("bpf")).count(), 2, "{held:?}");
}
