//! What cannot be had is said in one message that names it and what to do, with the right exit
//! code, and leaves nothing behind.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::process::Output;

use decnet_tests::world::{World, decnet, files_below};

const GOOD: &str = "[[decky]]\nname = \"web-01\"\nservices = [\"http\"]\n";

/// Runs an agent that cannot be, by a program that becomes it, and shows that nothing is left.
fn refused(world: &World, by: &[&str], config: &str, args: &[&str]) -> (i32, String) {
    let path = world.config(config).display().to_string();
    let dirs = world.dirs();
    let program = decnet().display().to_string();
    let mut line: Vec<&str> = by.to_vec();
    line.extend([program.as_str(), "agent", "--config", &path]);
    line.extend(dirs.iter().map(String::as_str));
    line.extend(args);
    let output = world.on_node(&line);
    assert_eq!(world.links(), ["lo", "lan0"]);
    assert_eq!(files_below(&world.run_dir()), Vec::<String>::new(), "{output:?}");
    assert_eq!(files_below(&world.state_dir()), Vec::<String>::new(), "{output:?}");
    said(&output)
}

fn said(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("it ended by itself"), text)
}

/// Shows that each command line is wrong use, and said to be so in one line.
fn assert_wrong(config: &str, args: &[&str], wanted: &str, world: &World) {
    let (code, message) = refused(world, &[], config, args);
    assert!(message.contains(wanted), "{message}\nis not: {wanted}");
    assert_eq!(code, 2, "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn an_interface_that_cannot_carry_deckies_is_named() {
    let world = World::make();
    let table: [(&[&str], &str); 4] = [
        (&["--interface", "eth7"], "there is no network interface `eth7`: there are lo, lan0"),
        (&["--interface", "lo"], "`lo` is the loopback: deckies need a network interface of a LAN"),
        (&[], "no network interface has a default route: name the LAN's with --interface"),
        (&["--interface", "lan0", "--user", "nosuch"], "there is no user `nosuch`"),
    ];
    for (args, wanted) in table {
        assert_wrong(GOOD, args, wanted, &world);
    }
    world.on_node(&["ip", "link", "set", "lan0", "down"]);
    let (code, message) = refused(&world, &[], GOOD, &["--interface", "lan0"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("`lan0` is down: set it up first"), "{message}");
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let world = World::make();
    let [state, state_dir, run, run_dir] = world.dirs();
    let program = decnet().display().to_string();
    let line = [&program, "up", "--config", "/nowhere.toml", &state, &state_dir, &run, &run_dir];
    let (code, message) = said(&world.on_node(&line));
    let wanted = "decnet: there is no configuration file `/nowhere.toml`: name one with --config\n";
    assert_eq!((code, message.as_str()), (2, wanted));
    assert_eq!(files_below(&world.run_dir()), Vec::<String>::new());
}

#[test]
fn what_a_file_asks_for_and_cannot_be_is_named_with_its_line() {
    let world = World::make();
    let address = "line 1: the address";
    for (rest, wanted) in [
        ("[decky.gopher]", "decnet.toml`: line 4: unknown field `gopher`"),
        ("persona = \"amiga\"", "decnet.toml`: line 4: `amiga` is no persona: there are debian-12"),
        ("colour = \"red\"", "decnet.toml`: line 4: unknown field `colour`"),
        ("ip = 10.77.1.1", "decnet.toml`: line 4: "),
        (
            "ip = \"192.168.9.9\"",
            "192.168.9.9 of decky `web-01` is outside the subnet 10.77.0.0/16",
        ),
        ("ip = \"10.77.255.2\"", "10.77.255.2 of decky `web-01` is the node's own"),
        ("ip = \"10.77.255.7\"", "10.77.255.7 of decky `web-01` is in use by "),
        (
            "count = 20\n[network]\nsubnet = \"10.77.255.0/29\"",
            "the subnet 10.77.255.0/29 is full: 5 of 20 deckies have an address; ask for fewer, or",
        ),
        (GOOD, "line 4: the name `web-01` is taken by the decky of line 1"),
        ("[agent]\nspeed = 9", "line 5: `speed` is no option of agent"),
    ] {
        let wanted =
            if rest.starts_with("ip = \"") { format!("{address} {wanted}") } else { wanted.into() };
        assert_wrong(&format!("{GOOD}{rest}"), &["--interface", "lan0"], &wanted, &world);
    }
    let config = GOOD.replace("http", "gopher");
    let wanted = "decnet.toml`: line 3: `gopher` is no service: there are ftp, http";
    assert_wrong(&config, &["--interface", "lan0"], wanted, &world);
}

#[test]
fn an_agent_that_may_not_says_what_it_lacks() {
    let world = World::make();
    let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let (code, message) = refused(&world, &nobody, GOOD, &["--interface", "lan0"]);
    assert_eq!(code, 1, "{message}");
    let wanted =
        "the agent lacks CAP_NET_ADMIN and CAP_NET_RAW: start it as root, or as the systemd unit";
    assert!(message.contains(wanted), "{message}");
    // With them, and nothing that loads the capture programs.
    std::fs::create_dir_all(world.state_dir()).expect("the directory is ours");
    std::fs::create_dir_all(world.run_dir()).expect("the directory is ours");
    for dir in [world.state_dir(), world.run_dir()] {
        std::os::unix::fs::chown(dir, Some(65_534), Some(65_534)).expect("tests run as root");
    }
    let caps = ["--inh-caps=+net_admin,+net_raw", "--ambient-caps=+net_admin,+net_raw"];
    let able: Vec<&str> = nobody.into_iter().chain(caps).collect();
    let (code, message) = refused(&world, &able, GOOD, &["--interface", "lan0"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("run `decnet bpf load` as root"), "{message}");
}

/// The kernel lets nobody make a user namespace whose root is not that of its mounts
/// (user_namespaces(7), EPERM): a refusal that touches nobody else.
#[test]
fn a_kernel_that_forbids_user_namespaces_is_said_to_do_so() {
    let world = World::make();
    let root = world.dir.join("root");
    std::fs::create_dir(&root).expect("the directory is ours");
    let script = "mount --rbind / \"$0\" && exec chroot \"$0\" \"$@\"";
    let root = root.display().to_string();
    let by = ["unshare", "--mount", "--propagation=private", "bash", "-c", script, &root];
    let path = world.config(GOOD).display().to_string();
    let (dirs, program) = (world.dirs(), decnet().display().to_string());
    let mut line = by.to_vec();
    line.extend([program.as_str(), "agent", "--interface", "lan0", "--config", &path]);
    line.extend(dirs.iter().map(String::as_str));
    let (code, message) = said(&world.on_node(&line));
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("cannot make a user namespace: EPERM"), "{message}");
    assert!(message.contains("`decnet doctor`"), "{message}");
    assert_eq!(world.links(), ["lo", "lan0"]);
    assert_eq!(files_below(&world.run_dir()), Vec::<String>::new());
    // Where there may be none at all; the limit is that of the namespace which the test made.
    let limit = "/proc/sys/user/max_user_namespaces";
    let before = std::fs::read_to_string(limit).expect("the kernel has it");
    let script = format!("echo 0 > {limit} && exec \"$@\"");
    let line = ["unshare", "--user", "--map-root-user", "bash", "-c", &script, "-"];
    let output = world.on_node(&[&line[..], &[&program, "doctor", "--json"]].concat());
    assert_eq!(std::fs::read_to_string(limit).expect("the kernel has it"), before);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let findings: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = findings.as_array().expect("a list");
    let finding = all.iter().find(|finding| finding["check"] == "user namespaces");
    let finding = finding.expect("it is checked");
    assert_eq!(finding["verdict"], "fail");
    assert_eq!(finding["found"], "forbidden: user.max_user_namespaces is 0");
    let advice = finding["advice"].as_str().expect("it says what to do");
    assert!(advice.contains("sysctl -w user.max_user_namespaces="), "{advice}");
}

#[test]
fn a_directory_that_is_closed_is_named_with_whom_it_is_closed_to() {
    let dir = tempfile::tempdir().expect("a directory");
    let closed = dir.path().join("closed");
    std::fs::DirBuilder::new().mode(0o700).create(&closed).expect("a directory");
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("ours");
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let closed = closed.display();
    // The program is where nobody else may look: it is started from an open file.
    let program = std::fs::File::open(decnet()).expect("the program");
    let ask = |args: &[&str]| {
        let run = format!("exec /proc/self/fd/0 {}", args.join(" "));
        let mut command = std::process::Command::new("setpriv");
        command.args(nobody).args(["sh", "-c", &run]);
        command.stdin(program.try_clone().expect("a descriptor"));
        said(&command.output().expect("setpriv runs"))
    };
    let wanted = format!("for the user `nobody`, who may not enter `{closed}`");
    for args in [
        ["status", "--run-dir", &format!("{closed}/run")].as_slice(),
        &["events", "--state-dir", &format!("{closed}/state")],
        &["release", "keygen", "--out", &format!("{closed}/key")],
        &["release", "inspect", &format!("{closed}/bundle")],
    ] {
        let (code, message) = ask(args);
        assert_ne!(code, 0, "{args:?}: {message}");
        assert!(message.contains(&wanted), "{args:?}: {message}");
    }
}

#[test]
fn what_cannot_be_written_out_is_a_failure_and_no_panic() {
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(decnet());
        command.args(args);
        command
    };
    // What is asked for does not reach anybody.
    let output = run(&["personas"]).stdout(full()).output().expect("it runs");
    let (code, message) = said(&output);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("cannot write to standard output: No space left"), "{message}");
    // Nor does what is wrong; the exit code still says it. 101 would be a panic.
    for args in [
        ["status", "--run-dir", "/nowhere"].as_slice(),
        &["events", "--state-dir", "/nowhere"],
        // It logs before it fails.
        &["agent", "--interface", "nowhere", "--run-dir", "/proc/none", "--log-level", "trace"],
        &["--log-level", "nonsense", "personas"],
    ] {
        let status = run(args).stderr(full()).stdout(full()).status().expect("it runs");
        assert!(matches!(status.code(), Some(1 | 2)), "{args:?}: {status}");
    }
}

#[test]
fn an_operator_without_an_agent_is_told_so() {
    let world = World::make();
    let run_arg = world.run_arg();
    let config = format!("--config={}", world.config(GOOD).display());
    let state_dir = format!("--state-dir={}", world.state_dir().display());
    let nothing = "is `decnet up` or `decnet agent` running";
    let table: [(&[&str], &str); 9] = [
        (&["status", &run_arg], nothing),
        (&["deploy", &run_arg, &config], nothing),
        (
            &["deploy", &run_arg, "--config=/nonexistent"],
            "there is no configuration file `/nonexistent`",
        ),
        (&["teardown", &run_arg, "--decky=web-01"], nothing),
        (&["capture", &run_arg, "--decky=web-01", "--write=x"], nothing),
        (&["events", &state_dir], "there are no events at `"),
        (
            &["events", &state_dir, "--kind=scan.nonsense"],
            "`--kind scan.nonsense` is no kind of event: there are agent.gap",
        ),
        (
            &["events", &state_dir, "--since=yesterday"],
            "`--since yesterday`: it takes a time such as",
        ),
        (&["status", "--colour"], "unexpected argument '--colour'"),
    ];
    for (args, wanted) in table {
        let (code, message) = said(&world.decnet(args));
        assert_eq!(code, 2, "{args:?}: {message}");
        assert!(message.contains(wanted), "{args:?}: {message}");
    }
}

#[test]
fn a_second_agent_is_refused_and_the_first_is_not_disturbed() {
    let world = World::make();
    let agent = world.agent(GOOD);
    let dirs = world.dirs();
    let mut line = vec!["agent", "--interface", "lan0"];
    line.extend(dirs.iter().map(String::as_str));
    let (code, message) = said(&world.decnet(&line));
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("another agent is running here (it holds `"), "{message}");
    agent.wait_up();
}
