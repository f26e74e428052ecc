//! An agent does as the master says over mTLS, and as nobody else says.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use decnet::edge::clock;
use decnet::edge::pki::{Authority, Wish};
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{CertRole, NodeName};
use decnet_tests::world::{Agent, NODE_IP, World, wait_for};
use serde_json::{Value, json};

const URL: &str = "https://127.0.0.1:8765";
const FLEET: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\n";
const YEAR: u64 = 365 * 86_400 * 1_000_000_000;

/// Makes an identity as `dir/{ca.crt,worker.crt,worker.key}`.
fn identify(authority: &Authority, dir: &Path, role: CertRole, when: Timestamp) {
    let host: NodeName = "node-1".parse().expect("a name");
    let addresses = ["127.0.0.1".parse().expect("an address")];
    let wish = Wish { host: &host, role, addresses: &addresses, names: &[] };
    let issued = authority.issue(&wish, when).expect("a plain wish");
    std::fs::create_dir_all(dir).expect("the directory is ours");
    let write = |name: &str, text: &str| {
        std::fs::write(dir.join(name), text).expect("the directory is ours");
    };
    write("ca.crt", authority.cert_pem());
    write("worker.crt", &issued.certified.cert_pem);
    write("worker.key", &issued.key_pem);
}

/// A world whose agent has an identity.
struct Fleet {
    world: World,
    authority: Authority,
}

impl Fleet {
    fn make() -> Self {
        let world = World::make();
        let authority = authority(&world, "ca");
        identify(&authority, &world.etc_dir().join("agent"), CertRole::Agent, clock::now());
        identify(&authority, &world.dir.join("master"), CertRole::Master, clock::now());
        Self { world, authority }
    }

    /// Asks as `who`, a directory of identities below the world's; none without one.
    fn ask(&self, who: Option<&str>, path: &str, more: &[&str]) -> Output {
        let url = format!("{URL}{path}");
        let mut line = vec!["curl", "-sS", "-m", "10", "-w", "\n%{http_code}", &url];
        let files = who.map(|who| {
            let file = |name| self.world.dir.join(who).join(name).display().to_string();
            [file("worker.crt"), file("worker.key")]
        });
        let ca = self.world.etc_dir().join("agent/ca.crt").display().to_string();
        line.extend(["--cacert", &ca]);
        if let Some([certificate, key]) = &files {
            line.extend(["--cert", certificate, "--key", key]);
        }
        line.extend(more);
        self.world.on_node(&line)
    }

    /// What the master is answered, and with which status.
    fn master(&self, path: &str, body: Option<&Value>) -> (Value, u16) {
        let body = body.map(Value::to_string);
        let mut more = Vec::new();
        if let Some(body) = &body {
            more.extend(["-H", "content-type: application/json", "-d", body]);
        }
        let output = self.ask(Some("master"), path, &more);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (json, status) = text.rsplit_once('\n').unwrap_or_default();
        let json = serde_json::from_str(json);
        (json.unwrap_or_else(|_| panic!("{output:?}")), status.parse().expect("a status"))
    }

    /// Waits until the agent serves.
    fn healthy(&self) -> Value {
        let asked =
            wait_for(|| self.ask(Some("master"), "/health", &[]).status.success().then_some(()));
        asked.unwrap_or_else(|| {
            let log = std::fs::read_to_string(self.world.dir.join("agent.log"));
            panic!("nobody answers:\n{}", log.unwrap_or_default())
        });
        self.master("/health", None).0
    }
}

fn authority(world: &World, name: &str) -> Authority {
    Authority::open_or_make(&world.dir.join(name), clock::now()).expect("the directory is ours")
}

fn log(world: &World) -> String {
    std::fs::read_to_string(world.dir.join("agent.log")).unwrap_or_default()
}

#[test]
fn the_master_deploys_asks_and_takes_away() {
    let fleet = Fleet::make();
    let agent: Agent<'_> = fleet.world.start_agent("");
    let health = fleet.healthy();
    assert_eq!((&health["status"], &health["role"]), (&json!("ok"), &json!("agent")));
    assert_eq!(health["pid"], json!(agent.pid()));
    assert_eq!(health["release"], json!(env!("CARGO_PKG_VERSION")));
    let (status, code) = fleet.master("/deploy", Some(&json!({ "config": FLEET })));
    assert_eq!(code, 200, "{status}");
    assert_eq!(status["deckies"][0]["name"], json!("web"), "{status}");
    assert_eq!(status["deckies"][0]["state"], json!("up"), "{status}");
    let ip = status["deckies"][0]["ip"].as_str().expect("an address").to_owned();
    let page = fleet.world.visit("curl", &["-sS", "-m", "5", &format!("http://{ip}/")]);
    assert!(page.status.success(), "{page:?}");
    assert_eq!(fleet.master("/status", None).0["deckies"], status["deckies"]);
    let (gone, code) = fleet.master("/teardown", Some(&json!({ "decky": "web" })));
    assert_eq!((code, &gone["deckies"]), (200, &json!([])));
}

#[test]
fn nobody_else_gets_in() {
    let fleet = Fleet::make();
    let dir = |name: &str| fleet.world.dir.join(name);
    let now = clock::now();
    identify(&fleet.authority, &dir("agent"), CertRole::Agent, now);
    identify(&fleet.authority, &dir("updater"), CertRole::Updater, now);
    identify(&fleet.authority, &dir("listener"), CertRole::Listener, now);
    identify(&fleet.authority, &dir("expired"), CertRole::Master, Timestamp(now.0 - 2 * YEAR));
    identify(&fleet.authority, &dir("early"), CertRole::Master, Timestamp(now.0 + YEAR));
    identify(&authority(&fleet.world, "other-ca"), &dir("stranger"), CertRole::Master, now);
    let made = fleet.world.on_node(&[
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=node-1",
        "-addext",
        "subjectAltName=URI:decnet:role:master",
        "-out",
        &selfsigned(&fleet.world, "crt"),
        "-keyout",
        &selfsigned(&fleet.world, "key"),
    ]);
    assert!(made.status.success(), "{made:?}");
    let _agent = fleet.world.start_agent("");
    fleet.healthy();
    let strangers =
        ["agent", "updater", "listener", "expired", "early", "stranger", "selfsigned"].map(Some);
    for who in strangers.into_iter().chain([None]) {
        for path in ["/health", "/status", "/deploy"] {
            let output = fleet.ask(who, path, &[]);
            assert!(!output.status.success(), "{who:?} got {path}: {output:?}");
            assert_eq!(output.stdout, b"\n000", "{who:?}");
        }
    }
    let plain = fleet.world.on_node(&["curl", "-sS", "-m", "5", "http://127.0.0.1:8765/health"]);
    assert!(!plain.status.success(), "{plain:?}");
    // An older TLS is none.
    let old = fleet.ask(Some("master"), "/health", &["--tls-max", "1.2"]);
    assert!(!old.status.success(), "{old:?}");
    assert_eq!(fleet.master("/health", None).1, 200, "and the master is served as before");
}

fn selfsigned(world: &World, kind: &str) -> String {
    let dir = world.dir.join("selfsigned");
    std::fs::create_dir_all(&dir).expect("the directory is ours");
    dir.join(format!("worker.{kind}")).display().to_string()
}

#[test]
fn who_connects_and_says_nothing_keeps_nobody_waiting() {
    let fleet = Fleet::make();
    let _agent = fleet.world.start_agent("");
    fleet.healthy();
    let there = SocketAddr::from((NODE_IP, 8765));
    let silent: Vec<TcpStream> = fleet.world.as_visitor(|| {
        let connect = |_| TcpStream::connect_timeout(&there, Duration::from_secs(5)).ok();
        (0..400).filter_map(connect).collect()
    });
    assert!(!silent.is_empty());
    let answer = fleet.ask(Some("master"), "/health", &["-m", "2"]);
    assert!(answer.status.success(), "{answer:?}");
}

#[test]
fn a_request_that_cannot_be_is_refused_with_the_reason() {
    let fleet = Fleet::make();
    let _agent = fleet.world.start_agent(FLEET);
    fleet.healthy();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"config\":\"{}\"}}", "x".repeat(33 * 1024 * 1024));
    let file = |name: &str, text: &str| -> PathBuf {
        let path = fleet.world.dir.join(name);
        std::fs::write(&path, text).expect("the directory is ours");
        path
    };
    for (name, body, code, why) in [
        ("no-json", "what", 400, "JSON"),
        ("deep", deep.as_str(), 422, "invalid type"),
        ("large", large.as_str(), 413, "length limit"),
        ("field", r#"{"configs":""}"#, 422, "configs"),
        ("toml", r#"{"config":"[[decky]]\nname = 5"}"#, 422, "line 2"),
        ("service", r#"{"config":"[[decky]]\nname = \"a\"\nservices = [\"x\"]"}"#, 422, "`x`"),
    ] {
        let path = format!("@{}", file(name, body).display());
        let more = ["-H", "content-type: application/json", "--data-binary", &path];
        let output = fleet.ask(Some("master"), "/deploy", &more);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.ends_with(&format!("\n{code}")) && said.contains(why), "{name}: {said}");
    }
    let (said, code) = fleet.master("/teardown", Some(&json!({ "decky": "../../x" })));
    assert_eq!(code, 422, "{said}");
    let (said, code) = fleet.master("/teardown", Some(&json!({ "decky": "none" })));
    assert_eq!((code, said["detail"].as_str()), (422, Some("there is no decky `none`")));
    assert_eq!(fleet.master("/nothing", None).1, 404);
    let (status, _) = fleet.master("/status", None);
    assert_eq!(status["deckies"].as_array().map(Vec::len), Some(1), "nothing has changed");
}

#[test]
fn an_agent_whose_identity_does_not_hold_together_says_so_and_ends() {
    let fleet = Fleet::make();
    let agent_dir = fleet.world.etc_dir().join("agent");
    let key = agent_dir.join("worker.key");
    std::fs::remove_file(&key).expect("it is there");
    let status = wait_for({
        let mut agent = Some(fleet.world.start_agent(""));
        move || agent.as_mut()?.process.try_wait().ok()?
    });
    assert_eq!(status.and_then(|status| status.code()), Some(2), "{}", log(&fleet.world));
    let said = log(&fleet.world);
    let wanted = format!("there is no `{}`: `decnet join` makes it here", key.display());
    assert!(said.contains(&wanted), "{said}");
}
