//! A machine that was installed before there were rooms becomes one with rooms, and nobody who comes
//! to a decky meanwhile is refused.

use decnet_tests::booted::Booted;
use decnet_tests::siege::{FEWEST, Siege, Way};

const CONFIG: &str = r#"
[network]
interface = "lan0"
[[decky]]
name = "web"
ip = "10.77.1.1"
services = ["http", "tcp"]
"#;
/// The units as they were.
const BEFORE: [(&str, &str); 4] = [
    ("agent", include_str!("before/decnet-agent.service")),
    ("api", include_str!("before/decnet-api.service")),
    ("bpf", include_str!("before/decnet-bpf.service")),
    ("swarmctl", include_str!("before/decnet-swarmctl.service")),
];
const STARTED: &str = "decnet-agent decnet-api decnet-swarmctl";

/// Puts every file where it was when the state directory was one daemon's as much as another's.
const FLATTEN: &str = "
set -e
systemctl stop decnet-agent decnet-api decnet-swarmctl
cd /var/lib/decnet
rmdir /etc/decnet/ca; mv swarm/ca /etc/decnet/ca
mv agent/* store/* api/* .
rmdir agent store api
chown -R decnet:decnet /var/lib/decnet /etc/decnet/ca";

/// Installs the units as they are now.
const AFTER: &str = "
set -e
cp /run/deploy/*.service /run/deploy/*.mount /etc/systemd/system/
systemctl daemon-reload";

/// What must be the same afterwards.
fn kept(machine: &mut Booted) -> String {
    machine.until(
        "d=/usr/bin/decnet; s=/var/lib/decnet
         cat $(ls $s/node.json $s/agent/node.json 2>/dev/null) | sha256sum
         cat $(ls /etc/decnet/ca/ca.key $s/swarm/ca/ca.key 2>/dev/null) | sha256sum
         sha256sum <$s/swarm/token
         cat $(ls $s/first-login $s/api/first-login 2>/dev/null) | sha256sum
         $d events --state-dir $s --kind agent.start --lines 0 | head -n 1
         $d swarm list --json && $d status | grep web",
    )
}

#[test]
fn a_machine_without_rooms_gets_them_and_nobody_is_refused() {
    let mut machine = Booted::boot(CONFIG);
    machine.ok("rm /etc/systemd/system/decnet-rooms.service /etc/systemd/system/*.mount");
    for (role, text) in BEFORE {
        machine
            .ok(&format!("cat >/etc/systemd/system/decnet-{role}.service <<'UNIT'\n{text}\nUNIT"));
    }
    machine.ok(&format!("systemctl daemon-reload; systemctl start {STARTED}"));
    machine.until("ls /var/lib/decnet/swarm/ca/ca.key /var/lib/decnet/api/first-login");
    machine.ok(FLATTEN);
    machine.ok(&format!("systemctl start {STARTED}"));
    let before = kept(&mut machine);
    machine.ok("! ls -d /var/lib/decnet/agent/node.json /var/lib/decnet/store/events.db");

    let visits =
        ["10.77.1.1:80", "10.77.1.1:4444"].map(|at| (at.parse().expect("an address"), Way::Knock));
    let siege = Siege::begin(&machine.visitor(), &visits);
    machine.ok(AFTER);
    machine.ok(&format!("systemctl restart {STARTED}"));
    assert_eq!(kept(&mut machine), before);
    machine.until("curl -sf http://127.0.0.1:8000/api/v1/health");
    for tally in siege.end() {
        assert!(tally.refused.is_empty() && tally.connected >= FEWEST, "{tally:?}");
    }
    machine.ok("test $(journalctl -o cat DECNET_EVENT=decky.down | wc -l) = 0");

    let owners = machine.ok(
        "cd /var/lib/decnet; stat -c '%n %U:%G %a' . * /etc/decnet /run/decnet /run/decnet/agent \
         /run/decnet/bpf /opt/decnet",
    );
    let expected = "\
        . root:root 755\n\
        agent decnet:decnet-agent 700\n\
        api decnet:decnet-api 700\n\
        store decnet:decnet-agent 700\n\
        swarm decnet:decnet-swarmctl 700\n\
        updater decnet:decnet-updater 700\n\
        /etc/decnet root:root 755\n\
        /run/decnet root:root 755\n\
        /run/decnet/agent decnet:decnet-agent 700\n\
        /run/decnet/bpf decnet:decnet-bpf 1700\n\
        /opt/decnet decnet:decnet-updater 755";
    assert_eq!(owners.trim(), expected);
    machine.ok("! ls -d /etc/decnet/ca");
}
