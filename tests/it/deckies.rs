//! Deckies on a LAN: there, answering, apart from the node, and gone.

use std::net::TcpListener;

use decnet::logic::event::Kind;
use decnet::logic::probe;
use nix::sys::signal::Signal;

use decnet_tests::world::{NODE_IP, World, wait_for};

const TWO: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "web-01"
ip = "10.77.1.1"
services = ["http"]
[[decky]]
name = "files-01"
persona = "windows-server-2022"
services = ["http", "ftp"]
"#;

#[test]
fn a_decky_answers_with_its_own_mac_and_ttl() {
    let world = World::make();
    let agent = world.agent(TWO);
    for (name, ttl) in [("web-01", 64), ("files-01", 128)] {
        let decky = agent.decky(name);
        let ip = decky.ip.to_string();
        let ping = world.visit("ping", &["-c1", "-W2", &ip]);
        let text = String::from_utf8_lossy(&ping.stdout);
        assert!(text.contains(&format!("ttl={ttl}")), "{text}");
        let neighbours = world.visit("ip", &["neigh", "show", &ip]);
        let text = String::from_utf8_lossy(&neighbours.stdout);
        assert!(text.contains(&decky.mac.to_string()), "{text}");
        let ip6 = decky.ip6.expect("the network has IPv6").to_string();
        let ping = world.visit("ping", &["-6", "-c1", "-W2", &ip6]);
        let text = String::from_utf8_lossy(&ping.stdout);
        assert!(text.contains(&format!("ttl={ttl}")), "{text}");
    }
}

#[test]
fn the_nodes_own_listener_is_not_on_a_decky() {
    let world = World::make();
    let agent = world.agent(TWO);
    let _own = world.as_node(|| TcpListener::bind("0.0.0.0:7777").expect("a free port"));
    let url = |ip: std::net::IpAddr| format!("http://{ip}:7777/");
    let refused = world.visit("curl", &["-sS", "-m3", &url(agent.decky("web-01").ip)]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Failed to connect"), "{refused:?}");
    // The same listener is there on the node's own address: it connects, and says nothing.
    let heard = world.visit("curl", &["-sS", "-m1", &url(NODE_IP.into())]);
    assert!(String::from_utf8_lossy(&heard.stderr).contains("timed out"), "{heard:?}");
}

#[test]
fn an_address_in_use_is_named_with_its_holder() {
    let world = World::make();
    let holder = world.visitor_mac();
    let mut agent = world
        .start_agent("[[decky]]\nname = \"web-01\"\nip = \"10.77.255.7\"\nservices = [\"http\"]\n");
    let status = wait_for(|| agent.process.try_wait().expect("it is ours")).expect("it ends");
    assert_eq!(status.code(), Some(2));
    let log = std::fs::read_to_string(world.dir.join("agent.log")).expect("a log");
    let wanted = format!("line 1: the address 10.77.255.7 of decky `web-01` is in use by {holder}");
    assert!(log.contains(&wanted), "{log}");
}

#[test]
fn a_decky_without_an_address_gets_one_that_nobody_has() {
    let world = World::make();
    world.visit("ip", &["addr", "add", "10.77.0.1/16", "dev", "eth0"]);
    let agent = world.agent("[[decky]]\nname = \"web-01\"\nservices = [\"http\"]\n");
    assert_eq!(agent.decky("web-01").ip.to_string(), "10.77.0.2");
}

#[test]
fn nothing_is_left_of_an_agent_that_ends() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let world = World::make();
        let agent = world.agent(TWO);
        let processes = agent.processes();
        assert_eq!(processes.len(), 3, "{processes:?}");
        let decky = agent.decky("web-01");
        agent.end(signal);
        let alive = |pid: i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
        let all_gone = || processes.iter().all(|(_, pid)| !alive(*pid)).then_some(());
        wait_for(all_gone).unwrap_or_else(|| panic!("{processes:?} live on after {signal}"));
        let frames = world.frames();
        let silent = || {
            frames.send(&probe::question(world.visitor_mac(), decky.ip)).expect("the wire is up");
            let until = std::time::Instant::now() + std::time::Duration::from_millis(50);
            let mut answered = false;
            while let Some(frame) = frames.receive(until).expect("the wire is up") {
                answered |= probe::answer(&frame).is_some_and(|(ip, _)| ip == decky.ip);
            }
            (!answered).then_some(())
        };
        wait_for(silent).unwrap_or_else(|| panic!("web-01 answers after {signal}"));
        let links =
            world.as_node(|| std::process::Command::new("ip").args(["-o", "link"]).output());
        let text = String::from_utf8_lossy(&links.expect("ip is installed").stdout).into_owned();
        assert_eq!(text.lines().count(), 2, "lo and lan0 are left: {text}");
    }
}

#[test]
fn a_visit_is_recorded_from_open_to_close() {
    let world = World::make();
    let agent = world.agent(TWO);
    let decky = agent.decky("web-01");
    world.visit("curl", &["-sS", "-m2", &format!("http://{}/", decky.ip)]);
    let opened = world.event_of(Kind::ConnOpen);
    let closed = world.event_of(Kind::ConnClose);
    assert_eq!(opened.session, closed.session);
    let src = opened.src.expect("it has a source");
    assert_eq!(src.mac, Some(world.visitor_mac()));
    assert_eq!(opened.decky.map(|decky| decky.ip), Some(decky.ip));
    assert_eq!(closed.data.text("reason"), Some("visitor"));
}
