//! A node under systemd, with an updater and a master that pushes by curl.

use std::path::Path;

use crate::booted::Booted;
use crate::papers::{Papers, authority};
use crate::releases::{Behaviour, Bundle, Workshop};
use serde_json::Value;

const CONFIG: &str = r#"
[network]
interface = "lan0"
[[decky]]
name = "web"
ip = "10.77.1.1"
services = ["http"]
[updater]
soak = 3
"#;

/// Makes the node as an operator would, from the first release.
const SETUP: &str = r#"
set -e
rm -rf /opt/decnet
for role in agent updater; do mkdir -p /etc/decnet/$role; cp SHOP/$role/ca.crt /etc/decnet/$role; done
cp SHOP/agent/worker.* /etc/decnet/agent
cp SHOP/updater/worker.crt /etc/decnet/updater/updater.crt
cp SHOP/updater/worker.key /etc/decnet/updater/updater.key
cp SHOP/root.json /etc/decnet/updater
chown -R decnet:decnet /etc/decnet/agent
chown decnet:decnet /etc/decnet/updater/*.crt /etc/decnet/updater/updater.key
mkdir -p /etc/polkit-1/rules.d
cp /run/deploy/50-decnet.rules /etc/polkit-1/rules.d
SHOP/program release install SHOP/release-1.tar --root /etc/decnet/updater/root.json
systemctl start decnet-agent.socket decnet-agent decnet-updater
"#;

/// Shows everything that an update could change, but the audit log and what is at hand for the next.
pub const STATE: &str = "cd /opt/decnet; find . -mindepth 1 -name '.*.new' -o -name .spare -prune -o -printf '%p %i %l %s\\n' | sort
cd /var/lib/decnet/updater; cat */journal; find spool roots -printf '%p %s\\n' 2>/dev/null
find /sys/fs/cgroup/system.slice/decnet-*.service -name cgroup.procs ! -path '*rescue*' -print -exec cat {} +";

/// A node and its master.
pub struct Node {
    pub machine: Booted,
    pub shop: Workshop,
    pub first: Bundle,
}

impl Node {
    /// Boots one that runs release 1.
    pub fn boot() -> Self {
        let shop = Workshop::open();
        let first = shop.release(1, Behaviour::Good);
        Papers::issue_fleet(shop.path(), &authority(&shop.path().join("ca")));
        let mut machine = Booted::boot_showing(CONFIG, &[shop.path()]);
        machine.ok(&SETUP.replace("SHOP", &shop.path().display().to_string()));
        Self { machine, shop, first }
    }

    /// What curl says as somebody of the fleet: the answer and its status.
    pub fn curl(&mut self, who: &str, line: &str) -> (Value, u16) {
        let line = self.curl_line(who, line);
        self.said(&line)
    }

    /// The command line that does that.
    pub fn curl_line(&self, who: &str, line: &str) -> String {
        let dir = self.shop.path().join(who);
        let papers = format!(
            "--cacert {0}/ca.crt --cert {0}/worker.crt --key {0}/worker.key",
            dir.display()
        );
        format!("curl -sS -m 120 -w '\\n%{{http_code}}' {papers} {line}")
    }

    fn said(&mut self, line: &str) -> (Value, u16) {
        let (_, text) = self.machine.run(line);
        let (body, status) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim()));
        let status = status.trim().parse().unwrap_or(0);
        (serde_json::from_str(body).unwrap_or_else(|_| Value::String(text.clone())), status)
    }

    /// Asks the updater as the master.
    pub fn ask(&mut self, path: &str) -> Value {
        let (body, status) = self.curl("master", &format!("https://127.0.0.1:8766{path}"));
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// What the agent says of itself to this node's updater.
    pub fn agent(&mut self) -> Value {
        let dir = "/etc/decnet/updater";
        let said = self.machine.ok(&format!(
            "curl -sSf -m 10 --cacert {dir}/ca.crt --cert {dir}/updater.crt \
             --key {dir}/updater.key https://127.0.0.1:8765/health"
        ));
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
    }

    /// Sends a bundle.
    pub fn push(&mut self, bundle: &Bundle, attempt: &str) -> (Value, u16) {
        self.push_to("update", &bundle.path, &format!("-F attempt={attempt}"))
    }

    /// Sends a file to a route, with more fields.
    pub fn push_to(&mut self, route: &str, file: &Path, fields: &str) -> (Value, u16) {
        let line = self.push_line(route, file, fields);
        self.said(&line)
    }

    /// The command line that does that.
    pub fn push_line(&mut self, route: &str, file: &Path, fields: &str) -> String {
        let sum = self.machine.ok(&format!("sha256sum {} | cut -c 1-64", file.display()));
        let line = format!(
            "-F sha256={} {fields} -F tarball=@{} https://127.0.0.1:8766/{route}",
            sum.trim(),
            file.display()
        );
        self.curl_line("master", &line)
    }

    /// The command line that asks the updater as the master, and fails as long as it does not say.
    pub fn asked(&self, path: &str) -> String {
        format!(
            "{} 2>/dev/null | grep -v '^200$' | grep done",
            self.curl_line("master", &format!("https://127.0.0.1:8766{path}"))
        )
    }

    /// Checks that the agent runs this release, well and with what it needs.
    pub fn runs(&mut self, bundle: &Bundle) {
        let health = self.agent();
        assert_eq!(health["release"], bundle.digest.as_str(), "{health}");
        let pid = health["pid"].as_u64().expect("a number");
        let status = self.machine.ok(&format!("cat /proc/{pid}/status"));
        for set in ["CapEff", "CapAmb"] {
            assert!(status.contains(&format!("{set}:\t0000000000003000")), "{status}");
        }
        let link = self.machine.ok("readlink /opt/decnet/current");
        assert_eq!(link.trim(), format!("releases/{}", bundle.digest));
        // As a visitor sees it.
        self.machine.ok("ip netns exec visitor curl -sS -m 5 -o /dev/null http://10.77.1.1/");
    }

    /// The releases on disk.
    pub fn releases(&mut self) -> Vec<String> {
        self.machine.ok("ls -A /opt/decnet/releases").lines().map(str::to_owned).collect()
    }

    /// The outcomes in the agent's audit log.
    pub fn audited(&mut self) -> Vec<(String, String)> {
        self.audited_of("agent")
    }

    /// The outcomes in the audit log of a component.
    pub fn audited_of(&mut self, component: &str) -> Vec<(String, String)> {
        let text = self.machine.ok(&format!("cat /var/lib/decnet/updater/{component}/audit.log"));
        let line = |line: &str| {
            let value: Value = serde_json::from_str(line).expect("it is JSON");
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            (text("attempt"), text("outcome"))
        };
        text.lines().map(line).collect()
    }
}
