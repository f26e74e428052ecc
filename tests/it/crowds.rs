//! Many connections at once: of addresses that say nothing, and of one node's certificate.

use decnet_tests::crowd::{ADDRESSES, Crowd, SILENT};
use decnet_tests::master::Master;
use decnet_tests::papers::Papers;
use decnet_tests::world::{Machine, NODE_IP, VISITOR_IP, World, wait_for};
use serde_json::json;

fn crowd(on: &Machine, script: &str, args: &[&str]) -> Crowd {
    Crowd::begin(&[], script, args, |command| on.spawn(command))
}

/// Gives a machine forty more addresses.
fn addresses(machine: &Machine, prefix: &str) {
    let done = machine.run(&["sh", "-c", ADDRESSES, "sh", prefix]);
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn forty_silent_addresses_keep_nobody_out_who_has_a_certificate() {
    let world = World::make();
    let master = Master::start(&world);
    let dir = world.etc_dir().join("agent").display().to_string();
    let ip = NODE_IP.to_string();
    let line = ["enroll", "--name", "node-1", "--address", &ip, "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let (visitors, nodes) = ("10.77.91", "10.77.92");
    addresses(&world.visitor, visitors);
    addresses(&world, nodes);
    let _at_the_master = crowd(&world, SILENT, &[&VISITOR_IP.to_string(), "8771", nodes]);
    let _agent = world.start_agent("");
    let ready = wait_for(|| world.log().contains("the master is served").then_some(()));
    assert!(ready.is_some(), "the agent does not serve");
    let _at_the_agent = crowd(&world.visitor, SILENT, &[&ip, "8765", visitors]);
    for _ in 0..5 {
        let outcome = &master.json(&["check"])["results"][0];
        assert_eq!(outcome["ok"], json!(true), "the agent: {outcome}");
    }
    // And in the other direction: the node says by itself how it is.
    let papers = Papers::at(&dir);
    let url = format!("https://{VISITOR_IP}:8771/heartbeat");
    for _ in 0..5 {
        let output = papers.ask(&world, &url, &["-k", "-d", "{}"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.ends_with("\n415"), "the master: {output:?}");
    }
    for log in [world.log(), master.log()] {
        let lines = log.lines().filter(|line| line.contains("refused")).count();
        // Each of 160 connections ends and comes again, many times a minute.
        assert!(lines <= 100, "{lines} lines of those that were refused");
    }
}

/// Opens 250 connections with one certificate, and sends 4 MB of a request on each, the end of
/// which never comes.
const GREEDY: &str = "
import socket, ssl, sys
host, cert, key = sys.argv[1:4]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.load_cert_chain(cert, key)
head = b'POST /heartbeat HTTP/1.1\\r\\nhost: m\\r\\ncontent-type: application/json\\r\\ncontent-length: 15000000\\r\\n\\r\\n'
held = []
for n in range(250):
    try:
        s = context.wrap_socket(socket.create_connection((host, 8771), 10))
        s.settimeout(5)
        held.append(s)
        s.sendall(head + b' ' * 4000000)
    except OSError:
        pass
print('ready', flush=True)
sys.stdin.read()
";

#[test]
fn one_nodes_certificate_holds_few_connections_and_little_memory() {
    let world = World::make();
    let master = Master::start(&world);
    let enroll = |name: &str, dir: &str| {
        let ip = NODE_IP.to_string();
        let line = ["enroll", "--name", name, "--address", &ip, "--out-dir", dir];
        assert!(master.swarm(&line).status.success());
        Papers::at(dir)
    };
    let greedy = enroll("greedy", &world.dir.join("greedy").display().to_string());
    let honest = enroll("honest", &world.dir.join("honest").display().to_string());
    let at = VISITOR_IP.to_string();
    let _crowd = crowd(&world, GREEDY, &[&at, &greedy.cert(), &greedy.key()]);
    let url = format!("https://{VISITOR_IP}:8771/heartbeat");
    let output = honest.ask(&world, &url, &["-k", "-d", "{}"]);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("\n415"), "{output:?}");
    let pid = master.process.id();
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
    assert!(open < 64, "{open} descriptors");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let peak = peak.expect("a number of kB");
    assert!(peak < 150_000, "it had {peak} kB");
}
