//! What a decky cannot do, shown by trying: the process that faces visitors, and whoever is inside
//! a decky's namespace.

mod guard;
mod reports;
mod taken;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Output};

use decnet::edge::namespace;

use decnet_tests::world::{Agent, VISITOR_IP, World};

const ONE: &str = "[network]\nsubnet6 = \"fd77::/64\"\n[[decky]]\nname = \"web-01\"\nservices = [\"http\", \"tcp\"]\n";

/// A line of `/proc/PID/status`.
fn status_line(pid: i32, name: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = text.lines().find(|line| line.starts_with(&format!("{name}:")));
    let value = line.and_then(|line| line.split(':').nth(1));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

/// The network namespaces that the keeper holds besides its own.
fn namespaces(keeper: i32) -> Vec<OwnedFd> {
    let own = std::fs::read_link(format!("/proc/{keeper}/ns/net")).expect("it lives");
    let all = std::fs::read_dir(format!("/proc/{keeper}/fd")).expect("it lives");
    let held = all.flatten().map(|entry| entry.path()).filter(|path| {
        let target = std::fs::read_link(path).unwrap_or_default();
        target.to_string_lossy().starts_with("net:[") && target != own
    });
    held.map(|path| File::open(path).expect("tests run as root").into()).collect()
}

/// Runs a program as root inside the decky's namespace: more than any intruder could have.
fn inside(agent: &Agent<'_>, program: &str, args: &[&str]) -> Output {
    let keeper = agent.process_of("keeper");
    let decky = namespaces(keeper).into_iter().next().expect("it holds the decky's namespace");
    let run = || {
        namespace::enter(&decky).expect("tests run as root");
        Command::new("timeout").args(["10", program]).args(args).output().expect("it is installed")
    };
    std::thread::scope(|scope| scope.spawn(run).join()).expect("no panic")
}

#[test]
fn the_face_has_no_capability_and_the_agent_has_two() {
    let world = World::make();
    let agent = world.agent(ONE);
    let face = agent.process_of("face");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_line(face, set), "0000000000000000", "{set} of the face");
    }
    assert_eq!(status_line(face, "Seccomp"), "2");
    assert_eq!(status_line(face, "NoNewPrivs"), "1");
    let keeper = agent.process_of("keeper");
    assert_eq!(status_line(keeper, "CapAmb"), "0000000000000000");
    // NET_ADMIN is 12, NET_RAW is 13.
    for set in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_line(agent.pid(), set), "0000000000003000", "{set} of the agent");
    }
    let host = std::fs::read_link("/proc/self/ns/user").expect("we have one");
    for pid in [face, keeper] {
        let own = std::fs::read_link(format!("/proc/{pid}/ns/user")).expect("it lives");
        assert_ne!(own, host, "process {pid} is in the host's user namespace");
        assert!(!status_line(pid, "Uid").starts_with("0\t"), "process {pid} is root outside");
    }
}

#[test]
fn the_face_is_in_a_namespace_without_a_way_out() {
    let world = World::make();
    let agent = world.agent(ONE);
    let face = agent.process_of("face");
    let namespace: OwnedFd = File::open(format!("/proc/{face}/ns/net")).expect("it lives").into();
    let links = std::thread::scope(|scope| {
        let run = || {
            namespace::enter(&namespace).expect("tests run as root");
            Command::new("ip").args(["-o", "link"]).output().expect("ip is installed")
        };
        scope.spawn(run).join().expect("no panic")
    });
    let text = String::from_utf8_lossy(&links.stdout).into_owned();
    assert_eq!(text.lines().count(), 1, "only a loopback, and that is down: {text}");
    assert!(text.contains("state DOWN"), "{text}");
}

#[test]
fn nothing_that_tries_gets_out_of_the_sandbox() {
    let world = World::make();
    let output = world.decnet(&["doctor", "--json", "--interface", "lan0"]);
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = findings.as_array().expect("a list");
    let sandbox =
        all.iter().find(|finding| finding["check"] == "face sandbox").expect("it is checked");
    assert_eq!(sandbox["verdict"], "ok", "{sandbox}");
    assert_eq!(output.status.code(), Some(0), "{findings}");
}

#[test]
fn a_decky_cannot_begin_anything() {
    let world = World::make();
    let agent = world.agent(ONE);
    let visitor = VISITOR_IP.to_string();
    let heard =
        world.as_visitor(|| std::net::TcpListener::bind("0.0.0.0:9999")).expect("a free port");
    heard.set_nonblocking(true).expect("it can be");
    let guarded = || agent.status().expect("the agent answers").capture.guarded;
    let before = guarded();
    // TCP, UDP, ICMP, over IPv4 and IPv6.
    let url = format!("http://{visitor}:9999/");
    let connect = inside(&agent, "curl", &["-sS", "-m3", &url]);
    assert_eq!(connect.status.code(), Some(28), "a connection times out: {connect:?}");
    let connect = inside(&agent, "curl", &["-sS", "-m3", "http://[fd77::7]:9999/"]);
    assert_eq!(connect.status.code(), Some(28), "a connection times out: {connect:?}");
    for ping in [["-c2", "-W1", visitor.as_str()], ["-c2", "-W1", "fd77::7"]] {
        let ping = inside(&agent, "ping", &ping);
        assert!(String::from_utf8_lossy(&ping.stdout).contains("100% packet loss"), "{ping:?}");
    }
    let dig = "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('10.77.255.7', 53))";
    assert!(
        inside(&agent, "python3", &["-c", dig]).status.success(),
        "the decky's own stack sends it"
    );
    assert!(heard.accept().is_err(), "a connection came through");
    assert!(guarded() >= before + 7, "{} frames were held back", guarded() - before);
    // And yet it answers.
    let decky = agent.decky("web-01");
    let ping = world.visit("ping", &["-c1", "-W2", &decky.ip.to_string()]);
    assert!(ping.status.success(), "{ping:?}");
}

#[test]
fn a_decky_speaks_for_nobody_else() {
    let world = World::make();
    let agent = world.agent(ONE);
    let mac = agent.decky("web-01").mac;
    let frames = world.frames();
    let before = agent.status().expect("the agent answers").capture.guarded;
    // An answer in the name of the gateway, a segment from an address that is not its own, a
    // protocol that no decky speaks, and a frame of another MAC altogether.
    let forge = "
import socket, sys
mac = bytes.fromhex(sys.argv[1].replace(':', ''))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
def send(frame):
    try:
        s.send(frame)
    except OSError as refused:
        assert refused.errno == 105
arp = b'\\xff'*6 + mac + b'\\x08\\x06\\0\\1\\x08\\0\\6\\4\\0\\2' + mac + bytes([10,77,0,254]) + b'\\xff'*6 + bytes([10,77,255,7])
send(arp)
ip = bytes([0x45,0,0,20, 0,1,0,0, 64,6,0,0, 10,77,0,254, 10,77,255,7])
send(b'\\xff'*6 + mac + b'\\x08\\0' + ip)
send(b'\\xff'*6 + mac + b'\\x88\\xcc' + b'lldp')
send(b'\\xff'*6 + bytes([2,9,9,9,9,9]) + b'\\x08\\0' + ip)
";
    let forged = inside(&agent, "python3", &["-c", forge, &mac.to_string()]);
    assert!(forged.status.success(), "{forged:?}");
    let until = std::time::Instant::now() + std::time::Duration::from_millis(200);
    while let Some(frame) = frames.receive(until).expect("the wire is up") {
        // Its own kernel reports what it listens to, over IPv6.
        let forged =
            [&mac.0[..], &[2, 9, 9, 9, 9, 9]].contains(&frame.get(6..12).unwrap_or_default());
        let own = forged && frame.get(12..14) != Some(&[0x86, 0xdd]);
        assert!(!own, "{frame:02x?} came through");
    }
    let after = agent.status().expect("the agent answers").capture.guarded;
    assert_eq!(after, before + 4);
}
