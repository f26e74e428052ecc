//! The agent restarts under systemd, and nobody who comes to a decky meanwhile is refused.

mod odd;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use decnet_tests::booted::Booted;
use decnet_tests::siege::{FEWEST, Siege, Tally, Way, ask};
use decnet_tests::world::wait_for;
use serde_json::Value;

const UNIT: &str = "decnet-agent.service";
const PROGRAM: &str = "/opt/decnet/current/bin/decnet";
const ONE: &str = r#"
[network]
interface = "lan0"
[[decky]]
name = "web"
ip = "10.77.1.1"
services = ["http", "tcp", "ftp"]
"#;
/// A decky's service, and a port that only its catch-all has.
const HTTP: &str = "10.77.1.1:80";
const ANY: &str = "10.77.1.1:4444";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Waits until an agent that is not `old` has started.
fn is_replaced(machine: &mut Booted, old: &str) {
    machine.until(&format!(
        "now=$(systemctl show -p MainPID --value {UNIT}); \
         [ $now != 0 ] && [ $now != {old} ] && systemctl is-active -q {UNIT}"
    ));
}

fn main_pid(machine: &mut Booted) -> String {
    machine.property(UNIT, "MainPID")
}

/// Each decky's name, with its address, MAC and state.
fn deckies(machine: &mut Booted) -> BTreeMap<String, [String; 3]> {
    let text = machine.until(&format!("{PROGRAM} status --json"));
    let status: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    let text = |decky: &Value, key: &str| decky[key].as_str().unwrap_or_default().to_owned();
    let all = status["deckies"].as_array().expect("a list").iter();
    all.map(|decky| (text(decky, "name"), ["ip", "mac", "state"].map(|key| text(decky, key))))
        .collect()
}

/// Checks how often these kinds of events have come.
fn have_come<const N: usize>(machine: &mut Booted, expected: [(&str, usize); N]) {
    for (kind, times) in expected {
        let options = format!("DECNET_EVENT={kind}");
        let text = machine.journal(&options, |text| text.lines().count() >= times);
        assert_eq!(text.lines().count(), times, "{kind}: {text}");
    }
}

/// Checks of which deckies such an event has come.
fn have_come_of(machine: &mut Booted, kind: &str, expected: &[&str]) {
    let names = |text: &str| {
        let last = text.lines().map(|line| line.rsplit(' ').next().unwrap_or_default());
        let mut names: Vec<String> = last.map(str::to_owned).collect();
        names.sort();
        names
    };
    let text = machine.journal(&format!("DECNET_EVENT={kind}"), |text| names(text) == expected);
    assert_eq!(names(&text), expected, "{kind}: {text}");
}

/// Waits until there is nothing of deckies with these MACs.
fn is_gone(machine: &mut Booted, mac: &str) {
    machine.until(&format!("! bridge fdb show dev lan0 | grep -qi {mac}"));
}

fn nobody_was_refused(tallies: &[Tally]) {
    for tally in tallies {
        assert!(tally.refused.is_empty(), "{:?}", tally.refused);
        assert!(tally.connected >= FEWEST, "{tally:?}");
    }
}

/// Restarts in good order, crashes, and a new release of the program: each time the same deckies.
#[test]
fn nobody_is_refused_while_the_agent_restarts() {
    let mut machine = Booted::boot(ONE);
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    assert_eq!(before["web"][2], "up");
    let visits = [
        (address(HTTP), Way::Knock),
        (address(ANY), Way::Knock),
        (address(HTTP), Way::Ask),
        (address("10.77.1.1:9999"), Way::Knock),
    ];
    let siege = Siege::begin(&machine.visitor(), &visits);
    let mut processes = machine.ok("pgrep -u decnet");
    for act in [
        "systemctl restart decnet-agent",
        "kill -9 $(systemctl show -p MainPID --value decnet-agent)",
        "cp /opt/decnet/current/bin/decnet /opt/new && mv /opt/new /opt/decnet/current/bin/decnet \
         && systemctl restart decnet-agent",
        "kill -ABRT $(systemctl show -p MainPID --value decnet-agent)",
    ] {
        let pid = main_pid(&mut machine);
        machine.ok(act);
        is_replaced(&mut machine, &pid);
        assert_eq!(deckies(&mut machine), before, "after {act}");
        let now = machine.ok("pgrep -u decnet");
        assert_eq!(now.lines().count(), 3, "{now}");
        assert!(
            now.lines().all(|pid| !processes.lines().any(|old| old == pid)),
            "an old one lives"
        );
        processes = now;
    }
    let tallies = siege.end();
    nobody_was_refused(&tallies);
    let asked = &tallies[2];
    // One visitor at a time: whoever was being answered at an end was cut off.
    assert!(asked.answered > 20 && asked.cut <= 4, "{asked:?}");
    assert!(tallies.iter().all(|tally| tally.longest < Duration::from_secs(1)), "{tallies:?}");
    have_come(&mut machine, [("agent.start", 5), ("decky.up", 1), ("decky.down", 0)]);
    assert_eq!(machine.property(UNIT, "NFileDescriptorStore"), "2");
    machine.ok("systemctl stop decnet-agent");
    assert_eq!(machine.property(UNIT, "NFileDescriptorStore"), "0");
    assert_eq!(machine.property(UNIT, "Result"), "success");
    is_gone(&mut machine, &before["web"][1]);
    assert_eq!(machine.run("pgrep -u decnet").0, 1, "processes are left");
}

/// The kernel takes connections for a decky without an agent, and the next agent answers them.
#[test]
fn who_comes_while_no_agent_runs_is_answered_by_the_next() {
    let mut machine = Booted::boot(ONE);
    machine.amend(UNIT, "slow", "[Service]\nRestartSec=3");
    machine.ok("systemctl start decnet-agent");
    machine.ok("kill -9 $(systemctl show -p MainPID --value decnet-agent)");
    machine.until("[ $(systemctl show -p MainPID --value decnet-agent) = 0 ]");
    let page = machine.connect(address(HTTP)).expect("nobody is refused");
    let mut any = machine.connect(address(ANY)).expect("nobody is refused");
    any.write_all(b"is anybody there?\n").expect("it is connected");
    assert_eq!(main_pid(&mut machine), "0", "this took too long to say anything");
    assert_eq!(ask(page).expect("it is answered").get(..5), Some(&b"HTTP/"[..]));
    // A catch-all says nothing; what came is told about when it has ended.
    drop(any);
    machine.until("journalctl -o cat DECNET_EVENT=payload DECNET_SERVICE=tcp | grep .");
}

#[test]
fn a_start_is_over_when_the_deckies_answer_and_says_how_many() {
    let many = "[[decky]]\nname = \"many\"\nservices = [\"http\"]\ncount = 40\n";
    let mut machine = Booted::boot(&format!("{ONE}{many}"));
    machine.ok("systemctl start decnet-agent");
    let status = machine.property(UNIT, "StatusText");
    let deckies = deckies(&mut machine);
    assert_eq!(deckies.len(), 41);
    for [ip, _, _] in deckies.values() {
        let connected = machine.connect(address(&format!("{ip}:80")));
        assert!(connected.is_ok(), "{ip}: {connected:?}");
    }
    assert_eq!(status, "41 deckies up, 0 failed; 0 visitors");
    machine.until("systemctl show -p StatusText decnet-agent | grep -q '; 1 visitor$'");
    assert!(machine.ok("systemctl status decnet-agent").contains("41 deckies up"));
}

#[test]
fn an_agent_that_hangs_is_replaced_and_the_deckies_stay() {
    let mut machine = Booted::boot(ONE);
    machine.amend(UNIT, "soon", "[Service]\nWatchdogSec=2\nTimeoutAbortSec=1");
    machine.ok("systemctl start decnet-agent");
    let (before, pid) = (deckies(&mut machine), main_pid(&mut machine));
    // It lives on while it says that it does.
    let until = Instant::now() + Duration::from_secs(4);
    wait_for(|| (Instant::now() >= until).then_some(()));
    assert_eq!(main_pid(&mut machine), pid);
    let siege = Siege::begin(
        &machine.visitor(),
        &[(address(HTTP), Way::Knock), (address(ANY), Way::Knock)],
    );
    machine.ok(&format!("kill -STOP {pid}"));
    is_replaced(&mut machine, &pid);
    nobody_was_refused(&siege.end());
    assert_eq!(deckies(&mut machine), before);
    machine.until("journalctl -u decnet-agent -o cat | grep -q \"Failed with result 'watchdog'\"");
    ask(machine.connect(address(HTTP)).expect("nobody is refused")).expect("it is answered");
}

const THREE: &str = r#"
[network]
interface = "lan0"
[[decky]]
name = "web"
ip = "10.77.1.1"
services = ["http", "tcp"]
[[decky]]
name = "leaves"
ip = "10.77.1.2"
services = ["http"]
[[decky]]
name = "changes"
ip = "10.77.1.3"
services = ["http"]
"#;

#[test]
fn a_changed_configuration_leaves_those_alone_that_are_not_changed() {
    let mut machine = Booted::boot(THREE);
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    let siege = Siege::begin(
        &machine.visitor(),
        &[(address(HTTP), Way::Knock), (address(ANY), Way::Knock)],
    );
    machine.ok("sed -i 's/\"leaves\"/\"comes\"/; /\"changes\"/,$ s/\"http\"/\"http\", \"ssh\"/' /etc/decnet/decnet.toml");
    machine.ok("systemctl restart decnet-agent");
    let after = deckies(&mut machine);
    nobody_was_refused(&siege.end());
    assert_eq!(after["web"], before["web"]);
    assert_eq!(after["changes"], before["changes"]);
    assert_eq!((&after["comes"][0], after["comes"][2].as_str()), (&before["leaves"][0], "up"));
    assert!(!after.contains_key("leaves"));
    is_gone(&mut machine, &before["leaves"][1]);
    for at in ["10.77.1.2:80", "10.77.1.3:22", "10.77.1.3:80"] {
        machine.connect(address(at)).unwrap_or_else(|error| panic!("{at}: {error}"));
    }
    have_come_of(&mut machine, "decky.down", &["changes", "leaves"]);
    have_come_of(&mut machine, "decky.up", &["changes", "changes", "comes", "leaves", "web"]);
    // And a decky that an operator takes away is nowhere kept.
    machine.ok(&format!("{PROGRAM} teardown --decky changes"));
    is_gone(&mut machine, &before["changes"][1]);
    machine.ok("kill -9 $(systemctl show -p MainPID --value decnet-agent)");
    machine.until(&format!("{PROGRAM} status --json"));
    machine.ok(&format!("{PROGRAM} teardown"));
    for [_, mac, _] in after.values() {
        is_gone(&mut machine, mac);
    }
}

#[test]
fn a_killed_keeper_takes_nobody_along() {
    let mut machine = Booted::boot(THREE);
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    let siege = Siege::begin(
        &machine.visitor(),
        &[(address(HTTP), Way::Knock), (address(ANY), Way::Knock)],
    );
    let until = Instant::now() + Duration::from_secs(3);
    wait_for(|| (Instant::now() >= until).then_some(()));
    let keeper = machine.ok("pgrep -f 'exe keeper'");
    machine.ok(&format!("kill -9 {keeper}"));
    machine.until(&format!(
        "pgrep -f 'exe face' && ! pgrep -f 'exe keeper' | grep -qx {}",
        keeper.trim()
    ));
    ask(machine.connect(address(HTTP)).expect("nobody is refused")).expect("it is answered");
    nobody_was_refused(&siege.end());
    assert_eq!(deckies(&mut machine), before);
    have_come(&mut machine, [("decky.up", 3), ("decky.down", 0)]);
}

/// The catch-all is steered by the old programs until the new ones are attached.
#[test]
fn programs_that_are_loaded_anew_refuse_nobody() {
    let mut machine = Booted::boot(ONE);
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    let visits = [(address(HTTP), Way::Ask), (address(ANY), Way::Knock)];
    let siege = Siege::begin(&machine.visitor(), &visits);
    for _ in 0..2 {
        let pid = main_pid(&mut machine);
        machine.ok("umount -l /run/decnet/bpf; systemctl restart decnet-agent");
        is_replaced(&mut machine, &pid);
        assert_eq!(deckies(&mut machine), before);
    }
    nobody_was_refused(&siege.end());
    have_come(&mut machine, [("decky.up", 1), ("decky.down", 0)]);
    machine.ok("systemctl stop decnet-agent");
    is_gone(&mut machine, &before["web"][1]);
}

/// Kills each agent a little later after its start than the one before.
#[test]
fn an_agent_killed_at_any_moment_of_its_start_loses_no_decky() {
    let many = "[[decky]]\nname = \"many\"\nservices = [\"http\"]\ncount = 40\n";
    let mut machine = Booted::boot(&format!("{ONE}{many}"));
    machine.amend(UNIT, "soon", "[Service]\nRestartSec=50ms");
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    let visits = [(address(HTTP), Way::Knock), (address(ANY), Way::Knock)];
    let siege = Siege::begin(&machine.visitor(), &visits);
    for moment in 0..12 {
        let pid = main_pid(&mut machine);
        // Sent as soon as the next is there, and so much later.
        machine.ok(&format!(
            "kill -9 {pid}; for _ in $(seq 500); do \
               now=$(systemctl show -p MainPID --value {UNIT}); \
               [ $now != 0 ] && [ $now != {pid} ] && break; sleep 0.005; done; \
             sleep 0.0{:02}; kill -9 $now || true",
            moment * 8
        ));
        is_replaced(&mut machine, &pid);
    }
    nobody_was_refused(&siege.end());
    // systemd may have shown one as active that was just being killed.
    wait_for(|| (deckies(&mut machine) == before).then_some(()));
    assert_eq!(deckies(&mut machine), before);
    have_come(&mut machine, [("decky.up", 41), ("decky.down", 0)]);
    machine.ok("systemctl stop decnet-agent");
    machine.until("! bridge fdb show dev lan0 | grep -v '^33:33\\|^01:00'");
}
