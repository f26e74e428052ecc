//! A machine on which systemd runs what is in `deploy`, with a visitor on its LAN.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;

use crate::shell::Shell;
use crate::world::{children, decnet, wait_for, within};

/// Installs what a package would, and a configuration.
const SETUP: &str = r#"
set -e
rm -rf /var/lib/decnet /opt/decnet /etc/decnet
mkdir -p /opt/decnet/current/bin /etc/decnet
cp -r "DEPLOY/." /run/deploy
cp "PROGRAM" /opt/decnet/current/bin/decnet
cp "PROGRAM" /usr/bin/decnet
cp /run/deploy/*.service /run/deploy/*.socket /run/deploy/*.mount /run/deploy/*.timer /etc/systemd/system/
install -D /run/deploy/decnet-rooms.sh /usr/lib/decnet/rooms
cp /run/deploy/decnet.sysusers /usr/lib/sysusers.d/decnet.conf
systemd-sysusers decnet.conf
cat >/etc/decnet/decnet.toml <<'TOML'
CONFIG
TOML
"#;

/// Makes the LAN, of which nothing is outside the machine.
const LAN: &str = "
ip netns add visitor &&
ip link add lan0 type veth peer name eth0 netns visitor &&
ip addr add 10.77.255.2/16 dev lan0 && ip link set lan0 up &&
ip -n visitor addr add 10.77.255.7/16 dev eth0 &&
ip -n visitor link set eth0 up && ip -n visitor link set lo up";

/// A running machine. It is taken down with this value, and when this process ends.
pub struct Booted {
    shell: Shell,
    visitor: OwnedFd,
    _dir: tempfile::TempDir,
}

impl Booted {
    /// Boots one, with this configuration of the agent, which it does not start.
    pub fn boot(config: &str) -> Self {
        Self::boot_showing(config, &[])
    }

    /// The same, with more directories of this machine to be seen in it.
    pub fn boot_showing(config: &str, dirs: &[&Path]) -> Self {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let dir = tempfile::tempdir().expect("a directory");
        let program = decnet();
        let deploy = tests.join("../deploy").canonicalize().expect("it is there");
        let setup = SETUP
            .replace("DEPLOY", &deploy.display().to_string())
            .replace("PROGRAM", &program.display().to_string())
            .replace("CONFIG", config);
        let script = dir.path().join("setup.sh");
        std::fs::write(&script, setup).expect("the directory is ours");
        let mut command = Command::new("timeout");
        command.args(["900", "bash"]).arg(tests.join("systemd-sandbox.sh")).arg("-s").arg(&script);
        command.arg("-v").arg(&deploy).arg("-v").arg(program.parent().expect("it is in a folder"));
        command.args(dirs.iter().flat_map(|dir| [Path::new("-v"), dir]));
        let shell = Shell::start(command.args(["--", "bash", "-s"]));
        // Replaced as soon as there is one.
        let visitor = decnet::edge::namespace::current().expect("this thread has one");
        let mut machine = Self { shell, visitor, _dir: dir };
        machine.ok(LAN);
        machine.visitor = wait_for(|| machine.namespace("visitor")).expect("it was made");
        machine
    }

    /// The network namespace of this name in the machine.
    fn namespace(&self, name: &str) -> Option<OwnedFd> {
        let mut pids = vec![i32::try_from(self.shell.pid()).ok()?];
        while let Some(pid) = pids.pop() {
            pids.extend(children(pid));
            let path = format!("/proc/{pid}/root/run/netns/{name}");
            if let Ok(file) = std::fs::File::open(path) {
                return Some(file.into());
            }
        }
        None
    }

    /// Runs a command line as root in the machine; its exit code and all it says.
    pub fn run(&mut self, line: &str) -> (i32, String) {
        self.shell.run(line)
    }

    /// The same where it must succeed.
    pub fn ok(&mut self, line: &str) -> String {
        let (code, text) = self.run(line);
        if code != 0 {
            let (_, journal) = self.run("journalctl --no-pager -n 60");
            panic!("{line}: {code}\n{text}\n{journal}");
        }
        text
    }

    /// Asks again and again until a command succeeds.
    pub fn until(&mut self, line: &str) -> String {
        let mut last = String::new();
        let found = wait_for(|| {
            let (code, text) = self.run(line);
            last.clone_from(&text);
            (code == 0).then_some(text)
        });
        found.unwrap_or_else(|| {
            let (_, journal) = self.run("journalctl --no-pager -n 60");
            panic!("{line} goes on failing: {last}\n{journal}")
        })
    }

    /// What `journalctl` shows with these options, as soon as it `has` it: what is written gets
    /// there a little later. The last look where it never does.
    pub fn journal(&mut self, options: &str, has: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        let _ = wait_for(|| {
            last = self.ok(&format!("journalctl --sync; journalctl --no-pager -o cat {options}"));
            has(&last).then_some(())
        });
        last
    }

    /// A property of a unit.
    pub fn property(&mut self, unit: &str, name: &str) -> String {
        self.ok(&format!("systemctl show --property={name} --value {unit}")).trim().to_owned()
    }

    /// Writes an addition to a unit.
    pub fn amend(&mut self, unit: &str, name: &str, text: &str) {
        let dir = format!("/etc/systemd/system/{unit}.d");
        self.ok(&format!("mkdir -p {dir}; cat >{dir}/{name}.conf <<'UNIT'\n{text}\nUNIT\n"));
        self.ok("systemctl daemon-reload");
    }

    /// Runs `act` on a thread of its own in the visitor's namespace.
    pub fn as_visitor<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        within(&self.visitor, act)
    }

    /// The visitor's namespace.
    pub fn visitor(&self) -> OwnedFd {
        self.visitor.try_clone().expect("descriptors are left")
    }

    /// Connects as a visitor.
    pub fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let patience = std::time::Duration::from_secs(10);
        self.as_visitor(|| TcpStream::connect_timeout(&address, patience))
    }
}
