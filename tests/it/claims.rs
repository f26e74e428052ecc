//! What one node says of itself is no more than that: whoever has its certificate ends nothing of
//! the master's.

use std::collections::BTreeSet;

use decnet_tests::liar::Liar;
use decnet_tests::master::Master;
use decnet_tests::papers::Papers;
use decnet_tests::rollout::bundle;
use decnet_tests::world::{NODE_IP, VISITOR_IP, World, wait_for};
use serde_json::{Value, json};

/// A report that is plain.
fn report() -> Value {
    json!({ "release": "0.1.0", "boot_id": "00000000-0000-0000-0000-000000000007", "generation": 1,
        "network": { "interface": "eth0", "subnet": "10.77.0.0/16", "subnet6": null,
            "gateway": null, "own": [NODE_IP] },
        "lag": 0, "revision": 1,
        "deckies": [{ "name": "theirs", "ip": "10.77.3.3", "mac": "02:00:00:00:00:09",
            "hostname": "X", "persona": "debian-12", "services": ["ssh"], "state": "up" }],
        "capture": { "seen": 0, "submitted": 0, "aggregated": 0, "drops": {}, "read": 0,
            "copies": { "seen": 0, "submitted": 0, "drops": {} }, "guarded": 0 } })
}

/// The same with these parts instead, each of which must be there.
fn with(parts: &[(&str, Value)]) -> Value {
    let mut report = report();
    for (pointer, value) in parts {
        *report.pointer_mut(pointer).expect("it is there") = value.clone();
    }
    report
}

/// What is sent, and the status of the answer.
fn table() -> Vec<(Value, u16)> {
    let most = 9_007_199_254_740_991u64;
    let drops: Value =
        (0..100).map(|n| (format!("r{n}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
    vec![
        (with(&[("/generation", json!(i64::MAX))]), 422),
        (with(&[("/generation", json!(u64::MAX))]), 422),
        (with(&[("/generation", json!(-1))]), 422),
        (with(&[("/generation", json!(1e300))]), 422),
        (with(&[("/lag", json!(u64::MAX))]), 422),
        (with(&[("/capture/drops", json!({ "a": u64::MAX, "b": u64::MAX }))]), 422),
        (with(&[("/capture/drops", drops)]), 422),
        (with(&[("/release", json!("x".repeat(1 << 20)))]), 422),
        (with(&[("/release", json!("1\u{1b}]0;owned\u{7}"))]), 422),
        (with(&[("/network/own", json!(vec!["10.77.0.9"; 1]))]), 200),
        (with(&[("/revision", json!(u64::MAX))]), 200),
        // As much as can be said.
        (
            with(&[
                ("/generation", json!(most)),
                ("/lag", json!(most)),
                ("/capture/drops", json!({ "a": most, "b": most, "c": most })),
            ]),
            200,
        ),
    ]
}

#[test]
fn no_report_of_a_node_ends_anything_of_the_masters() {
    let world = World::make();
    let pair = Pair::enroll(&world);
    let master = &pair.master;
    let _agent = world.start_agent("");
    let listed = || master.json(&["list"]);
    // With the master's first question the node knows where it is.
    let beats = wait_for(|| {
        master.json(&["check"]);
        (listed()[0]["status"] == json!("active")).then_some(())
    });
    assert!(beats.is_some(), "{}", listed());

    for (report, status) in table() {
        let said = pair.say(&report);
        assert!(said.ends_with(&format!("\n{status}")), "{said}: {:.300}", report.to_string());
        let names: Vec<Value> =
            listed().as_array().expect("nodes").iter().map(|host| host["name"].clone()).collect();
        assert_eq!(names, [json!("honest"), json!("liar")]);
    }
    let hosts = listed();
    assert_eq!(hosts[1]["report"]["generation"], json!(9_007_199_254_740_991u64), "{hosts}");

    let config = world.dir.join("fleet.toml");
    std::fs::write(&config, "[[decky]]\nname = \"ours\"\nservices = [\"http\"]\n")
        .expect("it is ours");
    let config = config.display().to_string();
    // The liar does not answer; what is wanted of it is kept all the same, by a number of ours.
    let both = master.swarm(&["deploy", "--config", &config, "--json"]);
    assert_eq!(both.status.code(), Some(1), "{both:?}");
    let one = master.swarm(&["deploy", "--config", &config, "--host", "honest"]);
    assert!(one.status.success(), "{one:?}");
    let up = master.json(&["deckies", "--state", "up", "--host", "honest"]);
    assert_eq!(up[0]["name"], json!("ours"), "{up}");
    let wanted = listed()[0]["report"]["wanted"].as_u64().expect("a number");
    assert!(wanted < 10_000_000_000_000, "it is the time in milliseconds: {wanted}");
    let (file, _) = bundle(&world.dir, "new");
    let update = master.swarm(&["update", "--all", "--bundle", &file, "--dry-run", "--json"]);
    let told: Value = serde_json::from_slice(&update.stdout).expect("JSON");
    assert_eq!(told["results"].as_array().map(Vec::len), Some(2), "{update:?}");
    let gone = master.swarm(&["decommission", "--name", "liar", "--yes"]);
    assert!(gone.status.success(), "{gone:?}");
    assert_eq!(master.json(&["list", "--status", "active"]).as_array().map(Vec::len), Some(1));
}

/// An address in the LAN, and the file that asks for deckies there and anywhere.
fn fleet_file(world: &World) -> String {
    let path = world.dir.join("fleet.toml");
    let text = "[network]\nsubnet = \"10.77.9.0/29\"\n\
                [[decky]]\nname = \"asked\"\nip = \"10.77.9.9\"\nservices = [\"http\"]\n\
                [[decky]]\nname = \"chosen\"\ncount = 4\nservices = [\"http\"]\n";
    std::fs::write(&path, text).expect("the directory is ours");
    path.display().to_string()
}

/// What the node says that takes every name and address of that file, by each way there is.
fn everything() -> Value {
    let names = ["asked", "chosen-01", "chosen-02", "chosen-03", "chosen-04"];
    let decky = |(n, name): (u8, &str)| {
        let ip = if name == "asked" { "10.77.9.9".to_owned() } else { format!("10.77.9.{n}") };
        json!({ "name": name, "ip": ip, "mac": format!("02:00:00:00:01:0{n}"), "hostname": "X",
            "persona": "debian-12", "services": ["http"], "state": "up", "conflict": ip })
    };
    let deckies: Vec<Value> = (1..).zip(names).map(decky).collect();
    let own: Vec<String> = (0..=255).map(|last| format!("10.77.9.{last}")).collect();
    with(&[("/deckies", json!(deckies)), ("/network/own", json!(own))])
}

/// An honest node, and one of which only the certificate is there.
struct Pair<'a> {
    world: &'a World,
    master: Master<'a>,
    liar: Papers,
}

impl<'a> Pair<'a> {
    fn enroll(world: &'a World) -> Self {
        let master = Master::start(world);
        let dir = world.dir.join("liar");
        let honest = world.etc_dir().join("agent");
        for (name, dir, port) in [("honest", &honest, "8765"), ("liar", &dir, "9999")] {
            let (ip, dir) = (NODE_IP.to_string(), dir.display().to_string());
            let line = ["enroll", "--name", name, "--address", &ip, "--agent-port", port];
            let enrolled = master.swarm(&[&line[..], &["--out-dir", &dir, "--updater"]].concat());
            assert!(enrolled.status.success(), "{enrolled:?}");
        }
        Self { world, master, liar: Papers::at(dir) }
    }

    /// The liar says this to the master; what comes back.
    fn say(&self, report: &Value) -> String {
        let (url, body) =
            (format!("https://{VISITOR_IP}:8771/heartbeat"), self.world.dir.join("body"));
        std::fs::write(&body, report.to_string()).expect("the directory is ours");
        let data = format!("@{}", body.display());
        let more = ["-k", "-H", "content-type: application/json", "--data-binary", &data];
        String::from_utf8_lossy(&self.liar.ask(self.world, &url, &more).stdout).into_owned()
    }

    /// Deploys the file, of which the honest node takes all: what it has.
    fn deploy(&self, why: &str, more: &[&str]) -> BTreeSet<(String, String)> {
        let config = fleet_file(self.world);
        let line = ["deploy", "--config", &config, "--json"];
        let done = self.master.swarm(&[&line[..], more].concat());
        let told: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        let results = told["results"].as_array().cloned().unwrap_or_default();
        let honest = results.iter().find(|one| one["host_name"] == json!("honest"));
        assert_eq!(honest.map(|one| &one["ok"]), Some(&json!(true)), "{why}: {done:?}");
        let up = self.master.json(&["deckies", "--state", "up", "--host", "honest"]);
        let row = |decky: &Value| {
            let text = |field: &str| decky[field].as_str().expect("text").to_owned();
            (text("name"), text("ip"))
        };
        let up: BTreeSet<_> = up.as_array().expect("deckies").iter().map(row).collect();
        assert_eq!(up.len(), 5, "{why}: {up:?}");
        assert!(up.contains(&("asked".to_owned(), "10.77.9.9".to_owned())), "{why}: {up:?}");
        up
    }
}

#[test]
fn what_a_node_claims_keeps_no_decky_of_another_from_its_name_and_address() {
    let world = World::make();
    let pair = Pair::enroll(&world);
    let _agent = world.start_agent("");
    let ready = wait_for(|| world.log().contains("the master is served").then_some(()));
    assert!(ready.is_some(), "the agent does not serve");
    let heard = pair.say(&everything());
    assert!(heard.ends_with("\n200"), "{heard}");
    let claimed = || pair.master.json(&["deckies", "--host", "liar"]).as_array().map(Vec::len);
    assert!(wait_for(|| (claimed() == Some(5)).then_some(())).is_some(), "{:?}", claimed());
    let first = pair.deploy("the liar is not meant", &["--host", "honest"]);
    // It answers the master now, and says the same.
    let _liar = Liar::start(&world, 9_999, &world.dir.join("liar"), everything());
    assert_eq!(pair.deploy("the liar answers", &[]), first, "a decky has moved");
    let gone = pair.master.swarm(&["teardown", "--decky", "asked"]);
    assert!(gone.status.success(), "the liar has a say in it: {gone:?}");
}

#[test]
fn a_node_that_does_not_stop_speaking_is_read_no_further() {
    let world = World::make();
    let master = Master::start(&world);
    let dir = world.dir.join("chatty").display().to_string();
    let ip = NODE_IP.to_string();
    let line = ["enroll", "--name", "chatty", "--address", &ip, "--out-dir", &dir];
    assert!(master.swarm(&line).status.success());
    let url = format!("https://{VISITOR_IP}:8771/heartbeat?n=[1-200]");
    let papers = Papers::at(&dir);
    // 200 over one connection.
    let said = papers.ask(&world, &url, &["-k", "-d", "{}", "-o", "/dev/null"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let count = |status: &str| said.lines().filter(|line| *line == status).count();
    assert!(count("415") >= 60 && count("429") >= 50, "{said}");
}
