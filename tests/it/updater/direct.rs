//! Without systemd the updater ends the agent itself, however it was started, and nobody else; and
//! only for one that it could start.

use std::fs;

use decnet_tests::releases::{Behaviour, Bundle};
use decnet_tests::world::{decnet, wait_for};
use serde_json::Value;

use super::alone::Alone;

/// A LAN of which nobody else is part.
const LAN: &str = "ip link add lan0 type veth peer name lan1
ip addr add 10.77.255.2/16 dev lan0; ip link set lan0 up; ip link set lan1 up";

/// Installs a release over what runs: the processes of the agent before and after.
fn replaced(node: &mut Alone, bundle: &Bundle) -> (u64, u64) {
    let before = node.agent().and_then(|health| health["pid"].as_u64()).unwrap_or_default();
    let (said, status) = node.push(bundle);
    assert_eq!(status, 200, "{said}\n{}", node.log());
    let health = node.agent().expect("one runs");
    assert_eq!(health["release"], bundle.digest.as_str(), "{health}");
    let after = health["pid"].as_u64().expect("a number");
    assert_ne!(before, after);
    assert_eq!(
        node.shell.ok(&format!("cat {}", node.path("state/updater/agent.pid").display())),
        after.to_string()
    );
    (before, after)
}

/// The arguments of a process.
fn arguments(node: &mut Alone, pid: u64) -> String {
    node.shell.ok(&format!("tr '\\0' ' ' </proc/{pid}/cmdline"))
}

/// How a process is: one letter, or nothing when it is not there.
fn state(node: &mut Alone, pid: u64) -> String {
    node.shell.run(&format!("ps -o state= -p {pid}")).1.trim().to_owned()
}

/// Ends a process, which may stay as one of which nobody has asked how it ended.
fn end(node: &mut Alone, pid: u64) {
    node.shell.ok(&format!(
        "kill {pid}; for i in $(seq 1000); do case $(ps -o state= -p {pid}) in ''|Z) exit;; esac; \
         sleep .01; done; exit 1"
    ));
}

/// Of what an updater has in its environment an agent that it starts gets what is named, as from
/// `decnet up`.
fn gets_what_is_named(node: &mut Alone, bundle: &Bundle) {
    node.kill();
    node.start("env SECRET_OF_THE_OPERATOR=hush LD_BIND_NOW=1 DECNET_LOG_LEVEL=debug");
    node.up();
    let (_, after) = replaced(node, bundle);
    let environment = node.shell.ok(&format!("tr '\\0' '\\n' </proc/{after}/environ"));
    let names: Vec<&str> =
        environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let is_named = |name: &&str| {
        name.starts_with("DECNET_") || ["JOURNAL_STREAM", "NO_COLOR", "PATH"].contains(name)
    };
    assert!(names.iter().all(is_named), "{environment}");
    assert!(names.contains(&"DECNET_LOG_LEVEL") && names.contains(&"PATH"), "{environment}");
}

#[test]
fn an_agent_is_replaced_however_it_was_started() {
    let mut node = Alone::make();
    node.shell.ok(LAN);
    let mut number = 0;
    let mut next = |node: &Alone| {
        number += 1;
        node.shop.release(number, Behaviour::Good)
    };
    let first = next(&node);
    node.install(&first);
    node.start_agent(&node.path("opt/current/bin/decnet"), "--node=by-hand");
    node.start("");
    node.up();

    // By hand, by somebody who never asks how it ended.
    let second = next(&node);
    let (before, after) = replaced(&mut node, &second);
    assert_eq!(state(&mut node, before), "Z");
    let line = arguments(&mut node, after);
    assert!(line.contains("--node=by-hand"), "it is started as it was: {line}");
    // By this updater.
    let third = next(&node);
    let (before, _) = replaced(&mut node, &third);
    assert_eq!(state(&mut node, before), "");
    let another = next(&node);
    gets_what_is_named(&mut node, &another);
    // By the updater before, while another runs that says nothing of its place.
    node.kill();
    node.start("");
    node.up();
    let dir = node.path("quiet");
    node.shell.ok(&format!(
        "mkdir -p {dir}/etc; cd {dir}; printf '[network]\\ninterface = \"lan0\"\\n' >quiet.toml\n\
         DECNET_STATE_DIR={dir}/state DECNET_RUN_DIR={dir}/run DECNET_ETC_DIR={dir}/etc \
         {} agent --config=quiet.toml --node=quiet >log 2>&1 & echo $! >{dir}/pid",
        decnet().display(),
        dir = dir.display()
    ));
    let is_up = format!("{dir}/run/agent/agent.sock", dir = dir.display());
    node.shell
        .ok(&format!("for i in $(seq 400); do [ -S {is_up} ] && exit; sleep .05; done; exit 1"));
    let quiet = fs::read_to_string(dir.join("pid")).expect("it was written");
    let quiet: u64 = quiet.trim().parse().expect("a number");
    let fourth = next(&node);
    let (_, after) = replaced(&mut node, &fourth);
    assert_eq!(state(&mut node, quiet), "");
    let line = arguments(&mut node, after);
    assert!(line.contains("--node=by-hand"), "it is started as ours was: {line}");
    // By hand again, from a program of another name.
    end(&mut node, after);
    let strange = node.path("strange");
    fs::copy(decnet(), &strange).expect("it is ours");
    node.start_agent(&strange, "--node=strange");
    let fifth = next(&node);
    let (before, after) = replaced(&mut node, &fifth);
    assert_eq!(state(&mut node, before), "Z");
    let line = arguments(&mut node, after);
    assert!(line.contains("--node=strange"), "it is started as it was: {line}");
    // None runs.
    end(&mut node, after);
    let sixth = next(&node);
    replaced(&mut node, &sixth);
}

#[test]
fn nobody_is_ended_but_the_agent_of_this_place() {
    let mut node = Alone::of_scripts();
    node.shell.ok(LAN);
    let dir = node.path("others");
    fs::create_dir(&dir).expect("it is ours");
    let config = dir.join("others.toml");
    fs::write(&config, "[network]\ninterface = \"lan0\"\n").expect("it is ours");
    let start = format!(
        "start() {{ mkdir -p {0}/$1/etc; cd {0}/$1; shift; \"$@\" >log 2>&1 & echo $! >pid; }}\n\
         await() {{ for i in $(seq 400); do [ -S {0}/$1/run/agent/agent.sock ] && return; sleep .05; done; \
         cat {0}/$1/log; exit 1; }}",
        dir.display()
    );
    let (program, config) = (decnet(), config.display().to_string());
    let program = program.display();
    node.shell.ok(&format!(
        "{start}\n\
         export DECNET_ETC_DIR={0}/elsewhere/etc\n\
         start elsewhere {program} agent --config={config} --state-dir=state --run-dir run\n\
         export DECNET_STATE_DIR={0}/below/state DECNET_RUN_DIR={0}/below/run\n\
         start below unshare --pid --fork --kill-child {program} agent --config={config}\n\
         start named bash -c 'exec -a decnet-agent sleep 1000'\n\
         start worded bash -c 'exec -a decnet tail -f /dev/null {0}/agent'\n\
         start recycled sleep 1000\n\
         await elsewhere; await below",
        dir.display()
    ));
    let names = ["elsewhere", "below", "named", "worded", "recycled"];
    let pid = |name: &str| fs::read_to_string(dir.join(name).join("pid")).expect("it was written");
    let mut pids = names.map(|name| pid(name).trim().parse::<u64>().expect("a number")).to_vec();
    // The agent below another process, as we see it.
    let below = node.shell.ok(&format!("pgrep -P {}", pid("below").trim()));
    pids.push(below.trim().parse().expect("a number"));
    let recycled = node.path("state/updater/agent.pid");
    for _ in 0..2 {
        fs::write(&recycled, pid("recycled").trim()).expect("it is ours");
        let next = node.next();
        replaced(&mut node, &next);
        for pid in &pids {
            let (state, line) = (state(&mut node, *pid), arguments(&mut node, *pid));
            assert!(state == "S", "{pid} is `{state}`: {line}\n{}", node.log());
        }
        node.kill();
        node.start("");
        node.up();
    }
}

/// Sees a push refused for something that is missing, and the agent as it was.
fn is_refused_for(node: &mut Alone, missing: &[&str]) {
    let before = node.agent();
    let next = node.next();
    let (said, status) = node.push(&next);
    assert_eq!(status, 500, "{said}\n{}", node.log());
    for what in ["nothing was changed"].iter().chain(missing) {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(node.agent(), before, "it goes on");
    assert_ne!(node.current(), next.digest);
}

#[test]
fn an_agent_that_could_not_be_started_takes_no_other_ones_place() {
    let mut node = Alone::of_scripts();
    let pid = node.agent().and_then(|health| health["pid"].as_u64()).expect("it runs");
    // Root, and less than that.
    node.kill();
    node.start("setpriv --bounding-set=-net_admin,-net_raw");
    node.up();
    is_refused_for(&mut node, &["CAP_NET_ADMIN", "CAP_NET_RAW", "start the updater with them"]);
    // Another user.
    node.kill();
    let dir = node.path("").display().to_string();
    node.shell.ok(&format!("chown -R nobody {dir}; chown root {dir} {dir}/run {dir}/etc {dir}/etc/updater {dir}/etc/updater/root.json"));
    node.start("setpriv --reuid=nobody --clear-groups");
    node.up();
    is_refused_for(&mut node, &["ambient", "`decnet bpf load`"]);
    // Everything is there, and the port is not.
    node.kill();
    node.shell.ok(&format!("chown -R root {dir}"));
    end(&mut node, pid);
    let thief = node.shell.ok("python3 -m http.server 8765 >/dev/null 2>&1 & thief=$!
         for i in $(seq 400); do
           curl -s -o /dev/null http://127.0.0.1:8765 && echo $thief && exit; sleep .05
         done; exit 1");
    node.start("");
    node.up();
    is_refused_for(&mut node, &["8765", "python3"]);
    node.shell.ok(&format!("kill -KILL {}", thief.trim()));
    let next = node.next();
    replaced(&mut node, &next);
}

/// What came of an attempt, once it has ended.
fn ended(node: &mut Alone, attempt: &str) -> Value {
    let told = wait_for(|| {
        let told = node.ask(&format!("/attempts/{attempt}"));
        told.filter(|told| told["state"] == "done")
    });
    told.unwrap_or_else(|| panic!("{}", node.log()))["status"].clone()
}

#[test]
fn without_systemd_the_updater_before_is_the_judge() {
    let mut node = Alone::make();
    node.soak = 2;
    let first = node.shop.release(1, Behaviour::Good);
    node.install(&first);
    node.start("");
    node.up();
    let second = node.shop.release(2, Behaviour::Good);
    let (said, status) = node.push_self(&second, "two");
    assert_eq!(status, 202, "{said}");
    assert_eq!(ended(&mut node, "two"), 200, "{}", node.log());
    for (number, script) in [(3, "exit 3"), (4, "{ (sleep 1; kill -9 $$) & }")] {
        // Whoever started it finds it as the process that it was.
        let pid = node.updater();
        let health = wait_for(|| node.ask("/health").filter(|health| health["pid"] == pid));
        let health = health.unwrap_or_else(|| panic!("{}", node.log()));
        assert_eq!(health["release"], second.digest.as_str(), "{health}\n{}", node.log());
        let bad = node.shop.scripted(number, &format!("[ $1 = updater ] && {script}"));
        let attempt = format!("bad-{number}");
        let (said, status) = node.push_self(&bad, &attempt);
        assert_eq!(status, 202, "{said}");
        assert_eq!(ended(&mut node, &attempt), 409, "{script}: {}", node.log());
    }
    // It dies with its trial, and whoever starts it anew knows nothing of that.
    let third = node.shop.release(6, Behaviour::Good);
    node.soak = 30;
    node.kill();
    node.start("");
    node.up();
    let (said, status) = node.push_self(&third, "three");
    assert_eq!(status, 202, "{said}");
    let is_on_trial = wait_for(|| {
        let health = node.ask("/health");
        health.filter(|health| health["release"] == third.digest.as_str())
    });
    assert!(is_on_trial.is_some(), "{}", node.log());
    node.kill();
    assert!(wait_for(|| node.ask("/health").is_none().then_some(())).is_some(), "nobody is left");
    node.soak = 1;
    node.start_installed();
    assert_eq!(ended(&mut node, "three"), 200, "{}", node.log());
}
