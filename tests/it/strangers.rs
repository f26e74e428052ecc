//! Whoever has not the right certificate: as a client of each server, and as a server that the
//! master takes for a node. OpenSSL plays them, which knows nothing of our TLS.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use decnet::edge::clock;
use decnet::edge::pki::Authority;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::master::Master;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Machine, NODE_IP, VISITOR_IP, World, wait_for};
use serde_json::{Value, json};

const YEAR: u64 = 365 * 86_400 * 1_000_000_000;
/// The node that is pretended to be.
const NODE: (&str, IpAddr) = ("node-1", IpAddr::V4(NODE_IP));

/// Papers of every kind, below `dir`: those that are wrong only in their time or in who signed them
/// say `role`.
fn every_kind(dir: &Path, authority: &Authority, role: CertRole) -> Vec<(&'static str, Papers)> {
    let now = clock::now();
    let stranger = self::authority(&dir.join("another-authority"));
    let other = ("node-2", NODE.1);
    let issue = |kind: &'static str, authority: &Authority, host, role, when| {
        (kind, Papers::issue(dir.join(kind), authority, host, role, when))
    };
    vec![
        ("self-signed", Papers::self_signed(dir.join("self-signed"), NODE, role)),
        issue("wrong-ca", &stranger, NODE, role, now),
        issue("agent", authority, NODE, CertRole::Agent, now),
        issue("another-node", authority, other, CertRole::Agent, now),
        issue("updater", authority, NODE, CertRole::Updater, now),
        issue("another-updater", authority, other, CertRole::Updater, now),
        issue("listener", authority, NODE, CertRole::Listener, now),
        issue("master", authority, NODE, CertRole::Master, now),
        issue("expired", authority, NODE, role, Timestamp(now.0 - 2 * YEAR)),
        issue("early", authority, NODE, role, Timestamp(now.0 + YEAR)),
    ]
}

/// Asks for `/health` by OpenSSL, and gives what came back.
fn knock(from: &Machine, place: &str, papers: Option<&Papers>, more: &[&str]) -> String {
    let script = "printf 'GET /health HTTP/1.1\\r\\nhost: node\\r\\nconnection: close\\r\\n\\r\\n' \
                  | timeout 10 openssl s_client -quiet \"$@\"";
    let mut line = ["sh", "-c", script, "sh", "-connect", place].map(str::to_owned).to_vec();
    if let Some(papers) = papers {
        line.extend(["-cert".into(), papers.cert(), "-key".into(), papers.key()]);
    }
    line.extend(more.iter().copied().map(str::to_owned));
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    String::from_utf8_lossy(&from.run(&line).stdout).into_owned()
}

/// Why the last who was refused was refused, once there are so many, by the agent's log.
fn refused(world: &World, count: usize) -> String {
    let lines = wait_for(|| {
        let log = world.log();
        let lines: Vec<String> = log
            .lines()
            .filter(|line| line.contains("refused a connection"))
            .map(Into::into)
            .collect();
        (lines.len() >= count).then_some(lines)
    });
    let lines = lines.unwrap_or_else(|| panic!("{count} were not refused"));
    assert_eq!(lines.len(), count, "{lines:?}");
    lines.last().cloned().unwrap_or_default()
}

#[test]
fn only_the_master_gets_in_at_the_agent() {
    let world = World::make();
    let authority = authority(&world.dir.join("ca"));
    Papers::issue(world.etc_dir().join("agent"), &authority, NODE, CertRole::Agent, clock::now());
    let kinds = every_kind(&world.dir, &authority, CertRole::Master);
    let papers = |kind| kinds.iter().find(|(name, _)| *name == kind).map(|(_, papers)| papers);
    let _agent = world.start_agent("");
    let place = format!("{NODE_IP}:8765");
    let ask = |kind, more: &[&str]| knock(&world, &place, papers(kind), more);
    let served = wait_for(|| ask("master", &[]).starts_with("HTTP/1.1 200 OK").then_some(()));
    assert!(served.is_some(), "the master is not served");
    let table: [(&str, &[&str], &str); 10] = [
        ("nobody", &[], "peer sent no certificates"),
        ("self-signed", &[], "CaUsedAsEndEntity"),
        ("wrong-ca", &[], "BadSignature"),
        ("agent", &[], "ApplicationVerificationFailure"),
        ("another-node", &[], "ApplicationVerificationFailure"),
        ("another-updater", &[], "ApplicationVerificationFailure"),
        ("listener", &[], "ApplicationVerificationFailure"),
        ("expired", &[], "certificate expired"),
        ("early", &[], "certificate not valid yet"),
        // An older TLS is none.
        ("master", &["-tls1_2"], "peer is incompatible"),
    ];
    let mut count = 0;
    for (kind, more, why) in table {
        assert_eq!(ask(kind, more), "", "{kind}");
        count += 1;
        let said = refused(&world, count);
        assert!(said.contains(why), "{kind}: {said}");
    }
    let plain = world.on_node(&["curl", "-sS", "-m", "5", &format!("http://{place}/health")]);
    assert!(!plain.status.success(), "{plain:?}");
    assert!(refused(&world, count + 1).contains("InvalidContentType"));
    assert!(ask("master", &[]).starts_with("HTTP/1.1 200 OK"), "the master is served as before");
    // This node's updater may see whether the agent is well, and that is all.
    let updater = papers("updater").expect("it is in the table");
    for (path, method, status) in [
        ("health", "GET", "200"),
        ("health", "POST", "403"),
        ("status", "GET", "403"),
        ("deploy", "POST", "403"),
        ("teardown", "POST", "403"),
        ("mutate", "POST", "403"),
    ] {
        let url = format!("https://{place}/{path}");
        let answer = updater.ask(&world, &url, &["-k", "-X", method]);
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        assert!(said.ends_with(&format!("\n{status}")), "{method} {path}: {said}");
    }
}

/// A server that is killed with the test.
struct Server(Child);

impl Server {
    /// OpenSSL, which answers everybody what is in `dir` or, if it is not asked to, nothing.
    fn start(node: &Machine, port: u16, papers: &Papers, dir: &Path, more: &[&str]) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "openssl", "s_server", "-quiet", "-accept"]);
        command.arg(port.to_string()).args(["-cert", &papers.cert(), "-key", &papers.key()]);
        command.args(more).current_dir(dir);
        // It ends with its input.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self(node.spawn(command));
        let there = || node.within(|| TcpStream::connect((NODE_IP, port)).ok());
        assert!(wait_for(there).is_some(), "OpenSSL does not listen");
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Who pretends to be which node, where, and what is said of it; nothing when it is believed.
struct Row {
    name: &'static str,
    port: u16,
    why: &'static str,
}

/// The nodes that a master is told of, each at a port of its own.
fn rows() -> Vec<Row> {
    let late = "no answer from";
    let other = "invalid peer certificate: ApplicationVerificationFailure";
    let table = [
        ("honest", ""),
        ("enrolled", ""),
        ("self-signed", "CaUsedAsEndEntity"),
        ("wrong-ca", "BadSignature"),
        // The right node with a certificate that was not recorded.
        ("agent", other),
        ("another-node", other),
        ("updater", other),
        ("listener", other),
        ("master", other),
        ("expired", "certificate expired"),
        ("early", "certificate not valid yet"),
        ("old-tls", "ProtocolVersion"),
        ("mute", late),
        ("endless", "no whole answer"),
        ("silent", late),
        ("gone", "eof"),
        ("noise", "InvalidContentType"),
        ("plain-http", "InvalidContentType"),
    ];
    let port = |n: usize| 8_765 + u16::try_from(n).expect("few");
    let row = |(n, (name, why))| Row { name, port: port(n), why };
    table.into_iter().enumerate().map(row).collect()
}

/// Takes one connection and says this.
fn say(listener: &TcpListener, bytes: &[u8]) {
    let Some((mut stream, _)) = wait_for(|| listener.accept().ok()) else { return };
    stream.set_nonblocking(false).expect("it is ours");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("it is ours");
    // The question comes first, so that the answer is not lost in a reset.
    drop(stream.read(&mut [0; 4_096]));
    drop(stream.write_all(bytes));
}

/// Enrols a node for each row; the honest one gets its papers, and the others have them too.
fn enroll(world: &World, master: &Master<'_>, rows: &[Row]) {
    let address = NODE_IP.to_string();
    for Row { name, port, .. } in rows {
        let dir = world.dir.join("enrolled").join(name);
        let dir = if *name == "honest" { world.etc_dir().join("agent") } else { dir };
        let (dir, port) = (dir.display().to_string(), port.to_string());
        let line = ["enroll", "--name", name, "--address", &address, "--agent-port", &port];
        let enrolled = master.swarm(&[&line[..], &["--out-dir", &dir]].concat());
        assert!(enrolled.status.success(), "{enrolled:?}");
    }
}

/// What an agent answers, as far as the master reads it, with so many bytes behind it.
fn answer(more: usize) -> String {
    let body = format!("{}{}", r#"{"status":"ok","release":"0.1.0"}"#, " ".repeat(more));
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// Starts OpenSSL for the rows that it plays.
fn play(world: &World, master: &Master<'_>, rows: &[Row]) -> Vec<Server> {
    let (page, endless) = (world.dir.join("page"), world.dir.join("endless"));
    for (dir, more) in [(&page, 0), (&endless, 1 << 20)] {
        std::fs::create_dir_all(dir).expect("the directory is ours");
        std::fs::write(dir.join("health"), answer(more)).expect("the directory is ours");
    }
    let kinds = every_kind(&world.dir, &authority(&master.ca_dir()), CertRole::Agent);
    let given = |name: &str| kinds.iter().find(|(kind, _)| *kind == name).map(|(_, it)| it.clone());
    let start = |Row { name, port, .. }: &Row| {
        let own = || Papers::at(world.dir.join("enrolled").join(name));
        let (papers, dir, more): (_, _, &[&str]) = match *name {
            "enrolled" => (own(), &page, &["-HTTP"]),
            "old-tls" => (own(), &page, &["-HTTP", "-tls1_2"]),
            "mute" => (own(), &page, &[]),
            "endless" => (own(), &endless, &["-HTTP"]),
            _ => (given(name)?, &page, &["-HTTP"]),
        };
        Some(Server::start(world, *port, &papers, dir, more))
    };
    rows.iter().filter_map(start).collect()
}

#[test]
fn whoever_pretends_to_be_a_node_is_unreachable_and_delays_no_other() {
    let world = World::make();
    let master = Master::start(&world);
    let rows = rows();
    enroll(&world, &master, &rows);
    let _agent = world.start_agent("");
    let _servers = play(&world, &master, &rows);
    let listen = |wanted: &str| {
        let row = rows.iter().find(|row| row.name == wanted).expect("it is in the table");
        let listener = world.as_node(|| TcpListener::bind((NODE_IP, row.port)));
        let listener = listener.expect("the port is free");
        listener.set_nonblocking(true).expect("it is ours");
        listener
    };
    // The kernel takes a connection that nobody accepts.
    let _silent = listen("silent");
    let plain = answer(0);
    let told = [("gone", ""), ("noise", "\u{1}\u{2}noise\n"), ("plain-http", plain.as_str())];
    let told = told.map(|(name, text)| (listen(name), text));
    let ready = wait_for(|| world.log().contains("the master is served").then_some(()));
    assert!(ready.is_some(), "the agent does not serve");
    let (outcomes, took) = thread::scope(|scope| {
        for (listener, text) in &told {
            scope.spawn(|| say(listener, text.as_bytes()));
        }
        let began = Instant::now();
        (master.json(&["check"]), began.elapsed())
    });
    // Two of them keep the master waiting for 5 s each.
    assert!(took < Duration::from_secs(10), "{took:?}");
    let hosts = master.json(&["list"]);
    for Row { name, why, .. } in &rows {
        let outcome = of(&outcomes["results"], "host_name", name);
        let detail = outcome["detail"].as_str().expect("text");
        let status = if why.is_empty() { "active" } else { "unreachable" };
        assert_eq!(of(&hosts, "name", name)["status"], json!(status), "{outcome}");
        assert_eq!(outcome["ok"], json!(why.is_empty()), "{outcome}");
        assert!(detail.contains(why), "{name}: {detail}, not {why}");
    }
}

/// The member of a list whose field says this.
fn of<'a>(list: &'a Value, field: &str, text: &str) -> &'a Value {
    let found = list.as_array().into_iter().flatten().find(|member| member[field] == json!(text));
    found.unwrap_or_else(|| panic!("no {text} in {list}"))
}

#[test]
fn only_enrolled_agents_get_in_at_the_nodes_port() {
    let world = World::make();
    let master = Master::start(&world);
    let authority = authority(&master.ca_dir());
    let kinds = every_kind(&world.dir, &authority, CertRole::Agent);
    let url = format!("https://{VISITOR_IP}:8771/heartbeat");
    let beat = |papers: &Papers| {
        let answer = papers.ask(&world, &url, &["-k", "-d", "{}"]);
        String::from_utf8_lossy(&answer.stdout).into_owned()
    };
    for (kind, papers) in &kinds {
        assert_eq!(beat(papers), "\n000", "{kind}");
    }
    let nobody = world.on_node(&["curl", "-sSk", "-w", "\n%{http_code}", "-d", "{}", &url]);
    let nobody = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(nobody.ends_with("\n401") && nobody.contains("certificate of an agent"), "{nobody}");
    let dir = world.etc_dir().join("agent").display().to_string();
    let ip = NODE_IP.to_string();
    let line = ["enroll", "--name", "node-9", "--address", &ip, "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let enrolled = Papers::at(&dir);
    let heard = beat(&enrolled);
    // It is let in, and told what is wrong with what it says.
    assert!(heard.ends_with("\n415") || heard.ends_with("\n422"), "{heard}");

    // One connection, two requests, and between them the node is let go.
    let script = "ask() { printf 'POST /heartbeat HTTP/1.1\\r\\nhost: m\\r\\ncontent-length: 0\\r\\n\\r\\n'; }
        (ask; while [ ! -e \"$1\" ]; do sleep 0.05; done; ask; sleep 2) \\
        | timeout 25 openssl s_client -quiet -connect \"$2\" -cert \"$3\" -key \"$4\" >\"$5\"";
    let (flag, answers) = (world.dir.join("gone"), world.dir.join("answers"));
    let text = |path: &Path| path.display().to_string();
    let place = format!("{VISITOR_IP}:8771");
    let paths = [text(&flag), place, enrolled.cert(), enrolled.key(), text(&answers)];
    let said = || std::fs::read_to_string(&answers).unwrap_or_default();
    thread::scope(|scope| {
        let fixed = ["sh", "-c", script, "sh"].map(str::to_owned);
        let line: Vec<String> = fixed.into_iter().chain(paths).collect();
        let world = &world;
        let live = scope.spawn(move || {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            world.on_node(&line)
        });
        let let_in = wait_for(|| said().contains("HTTP/1.1 4").then_some(()));
        assert!(let_in.is_some() && !said().contains("HTTP/1.1 403"), "{}", said());
        let gone = master.swarm(&["decommission", "--name", "node-9", "--yes"]);
        assert!(gone.status.success(), "{gone:?}");
        std::fs::write(&flag, "").expect("the directory is ours");
        live.join().expect("it does not panic");
    });
    assert!(said().contains("HTTP/1.1 403"), "the live connection goes on: {}", said());
    assert_eq!(beat(&enrolled), "\n000", "and another is none");
}

/// Who comes without a certificate, as whoever joins does, has few places: those of the nodes are
/// theirs.
#[test]
fn who_shows_nothing_has_few_places_at_the_nodes_port() {
    let world = World::make();
    let _master = Master::start(&world);
    // Who has a place stays until it is killed.
    let script = "for n in 1 2 3 4 5 6 7 8; do
            (timeout 5 openssl s_client -quiet -connect \"$0\" </dev/null >/dev/null 2>&1; echo \"$?\") &
        done; wait";
    let output = world.on_node(&["sh", "-c", script, &format!("{VISITOR_IP}:8771")]);
    let codes = String::from_utf8_lossy(&output.stdout).into_owned();
    let served = codes.lines().filter(|code| *code == "124").count();
    assert_eq!((codes.lines().count(), served), (8, 4), "{codes}");
}
