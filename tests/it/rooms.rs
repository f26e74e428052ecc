//! All daemons are one user, and each has a room of its own: from inside one, nothing of the others
//! can be read, written, traced or asked. And root trusts nothing that the user `decnet` owns.

mod layout;
mod root;
mod unproved;

use std::collections::BTreeMap;

use decnet_tests::booted::Booted;
use decnet_tests::node::Node;
use serde_json::json;

/// What tries.
const PROBE: &str = include_str!("rooms/probe.py");
/// Makes a process call the kernel.
const INJECT: &str = include_str!("rooms/inject.py");
/// The daemons and what each is called as a unit.
const DAEMONS: [&str; 5] = ["agent", "api", "swarmctl", "updater", "web"];
/// What a unit may be exposed to, as `systemd-analyze security` of systemd 252 counts.
const EXPOSURE: [(&str, f64); 7] = [
    ("agent", 2.3),
    ("api", 1.3),
    ("bpf", 3.5),
    ("rescue", 1.3),
    ("swarmctl", 1.3),
    ("updater", 1.3),
    ("web", 1.3),
];

/// A file of each room, whoever's it is.
const FILES: [(&str, &[&str]); 5] = [
    ("agent", &["/etc/decnet/agent/worker.key", "/var/lib/decnet/agent/node.json"]),
    ("api", &["/etc/decnet/api/web.key", "/var/lib/decnet/api/first-login"]),
    ("swarmctl", &["/var/lib/decnet/swarm/token", "/var/lib/decnet/swarm/ca/ca.key"]),
    (
        "updater",
        &[
            "/etc/decnet/updater/updater.key",
            "/etc/decnet/updater/root.json",
            "/var/lib/decnet/updater/agent/journal",
            "/opt/decnet/current/release.json",
        ],
    ),
    ("web", &["/etc/decnet/web/web.key"]),
];
/// Directories that nobody but root, or but one, may put anything into.
const DIRECTORIES: [(&str, &str); 9] = [
    ("agent", "/var/lib/decnet/agent"),
    ("agent", "/run/decnet/agent"),
    ("api", "/var/lib/decnet/api"),
    ("root", "/etc/decnet"),
    ("root", "/run/decnet"),
    ("root", "/var/lib/decnet"),
    ("swarmctl", "/var/lib/decnet/swarm"),
    ("updater", "/opt/decnet"),
    ("updater", "/var/lib/decnet/updater"),
];
/// Sockets of one daemon, or for one daemon.
const SOCKETS: [(&str, &str); 3] = [
    ("agent", "/run/decnet/agent/agent.sock"),
    ("updater", "/run/dbus/system_bus_socket"),
    ("updater", "/run/decnet-units.sock"),
];

/// A node that is a master too, so that every daemon runs.
fn boot() -> Node {
    let mut node = Node::boot();
    node.machine.ok("systemctl start decnet-api decnet-web decnet-swarmctl decnet-units.socket");
    for path in FILES.iter().flat_map(|(_, files)| *files) {
        node.machine.until(&format!("[ -e {path} ]"));
    }
    node
}

fn pids(machine: &mut Booted) -> BTreeMap<String, u32> {
    let pid = |role: &&str| {
        let text = machine.property(&format!("decnet-{role}.service"), "MainPID");
        ((*role).to_owned(), text.parse().expect("a number"))
    };
    DAEMONS.iter().map(pid).collect()
}

/// What the probe says, started by a command line that hands it what it is to try.
fn probe(machine: &mut Booted, line: &str) -> Vec<String> {
    let processes = pids(machine);
    let all = |role: &str| role.to_owned();
    let wanted = json!({
        "files": FILES.iter().flat_map(|(_, files)| *files).collect::<Vec<_>>(),
        "directories": DIRECTORIES.map(|(_, path)| path),
        "sockets": SOCKETS.map(|(_, path)| path),
        "processes": processes.iter().map(|(role, pid)| (all(role), *pid)).collect::<BTreeMap<_, _>>(),
    });
    machine.ok(&format!("cat >/run/wanted.json <<'JSON'\n{wanted}\nJSON\n"));
    machine.ok(&format!("cat >/usr/lib/decnet/probe.py <<'PY'\n{PROBE}\nPY\n"));
    machine.ok(&format!("rm -f /run/said; {line}"));
    let said = machine.ok("cat /run/said");
    let lines: Vec<String> = said.lines().map(str::to_owned).collect();
    assert!(lines.len() > 80, "the probe did not get to its end: {said}");
    lines
}

/// The probe in the room of a unit: everything as there, but what is run.
fn probe_in(machine: &mut Booted, role: &str) -> Vec<String> {
    machine.ok(&format!(
        "sed -e '/^ExecStart/d; /^Restart/d; /^OnFailure/d; /^Watchdog/d; /^Type/d; /^StandardInput/d' \
           -e 's#^\\[Service\\]#[Service]\\nType=oneshot\\nExecStart=/usr/bin/python3 \
               /usr/lib/decnet/probe.py\\nStandardInput=file:/run/wanted.json\\n\
               StandardOutput=file:/run/said#' \
           /etc/systemd/system/decnet-{role}.service >/run/systemd/system/probe-{role}.service
         systemctl daemon-reload"
    ));
    probe(machine, &format!("systemctl start probe-{role}.service"))
}

/// What worked.
fn worked(said: &[String]) -> Vec<&str> {
    said.iter().filter_map(|line| line.strip_prefix("WORKED ")).collect()
}

/// What may work from inside a room: what is its own, and what everybody may.
fn is_granted(role: &str, what: &str) -> bool {
    let (act, on) = what.split_once(' ').expect("an act and on what");
    let own = |listed: &str| role == listed;
    if act == "signal" {
        // The kernel asks for the user alone; the daemons have given it up themselves.
        return true;
    }
    if act == "limit" && own(on) {
        // The probe has the group of whoever it stands in for.
        return true;
    }
    let of_process = |role: &str| on == role || on.starts_with(&format!("/proc/{role}/"));
    if DAEMONS.iter().any(|daemon| of_process(daemon)) {
        return false;
    }
    if let Some((owner, _)) = FILES
        .iter()
        .find(|(_, files)| files.contains(&on))
        .filter(|_| act == "read" || act == "write")
    {
        let identity = on.starts_with("/etc/");
        // Releases are for everybody to run, and for nobody to write.
        let release = act == "read" && on.starts_with("/opt/");
        return release || own(owner) && !(act == "write" && (identity || on.starts_with("/opt/")));
    }
    if role == "updater" && what == "list /run/decnet/agent" {
        // The agent's lock is there.
        return true;
    }
    if let Some((owner, _)) = DIRECTORIES.iter().find(|(_, path)| *path == on) {
        return act == "list" && matches!(*owner, "root" | "updater") && !on.ends_with("/updater")
            || own(owner);
    }
    // The updater looks for the agent's lock, which is beside the socket.
    let beside = role == "updater" && on == "/run/decnet/agent/agent.sock";
    beside || SOCKETS.iter().any(|(owner, path)| *path == on && own(owner))
}

#[test]
fn from_inside_a_room_nothing_of_the_others_is_to_be_had() {
    let mut node = boot();
    let machine = &mut node.machine;
    // The same outside of any room: what is refused inside is refused by the room.
    let outside = probe(
        machine,
        "runuser -u decnet -- /usr/bin/python3 /usr/lib/decnet/probe.py </run/wanted.json >/run/said",
    );
    for what in ["read /var/lib/decnet/swarm/token", "signal agent", "make /opt/decnet"] {
        assert!(worked(&outside).contains(&what), "{what}: {outside:#?}");
    }
    for role in ["agent", "api", "bpf", "rescue", "swarmctl", "updater", "web"] {
        let said = probe_in(machine, role);
        let as_daemon = if role == "rescue" { "updater" } else { role };
        let more: Vec<&str> =
            worked(&said).into_iter().filter(|what| !is_granted(as_daemon, what)).collect();
        assert_eq!(more, Vec::<&str>::new(), "{role}: {said:#?}");
    }
    // And its own it has.
    let said = probe_in(machine, "agent");
    for what in ["read /etc/decnet/agent/worker.key", "make /var/lib/decnet/agent"] {
        assert!(worked(&said).contains(&what), "{what}: {said:#?}");
    }
}

/// The number of `kill(2)` on x86-64.
const KILL: u32 = 62;
/// The first kernel on which a process can give up signals to others.
const GIVES_UP: (u32, u32) = (6, 12);

/// Whoever has taken over a daemon sends what the daemon itself could.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_daemon_that_is_taken_over_signals_no_other() {
    let mut node = boot();
    let machine = &mut node.machine;
    let release = machine.ok("uname -r");
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit());
    let mut number = || numbers.next().and_then(|text| text.parse().ok()).expect("a number");
    let gives_up = (number(), number()) >= GIVES_UP;
    machine.ok(&format!("cat >/usr/lib/decnet/inject.py <<'PY'\n{INJECT}\nPY\n"));
    let pids = pids(machine);
    for (role, pid) in &pids {
        for (other, target) in pids.iter().filter(|(other, _)| *other != role) {
            let line =
                format!("/usr/bin/python3 /usr/lib/decnet/inject.py {pid} {KILL} {target} 0");
            let said = machine.ok(&line);
            // The updater ends agents that nobody else knows of.
            let expected = if gives_up && role != "updater" { "-1" } else { "0" };
            assert_eq!(said.trim(), expected, "{role} {other}");
        }
        // It lives on.
        assert_eq!(machine.property(&format!("decnet-{role}"), "MainPID"), pid.to_string());
    }
    // What is killed comes back, and whoever kills is none the wiser.
    for (role, pid) in &pids {
        machine.ok(&format!("kill -9 {pid}"));
        machine.until(&format!(
            "now=$(systemctl show -p MainPID --value decnet-{role}); \
             [ $now != 0 ] && [ $now != {pid} ] && systemctl is-active -q decnet-{role}"
        ));
    }
}

#[test]
fn units_are_exposed_to_no_more_than_was_promised() {
    let mut machine = Booted::boot("");
    let names = EXPOSURE.map(|(role, _)| format!("decnet-{role}.service")).join(" ");
    for (role, most) in EXPOSURE {
        let said = machine
            .ok(&format!("systemd-analyze security --no-pager decnet-{role}.service | tail -n 1"));
        let found = said.split_whitespace().find_map(|word| word.parse::<f64>().ok());
        let found = found.unwrap_or_else(|| panic!("no number: {said}"));
        assert!(found <= most, "{role}: {found} is more than {most}");
    }
    let said = machine.ok(&format!("systemctl show --property=User --value {names}"));
    assert!(said.split_whitespace().all(|user| user == "decnet"), "{said}");
}
