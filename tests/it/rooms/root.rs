//! Whoever holds the user `decnet` becomes root by none of the ways that were known: what he plants
//! where root works leads root nowhere, and root runs nothing that is his.

use std::path::Path;

use decnet_tests::booted::Booted;
use decnet_tests::releases::{Behaviour, Workshop};

/// What nobody may change but root.
const VICTIM: &str = "
mkdir -m 700 /root/victim && echo secret >/root/victim/file && chmod 600 /root/victim/file";
/// How it is.
const LOOK: &str = "cd /root; find victim -printf '%p %u:%g %m %s %C@\\n' | sort; cat victim/file";

/// The directories as they were, when the user `decnet` owned them.
const BEFORE: &str = "
systemctl stop 'decnet-*.service' decnet-units.socket
umount -l /run/decnet/bpf 2>/dev/null
rm -rf /run/decnet /var/lib/decnet /opt/decnet/updater /opt/decnet/releases /etc/decnet/agent /etc/decnet/updater
mkdir -p /run/decnet /var/lib/decnet /etc/decnet/agent
chown -R decnet:decnet /run/decnet /var/lib/decnet /etc/decnet /opt/decnet";

/// Each way: what `decnet` plants, and what root does then.
const WAYS: [(&str, &str); 11] = [
    ("ln -s /root/victim /var/lib/decnet/updater", "INSTALL"),
    ("ln -s /root/victim /opt/decnet/updater; ln -s /root/victim /opt/decnet/releases", "INSTALL"),
    ("ln -s /root/victim /run/decnet/bpf", "decnet bpf load --user decnet"),
    ("ln -s /root/victim /run/decnet/agent", "decnet bpf load --user decnet"),
    ("ln -s /root/victim /run/decnet/bpf", "systemctl start decnet-bpf"),
    ("ln -s /root/victim/file /etc/decnet/agent/worker.new", "JOIN"),
    ("ln -s /root/victim /etc/decnet/updater", "JOIN"),
    (
        "cd /var/lib/decnet; for at in agent store api updater swarm; do ln -s /root/victim $at; done",
        "systemctl start decnet-agent decnet-api decnet-swarmctl decnet-updater",
    ),
    (
        "cd /var/lib/decnet; for at in node.json events.db first-login; do \
         ln -s /root/victim/file $at; done; ln -s /root/victim/file /etc/decnet/agent/worker.key",
        "systemctl start decnet-agent decnet-api decnet-swarmctl decnet-updater",
    ),
    (
        "printf /root/victim >/run/decnet/up.state; ln -s /root/victim/file /run/decnet/up.new",
        "timeout 30 decnet up --interface nowhere",
    ),
    (
        "mkdir /var/lib/decnet/swarm; ln -s /root/victim/file /var/lib/decnet/swarm/token",
        "decnet swarm list",
    ),
];

#[test]
fn what_decnet_plants_leads_root_nowhere() {
    let shop = Workshop::open();
    let release = shop.release(1, Behaviour::Good);
    let mut machine = Booted::boot_showing("[network]\ninterface = \"lan0\"\n", &[shop.path()]);
    let install = format!(
        "rm -rf /opt/decnet/current; decnet release install {} --root {}",
        release.path.display(),
        shop.path().join("root.json").display()
    );
    machine.ok(VICTIM);
    let before = machine.ok(LOOK);
    for (plant, act) in WAYS {
        machine.run(BEFORE);
        machine.ok(&format!("runuser -u decnet -- sh -c '{plant}'"));
        let act = match act {
            "INSTALL" => &install,
            "JOIN" => JOIN,
            other => other,
        };
        let (_, said) = machine.run(act);
        assert_eq!(machine.ok(LOOK), before, "{plant}; {act}: {said}");
        assert!(!said.contains("secret"), "{plant}; {act}: {said}");
        if act == JOIN && !plant.ends_with("updater") {
            assert!(said.contains("this machine is the node n1"), "{said}");
            let owners = machine.ok("cd /etc/decnet; stat -c '%n %U:%G %a' . agent agent/*");
            assert!(owners.contains("agent root:decnet-agent 750"), "{owners}");
            assert!(owners.contains("agent/worker.key root:decnet-agent 640"), "{owners}");
        }
    }
}

/// A master elsewhere lets this machine in.
const JOIN: &str = "
mkdir -p /run/master/etc /run/master/state
decnet swarmctl --etc-dir /run/master/etc --state-dir /run/master/state --user root >/dev/null 2>&1 &
for i in $(seq 200); do [ -s /run/master/state/swarm/token ] && break; sleep .05; done
for i in $(seq 200); do
  line=$(decnet swarm --state-dir /run/master/state token --name n1 2>/dev/null | grep 'decnet join') && break
  sleep .05
done
$(echo $line | sed 's/MASTER/127.0.0.1/'); code=$?
kill %1; exit $code";

/// What would make root run a program that the user `decnet` may replace.
#[test]
fn no_unit_runs_as_root_what_decnet_may_replace() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let mut services = 0;
    for entry in std::fs::read_dir(deploy).expect("it is there") {
        let path = entry.expect("it is read").path();
        if path.extension().is_none_or(|extension| extension != "service") {
            continue;
        }
        services += 1;
        let text = std::fs::read_to_string(&path).expect("it is text");
        let path = path.display();
        let is_decnet = text.lines().any(|line| line == "User=decnet");
        for line in text.lines().filter(|line| line.starts_with("Exec")) {
            let command = line.split_once('=').expect("a setting").1;
            assert!(command.starts_with('/'), "{path}: {line} leaves the room");
            let of_root = ["/bin/", "/usr/"].iter().any(|root| command.starts_with(root));
            assert!(is_decnet || of_root, "{path}: {line}");
        }
    }
    assert!(services >= 9, "{services}");
}

/// What systemd and its helper do for the user `decnet` outside of any unit.
#[test]
fn outside_of_any_unit_decnet_gets_nothing_from_systemd() {
    let mut machine = Booted::boot("");
    machine
        .ok("mkdir -p /etc/polkit-1/rules.d; cp /run/deploy/50-decnet.rules /etc/polkit-1/rules.d
         systemctl start polkit decnet-units.socket");
    for act in [
        "systemd-run --wait --unit decnet-agent-2.service touch /root/pwned",
        "systemd-run --wait --unit decnet-pwn.service touch /root/pwned",
        "systemctl start decnet-rooms.service",
        "systemctl link /tmp/decnet-pwn.service",
        "systemctl set-property --runtime decnet-agent.service CPUWeight=1",
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 \
         org.freedesktop.systemd1.Manager Reload",
        "/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\\\"/run/decnet-units.sock\\\")'",
        "touch /etc/decnet/x",
        "touch /var/lib/decnet/x",
        "touch /usr/lib/decnet/x",
    ] {
        machine.ok("systemctl start decnet-rooms");
        let (code, said) =
            machine.run(&format!("runuser -u decnet -- sh -c \"{act}\" </dev/null; echo code $?"));
        assert!(code == 0 && !said.contains("code 0"), "{act}: {said}");
    }
    machine.ok("[ ! -e /root/pwned ]");
    // Words that run together make no line that is known.
    let ask = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/decnet-units.sock'); \
               s.sendall(b'restart decnet-agent.serv ice\\n'); print(s.recv(99).decode())";
    let said = machine.ok(&format!(
        "setpriv --reuid=decnet --regid=decnet-updater --clear-groups /usr/bin/python3 -c \"{ask}\""
    ));
    assert!(said.starts_with("1 this is none"), "{said}");
}
