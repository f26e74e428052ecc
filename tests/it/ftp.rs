//! FTP with real clients: logins, transfers over both families, and what stays afterwards.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use decnet::logic::event::{Event, Kind, Outcome, Raw};
use decnet::logic::status::DeckyStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use decnet_tests::world::{VISITOR_IP, World, wait_for};

const FILES: &str = r#"
[network]
subnet6 = "fd77::/64"
[[decky]]
name = "files-01"
services = ["ftp", "ssh", "telnet"]
[[decky]]
name = "open-01"
services = ["ftp", "tcp"]
[[decky]]
name = "shut-01"
services = ["ftp"]
[decky.ftp]
accept = ["bob:right"]
"#;

/// Runs `curl` with the visitor's usual login.
fn curl(world: &World, args: &[&str]) -> (Option<i32>, String, String) {
    let mut all = vec!["-sS", "-m60", "-u", "root:toor"];
    all.extend(args);
    let output = world.visit("curl", &all);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn url(ip: IpAddr, path: &str) -> String {
    match ip {
        IpAddr::V4(ip) => format!("ftp://{ip}/{path}"),
        IpAddr::V6(ip) => format!("ftp://[{ip}]/{path}"),
    }
}

fn upload(event: &Event, path: &str) -> bool {
    event.event == Kind::FileUpload && event.data.text("path") == Some(path)
}

fn ip6(decky: &DeckyStatus) -> IpAddr {
    decky.ip6.expect("the network has IPv6")
}

#[test]
fn curl_puts_and_gets_over_both_families() {
    let world = World::make();
    let agent = world.agent(FILES);
    let text = "a text of some length\n".repeat(5000);
    let file = world.dir.join("text");
    std::fs::write(&file, &text).expect("the directory is ours");
    let file = file.display().to_string();
    for name in ["files-01", "open-01"] {
        let decky = agent.decky(name);
        for (ip, how) in
            [(decky.ip, "--disable-epsv"), (decky.ip, "--no-progress-meter"), (ip6(&decky), "-6")]
        {
            let kept = url(ip, "%2Ftmp/up");
            let put = curl(&world, &[how, "-T", &file, &kept]);
            assert_eq!(put.0, Some(0), "{name} {ip} {how}: {put:?}");
            let got = curl(&world, &[how, &kept]);
            assert!(got.1 == text, "{name} {ip}: {} bytes", got.1.len());
            let listed = curl(&world, &[how, &url(ip, "%2Ftmp/")]);
            let size = format!(" {} ", text.len());
            assert!(listed.1.contains(&size) && listed.1.ends_with(" up\n"), "{listed:?}");
        }
    }
    let wanted = Raw::of(text.as_bytes());
    let event = world.event("upload", |event| upload(event, "/tmp/up"));
    assert_eq!(event.raw, Some(wanted));
    assert_eq!(event.data.number("bytes"), Some(text.len() as u64));
    assert_eq!(event.service.as_deref(), Some("ftp"));
    // The data connections are a part of that, and no scan.
    assert!(world.events().iter().all(|event| event.event != Kind::ScanSyn));
}

#[test]
fn lftp_finds_its_way_around() {
    let world = World::make();
    let agent = world.agent(FILES);
    let decky = agent.decky("files-01");
    let dir = world.dir.join("mirror");
    std::fs::create_dir_all(dir.join("deep/er")).expect("the directory is ours");
    for name in ["one", "deep/two", "deep/er/three"] {
        std::fs::write(dir.join(name), name).expect("the directory is ours");
    }
    let back = world.dir.join("back");
    let script = format!(
        "set net:max-retries 1; set net:timeout 10; open -u root,toor {}; mkdir /tmp/d; cd /tmp/d; pwd; \
         mirror -R -P 3 {} m; cls -1 m; mv m/one m/uno; chmod 600 m/uno; ls m; rm m/uno; \
         mirror {} {}; glob ls *; bye",
        decky.ip,
        dir.display(),
        "m/deep",
        back.display(),
    );
    let output = world.visit("lftp", &["-c", &script]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("tmp/d\n"), "{output:?}");
    assert!(text.contains("-rw------- ") && text.contains(" uno"), "{output:?}");
    let three = std::fs::read_to_string(back.join("er/three")).expect("it was fetched");
    assert_eq!(three, "deep/er/three");
}

#[test]
fn a_wrong_login_is_refused_and_recorded() {
    let world = World::make();
    let agent = world.agent(FILES);
    let ip = agent.decky("shut-01").ip;
    let wrong = world.visit("curl", &["-sS", "-m60", "-u", "bob:wrong", &url(ip, "")]);
    assert_eq!(wrong.status.code(), Some(67), "{wrong:?}");
    let right = world.visit("curl", &["-sS", "-m60", "-u", "bob:right", &url(ip, "")]);
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    for (password, outcome) in [("wrong", Outcome::Failure), ("right", Outcome::Success)] {
        let event = world.event("login", |event| {
            let creds = event.creds.as_ref();
            creds.is_some_and(|creds| creds.password.as_deref() == Some(password))
        });
        assert_eq!(event.outcome, Some(outcome));
        assert_eq!(event.creds.and_then(|creds| creds.user).as_deref(), Some("bob"));
    }
}

/// A control connection by hand.
struct Control {
    stream: std::io::BufReader<TcpStream>,
}

impl Control {
    fn open(world: &World, ip: IpAddr) -> Self {
        let stream = world.as_visitor(|| TcpStream::connect((ip, 21)).expect("it answers"));
        stream.set_read_timeout(Some(Duration::from_secs(15))).expect("it can be");
        let mut control = Self { stream: std::io::BufReader::new(stream) };
        assert_eq!(control.line(), "220 (vsFTPd 3.0.3)");
        control.says("USER root");
        assert_eq!(control.says("PASS toor"), "230 Login successful.");
        control
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("it answers");
        line.trim_end().to_owned()
    }

    fn says(&mut self, line: &str) -> String {
        write!(self.stream.get_mut(), "{line}\r\n").expect("it listens");
        self.line()
    }

    fn port(&mut self) -> u16 {
        let told = self.says("EPSV");
        let port = told.split('|').nth(3).and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("{told}"))
    }
}

#[test]
fn a_passive_port_is_open_while_it_is_waited_at_and_for_one_visitor_alone() {
    let world = World::make();
    let agent = world.agent(FILES);
    let ip = agent.decky("files-01").ip;
    let mut control = Control::open(&world, ip);
    let port = control.port();
    let at = SocketAddr::new(ip, port);
    let connect = || world.as_visitor(|| TcpStream::connect_timeout(&at, Duration::from_secs(5)));
    let data = connect().expect("it is waited for");
    assert_eq!(control.says("LIST /"), "150 Here comes the directory listing.");
    assert_eq!(control.line(), "226 Directory send OK.");
    drop(data);
    let refused = connect().expect_err("nobody waits");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    // Again and again, at whichever port.
    for _ in 0..20 {
        let port = control.port();
        let at = SocketAddr::new(ip, port);
        let data = world.as_visitor(|| TcpStream::connect(at)).expect("it is waited for");
        assert!(control.says("NLST /").starts_with("150 "));
        assert!(control.line().starts_with("226 "));
        drop(data);
    }
    // Another of the visitor's addresses has no business at a port that is waited at.
    world.visit("ip", &["addr", "add", "10.77.255.8/16", "dev", "eth0"]);
    let at = format!("{ip}:{}", control.port());
    let stranger = world
        .visit("curl", &["-sS", "-m5", "--interface", "10.77.255.8", &format!("http://{at}/")]);
    assert_ne!(stranger.status.code(), Some(0), "{stranger:?}");
    let event = world.event("stranger", |event| {
        event.event == Kind::ConnOpen && event.outcome == Some(Outcome::Limited)
    });
    assert_eq!(event.src.and_then(|src| src.ip), Some("10.77.255.8".parse().expect("an address")));
    // Its end ends the wait.
    drop(control);
    wait_for(|| {
        world
            .visit("curl", &["-sS", "-m5", &format!("http://{at}/")])
            .status
            .code()
            .filter(|code| *code == 7)
    })
    .expect("the port closes");
}

#[test]
fn nobody_is_called_back() {
    let world = World::make();
    let agent = world.agent(FILES);
    let decky = agent.decky("files-01");
    let heard = world.as_visitor(|| TcpListener::bind("0.0.0.0:50123").expect("a free port"));
    heard.set_nonblocking(true).expect("it can be");
    let guarded = || agent.status().expect("the agent answers").capture.guarded;
    let before = guarded();
    let called = curl(&world, &["-v", "--ftp-port", "-", &url(decky.ip, "")]);
    assert!(called.2.contains("200 EPRT command successful."), "{called:?}");
    assert!(called.2.contains("425 Failed to establish connection."), "{called:?}");
    assert_ne!(called.0, Some(0), "{called:?}");
    let mut control = Control::open(&world, decky.ip);
    let port = format!("PORT {},195,203", VISITOR_IP.to_string().replace('.', ","));
    assert!(control.says(&port).starts_with("200 "));
    assert_eq!(control.says("LIST"), "425 Failed to establish connection.");
    assert_eq!(control.says("PORT 8,8,8,8,0,25"), "500 Illegal PORT command.");
    let bounce = world.event("bounce", |event| event.data.text("target") == Some("8.8.8.8:25"));
    assert_eq!(bounce.event, Kind::CmdInput);
    assert!(heard.accept().is_err(), "the decky called");
    assert_eq!(guarded(), before, "the decky tried to call");
}

/// What a command shows in the decky's shell, by telnet.
fn shell(world: &World, ip: IpAddr, command: &str) -> String {
    let mut stream = world.as_visitor(|| TcpStream::connect((ip, 23)).expect("it answers"));
    stream.set_read_timeout(Some(Duration::from_secs(15))).expect("it can be");
    // Whoever types haggles over no options.
    stream.write_all(b"\r\n").expect("it listens");
    let mut shown = String::new();
    let steps = [
        ("login: ", "root"),
        ("Password: ", "toor"),
        ("# ", command),
        ("# ", "exit"),
        ("exit", ""),
    ];
    for (prompt, answer) in steps {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(prompt) {
            let mut bytes = [0; 4096];
            let count = stream.read(&mut bytes).expect("it answers");
            assert!(count > 0, "no {prompt:?} after {shown:?}");
            seen.extend_from_slice(&bytes[..count]);
        }
        shown.push_str(&String::from_utf8_lossy(&seen));
        stream.write_all(format!("{answer}\r\n").as_bytes()).expect("it listens");
    }
    shown
}

/// A file of the decky, by scp.
fn copied(world: &World, ip: IpAddr, path: &str) -> String {
    let (ask, to) = (world.dir.join("ask"), world.dir.join("copy"));
    std::fs::write(&ask, "#!/bin/sh\necho toor\n").expect("the directory is ours");
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(&ask, mode).expect("the directory is ours");
    let ask = format!("SSH_ASKPASS={}", ask.display());
    let (from, copy) = (format!("root@{ip}:{path}"), to.display().to_string());
    let known = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no"];
    let args = [&[&ask, "SSH_ASKPASS_REQUIRE=force", "scp"], &known[..], &[&from, &copy]];
    let output = world.visit("env", &args.concat());
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(to).expect("it was copied")
}

fn host_keys(world: &World, ip: IpAddr) -> Vec<String> {
    let ip = ip.to_string();
    let scan = || {
        let output = world.visit("ssh-keyscan", &["-T", "15", &ip]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut keys: Vec<String> =
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        keys.sort();
        (keys.len() == 3).then_some(keys)
    };
    wait_for(scan).expect("three host keys")
}

#[test]
fn what_visitors_leave_is_there_for_others_and_after_every_kind_of_end() {
    let world = World::make();
    let agent = world.agent(FILES);
    let decky = agent.decky("files-01");
    let file = world.dir.join("left");
    std::fs::write(&file, "left behind\n").expect("the directory is ours");
    let put = curl(&world, &["-T", &file.display().to_string(), &url(decky.ip, "%2Ftmp/left")]);
    assert_eq!(put.0, Some(0), "{put:?}");
    let shown = shell(&world, decky.ip, "cat /tmp/left; rm /etc/motd; echo more >>/tmp/left");
    assert!(shown.contains("left behind"), "{shown}");
    assert_eq!(copied(&world, decky.ip, "/tmp/left"), "left behind\nmore\n");
    let keys = host_keys(&world, decky.ip);
    let whole = (Some(0), "left behind\nmore\n".to_owned(), String::new());
    let get = || curl(&world, &[&url(decky.ip, "%2Ftmp/left")]);
    assert_eq!(get(), whole);
    let gone = || curl(&world, &[&url(decky.ip, "%2Fetc/motd")]).0;
    assert_eq!(gone(), Some(78));
    let kept = || {
        let kept = world.store().files("files-01@debian-12").expect("it can be read");
        let paths: Vec<String> = kept.into_iter().map(|change| change.path).collect();
        (paths.contains(&"/etc/motd".to_owned()) && paths.contains(&"/tmp/left".to_owned()))
            .then_some(())
    };
    wait_for(kept).expect("the store has them");
    // The face is taken from under everybody's feet.
    let face = agent.process_of("face");
    kill(Pid::from_raw(face), Signal::SIGKILL).expect("it is ours");
    wait_for(|| (agent.process_of("face") != face).then_some(())).expect("another face");
    // Whoever comes at that very moment may be cut off, and comes again.
    wait_for(|| (get() == whole).then_some(())).expect("it has what the one before had");
    // The whole node is.
    agent.end(Signal::SIGKILL);
    let agent = world.agent(FILES);
    assert_eq!(agent.decky("files-01").ip, decky.ip);
    assert_eq!(get(), whole);
    assert_eq!(gone(), Some(78));
    assert_eq!(host_keys(&world, decky.ip), keys);
    // A decky that is wanted no more takes its files along.
    agent.end(Signal::SIGTERM);
    let _agent = world.agent("[[decky]]\nname = \"web-01\"\nservices = [\"http\"]\n");
    let left = world.store().files("files-01@debian-12").expect("it can be read");
    assert_eq!(left, []);
}
