//! What systemd may pass besides a whole vault: garbage, what others have stored, sockets.

use std::path::Path;

use decnet::edge::clock;
use decnet::edge::pki::{Authority, Wish};
use decnet::logic::trust::{CertRole, NodeName};
use decnet_tests::booted::Booted;
use decnet_tests::siege::{Siege, Way};

use super::{ONE, UNIT, address, deckies, is_gone, is_replaced, main_pid, nobody_was_refused};

/// Runs before the agent in its process, and puts into its vault what it would not.
const GARBAGE: &str = r#"
import json, os, socket
names = os.environ.get("LISTEN_FDNAMES", "").split(":")
if "vault-mouth" in names:
    mouth = socket.socket(fileno=os.dup(3 + names.index("vault-mouth")))
    kept = dict(format=1, cookie=0, stack=0, steered_by=None)
    for word in [b"garbage", b"", b"\0decnet\0" + bytes(16), b"[" * 100_000, b"x" * 200_000]:
        mouth.send(word)
    socket.send_fds(mouth, [json.dumps(dict(kept, format=2)).encode()], [0, 1, 2])
    socket.send_fds(mouth, [json.dumps(dict(kept, placed={}, sockets=[])).encode()], [0])
program = "/opt/decnet/current/bin/decnet"
os.execv(program, [program, "agent"])
"#;

/// Stores under the vault's names what is none, once, and then becomes the agent.
const FOREIGN: &str = r#"
import os, socket, sys
names = os.environ.get("LISTEN_FDNAMES", "").split(":")
if "vault-mouth" not in names:
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.connect(os.environ["NOTIFY_SOCKET"])
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2)]
    what = dict(files=[os.open("/etc/hostname", 0), 0], mixed=[pairs[0][0].fileno(), pairs[1][1].fileno()])
    for name, fd in zip(["vault-mouth", "vault-tap"], what[sys.argv[1]]):
        message = f"FDSTORE=1\nFDPOLL=0\nFDNAME={name}".encode()
        socket.send_fds(notify, [message], [fd])
    sys.exit(1)
program = "/opt/decnet/current/bin/decnet"
os.execv(program, [program, "agent"])
"#;

fn write(machine: &mut Booted, path: &str, text: &str) {
    machine.ok(&format!("cat >{path} <<'TEXT'\n{text}\nTEXT"));
}

/// Checks how often the agent has said this.
fn has_said(machine: &mut Booted, said: &str, times: usize) {
    let options = "-u decnet-agent";
    let text = machine.journal(options, |text| text.matches(said).count() >= times);
    assert_eq!(text.matches(said).count(), times, "{said}: {text}");
}

#[test]
fn garbage_among_what_is_kept_goes_and_the_rest_is_taken_over() {
    let mut machine = Booted::boot(ONE);
    machine.ok("systemctl start decnet-agent");
    let before = deckies(&mut machine);
    write(&mut machine, "/opt/garbage.py", GARBAGE);
    let exec = "[Service]\nExecStart=\nExecStart=/usr/bin/python3 /opt/garbage.py";
    machine.amend(UNIT, "garbage", exec);
    for _ in 0..2 {
        machine.ok("systemctl restart decnet-agent");
        assert_eq!(deckies(&mut machine), before);
    }
    // Once by each look of the two agents.
    has_said(&mut machine, "what was kept is not ours or damaged, and goes", 2);
    has_said(&mut machine, "taken over as they are", 2);
    has_said(&mut machine, "decky.up", 1);
    machine.ok("systemctl stop decnet-agent");
    is_gone(&mut machine, &before["web"][1]);
}

#[test]
fn what_is_no_vault_goes_and_the_deckies_are_made() {
    let mut machine = Booted::boot(ONE);
    write(&mut machine, "/opt/foreign.py", FOREIGN);
    for (turn, what, said) in [
        (1, "files", "what systemd has stored is no vault, and goes"),
        (2, "mixed", "what is kept cannot be used"),
    ] {
        let exec =
            format!("[Service]\nExecStart=\nExecStart=/usr/bin/python3 /opt/foreign.py {what}");
        machine.amend(UNIT, "foreign", &exec);
        machine.run("systemctl start decnet-agent");
        is_replaced(&mut machine, "0");
        assert_eq!(deckies(&mut machine)["web"][2], "up");
        has_said(&mut machine, said, 1);
        assert_eq!(machine.property(UNIT, "NFileDescriptorStore"), "2");
        // From here on as ever.
        machine.ok("systemctl restart decnet-agent");
        has_said(&mut machine, "taken over as they are", turn);
        machine.ok("systemctl stop decnet-agent");
    }
}

/// Makes the identities of an agent and of a master below `/etc/decnet`.
fn identify(machine: &mut Booted) {
    let dir = tempfile::tempdir().expect("a directory");
    let now = clock::now();
    let authority = Authority::open_or_make(Path::new(dir.path()), now).expect("it is ours");
    let host: NodeName = "node-1".parse().expect("a name");
    let addresses = ["10.77.255.2".parse().expect("an address")];
    for (name, role) in [("agent", CertRole::Agent), ("master", CertRole::Master)] {
        let wish = Wish { host: &host, role, addresses: &addresses, names: &[] };
        let issued = authority.issue(&wish, now).expect("a plain wish");
        machine.ok(&format!("mkdir -p /etc/decnet/{name}"));
        let mut file = |file: &str, text: &str| {
            write(machine, &format!("/etc/decnet/{name}/{file}"), text);
        };
        file("ca.crt", authority.cert_pem());
        file("worker.crt", &issued.certified.cert_pem);
        file("worker.key", &issued.key_pem);
    }
    machine.ok("chown -R decnet /etc/decnet/agent && chmod -R go= /etc/decnet/agent");
}

#[test]
fn the_master_is_not_refused_while_the_agent_restarts() {
    let mut machine = Booted::boot(ONE);
    identify(&mut machine);
    machine.ok("systemctl start decnet-agent.socket decnet-agent.service");
    let health = "ip netns exec visitor curl -sSf -m 10 --cacert /etc/decnet/master/ca.crt \
                  --cert /etc/decnet/master/worker.crt --key /etc/decnet/master/worker.key \
                  https://10.77.255.2:8765/health";
    machine.ok(health);
    let siege = Siege::begin(&machine.visitor(), &[(address("10.77.255.2:8765"), Way::Knock)]);
    for act in
        ["systemctl restart decnet-agent", "systemctl kill -s KILL --kill-who=main decnet-agent"]
    {
        let pid = main_pid(&mut machine);
        machine.ok(act);
        let answer = machine.ok(health);
        assert!(answer.contains("\"status\":\"ok\""), "{answer}");
        is_replaced(&mut machine, &pid);
    }
    nobody_was_refused(&siege.end());
    machine.until("journalctl -o cat -u decnet-agent | grep -q 'the master is served'");
}
