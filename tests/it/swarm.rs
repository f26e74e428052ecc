//! A fleet under one master: enrolled, asked, cut off, let go.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::{Duration, Instant};

use decnet_tests::master::Master;
use decnet_tests::world::{NODE_IP, World, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

fn enroll(master: &Master<'_>, world: &World, name: &str, more: &[&str]) -> Output {
    let dir = world.etc_dir().join("agent").display().to_string();
    let address = NODE_IP.to_string();
    let args = ["enroll", "--name", name, "--address", &address, "--out-dir", &dir];
    master.swarm(&[&args, more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `swarm check` says of a node.
fn outcome(master: &Master<'_>, name: &str) -> Value {
    let outcomes = master.json(&["check"]);
    let results = outcomes["results"].as_array().expect("results").clone();
    let found = results.into_iter().find(|outcome| outcome["host_name"] == json!(name));
    found.unwrap_or_else(|| panic!("{name} was not asked: {outcomes}"))
}

fn hosts(master: &Master<'_>) -> Vec<Value> {
    master.json(&["list"]).as_array().expect("hosts").clone()
}

#[test]
fn an_identity_is_its_owners_alone_and_made_once() {
    let world = World::make();
    let master = Master::start(&world);
    let enrolled = enroll(&master, &world, "node-1", &["--updater", "--notes", "rack 3"]);
    assert_eq!(enrolled.status.code(), Some(0), "{enrolled:?}");
    let agent_dir = world.etc_dir().join("agent");
    let updater_dir = world.etc_dir().join("agent-updater");
    for (dir, names) in [
        (&agent_dir, ["ca.crt", "worker.crt", "worker.key"]),
        (&updater_dir, ["ca.crt", "updater.crt", "updater.key"]),
    ] {
        for name in names {
            let mode = std::fs::metadata(dir.join(name)).expect(name).permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name} is its owner's alone");
        }
    }
    let again = enroll(&master, &world, "node-1", &[]);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(text(&again.stderr).contains("there is a node `node-1` already"), "{again:?}");
    let host = hosts(&master).remove(0);
    assert_eq!((&host["status"], &host["notes"]), (&json!("enrolled"), &json!("rack 3")));
    assert_ne!(host["client_cert_fingerprint"], host["updater_cert_fingerprint"]);
}

#[test]
fn a_node_is_enrolled_asked_and_let_go() {
    let world = World::make();
    let master = Master::start(&world);
    assert_eq!(enroll(&master, &world, "node-1", &[]).status.code(), Some(0));
    let before = outcome(&master, "node-1");
    assert_eq!(before["ok"], json!(false), "no agent runs: {before}");
    assert_eq!(hosts(&master)[0]["status"], json!("unreachable"));
    let agent = world.start_agent("");
    let came = wait_for(|| (outcome(&master, "node-1")["ok"] == json!(true)).then_some(()));
    assert!(came.is_some(), "{}", outcome(&master, "node-1"));
    let host = hosts(&master).remove(0);
    assert_eq!(host["status"], json!("active"));
    assert_eq!(host["release"], json!(env!("CARGO_PKG_VERSION")));
    let table = text(&master.swarm(&["list", "--status", "active"]).stdout);
    assert!(table.contains("node-1") && table.contains("active"), "{table}");

    let unsure = master.swarm(&["decommission", "--name", "node-1"]);
    assert_eq!(unsure.status.code(), Some(2), "{unsure:?}");
    let gone = master.swarm(&["decommission", "--name", "node-1", "--yes"]);
    assert_eq!(gone.status.code(), Some(0), "{gone:?}");
    assert_eq!(hosts(&master)[0]["status"], json!("decommissioned"));
    assert_eq!(master.json(&["check"])["results"], json!([]));
    let twice = master.swarm(&["decommission", "--name", "node-1", "--yes"]);
    assert_eq!(twice.status.code(), Some(1), "{twice:?}");
    // The name is free again, and the agent that has it no longer the node that is meant.
    let other = world.dir.join("other").display().to_string();
    let address = NODE_IP.to_string();
    let anew = ["enroll", "--name", "node-1", "--address", &address, "--out-dir", &other];
    assert_eq!(master.swarm(&anew).status.code(), Some(0));
    let said = outcome(&master, "node-1");
    assert!(said["detail"].as_str().expect("text").contains("not who was enrolled"));
    drop(agent);
}

#[test]
fn one_node_that_is_cut_off_delays_no_other() {
    let world = World::make();
    let master = Master::start(&world);
    assert_eq!(enroll(&master, &world, "alive", &[]).status.code(), Some(0));
    // Nobody has these addresses; a connection to them waits for an answer that never comes.
    for n in 1..=20 {
        let (name, address) = (format!("dead-{n}"), format!("10.77.200.{n}"));
        let dead = ["enroll", "--name", &name, "--address", &address, "--json"];
        assert_eq!(master.swarm(&dead).status.code(), Some(0));
    }
    let agent = world.start_agent("");
    let came = wait_for(|| (outcome(&master, "alive")["ok"] == json!(true)).then_some(()));
    assert!(came.is_some(), "{}", outcome(&master, "alive"));
    let began = Instant::now();
    let outcomes = master.json(&["check"]);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let results = outcomes["results"].as_array().expect("results");
    let answering: Vec<&Value> =
        results.iter().filter(|outcome| outcome["ok"] == json!(true)).collect();
    assert_eq!((results.len(), answering.len()), (21, 1), "{outcomes}");

    kill(Pid::from_raw(agent.pid()), Signal::SIGSTOP).expect("it runs");
    let stopped = outcome(&master, "alive");
    kill(Pid::from_raw(agent.pid()), Signal::SIGCONT).expect("it is there");
    assert_eq!(stopped["ok"], json!(false));
    let detail = stopped["detail"].as_str().expect("text");
    assert!(detail.contains("no answer from 10.77.255.2:8765 within"), "{detail}");
    let back = wait_for(|| (outcome(&master, "alive")["ok"] == json!(true)).then_some(()));
    assert!(back.is_some(), "{}", outcome(&master, "alive"));
}

/// The header by which operators are known.
fn bearer(master: &Master<'_>) -> String {
    let token = std::fs::read_to_string(master.state_dir().join("swarm/token")).expect("a token");
    format!("authorization: Bearer {token}")
}

/// Posts to swarmctl; the answer, and its status in the last line.
fn post(world: &World, path: &str, body: &str, bearer: &str) -> String {
    let file = world.dir.join("body");
    std::fs::write(&file, body).expect("the directory is ours");
    let (body, url) = (format!("@{}", file.display()), format!("http://127.0.0.1:8770{path}"));
    let fixed = ["-sS", "-m", "60", "-w", "\n%{http_code}", "-H", bearer];
    let json = ["-H", "content-type: application/json", "--data-binary", &body, &url];
    text(&world.visit("curl", &[&fixed[..], &json].concat()).stdout)
}

#[test]
fn what_cannot_be_enrolled_is_refused_by_field() {
    let world = World::make();
    let master = Master::start(&world);
    let long = "n".repeat(300);
    for (name, address, field) in [
        ("../../x", "192.0.2.7", "name"),
        ("", "192.0.2.7", "name"),
        (long.as_str(), "192.0.2.7", "name"),
        ("a b", "192.0.2.7", "name"),
        ("nöde", "192.0.2.7", "name"),
        ("node", "300.1.2.3", "address"),
        ("node", "", "address"),
    ] {
        let name = format!("--name={name}");
        let address = format!("--address={address}");
        let refused = master.swarm(&["enroll", &name, &address, "--json"]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(text(&refused.stderr).contains(&format!("{field}: ")), "{refused:?}");
    }
    let port = ["enroll", "--name=n", "--address=192.0.2.7", "--json", "--agent-port=70000"];
    assert_eq!(master.swarm(&port).status.code(), Some(2));
    let keyless = master.swarm(&["enroll", "--name=n", "--address=192.0.2.7"]);
    assert_eq!(keyless.status.code(), Some(2));
    assert!(text(&keyless.stderr).contains("--out-dir"), "{keyless:?}");

    let bearer = bearer(&master);
    let post = |body: &str, bearer: &str| post(&world, "/swarm/enroll", body, bearer);
    let good = r#"{"name":"node","address":"192.0.2.7"}"#;
    for (body, bearer, code) in [
        ("what", bearer.as_str(), 400),
        ("{}", &bearer, 422),
        (r#"{"name":"../../x","address":"192.0.2.7"}"#, &bearer, 422),
        (r#"{"name":"node","address":"192.0.2.7","agent_port":70000}"#, &bearer, 422),
        (r#"{"name":"node","address":"192.0.2.7","role":"master"}"#, &bearer, 422),
        (good, "authorization: Bearer wrong", 401),
        (good, "x: y", 401),
    ] {
        let said = post(body, bearer);
        assert!(said.ends_with(&format!("\n{code}")) && said.contains("detail"), "{body}: {said}");
    }
    assert_eq!(hosts(&master), Vec::<Value>::new(), "nothing was registered");
    let key = std::fs::metadata(master.ca_dir().join("ca.key")).expect("it is there");
    assert_eq!(key.permissions().mode() & 0o077, 0);
}

#[test]
fn a_controller_that_is_not_there_or_was_killed_is_no_loss() {
    let world = World::make();
    let mut master = Master::start(&world);
    assert_eq!(enroll(&master, &world, "node-1", &[]).status.code(), Some(0));
    let before = hosts(&master);
    let authority = std::fs::read(master.ca_dir().join("ca.crt")).expect("it is there");
    master.process.kill().expect("it runs");
    master.process.wait().expect("it was killed");
    let unreachable = master.swarm(&["list"]);
    assert_eq!(unreachable.status.code(), Some(2), "{unreachable:?}");
    let said = text(&unreachable.stderr);
    assert!(
        said.contains("http://127.0.0.1:8770") && said.contains("is `decnet swarmctl` running?")
    );
    drop(master);
    let master = Master::start(&world);
    assert_eq!(hosts(&master), before);
    assert_eq!(std::fs::read(master.ca_dir().join("ca.crt")).expect("it is there"), authority);
}

#[test]
fn what_cannot_be_deployed_or_joined_is_refused_with_the_reason() {
    let world = World::make();
    let master = Master::start(&world);
    let bearer = bearer(&master);
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("{{\"config\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    for (path, body, code, why) in [
        ("/swarm/deploy", "what", 400, "JSON"),
        ("/swarm/deploy", deep.as_str(), 422, "invalid"),
        ("/swarm/deploy", &large, 413, "length limit"),
        ("/swarm/deploy", r#"{"config":"[[decky]]\nname = 5"}"#, 422, "line 2"),
        ("/swarm/deploy", r#"{"config":"[network]\ninterface = \"x\""}"#, 422, "[network]"),
        (
            "/swarm/deploy",
            r#"{"config":"","hosts":["../../x"]}"#,
            404,
            "there is no node `../../x`",
        ),
        (
            "/swarm/deploy",
            r#"{"config":"[[decky]]\nname = \"a\"\nservices = [\"ssh\"]"}"#,
            422,
            "no node answers",
        ),
        ("/swarm/teardown", r#"{"decky":"none"}"#, 404, "there is no `none`"),
        ("/swarm/teardown", r#"{"decky":"../../x"}"#, 422, "is no name"),
        ("/swarm/tokens", r#"{"name":"../../x"}"#, 422, "name: "),
        ("/swarm/tokens", r#"{"name":"n","address":"1.2.3"}"#, 422, "address: "),
        ("/swarm/tokens", r#"{"name":"n","ttl_seconds":1}"#, 422, "ttl_seconds: "),
        ("/swarm/tokens", r#"{"name":"n","agent_port":70000}"#, 422, "70000"),
    ] {
        let said = post(&world, path, body, &bearer);
        assert!(said.ends_with(&format!("\n{code}")) && said.contains(why), "{path}: {said}");
    }
    let join = |body: &str| {
        let url = "https://127.0.0.1:8771/join";
        let json = ["-H", "content-type: application/json", "-d", body, url];
        let args = [&["-sSk", "-m", "60", "-w", "\n%{http_code}"][..], &json].concat();
        text(&world.visit("curl", &args).stdout)
    };
    for (body, code) in [("what", 400), ("{}", 422), (r#"{"token":"x","agent_csr_pem":"y"}"#, 401)]
    {
        let said = join(body);
        assert!(said.ends_with(&format!("\n{code}")) && said.contains("detail"), "{body}: {said}");
    }
    // A token that is good, and a signing request that is none: the token is not used up.
    let made: Value = master.json(&["token", "--name", "node-1"]);
    let body = json!({ "token": made["token"], "agent_csr_pem": "none" }).to_string();
    let said = join(&body);
    assert!(said.ends_with("\n422") && said.contains("no signing request"), "{said}");
    assert_eq!(hosts(&master), Vec::<Value>::new(), "nothing was registered");
}

#[test]
fn what_is_refused_writes_nothing_and_what_starts_is_waited_for() {
    let world = World::make();
    let master = Master::start(&world);
    let enrolled = enroll(&master, &world, "node-1", &[]);
    assert!(enrolled.status.success(), "{enrolled:?}");
    let dir = world.dir.join("new/deep/agent");
    let out = dir.display().to_string();
    let ip = NODE_IP.to_string();
    let line = ["enroll", "--name", "node-1", "--address", &ip, "--updater", "--out-dir", &out];
    let again = master.swarm(&line);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(!world.dir.join("new").exists(), "a directory is left");
    // An operator who is quicker than the controller.
    let dir = master.state_dir().join("swarm");
    let (token, away) = (dir.join("token"), dir.join("away"));
    std::fs::rename(&token, &away).expect("it is there");
    std::thread::scope(|scope| {
        let listing = scope.spawn(|| master.swarm(&["list"]));
        // It has found none by now, or finds one at once: either is well.
        std::fs::rename(&away, &token).expect("it is ours");
        let listed = listing.join().expect("it does not panic");
        assert!(listed.status.success(), "{listed:?}");
    });
}
