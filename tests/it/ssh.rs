//! OpenSSH's clients against deckies: what a visitor sees agrees with the persona, and what a
//! visitor does is recorded.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use decnet::logic::event::{Event, Kind, Outcome, RawDigest};
use decnet::logic::persona;
use decnet::logic::status::DeckyStatus;
use decnet_tests::client::stop;
use decnet_tests::world::{VISITOR_IP, World, wait_for};

/// A decky of each persona, and one of which there is another.
fn fleet() -> String {
    let decky = |persona: &str| {
        format!("[[decky]]\nname = \"{persona}\"\npersona = \"{persona}\"\nservices = [\"ssh\"]\n")
    };
    let names = persona::ALL.iter().map(|persona| persona.id);
    let all: String = names.map(|id| decky(id).replacen(id, &id.replace('.', "-"), 1)).collect();
    all + "[[decky]]\nname = \"twin\"\nservices = [\"ssh\"]\n"
}

const ONE: &str = "[[decky]]\nname = \"files-01\"\nservices = [\"ssh\"]\n";

const GUARDED: &str = r#"
[[decky]]
name = "closed"
services = ["ssh"]
[decky.ssh]
accept = "none"
[[decky]]
name = "strict"
services = ["ssh"]
[decky.ssh]
accept = ["root:toor"]
forward = "refuse"
"#;

fn root_at(decky: &DeckyStatus) -> String {
    format!("root@{}", decky.ip)
}

fn is_login(event: &Event, password: &str) -> bool {
    let creds = event.creds.as_ref();
    event.event == Kind::AuthAttempt
        && creds.is_some_and(|creds| creds.password.as_deref() == Some(password))
}

#[test]
fn every_persona_speaks_as_its_own_server_does() {
    let world = World::make();
    let agent = world.agent(&fleet());
    let deckies = agent.status().expect("the agent answers").deckies;
    for decky in &deckies {
        let persona = persona::find(&decky.persona).expect("it is one");
        let said = world.client("ssh-keyscan").args(&["-T5", &decky.ip.to_string()]).run();
        let banner = format!("{}:22 {}\n", decky.ip, persona.ssh);
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains(&banner), "{}: {text}", decky.name);
        let ask = |command: &str| {
            let ssh = world.openssh("ssh", "toor").args(&[&root_at(decky), command]).run();
            String::from_utf8_lossy(&ssh.stdout).into_owned()
        };
        let (said, wanted) = if persona.family.is_windows() {
            (ask("ver & hostname"), [persona.kernel, &decky.hostname])
        } else if persona.id == "printer" {
            // It hangs up on commands.
            (ask("uname -a"), ["", ""])
        } else {
            (ask("uname -a"), [persona.kernel, &decky.hostname])
        };
        assert!(wanted.iter().all(|text| said.contains(text)), "{}: {said}", decky.name);
        let event = world.event("a login", |event| {
            is_login(event, "toor")
                && event.decky.as_ref().is_some_and(|part| part.name == decky.name)
        });
        assert_eq!(event.outcome, Some(Outcome::Success));
        assert_eq!(event.creds.and_then(|creds| creds.user).as_deref(), Some("root"));
    }
    let unique = |of: &dyn Fn(&DeckyStatus) -> String| {
        let all: BTreeSet<String> = deckies.iter().map(of).collect();
        assert_eq!(all.len(), deckies.len(), "{all:?}");
    };
    unique(&|decky| decky.mac.to_string());
    unique(&|decky| decky.hostname.clone());
    let ips: Vec<String> = deckies.iter().map(|decky| decky.ip.to_string()).collect();
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let keys = world.client("ssh-keyscan").args(&["-T5"]).args(&ips).run();
    let keys = String::from_utf8_lossy(&keys.stdout).into_owned();
    let keys: Vec<&str> = keys.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert!(keys.len() >= 2 * deckies.len(), "{keys:?}");
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "a key is shared");
}

#[test]
fn what_a_visitor_leaves_is_there_at_the_next_visit_and_recorded() {
    let world = World::make();
    let agent = world.agent(ONE);
    let decky = agent.decky("files-01");
    let host = root_at(&decky);
    // A person at a terminal.
    let options = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
    let mut terminal = world.terminal(&format!("ssh {options} {host}"));
    terminal.wait("password:");
    terminal.line("let me in");
    let prompt = format!("root@{}:~# ", decky.hostname);
    let greeting = terminal.wait(&prompt);
    assert!(greeting.contains("Debian GNU/Linux"), "{greeting}");
    terminal.line("echo hello > /root/x");
    terminal.wait(&prompt);
    terminal.line("exit");
    terminal.wait("logout");
    assert!(terminal.end().success());
    assert_eq!(world.openssh("ssh", "2").args(&[&host, "cat x"]).good(), "hello\n");
    for command in ["echo hello > /root/x", "exit", "cat x"] {
        world.event(command, |event| {
            event.event == Kind::CmdInput && event.data.text("command") == Some(command)
        });
    }
    // Files, in every way that OpenSSH knows.
    let sent = b"not much of a file\0\xff\n".repeat(3_000);
    std::fs::write(world.dir.join("sent"), &sent).expect("the directory is ours");
    let mut digest = RawDigest::default();
    digest.update(&sent);
    let wanted = digest.finish();
    world.openssh("scp", "3").args(&["sent", &format!("{host}:/tmp/a")]).good();
    world.openssh("scp", "4").args(&["-O", "sent", &format!("{host}:/tmp/b")]).good();
    let batch = ["-o", "BatchMode=no", "-b", "-", &host];
    let commands = "put sent /tmp/c\nget /tmp/b back\nrename /tmp/c /tmp/d\nls /tmp\n";
    let listed = world.openssh("sftp", "5").args(&batch).input(commands).good();
    assert!(listed.contains("/tmp/a  /tmp/b  /tmp/d"), "{listed}");
    assert_eq!(std::fs::read(world.dir.join("back")).expect("it came"), sent);
    let piped = [host.as_str(), "cat > /tmp/e; sha256sum < /tmp/e"];
    let sum = world.openssh("ssh", "6").args(&piped).input(sent).good();
    assert_eq!(sum, format!("{}  -\n", wanted.sha256));
    for path in ["/tmp/a", "/tmp/b", "/tmp/c", "/tmp/e"] {
        let event = world.event(path, |event| {
            event.event == Kind::FileUpload && event.data.text("path") == Some(path)
        });
        assert_eq!(
            event.raw.map(|raw| (raw.sha256, raw.len)),
            Some((wanted.sha256.clone(), wanted.len))
        );
    }
    // A script through a pipe, as bots do it.
    let script = "cd /tmp\nls d\nnonsense\nexit 7\n";
    let output = world.openssh("ssh", "7").args(&["-T", &host]).input(script).run();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text, "d\n-bash: line 3: nonsense: command not found\n");
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn who_is_not_let_in_is_recorded_with_all_that_was_tried() {
    let world = World::make();
    let agent = world.agent(GUARDED);
    let closed = root_at(&agent.decky("closed"));
    let refused = world.openssh("ssh", "hunter2").args(&[&closed, "id"]).run();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("Permission denied (publickey,password)."), "{said}");
    let event = world.event("the attempt", |event| is_login(event, "hunter2"));
    assert_eq!(event.outcome, Some(Outcome::Failure));
    // A key.
    let keygen = ["-q", "-t", "ed25519", "-N", "", "-f", "key"];
    world.client("ssh-keygen").args(&keygen).good();
    let print = world.client("ssh-keygen").args(&["-l", "-f", "key.pub"]).good();
    let print = print.split(' ').nth(1).expect("a fingerprint").to_owned();
    let batch = ["-i", "key", "-o", "BatchMode=yes", &closed, "id"];
    assert_eq!(world.openssh("ssh", "").args(&batch).run().status.code(), Some(255));
    let event = world.event("the key", |event| {
        let key = event.creds.as_ref().and_then(|creds| creds.key.clone());
        key == Some(format!("ssh-ed25519 {print}"))
    });
    assert_eq!(event.outcome, Some(Outcome::Failure));
    assert_eq!(event.data.text("method"), Some("publickey"));
    // The client itself.
    let event = world.event_of(Kind::FingerprintSsh);
    let client = event.data.text("client").unwrap_or_default();
    assert!(client.starts_with("SSH-2.0-OpenSSH_"), "{client}");
    // What only old clients speak, and what only too old ones do.
    let strict = root_at(&agent.decky("strict"));
    let old = ["-o", "KexAlgorithms=diffie-hellman-group14-sha256", "-c", "aes128-ctr"];
    let old = world.openssh("ssh", "toor").args(&old).args(&["-m", "hmac-sha1", &strict, "id -u"]);
    assert_eq!(old.good(), "0\n");
    for (option, what) in [
        ("KexAlgorithms=diffie-hellman-group1-sha1", "key exchange method"),
        ("Ciphers=aes128-cbc", "cipher"),
        ("HostKeyAlgorithms=ssh-dss", "host key type"),
    ] {
        let output = world.openssh("ssh", "toor").args(&["-o", option, &strict, "id"]).run();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(&format!("no matching {what} found")), "{option}: {said}");
    }
}

#[test]
fn nothing_leaves_through_a_forwarded_port() {
    let world = World::make();
    let agent = world.agent(&(ONE.to_owned() + GUARDED));
    let aim = format!("{VISITOR_IP}:9999");
    let listen = || TcpListener::bind(&aim).expect("a free port");
    let heard = world.as_visitor(listen);
    heard.set_nonblocking(true).expect("it can be");
    // One decky seems to let it through.
    let host = root_at(&agent.decky("files-01"));
    let forward = ["-N", "-L", &format!("127.0.0.1:9100:{aim}"), &host];
    let mut ssh = world.openssh("ssh", "toor").args(&forward).start();
    let mut stream = world.as_visitor(|| {
        let connected = wait_for(|| TcpStream::connect("127.0.0.1:9100").ok());
        connected.expect("ssh listens")
    });
    stream.write_all(b"EHLO relay\r\n").expect("ssh reads");
    stream.shutdown(std::net::Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("ssh closes it");
    assert_eq!(answer, b"");
    let event = world.event("the wish", |event| event.data.text("forward") == Some(&aim));
    assert_eq!(event.event, Kind::Payload);
    assert_eq!(event.raw.map(|raw| raw.len), Some(12));
    stop(&mut ssh);
    // The other says no.
    let strict = root_at(&agent.decky("strict"));
    let output = world.openssh("ssh", "toor").args(&["-W", &aim, &strict]).run();
    assert!(!output.status.success(), "{output:?}");
    world.event("the other wish", |event| {
        event.data.text("forward") == Some(&aim)
            && event.decky.as_ref().is_some_and(|decky| decky.name.as_str() == "strict")
    });
    assert!(heard.accept().is_err(), "a connection came through");
    assert_eq!(agent.status().expect("it answers").capture.guarded, 0, "something was tried");
}
