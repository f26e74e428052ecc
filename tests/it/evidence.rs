//! What visitors send is kept whole, and whoever reads it on the decky sees all of it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpStream};
use std::process::Output;
use std::time::{Duration, Instant};

use decnet::logic::event::{Event, Kind, Raw};
use decnet_tests::client::stop;
use decnet_tests::world::{World, decnet, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ONE: &str = "[[decky]]\nname = \"files-01\"\nservices = [\"ssh\", \"ftp\"]\n";
const MIB: usize = 1024 * 1024;
/// How long a client may take for what is large: many times what it takes alone.
const LONG: u32 = 240;

/// Nothing that repeats, and other bytes for another seed.
fn bytes(length: usize, seed: u32) -> Vec<u8> {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).rotate_left(7).wrapping_add(seed);
    (0..).map(word).flat_map(u32::to_le_bytes).take(length).collect()
}

fn ssh(world: &World, ip: IpAddr, line: &[&str]) -> Output {
    let host = format!("root@{ip}");
    world.openssh_for("ssh", "toor", LONG).args(&[&[host.as_str()], line].concat()).run()
}

/// The bytes of this digest, as an operator takes them out.
fn kept(world: &World, sha256: &str) -> Vec<u8> {
    let known = || world.store().evidence_len(sha256).ok().flatten();
    wait_for(known).unwrap_or_else(|| panic!("no {sha256}: {:?}", world.store().evidence(99)));
    let got = world.decnet(&["files", "get", sha256, &world.run_arg()]);
    assert!(got.status.success(), "{got:?}");
    got.stdout
}

/// What the event says of whether all is kept.
fn whole(event: &Event) -> Option<String> {
    event.data.value("whole").map(ToString::to_string)
}

/// The event of a file, which tells the length and the digest of all that was sent.
fn told(world: &World, path: &str, sent: &[u8]) -> Event {
    let raw = Raw::of(sent);
    world.event(path, |event| {
        event.event == Kind::FileUpload
            && event.data.text("path") == Some(path)
            && event
                .raw
                .as_ref()
                .is_some_and(|told| (&told.sha256, told.len) == (&raw.sha256, raw.len))
    })
}

/// One way of sending a file.
fn send(world: &World, ip: IpAddr, how: &str, path: &str, sent: &[u8]) -> Output {
    let local = world.dir.join("local").display().to_string();
    std::fs::write(&local, sent).expect("the directory is ours");
    let to = format!("root@{ip}:{path}");
    let openssh = |program| world.openssh_for(program, "toor", LONG);
    match how {
        "scp" => openssh("scp").args(&["-O", &local, &to]).run(),
        "sftp" => openssh("scp").args(&[&local, &to]).run(),
        "cat" => {
            let line = format!("cat > {path}; chmod 700 {path}");
            openssh("ssh").args(&[&format!("root@{ip}"), &line]).input(sent.to_vec()).run()
        }
        _ => {
            let url = format!("ftp://{ip}/{path}");
            let args = ["-sS", "-u", "root:toor", "-T", &local, &url];
            world.client_for("curl", LONG).args(&args).run()
        }
    }
}

const WAYS: [&str; 4] = ["scp", "sftp", "cat", "ftp"];

fn get(world: &World, ip: IpAddr, path: &str) -> Vec<u8> {
    let url = format!("ftp://{ip}/{path}");
    world.client_for("curl", LONG).args(&["-sS", "-u", "root:toor", &url]).run().stdout
}

/// Each way of looking at a file shows the same.
fn shows(world: &World, ip: IpAddr, path: &str, how: &str, expected: &[u8]) {
    let digest = Raw::of(expected).sha256;
    let line = format!("ls -l {path}; stat -c %s {path}; wc -c {path}; sha256sum {path}");
    let said = String::from_utf8_lossy(&ssh(world, ip, &[&line]).stdout).into_owned();
    let length = expected.len().to_string();
    assert_eq!(said.matches(&length).count(), 3, "{how}: {said}");
    assert!(said.contains(&digest), "{how}: {said} and not {digest}");
    let drawn = ssh(world, ip, &[&format!("cat {path}")]).stdout;
    assert!(drawn == expected, "{how}: cat shows {} bytes", drawn.len());
    let back = world.dir.join("back").display().to_string();
    for options in [&["-O"][..], &[]] {
        let from = format!("root@{ip}:{path}");
        let scp = world.openssh_for("scp", "toor", LONG).args(options);
        scp.args(&[&from, &back]).good();
        let got = std::fs::read(&back).expect("it came");
        assert!(got == expected, "{how}: scp {options:?} brings {} bytes", got.len());
    }
    let got = get(world, ip, path);
    assert!(got == expected, "{how}: ftp brings {} bytes", got.len());
}

#[test]
fn a_file_that_is_sent_is_kept_whole_and_reads_as_it_was_sent() {
    let world = World::make();
    let agent = world.agent(ONE);
    let ip = agent.decky("files-01").ip;
    for (n, how) in (1..).zip(WAYS) {
        let (sent, path) = (bytes(200_000 + n, 1), format!("/tmp/x{n}"));
        let done = send(&world, ip, how, &path, &sent);
        assert!(done.status.success(), "{how}: {done:?}");
        let event = told(&world, &path, &sent);
        assert_eq!(whole(&event).as_deref(), Some("true"), "{how}: {event:?}");
        assert!(kept(&world, &Raw::of(&sent).sha256) == sent, "{how}");
        shows(&world, ip, &path, how, &sent);
    }
    let modes = ssh(&world, ip, &["stat -c %a /tmp/x3"]).stdout;
    assert_eq!(modes, b"700\n", "what stands behind `cat` was not run");
    // Sent again it is kept once, and the list has it first.
    let again = bytes(200_001, 1);
    send(&world, ip, "sftp", "/tmp/again", &again);
    told(&world, "/tmp/again", &again);
    let all = world.store().evidence(100).expect("the store can be read");
    assert_eq!(all.len(), WAYS.len(), "{all:?}");
    let listed = world.decnet(&["files", "--json", "-n1", &world.run_arg()]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(listed[0]["sha256"], Raw::of(&again).sha256, "{listed}");
    assert_eq!(listed[0]["bytes"], again.len(), "{listed}");
    let none = world.decnet(&["files", "get", "00", &world.run_arg()]);
    assert_eq!(none.status.code(), Some(1), "{none:?}");
}

/// The largest that is kept; all ways read the same bytes.
#[test]
fn the_largest_file_is_kept_whole_whichever_way_it_comes() {
    let world = World::make();
    let agent = world.agent(ONE);
    let ip = agent.decky("files-01").ip;
    for (seed, how) in (1..).zip(WAYS) {
        let (sent, path) = (bytes(16 * MIB, seed), format!("/tmp/{how}"));
        let done = send(&world, ip, how, &path, &sent);
        assert!(done.status.success(), "{how}: {done:?}");
        let event = told(&world, &path, &sent);
        assert_eq!(whole(&event).as_deref(), Some("true"), "{how}: {event:?}");
        assert!(kept(&world, &Raw::of(&sent).sha256) == sent, "{how}");
        if how == "scp" {
            shows(&world, ip, &path, how, &sent);
        } else {
            assert!(get(&world, ip, &path) == sent, "{how}: other bytes");
        }
    }
}

/// What is more is told by the length and digest of all of it. Whoever sent it is told that it did
/// not go well, and whoever looks sees what there is.
#[test]
fn a_file_that_is_too_large_is_told_by_its_digest_and_no_success_is_shown() {
    let world = World::make();
    let agent = world.agent(ONE);
    let ip = agent.decky("files-01").ip;
    let sent = bytes(20 * MIB, 9);
    for how in WAYS {
        let path = format!("/tmp/{how}");
        let done = send(&world, ip, how, &path, &sent);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        // A `;` behind `cat` hides its status, as in any shell.
        assert!(!done.status.success() || how == "cat", "{how}: {said}");
        let event = told(&world, &path, &sent);
        assert_eq!(whole(&event).as_deref(), Some("false"), "{how}: {event:?}");
        assert_eq!(event.data.number("kept"), Some(16 * MIB as u64), "{how}: {event:?}");
        if how == "scp" {
            assert!(said.contains("No space left on device"), "{said}");
            shows(&world, ip, &path, how, &sent[..16 * MIB]);
        }
        ssh(&world, ip, &[&format!("rm {path}")]);
    }
    assert!(
        world
            .store()
            .evidence(9)
            .expect("it can be read")
            .iter()
            .all(|kept| { kept.bytes <= 16 * MIB as u64 })
    );
}

/// Files outlive the process that serves them, and the node, however they came to be.
#[test]
fn large_files_outlive_the_face_and_the_node() {
    let world = World::make();
    let agent = world.agent(ONE);
    let ip = agent.decky("files-01").ip;
    let sent = bytes(3 * MIB + 11, 5);
    assert!(send(&world, ip, "ftp", "/tmp/sent", &sent).status.success());
    let line = "cat /tmp/sent >> /root/made; echo more >> /root/made; echo small > /tmp/small";
    ssh(&world, ip, &[line]);
    let made = [&sent[..], b"more\n"].concat();
    assert!(get(&world, ip, "/root/made") == made, "it was not made");
    let known = || {
        let paths = ["/tmp/sent", "/root/made", "/tmp/small"];
        let all = world.store().files("files-01@debian-12").expect("it can be read");
        let known = |path: &&str| all.iter().any(|change| change.path == **path);
        let whole = world.store().evidence_len(&Raw::of(&made).sha256).ok().flatten();
        (whole.is_some() && paths.iter().all(known)).then_some(())
    };
    wait_for(known).expect("the store has them");
    let face = agent.process_of("face");
    kill(Pid::from_raw(face), Signal::SIGKILL).expect("it is ours");
    wait_for(|| (agent.process_of("face") != face).then_some(())).expect("another face");
    let is_there = |when: &str| {
        assert!(get(&world, ip, "/tmp/sent") == sent, "{when}");
        assert!(get(&world, ip, "/root/made") == made, "{when}");
        assert!(get(&world, ip, "/tmp/small") == b"small\n", "{when}");
    };
    is_there("after the face");
    agent.end(Signal::SIGKILL);
    let agent = world.agent(ONE);
    assert_eq!(agent.decky("files-01").ip, ip);
    is_there("after a killed node");
    // What was left in the last moment is kept by a node that ends in good order.
    assert!(send(&world, ip, "scp", "/tmp/last", &made).status.success());
    assert!(agent.end(Signal::SIGTERM).success());
    let _agent = world.agent(ONE);
    is_there("after an ended node");
    assert!(get(&world, ip, "/tmp/last") == made, "what came last");
    shows(&world, ip, "/tmp/last", "after an ended node", &made);
}

/// OpenSSH takes packets of 256 KiB, and commands nearly as long.
#[test]
fn a_long_command_is_recorded_whole() {
    let world = World::make();
    let agent = world.agent(ONE);
    let ip = agent.decky("files-01").ip;
    // One argument may have 128 KiB on the way to the client; it sends them with spaces between.
    for size in [2_000, 5_000, 20_000, 100_000, 130_000] {
        let word = "x".repeat(size);
        let line = [":", &word, &word, "; echo all of it"];
        let said = ssh(&world, ip, &line);
        assert_eq!(said.stdout, b"all of it\n", "{size}: {:?}", said.stderr);
        let all = line.join(" ");
        let raw = Raw::of(all.as_bytes());
        let event = world.event("a long command", |event| {
            event.event == Kind::CmdInput
                && (event.data.text("command") == Some(&all)
                    || event.raw.as_ref().is_some_and(|told| told.sha256 == raw.sha256))
        });
        if all.len() > 4_096 {
            let mark = format!("... ({} bytes, sha256 {})", raw.len, raw.sha256);
            let command = event.data.text("command").expect("a command");
            assert!(command.ends_with(&mark), "{command}");
            assert_eq!(whole(&event).as_deref(), Some("true"), "{event:?}");
            assert!(kept(&world, &raw.sha256) == all.as_bytes(), "{size}");
        }
    }
}

/// Whatever else brings bytes: all of them are kept, or all of them are told.
#[test]
fn what_other_services_are_sent_is_kept_whole() {
    const MANY: &str =
        "[[decky]]\nname = \"many-01\"\nservices = [\"http\", \"redis\", \"telnet\", \"tcp\"]\n";
    let world = World::make();
    let agent = world.agent(MANY);
    let ip = agent.decky("many-01").ip;
    let local = world.dir.join("local").display().to_string();
    // Beyond 1 MiB an nginx refuses at once.
    let sent = bytes(700_007, 3);
    std::fs::write(&local, &sent).expect("the directory is ours");
    let raw = Raw::of(&sent);
    let is_all = |what: &str, kind: Kind| {
        let event = world.event(what, |event| {
            event.event == kind && event.raw.as_ref().is_some_and(|it| it.sha256 == raw.sha256)
        });
        assert_eq!(whole(&event).as_deref(), Some("true"), "{what}: {event:?}");
        assert!(kept(&world, &raw.sha256) == sent, "{what}");
    };
    let curl = |args: &[&str]| world.client_for("curl", LONG).args(&["-sS"]).args(args).run();
    curl(&["-T", &local, &format!("http://{ip}/shell.php")]);
    is_all("PUT", Kind::FileUpload);
    curl(&["-F", &format!("file=@{local}"), &format!("http://{ip}/upload")]);
    let request = world.event("POST", |event| {
        event.event == Kind::HttpRequest && event.data.text("method") == Some("POST")
    });
    assert_eq!(whole(&request).as_deref(), Some("true"), "{request:?}");
    let body = kept(&world, &request.raw.expect("its bytes").sha256);
    assert!(body.windows(64).any(|part| part == &sent[sent.len() - 64..]), "the end is missing");
    let cli = world.client_for("redis-cli", LONG).args(&["-h", &ip.to_string()]);
    cli.args(&["-x", "set", "planted"]).input(sent.clone()).run();
    is_all("SET", Kind::CmdInput);
    let mut stream = world.as_visitor(|| TcpStream::connect((ip, 4444))).expect("it listens");
    stream.write_all(&sent).expect("it is read");
    drop(stream);
    is_all("a payload", Kind::Payload);
    // A text that is cut says so, with the length and digest of all of it.
    let agent = "A".repeat(6_000);
    curl(&["-A", &agent, &format!("http://{ip}/agent")]);
    let event = world.event("a long text", |event| event.data.text("target") == Some("/agent"));
    let (told, raw) = (event.data.text("user_agent"), Raw::of(agent.as_bytes()));
    let mark = format!("A... (6000 bytes, sha256 {})", raw.sha256);
    assert!(told.is_some_and(|told| told.ends_with(&mark)), "{told:?}");
}

/// Kilobytes of memory that a process holds.
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Many files at a time by one visitor; another one is served meanwhile, and nobody holds more than
/// there is room for.
#[test]
fn a_flood_of_files_neither_fills_the_memory_nor_keeps_another_waiting() {
    let world = World::make();
    let agent = world.agent(&format!("{ONE}[[decky]]\nname = \"other\"\nservices = [\"ftp\"]\n"));
    let (ip, other) = (agent.decky("files-01").ip, agent.decky("other").ip);
    let local = world.dir.join("flood").display().to_string();
    std::fs::write(&local, bytes(20 * MIB, 1)).expect("the directory is ours");
    let flood = |n: usize| {
        let to = format!("ftp://{ip}//tmp/flood{n}");
        let args = ["-sS", "-u", "root:toor", "-T", &local, &to];
        world.client_for("curl", LONG).args(&args).start()
    };
    let mut floods: Vec<_> = (0..12).map(flood).collect();
    let (mut slowest, mut asked) = (Duration::ZERO, 0);
    let mut most = [0; 2];
    while floods.iter_mut().any(|flood| matches!(flood.try_wait(), Ok(None))) && asked < 200 {
        let began = Instant::now();
        let mut stream = world.as_visitor(|| TcpStream::connect((other, 21))).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time");
        let mut banner = [0; 3];
        stream.read_exact(&mut banner).expect("a banner");
        assert_eq!(&banner, b"220");
        slowest = slowest.max(began.elapsed());
        asked += 1;
        let now = [agent.process_of("face"), agent.pid()].map(memory);
        most = [most[0].max(now[0]), most[1].max(now[1])];
        std::thread::park_timeout(Duration::from_millis(50));
    }
    floods.iter_mut().for_each(stop);
    assert!(asked > 3, "the flood was over before anybody looked");
    assert!(slowest < Duration::from_secs(20), "{slowest:?} of {asked}");
    assert!(most[0] < 400 * 1024 && most[1] < 400 * 1024, "{most:?}");
}

/// Runs a program on a disk of its own, which is small and gone with it.
const SMALL_DISK: &str = "mount --make-rprivate / && truncate -s 80M $0.disk && \
    mkfs.ext4 -q -m 0 $0.disk && mkdir -p $0 && mount -o loop $0.disk $0 && exec \"$@\"";

/// Of what fills the disk some is not kept, and every event is there all the same.
#[test]
fn a_full_disk_takes_evidence_and_never_an_event() {
    let world = World::make();
    let state = world.state_dir().display().to_string();
    let by = ["unshare", "--mount", "sh", "-c", SMALL_DISK, &state];
    let agent = world.start_agent_by(&by, ONE);
    agent.wait_up();
    let ip = agent.decky("files-01").ip;
    // Nobody else sees that disk.
    let (pid, program) = (agent.pid().to_string(), decnet().display().to_string());
    let line = ["nsenter", "--mount", "--target", &pid, &program, "events", "--json", "-n0"];
    let line = [&line[..], &["--state-dir", &state]].concat();
    let find = |wanted: &dyn Fn(&Event) -> bool| {
        wait_for(|| {
            let all = world.on_node(&line).stdout;
            let events = all.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice::<Event>);
            events.into_iter().find(|event| wanted(event))
        })
    };
    let mut kept = Vec::new();
    for n in 0..5 {
        let (sent, path) = (bytes(12 * MIB, n), format!("/tmp/full{n}"));
        send(&world, ip, "scp", &path, &sent);
        let raw = Raw::of(&sent);
        let of_it = |event: &Event| {
            let told = event.raw.as_ref().map(|raw| (&raw.sha256, raw.len));
            event.event == Kind::FileUpload && told == Some((&raw.sha256, raw.len))
        };
        let event = find(&of_it).unwrap_or_else(|| panic!("{path}: {}", world.log()));
        kept.push(whole(&event));
    }
    assert!(kept.iter().any(|whole| whole.as_deref() == Some("true")), "{kept:?}");
    let line = ["nsenter", "--mount", "--target", &pid, &program, "files", "--json"];
    let listed = world.on_node(&[&line[..], &["--state-dir", &state]].concat()).stdout;
    let listed: Vec<serde_json::Value> = serde_json::from_slice(&listed).expect("JSON");
    assert!((1..5).contains(&listed.len()), "the disk was not full: {listed:?}");
    // Another's is recorded as before, and nothing was given up.
    ssh(&world, ip, &["echo still-here"]);
    let said = find(&|event| {
        event.event == Kind::CmdInput && event.data.text("command") == Some("echo still-here")
    });
    assert!(said.is_some(), "{}", world.log());
    assert!(!world.log().contains("dropping them"), "{}", world.log());
}
