//! Certificates of a node under systemd: renewed in time, and taken back when they have ended. Nobody
//! logs in on it.

use std::net::IpAddr;

use decnet::edge::clock;
use decnet::logic::time::Timestamp;
use decnet::logic::trust::CertRole;
use decnet_tests::node::Node;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::releases::{Behaviour, Bundle};
use serde_json::{Value, json};

const DAY: u64 = 86_400 * 1_000_000_000;

/// Starts a master on the node's machine, of the authority that the test has, which enrols the node.
const SETUP: &str = "
set -e; install -d -o decnet -m 700 /run/master /run/master/etc /run/master/etc/ca
install -o decnet -m 600 SHOP/ca/ca.key SHOP/ca/ca.crt /run/master/etc/ca
systemd-run --quiet --unit=master SHOP/program swarmctl --etc-dir /run/master/etc --state-dir /run/master/state
for i in $(seq 200); do curl -sf http://127.0.0.1:8770/health >/dev/null && break; sleep .1; done
SHOP/program swarm --state-dir /run/master/state enroll --name node-1 --address 127.0.0.1 --updater \
  --out-dir /run/master/papers";

/// Gives the node other certificates, as the master has them on record.
const GIVE: &str = "
set -e; systemctl stop decnet-updater decnet-agent decnet-agent.socket
rm -rf /var/lib/decnet/agent/identity /var/lib/decnet/updater/identity
cp SHOP/old-agent/worker.* SHOP/old-agent/ca.crt /etc/decnet/agent
echo https://127.0.0.1:8771 >/etc/decnet/agent/master
cp SHOP/old-updater/worker.crt /etc/decnet/updater/updater.crt
cp SHOP/old-updater/worker.key /etc/decnet/updater/updater.key
chown -R decnet:decnet /etc/decnet/agent /etc/decnet/updater; chown root: /etc/decnet/updater/root.json
print() { openssl x509 -in $1 -outform der | sha256sum | cut -d' ' -f1; }
end() { date -d \"$(openssl x509 -in $1 -noout -enddate | cut -d= -f2)\" +%s; }
agent=SHOP/old-agent/worker.crt updater=SHOP/old-updater/worker.crt
/usr/bin/python3 - $(print $agent) $(print $updater) $(end $agent) $(end $updater) <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect('/run/master/state/swarm/swarm.db', timeout=30)
agent, updater, agent_end, updater_end = sys.argv[1:]
db.execute('UPDATE hosts SET fingerprint = ?, next = NULL, updater = ?', (agent, updater))
for part, end in (('agent', agent_end), ('updater', updater_end)):
    db.execute('UPDATE credentials SET ends = ?, next = NULL WHERE part = ?', (int(end) * 10**9, part))
db.commit()
PYTHON
systemctl start decnet-agent.socket decnet-agent decnet-updater";

/// A node and the master that commands it.
struct Fleet {
    node: Node,
}

impl Fleet {
    fn boot() -> Self {
        let mut node = Node::boot();
        let setup = SETUP.replace("SHOP", &node.shop.path().display().to_string());
        node.machine.ok(&setup);
        Self { node }
    }

    /// Gives agent and updater certificates that were made so many days ago, and says which as the
    /// record does.
    fn age(&mut self, days: u64) -> Value {
        let shop = self.node.shop.path().to_owned();
        let authority = authority(&shop.join("ca"));
        let when = Timestamp(clock::now().0 - days * DAY);
        let issue = |dir: &str, role| {
            let host = ("node-1", IpAddr::from([127, 0, 0, 1]));
            Papers::issue(shop.join(dir), &authority, host, role, when).fingerprint()
        };
        let agent = issue("old-agent", CertRole::Agent);
        let updater = issue("old-updater", CertRole::Updater);
        self.node.machine.ok(&GIVE.replace("SHOP", &shop.display().to_string()));
        json!({ "client_cert_fingerprint": agent, "updater_cert_fingerprint": updater })
    }

    /// Runs `decnet swarm`, and gives its exit code and what it prints.
    fn swarm(&mut self, line: &str) -> (i32, String) {
        let program = self.node.shop.path().join("program");
        let program = program.display();
        self.node.machine.run(&format!("{program} swarm --state-dir /run/master/state {line}"))
    }

    /// What the master has on record of the node.
    fn host(&mut self) -> Value {
        let (code, said) = self.swarm("list --json");
        assert_eq!(code, 0, "{said}");
        let all: Value = serde_json::from_str(&said).expect("JSON");
        all[0].clone()
    }

    /// Waits until both certificates are others than those of `before`, and the agent is heard.
    fn renewed_since(&mut self, before: &Value) -> Value {
        let mut last = Value::Null;
        let prints = ["client_cert_fingerprint", "updater_cert_fingerprint"];
        let renewed = decnet_tests::world::wait_for(|| {
            last = self.host();
            let others = prints.iter().all(|print| last[print] != before[print]);
            let is_used = last.get("next_cert_fingerprint").is_none();
            (others && is_used && last["status"] == json!("active")).then_some(())
        });
        if renewed.is_none() {
            let log = self.node.machine.run("journalctl --no-pager -n 80").1;
            panic!("not renewed: {last}, was {before}\n{log}");
        }
        last
    }

    fn updates(&mut self, bundle: &Bundle) {
        let line = format!("update --all --json --bundle {} 2>/dev/null", bundle.path.display());
        let (code, said) = self.swarm(&line);
        let log = |fleet: &mut Self| fleet.node.machine.run("journalctl --no-pager -n 80").1;
        assert_eq!(code, 0, "{said}\n{}", log(self));
    }
}

/// Whether a visitor is answered.
const VISIT: &str = "ip netns exec visitor curl -sS -m 5 -o /dev/null http://10.77.1.1/";

#[test]
fn what_has_ended_is_taken_back_and_what_ends_is_renewed() {
    let mut fleet = Fleet::boot();
    fleet.age(400);
    let before = fleet.host();
    // Both have ended: the deckies are there, and the operator sees what is wrong and where.
    fleet.node.machine.until(VISIT);
    for unit in ["decnet-agent", "decnet-updater"] {
        let line =
            format!("systemctl show -P StatusText {unit} | grep -- '--name node-1 --rejoin'");
        fleet.node.machine.until(&line);
    }
    let (_, table) = fleet.swarm("list");
    assert!(table.contains("agent: ended 35 d ago; updater: ended 35 d ago"), "{table}");
    let second = fleet.node.shop.release(2, Behaviour::Good);
    let line = format!("update --all --json --bundle {} 2>/dev/null", second.path.display());
    let (code, said) = fleet.swarm(&line);
    assert_eq!(code, 1, "without an operator's word nothing is taken back: {said}");
    assert_eq!(fleet.host()["updater_cert_fingerprint"], before["updater_cert_fingerprint"]);

    let pid = fleet.node.machine.property("decnet-updater", "MainPID");
    let (code, said) = fleet.swarm("token --name node-1 --rejoin");
    assert!(code == 0 && said.contains("decnet join --rejoin"), "{said}");
    let after = fleet.renewed_since(&before);
    assert_eq!(after["host_uuid"], before["host_uuid"]);
    assert_eq!(after["enrolled_at"], before["enrolled_at"]);
    assert_eq!(
        fleet.node.machine.property("decnet-updater", "MainPID"),
        pid,
        "it was not restarted"
    );
    let (_, table) = fleet.swarm("list");
    assert!(!table.contains("ended"), "{table}");
    fleet.updates(&second);
    fleet.node.machine.until(VISIT);

    // They end in 25 days: nobody has to say anything.
    let before = fleet.age(340);
    fleet.renewed_since(&before);
    let third = fleet.node.shop.release(3, Behaviour::Good);
    fleet.updates(&third);
    // The one that it was is good no more: of two that it has, it shows the one that was made last.
    fleet.node.machine.ok("systemctl restart decnet-agent decnet-updater");
    let fourth = fleet.node.shop.release(4, Behaviour::Good);
    fleet.updates(&fourth);
}
