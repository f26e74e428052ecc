//! An agent does as the master says over mTLS, and as nobody else says.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use decnet::edge::clock;
use decnet::logic::trust::CertRole;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{Agent, NODE_IP, World, wait_for};
use serde_json::{Value, json};

const URL: &str = "https://127.0.0.1:8765";
const FLEET: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\n";

/// A world whose agent has an identity.
struct Fleet {
    world: World,
    master: Papers,
}

impl Fleet {
    fn make() -> Self {
        let world = World::make();
        let authority = authority(&world.dir.join("ca"));
        let host = ("node-1", IpAddr::from([127, 0, 0, 1]));
        let issue = |dir, role| Papers::issue(dir, &authority, host, role, clock::now());
        issue(world.etc_dir().join("agent"), CertRole::Agent);
        let master = issue(world.dir.join("master"), CertRole::Master);
        Self { world, master }
    }

    /// Asks as the master.
    fn ask(&self, path: &str, more: &[&str]) -> Output {
        self.master.ask(&self.world, &format!("{URL}{path}"), more)
    }

    /// What the master is answered, and with which status.
    fn master(&self, path: &str, body: Option<&Value>) -> (Value, u16) {
        self.master.told(&self.world, &format!("{URL}{path}"), body)
    }

    /// Waits until the agent serves.
    fn healthy(&self) -> Value {
        let asked = wait_for(|| self.ask("/health", &[]).status.success().then_some(()));
        assert!(asked.is_some(), "nobody answers:\n{}", self.world.log());
        self.master("/health", None).0
    }
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
    let page = fleet.world.visit("curl", &["-sS", "-m", "60", &format!("http://{ip}/")]);
    assert!(page.status.success(), "{page:?}");
    assert_eq!(fleet.master("/status", None).0["deckies"], status["deckies"]);
    let (gone, code) = fleet.master("/teardown", Some(&json!({ "decky": "web" })));
    assert_eq!((code, &gone["deckies"]), (200, &json!([])));
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
    let answer = fleet.ask("/health", &["-m", "10"]);
    assert!(answer.status.success(), "{answer:?}");
}

#[test]
fn a_decky_gets_other_services_and_stays_who_it_is() {
    let fleet = Fleet::make();
    let agent = fleet.world.start_agent("");
    fleet.healthy();
    let (report, code) = fleet.master("/deploy", Some(&json!({ "config": FLEET })));
    assert_eq!(code, 200, "{report}");
    let before = agent.decky("web");
    let change = json!({ "decky": "web", "services": ["ssh", "redis"] });
    let (report, code) = fleet.master("/mutate", Some(&change));
    assert_eq!((code, &report["deckies"][0]["state"]), (200, &json!("up")), "{report}");
    assert_eq!(report["deckies"][0]["services"], json!(["ssh", "redis"]));
    let after = agent.decky("web");
    assert_eq!((after.ip, after.mac, &after.hostname), (before.ip, before.mac, &before.hostname));
    let ip = after.ip.to_string();
    let pong = fleet.world.visit("redis-cli", &["-h", &ip, "ping"]);
    assert!(pong.status.success(), "{pong:?}");
    let page = fleet.world.visit("curl", &["-sS", "-m2", &format!("http://{ip}/")]);
    assert!(!page.status.success(), "http is gone: {page:?}");
    for (change, why) in [
        (json!({ "decky": "none", "services": ["ssh"] }), "decky: there is no `none`"),
        (json!({ "decky": "web", "services": ["x"] }), "services: `x`"),
        (json!({ "decky": "web", "services": [] }), "services: the decky has no service"),
        (json!({ "decky": "web", "services": ["ssh", "ssh"] }), "two services at port 22"),
    ] {
        let (said, code) = fleet.master("/mutate", Some(&change));
        assert_eq!(code, 422, "{said}");
        assert!(said["detail"].as_str().expect("text").contains(why), "{said}");
    }
    // The master wants it so: it is so after a restart, whatever the node's own file says.
    drop(agent);
    let agent = fleet.world.agent("");
    assert_eq!(agent.decky("web").services, ["ssh", "redis"]);
}

/// The order of the master is kept; an older one that comes late is refused.
#[test]
fn an_order_that_comes_late_is_refused() {
    let fleet = Fleet::make();
    let _agent = fleet.world.start_agent("");
    fleet.healthy();
    let order = |generation: u64, names: &[&str]| {
        let services = json!([{ "port": 80, "settings": { "Http": {} } }]);
        let decky = |name: &&str| json!({ "name": name, "ip": null, "persona": "debian-12", "services": services });
        let deckies: Vec<Value> = names.iter().map(decky).collect();
        json!({ "generation": generation, "deckies": deckies })
    };
    let (report, code) = fleet.master("/deploy", Some(&order(7, &["a"])));
    assert_eq!((code, &report["generation"]), (200, &json!(7)), "{report}");
    let (said, code) = fleet.master("/deploy", Some(&order(6, &["b"])));
    assert_eq!((code, &said["generation"]), (409, &json!(7)), "{said}");
    let (report, _) = fleet.master("/deploy", Some(&order(7, &["a"])));
    assert_eq!(report["deckies"][0]["name"], json!("a"), "the same again is no change");
    let (said, code) = fleet.master("/deploy", Some(&order(8, &["a", "a"])));
    assert_eq!(code, 422, "{said}");
    let (report, _) = fleet.master("/status", None);
    assert_eq!(
        (&report["generation"], report["deckies"].as_array().map(Vec::len)),
        (&json!(7), Some(1))
    );
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
        let output = fleet.ask("/deploy", &more);
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
    assert_eq!(status.and_then(|status| status.code()), Some(2), "{}", fleet.world.log());
    let said = fleet.world.log();
    let wanted = format!("there is no `{}`: `decnet join` makes it here", key.display());
    assert!(said.contains(&wanted), "{said}");
}
