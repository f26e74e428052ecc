//! The agent as a unit of a real systemd: unprivileged, confined, and with its events in the
//! journal.

use std::path::Path;
use std::process::Command;

use decnet_tests::world::decnet;

/// Installs what a package would.
const SETUP: &str = r#"
set -e
rm -rf /var/lib/decnet /opt/decnet /etc/decnet
mkdir -p /opt/decnet/current/bin /etc/decnet
cp -r "DEPLOY/." /run/deploy
cp "PROGRAM" /opt/decnet/current/bin/decnet
cp /run/deploy/*.service /run/deploy/*.mount /etc/systemd/system/
install -D /run/deploy/decnet-rooms.sh /usr/lib/decnet/rooms
cp /run/deploy/decnet.sysusers /usr/lib/sysusers.d/decnet.conf
cp /run/deploy/decnet.catalog /usr/lib/systemd/catalog/
systemd-sysusers decnet.conf
journalctl --update-catalog
cat >/etc/decnet/decnet.toml <<'TOML'
[network]
interface = "lan0"
[[decky]]
name = "files-01"
ip = "10.77.1.1"
services = ["telnet", "ssh"]
[agent]
node = "n1"
TOML
"#;

/// Starts the agent, visits a decky, and prints what the journal says.
const VISIT: &str = r#"
set -e
visit() { ip netns exec visitor "$@"; }
ip netns add visitor
ip link add lan0 type veth peer name eth0 netns visitor
ip addr add 10.77.255.2/16 dev lan0
ip link set lan0 up
visit ip addr add 10.77.255.7/16 dev eth0
visit ip link set eth0 up
systemctl start decnet-agent.service || { journalctl --no-pager -n 30; exit 1; }
d=/opt/decnet/current/bin/decnet
for _ in $(seq 200); do
  $d status --json 2>/dev/null | grep -q '"state":"up"' && break
  sleep 0.05
done
$d status || { journalctl --no-pager -n 30; exit 1; }
printf '#!/bin/sh\necho "s3cret word"\n' >/run/ask
chmod +x /run/ask
SSH_ASKPASS=/run/ask SSH_ASKPASS_REQUIRE=force visit timeout 10 ssh -F none \
  -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@10.77.1.1 uname -n
for _ in $(seq 200); do
  [ -n "$(journalctl -o json DECNET_EVENT=cmd.input)" ] && break
  sleep 0.05
done
echo "=== json"
journalctl -o json DECNET_EVENT=auth.attempt
echo "=== explained"
journalctl --no-pager -x DECNET_EVENT=auth.attempt
echo "=== unit"
journalctl --no-pager -o cat -u decnet-agent.service
echo "=== process"
grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' "/proc/$(systemctl show --property=MainPID --value decnet-agent)/status"
echo "=== exposure"
for unit in agent api web swarmctl; do
  systemd-analyze security --no-pager "decnet-$unit.service" | tail -n 1
done
echo "=== dashboard"
systemctl start decnet-api.service decnet-web.service
for _ in $(seq 200); do
  curl -sf http://127.0.0.1:8080/api/v1/health && break
  sleep 0.05
done
curl -s http://127.0.0.1:8080/ | grep '<title>'
stat -c '%U %a' /var/lib/decnet/api/first-login
systemctl stop decnet-web.service decnet-api.service
echo "=== swarm"
systemctl start decnet-swarmctl.service
# It is ready now, and nobody has to wait.
curl -s http://127.0.0.1:8770/health
$d swarm list --json || journalctl --no-pager -n 30
stat -c '%U %a' /var/lib/decnet/swarm/ca/ca.key /var/lib/decnet/swarm/token
systemctl stop decnet-swarmctl.service
systemctl stop decnet-agent.service
$d bpf unload
echo "=== left"
systemctl show --property=Result --value decnet-agent.service
find /run/decnet
ip -o link | wc -l
"#;

/// What the visit printed, in a machine where systemd runs what is in `deploy`.
fn visited() -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir().expect("a directory");
    let program = decnet();
    let deploy = tests.join("../deploy").canonicalize().expect("it is there");
    let setup = SETUP.replace("DEPLOY", &deploy.display().to_string());
    let setup = setup.replace("PROGRAM", &program.display().to_string());
    let script = dir.path().join("setup.sh");
    std::fs::write(&script, setup).expect("the directory is ours");
    let output = Command::new("timeout")
        .args(["60", "bash"])
        .arg(tests.join("systemd-sandbox.sh"))
        .arg("-s")
        .arg(&script)
        // They may be where the sandbox has a folder of its own, such as /tmp.
        .arg("-v")
        .arg(&deploy)
        .arg("-v")
        .arg(program.parent().expect("it is in a folder"))
        .args(["--", "bash", "-c", VISIT])
        .output()
        .expect("bash is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let what = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{what}");
    text
}

#[test]
fn a_login_is_found_in_the_journal_and_explained() {
    let text = visited();
    let part = |name: &str| -> &str {
        let rest = text.split(&format!("=== {name}\n")).nth(1).unwrap_or_else(|| panic!("{text}"));
        rest.split("=== ").next().unwrap_or(rest)
    };
    let event: serde_json::Value = serde_json::from_str(part("json").trim()).expect("one event");
    for (name, value) in [
        ("MESSAGE", "auth.attempt from 10.77.255.7 on files-01 ssh user=root success"),
        ("MESSAGE_ID", "5a1e6f1f0c0e4a0d9a2f3d6f6c1b0004"),
        ("PRIORITY", "4"),
        ("DECNET_NODE", "n1"),
        ("DECNET_DECKY", "files-01"),
        ("DECNET_SERVICE", "ssh"),
        ("DECNET_USERNAME", "root"),
        ("DECNET_PASSWORD", "s3cret word"),
        ("DECNET_OUTCOME", "success"),
        ("SRC_IP", "10.77.255.7"),
        ("DST_IP", "10.77.1.1"),
        ("DST_PORT", "22"),
        ("_SYSTEMD_UNIT", "decnet-agent.service"),
    ] {
        assert_eq!(event[name], value, "{name} in {event:#}");
    }
    let explained = part("explained");
    assert!(explained.contains("Subject: A visitor tried to log in"), "{explained}");
    assert!(explained.contains("It happened on decky files-01"), "{explained}");
    let id = event["DECNET_ID"].as_str().expect("it has one");
    assert!(explained.contains(&format!("journalctl -o verbose DECNET_ID={id}")), "{explained}");
    for kind in ["agent.start", "decky.up on files-01", "cmd.input from 10.77.255.7"] {
        assert!(part("unit").contains(kind), "{kind}: {}", part("unit"));
    }
    let process = part("process");
    for line in
        ["CapEff:\t0000000000003000", "CapBnd:\t0000000000003000", "NoNewPrivs:\t1", "Seccomp:\t2"]
    {
        assert!(process.contains(line), "{process}");
    }
    assert!(!process.contains("Uid:\t0"), "{process}");
    are_confined(part("exposure"));
    let dashboard = part("dashboard");
    for answer in ["\"status\":\"ok\"", "<title>decnet</title>", "decnet 600"] {
        assert!(dashboard.contains(answer), "no {answer}: {dashboard}");
    }
    let swarm = part("swarm");
    assert!(swarm.contains("[]\ndecnet 600\ndecnet 600\n"), "{swarm}");
    assert_eq!(part("left").trim(), "success\n/run/decnet\n/run/decnet/agent\n2", "{text}");
}

/// What `systemd-analyze` says of agent, api, web and swarmctl: below 3 of 10, where 10 is defenceless.
fn are_confined(exposure: &str) {
    let scores: Vec<f64> =
        exposure.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert_eq!(scores.len(), 4, "{exposure}");
    assert!(scores.iter().all(|score| *score < 3.0), "{exposure}");
}
