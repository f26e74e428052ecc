//! What an operator does to a running agent, through the command line.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use decnet::logic::event::{Event, Kind};
use decnet::logic::status::Status;
use decnet_tests::client::stop;
use decnet_tests::world::{Agent, World, files_below, wait_for};
use nix::sys::signal::Signal;

fn fleet(names: &[&str]) -> String {
    let decky =
        |name: &&str| format!("[[decky]]\nname = \"{name}\"\nservices = [\"http\", \"redis\"]\n");
    let all: String = names.iter().map(decky).collect();
    format!("[network]\nsubnet6 = \"fd77::/64\"\n{all}")
}

fn names(status: &Status) -> Vec<&str> {
    status.deckies.iter().map(|decky| decky.name.as_str()).collect()
}

fn left(world: &World) -> Vec<String> {
    files_below(&world.run_dir())
}

/// Asks a decky's Redis over a connection that is kept.
fn ping(stream: &mut TcpStream) {
    stream.write_all(b"PING\r\n").expect("the connection lives");
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).expect("the connection lives");
    assert_eq!(&answer, b"+PONG\r\n");
}

fn visit(world: &World, agent: &Agent<'_>, name: &str) -> TcpStream {
    let there = SocketAddr::new(agent.decky(name).ip, 6379);
    let connect = || TcpStream::connect_timeout(&there, Duration::from_secs(5));
    let stream = world.as_visitor(connect).expect("it answers");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("it can be");
    stream
}

#[test]
fn a_deployment_changes_what_it_says_and_nothing_else() {
    let world = World::make();
    let agent = world.agent(&fleet(&["kept", "gone"]));
    let before = agent.decky("kept");
    let mut stream = visit(&world, &agent, "kept");
    ping(&mut stream);
    let deploy = |text: &str| {
        let config = format!("--config={}", world.config(text).display());
        world.decnet(&["deploy", &config, "--json", &world.run_arg()])
    };
    let done = deploy(&fleet(&["kept", "new-1", "new-2"]));
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let status: Status = serde_json::from_slice(&done.stdout).expect("JSON");
    assert_eq!(names(&status), ["kept", "new-1", "new-2"]);
    let kept = agent.decky("kept");
    assert_eq!((kept.ip, kept.mac), (before.ip, before.mac));
    ping(&mut stream);
    ping(&mut visit(&world, &agent, "new-2"));
    for (kind, name) in [(Kind::DeckyDown, "gone"), (Kind::DeckyUp, "new-1")] {
        world.event(name, |event| {
            event.event == kind && event.decky.as_ref().is_some_and(|d| d.name.as_str() == name)
        });
    }
    ping(&mut stream);
}

#[test]
fn a_deployment_that_cannot_be_changes_nothing_and_says_why() {
    let world = World::make();
    let agent = world.agent(&fleet(&["kept"]));
    let deploy = |text: &str| {
        let config = format!("--config={}", world.config(text).display());
        world.decnet(&["deploy", &config, "--json", &world.run_arg()])
    };
    for (text, wanted) in [
        (fleet(&["kept"]).replace("redis", "gopher"), "line 5: `gopher` is no service"),
        (fleet(&["kept"]) + "ip = \"10.77.255.7\"\n", "line 3: the address 10.77.255.7 of decky"),
        (fleet(&["kept"]).replace("[network]", "[network]\ninterface = \"eth9\""), "serves `lan0`"),
    ] {
        let refused = deploy(&text);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(wanted), "{said}");
        let code = if wanted.starts_with("line") { 2 } else { 1 };
        assert_eq!(refused.status.code(), Some(code), "{said}");
        assert_eq!(names(&agent.status().expect("it answers")), ["kept"]);
    }
}

#[test]
fn deckies_are_taken_away_one_by_one_and_all_at_once() {
    let world = World::make();
    let agent = world.agent(&fleet(&["kept", "new-1"]));
    let mut stream = visit(&world, &agent, "kept");
    let run_arg = world.run_arg();
    let one = world.decnet(&["teardown", "--decky", "new-1", &run_arg]);
    assert_eq!(String::from_utf8_lossy(&one.stdout), "1 deckies left\n", "{one:?}");
    let again = world.decnet(&["teardown", "--decky", "new-1", &run_arg]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("there is no decky `new-1`"));
    ping(&mut stream);
    let all = world.decnet(&["teardown", &run_arg]);
    assert_eq!(String::from_utf8_lossy(&all.stdout), "0 deckies left\n", "{all:?}");
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "the connection is over");
    assert_eq!(world.links(), ["lo", "lan0"]);
    assert!(agent.end(Signal::SIGTERM).success());
    assert_eq!(left(&world), Vec::<String>::new());
}

#[test]
fn a_teardown_removes_what_a_killed_agent_left() {
    let world = World::make();
    let agent = world.agent(&fleet(&["web"]));
    let processes = agent.processes();
    agent.end(Signal::SIGKILL);
    let alive = |pid: i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    wait_for(|| processes.iter().all(|(_, pid)| !alive(*pid)).then_some(())).expect("they end");
    assert_ne!(left(&world), Vec::<String>::new());
    let done = world.decnet(&["teardown", &world.run_arg()]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(said, "no agent is running, and nothing of one is left\n", "{done:?}");
    assert_eq!(left(&world), Vec::<String>::new());
    assert_eq!(world.links(), ["lo", "lan0"]);
}

/// The file system of the pins is mounted where only the agent and its children see it.
#[test]
fn an_agent_that_was_never_root_uses_what_was_loaded_for_it() {
    let world = World::make();
    let script = format!(
        "\"$1\" bpf load --user nobody {} && exec setpriv --reuid=65534 --regid=65534 \
         --clear-groups --bounding-set=-all,+net_admin,+net_raw --inh-caps=+net_admin,+net_raw \
         --ambient-caps=+net_admin,+net_raw \"$@\"",
        world.run_arg()
    );
    std::fs::create_dir_all(world.state_dir()).expect("the directory is ours");
    std::os::unix::fs::chown(world.state_dir(), Some(65_534), Some(65_534)).expect("as root");
    let by = ["unshare", "--mount", "--propagation=private", "bash", "-c", &script, "-"];
    let agent =
        world.start_agent_by(&by, &fleet(&["web-01"]).replace("\"redis\"", "\"redis\", \"tcp\""));
    let decky = agent.wait_up().deckies.remove(0);
    let caps = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).expect("it lives");
    assert!(caps.contains("CapEff:\t0000000000003000\n"), "{caps}");
    assert!(caps.contains("CapBnd:\t0000000000003000\n"), "{caps}");
    let pid = agent.pid().to_string();
    let program = decnet_tests::world::decnet().display().to_string();
    let within = ["nsenter", "--mount", "--target", &pid, &program, "bpf"];
    let loaded = world.on_node(&[&within[..], &["status", &world.run_arg()]].concat());
    assert!(loaded.status.success(), "{loaded:?}");
    assert!(String::from_utf8_lossy(&loaded.stdout).lines().count() > 5, "{loaded:?}");
    // It captures, serves and steers.
    world.visit("curl", &["-sS", "-m30", &format!("http://{}/", decky.ip)]);
    world.event_of(Kind::HttpRequest);
    world.visit("ping", &["-c1", "-W2", &decky.ip.to_string()]);
    world.event_of(Kind::ScanIcmp);
    world.client("curl").args(&["-sS", "-m2", &format!("http://{}:4444/x", decky.ip)]).run();
    world.event_of(Kind::Payload);
    let outside = world.decnet(&["bpf", "status", &world.run_arg()]);
    assert_eq!(outside.status.code(), Some(1), "the pins are not on this machine: {outside:?}");
}

#[test]
fn programs_are_loaded_and_taken_out_without_a_trace() {
    let world = World::make();
    let (program, run_arg) = (decnet_tests::world::decnet().display().to_string(), world.run_arg());
    let pins = world.run_dir().join("bpf").display().to_string();
    for ending in ["bpf unload", "teardown"] {
        let script = format!(
            "set -e; d='{program}'; $d bpf load {run_arg}; $d bpf load {run_arg}; $d bpf status \
             {run_arg}; $d {ending} {run_arg}; test ! -e {pins}; ! $d bpf status {run_arg}"
        );
        let line = ["unshare", "--mount", "--propagation=private", "bash", "-c", &script];
        let output = world.on_node(&line);
        assert!(output.status.success(), "{ending}: {output:?}");
        assert_eq!(left(&world), Vec::<String>::new());
    }
}

#[test]
fn a_capture_is_what_tcpdump_reads() {
    let world = World::make();
    let agent = world.agent(&fleet(&["web", "other"]));
    let (decky, other) = (agent.decky("web"), agent.decky("other"));
    let (run_arg, file) = (world.run_arg(), world.dir.join("web.pcapng").display().to_string());
    let mut capture = world.as_node(|| {
        let mut command = std::process::Command::new(decnet_tests::world::decnet());
        command.args(["capture", "--decky=web", "--write", &file, &run_arg]);
        command.stderr(Stdio::piped()).spawn().expect("decnet was built")
    });
    let begun = || std::fs::metadata(&file).ok().filter(|file| file.len() > 0);
    wait_for(begun).expect("the capture begins");
    let ip6 = decky.ip6.expect("the network has IPv6");
    world.client("ping").args(&["-c2", "-i0.2", "-W2", &decky.ip.to_string()]).good();
    world.client("ping").args(&["-c2", "-i0.2", "-W2", &ip6.to_string()]).good();
    world.client("curl").args(&["-sS", &format!("http://{}/", decky.ip)]).good();
    world.client("ping").args(&["-c1", "-W2", &other.ip.to_string()]).good();
    for (src, transport) in [("10.77.255.7", "icmp"), ("fd77::7", "icmp6")] {
        let seen = |event: &Event| {
            event.event == Kind::ScanIcmp
                && event.src.as_ref().and_then(|src| src.ip) == src.parse().ok()
                && event.data.number("packets") == Some(2)
        };
        let event = world.event(src, seen);
        assert_eq!(event.transport.map(|transport| transport.as_str()), Some(transport));
    }
    world.event_of(Kind::ConnClose);
    let read = || {
        let dump = world.on_node(&["tcpdump", "-n", "-r", &file]);
        let text = String::from_utf8_lossy(&dump.stdout).into_owned();
        (text.matches("echo reply").count() == 4 && text.contains("FIN") | text.contains("[F.]"))
            .then_some(text)
    };
    let text = wait_for(read).unwrap_or_else(|| {
        panic!(
            "{}",
            String::from_utf8_lossy(&world.on_node(&["tcpdump", "-n", "-r", &file]).stdout)
        )
    });
    assert_eq!(text.matches("ICMP echo request").count(), 2, "{text}");
    assert_eq!(text.matches("ICMP6, echo request").count(), 2, "{text}");
    assert!(text.contains("HTTP: GET / HTTP/1.1"), "{text}");
    assert!(text.contains("HTTP: HTTP/1.1 200 OK"), "{text}");
    assert!(!text.contains(&format!("> {}:", other.ip)), "another decky's frame: {text}");
    stop(&mut capture);
    // What is not there cannot be captured.
    let refused = world.decnet(&["capture", "--decky=nobody", "--write=-", &run_arg]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("there is no decky `nobody` that answers"), "{said}");
    assert_eq!(refused.status.code(), Some(1));
}
