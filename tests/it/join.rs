//! A node that makes its own keys: it joins with a token, tells how it is, does as it is told.

use std::process::Output;

use decnet::edge::clock;
use decnet::edge::hosts::Hosts;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::{CertRole, Fingerprint};
use decnet_tests::master::Master;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::world::{NODE_IP, VISITOR_IP, World, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const FLEET: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\ncount = 3\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Makes a token on the master.
fn token(master: &Master<'_>, more: &[&str]) -> String {
    let made = master.json(&[&["token", "--name", "node-1"], more].concat());
    made["token"].as_str().expect("a token").to_owned()
}

/// Runs `decnet join` on the node.
fn join(world: &World, token: &str, more: &[&str]) -> Output {
    let master = format!("https://{VISITOR_IP}:8771");
    let etc_dir = world.etc_dir().display().to_string();
    let args = ["join", "--master", &master, "--token", token, "--etc-dir", &etc_dir];
    world.decnet(&[&args, more].concat())
}

/// The row of the only node that is not decommissioned.
fn host(master: &Master<'_>) -> Value {
    let hosts = master.json(&["list"]);
    let hosts = hosts.as_array().expect("hosts").iter();
    let mut alive = hosts.filter(|host| host["status"] != json!("decommissioned"));
    alive.next().expect("a node").clone()
}

fn wait_for_status(master: &Master<'_>, status: &str) {
    let is = wait_for(|| (host(master)["status"] == json!(status)).then_some(()));
    assert!(is.is_some(), "not {status}: {}\n{}", host(master), master.log());
}

/// The deckies of the fleet and their states.
fn deckies(master: &Master<'_>) -> Vec<(String, String)> {
    let all = master.json(&["deckies"]);
    let pair = |decky: &Value| {
        let text = |key: &str| decky[key].as_str().expect("text").to_owned();
        (text("name"), text("state"))
    };
    all.as_array().expect("deckies").iter().map(pair).collect()
}

fn up(names: &[&str]) -> Vec<(String, String)> {
    names.iter().map(|name| ((*name).to_owned(), "up".to_owned())).collect()
}

/// A world whose node has joined.
fn joined(world: &World) -> Master<'_> {
    let master = Master::start(world);
    let done = join(world, &token(&master, &[]), &[]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    master
}

#[test]
fn a_node_joins_once_and_its_keys_never_leave_it() {
    let world = World::make();
    let master = Master::start(&world);
    let secret = token(&master, &["--updater"]);
    let done = join(&world, &secret, &[]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert!(text(&done.stdout).contains("this machine is the node node-1"), "{done:?}");
    for (dir, files) in [
        ("agent", &["ca.crt", "worker.crt", "worker.key", "master"][..]),
        ("updater", &["ca.crt", "updater.crt", "updater.key"]),
    ] {
        for file in files {
            let path = world.etc_dir().join(dir).join(file);
            assert!(path.is_file(), "{}", path.display());
        }
    }
    let row = host(&master);
    // It is reached where it came from.
    assert_eq!(row["address"], json!("10.77.255.2"), "{row}");
    assert!(row["updater_cert_fingerprint"].is_string(), "{row}");
    let again = join(&world, &secret, &[]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    assert!(text(&again.stderr).contains("is a node already"), "{again:?}");
    let other = world.dir.join("other").display().to_string();
    let twice = join(&world, &secret, &["--agent-dir", &other]);
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");
    assert!(text(&twice.stderr).contains("the token was used already"), "{twice:?}");
    let taken = master.swarm(&["token", "--name", "node-1"]);
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");
    assert!(text(&taken.stderr).contains("there is a node `node-1` already"), "{taken:?}");
}

/// The answer was lost on the way: the same key gets another, and the node stays one.
#[test]
fn a_node_that_did_not_hear_what_it_got_joins_again() {
    let world = World::make();
    let master = Master::start(&world);
    let secret = token(&master, &[]);
    assert_eq!(join(&world, &secret, &[]).status.code(), Some(0));
    let first = host(&master);
    let dir = world.etc_dir().join("agent");
    for file in ["worker.crt", "ca.crt", "master"] {
        std::fs::remove_file(dir.join(file)).expect("it is there");
    }
    let again = join(&world, &secret, &[]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    let second = host(&master);
    assert_eq!(second["host_uuid"], first["host_uuid"]);
    assert_ne!(second["client_cert_fingerprint"], first["client_cert_fingerprint"]);
    let _agent = world.start_agent("");
    wait_for_status(&master, "active");
}

#[test]
fn who_has_no_token_of_ours_gets_nothing() {
    let world = World::make();
    let master = Master::start(&world);
    let good = token(&master, &[]);
    let digit = if good.as_bytes()[8] == b'0' { "1" } else { "0" };
    let wrong = format!("{}{digit}{}", &good[..8], &good[9..]);
    let refused = join(&world, &wrong, &[]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(text(&refused.stderr).contains("does not know this token"), "{refused:?}");
    // Another authority than the token's: nothing is told to it.
    let digit = if good.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{digit}", &good[..good.len() - 1]);
    let refused = join(&world, &other, &[]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        text(&refused.stderr).contains("is not the master that the token is of"),
        "{refused:?}"
    );
    let cut = join(&world, &good[..40], &[]);
    assert_eq!(cut.status.code(), Some(2), "{cut:?}");
    assert!(!text(&cut.stderr).contains(&good[8..20]), "it is not shown: {cut:?}");
    assert_eq!(master.json(&["list"]), json!([]));
    // What is refused writes nothing.
    for dir in ["agent", "updater"] {
        assert!(!world.etc_dir().join(dir).exists(), "{dir}");
    }
}

#[test]
fn a_node_tells_how_it_is_and_is_missed_when_it_is_silent() {
    let world = World::make();
    let master = joined(&world);
    let agent = world.agent(FLEET);
    wait_for_status(&master, "active");
    let all = up(&["web-01", "web-02", "web-03"]);
    let told = wait_for(|| (deckies(&master) == all).then_some(()));
    assert!(told.is_some(), "{:?}\n{}", deckies(&master), master.log());
    // It speaks by itself: nobody asks it.
    kill(Pid::from_raw(agent.pid()), Signal::SIGSTOP).expect("it runs");
    wait_for_status(&master, "unreachable");
    let missed = text(&master.swarm(&["deckies", "--state", "unreachable"]).stdout);
    assert!(missed.contains("web-02"), "{missed}");
    kill(Pid::from_raw(agent.pid()), Signal::SIGCONT).expect("it is there");
    wait_for_status(&master, "active");
}

#[test]
fn deckies_are_deployed_changed_and_taken_away_by_the_master() {
    let world = World::make();
    let master = joined(&world);
    let agent = world.start_agent("");
    wait_for_status(&master, "active");
    let config = world.dir.join("fleet.toml");
    std::fs::write(&config, FLEET).expect("the directory is ours");
    let config = config.display().to_string();
    let done = master.swarm(&["deploy", "--config", &config]);
    assert_eq!(done.status.code(), Some(0), "{done:?}\n{}", master.log());
    assert!(text(&done.stdout).contains("3 up"), "{done:?}");
    assert_eq!(deckies(&master), up(&["web-01", "web-02", "web-03"]));
    let ip = agent.decky("web-02").ip.to_string();
    let page = world.visit("curl", &["-sS", "-m60", &format!("http://{ip}/")]);
    assert!(page.status.success(), "{page:?}");

    // The agent is started again: the order stands, whatever its own file says.
    let before = agent.status().expect("it answers");
    drop(agent);
    let agent = world.agent("");
    let after = agent.status().expect("it answers");
    assert_eq!(after.deckies, before.deckies);

    let one = master.swarm(&["teardown", "--decky", "web-02"]);
    assert_eq!(one.status.code(), Some(0), "{one:?}");
    assert_eq!(deckies(&master), up(&["web-01", "web-03"]));
    let none = master.swarm(&["teardown", "--decky", "web-02"]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
    assert!(text(&none.stderr).contains("there is no `web-02`"), "{none:?}");
    let all = master.swarm(&["teardown"]);
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    assert_eq!(deckies(&master), up(&[]));
    assert_eq!(agent.status().expect("it answers").deckies, []);
}

/// What was deployed while a node was away comes about when it is back, also when the master was
/// killed in between.
#[test]
fn a_node_that_was_away_gets_what_is_meant_for_it() {
    let world = World::make();
    let master = joined(&world);
    let agent = world.start_agent("");
    wait_for_status(&master, "active");
    let config = world.dir.join("fleet.toml");
    std::fs::write(&config, FLEET).expect("the directory is ours");
    let config_arg = config.display().to_string();
    assert_eq!(master.swarm(&["deploy", "--config", &config_arg]).status.code(), Some(0));
    drop(agent);
    std::fs::write(&config, FLEET.replace("\"http\"", "\"ssh\"")).expect("the directory is ours");
    let away = master.swarm(&["deploy", "--config", &config_arg]);
    assert_eq!(away.status.code(), Some(1), "{away:?}");
    assert!(text(&away.stdout).contains("which it gets when it is back"), "{away:?}");
    let master = master.kill_and_start();
    let agent = world.start_agent("");
    let came = wait_for(|| {
        let status = agent.status()?;
        let ssh = |decky: &decnet::logic::status::DeckyStatus| decky.services == ["ssh"];
        (status.deckies.len() == 3 && status.deckies.iter().all(ssh)).then_some(())
    });
    assert!(came.is_some(), "{:?}\n{}", agent.status(), master.log());
}

/// Another machine of the LAN has the addresses that come first.
#[test]
fn a_decky_whose_address_is_taken_gets_another() {
    let world = World::make();
    for n in 1..=3 {
        let ip = format!("10.77.0.{n}/16");
        assert!(world.visit("ip", &["addr", "add", &ip, "dev", "eth0"]).status.success());
    }
    let master = joined(&world);
    let agent = world.start_agent("");
    wait_for_status(&master, "active");
    let config = world.dir.join("fleet.toml");
    std::fs::write(&config, FLEET).expect("the directory is ours");
    let config = config.display().to_string();
    let done = master.swarm(&["deploy", "--config", &config]);
    assert_eq!(done.status.code(), Some(0), "{done:?}\n{}", master.log());
    let status = agent.status().expect("it answers");
    let ips: Vec<String> = status.deckies.iter().map(|decky| decky.ip.to_string()).collect();
    assert_eq!(ips, ["10.77.0.4", "10.77.0.5", "10.77.0.6"]);
    // One that was asked for by its address stays without.
    let fixed = "[[decky]]\nname = \"web\"\nip = \"10.77.0.2\"\nservices = [\"http\"]\n";
    std::fs::write(world.dir.join("fleet.toml"), fixed).expect("the directory is ours");
    let done = master.swarm(&["deploy", "--config", &config]);
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    assert!(text(&done.stdout).contains("is in use by"), "{done:?}");
}

#[test]
fn a_node_that_was_let_go_is_heard_no_more() {
    let world = World::make();
    let master = joined(&world);
    let _agent = world.start_agent("");
    wait_for_status(&master, "active");
    let gone = master.swarm(&["decommission", "--name", "node-1", "--yes"]);
    assert_eq!(gone.status.code(), Some(0), "{gone:?}");
    let log = world.dir.join("agent.log");
    let said = wait_for(|| {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.contains("the master does not hear this node").then_some(())
    });
    assert!(said.is_some(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
    assert_eq!(master.json(&["deckies"]), json!([]));
    let rows = master.json(&["list"]);
    assert_eq!(rows[0]["status"], json!("decommissioned"), "{rows}");
}

/// A certificate that ends in 25 days: the agent gets another by itself, and the old one is good no
/// more.
#[test]
fn a_certificate_is_renewed_before_it_ends() {
    let world = World::make();
    let master = Master::start(&world);
    let done = join(&world, &token(&master, &[]), &["--user", "nobody"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let dir = world.etc_dir().join("agent");
    let then = Timestamp(clock::now().0 - 340 * 86_400 * 1_000_000_000);
    let node = ("node-1", NODE_IP.into());
    let old = Papers::issue(&dir, &authority(&master.ca_dir()), node, CertRole::Agent, then);
    let owned = world.on_node(&["chown", "-R", "nobody", &dir.display().to_string()]);
    assert!(owned.status.success(), "{owned:?}");
    let hosts = Hosts::open(&master.state_dir().join("swarm")).expect("it is there");
    let mut record = hosts.list(None).expect("a record").remove(0);
    let fingerprint = world.on_node(&[
        "sh",
        "-c",
        "openssl x509 -in \"$0\" -outform der | sha256sum | cut -d' ' -f1",
        &old.cert(),
    ]);
    let fingerprint: Fingerprint = text(&fingerprint.stdout).trim().parse().expect("a fingerprint");
    record.client_cert_fingerprint = fingerprint;
    hosts.rejoin(&record).expect("it is written");
    let kept = world.dir.join("old");
    let copied =
        world.on_node(&["cp", "-r", &dir.display().to_string(), &kept.display().to_string()]);
    assert!(copied.status.success(), "{copied:?}");

    let _agent = world.start_agent("");
    let renewed = wait_for(|| {
        let row = host(&master);
        let shown = row["client_cert_fingerprint"] != json!(fingerprint.to_string());
        (shown && row["status"] == json!("active")).then_some(row)
    });
    let row = renewed.unwrap_or_else(|| panic!("{}\n{}", host(&master), world.log()));
    assert!(row["next_cert_fingerprint"].is_null(), "the new one has been shown: {row}");
    let url = format!("https://{VISITOR_IP}:8771/heartbeat");
    let refused = Papers::at(kept).ask(&world, &url, &["-k", "-d", "{}"]);
    assert_eq!(text(&refused.stdout), "\n000", "the old one is good no more");
    let asked = master.json(&["check"]);
    assert_eq!(asked["results"][0]["ok"], json!(true), "{asked}");
}

/// Another certificate with the role of master, say of a key that was stolen before the master got
/// a new one: an agent that has heard its master takes no other.
#[test]
fn an_agent_that_knows_its_master_obeys_no_other() {
    let world = World::make();
    let master = joined(&world);
    let _agent = world.start_agent("");
    wait_for_status(&master, "active");
    let who = ("master", NODE_IP.into());
    let papers = Papers::issue(
        world.dir.join("stolen"),
        &authority(&master.ca_dir()),
        who,
        CertRole::Master,
        clock::now(),
    );
    let url = format!("https://{NODE_IP}:8765/health");
    // As a newer one it may bring what the authority says, and is not answered otherwise.
    let refused = wait_for(|| {
        let answer = text(&papers.ask(&world, &url, &[]).stdout);
        (answer == "\n000" || answer.ends_with("\n403")).then_some(())
    });
    assert!(refused.is_some(), "{:?}", papers.ask(&world, &url, &[]));
    let asked = master.json(&["check"]);
    assert_eq!(asked["results"][0]["ok"], json!(true), "{asked}");
}
