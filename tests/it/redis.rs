//! Redis' own clients against a decky.

use decnet::logic::event::{Event, Kind, Outcome};
use decnet_tests::world::World;

const TWO: &str = r#"
[[decky]]
name = "cache"
services = ["redis"]
[[decky]]
name = "locked"
services = ["redis"]
[decky.redis]
password = "foobared"
"#;

#[test]
fn redis_cli_finds_a_redis_and_is_recorded() {
    let world = World::make();
    let agent = world.agent(TWO);
    let ip = agent.decky("cache").ip.to_string();
    let cli = |args: &[&str]| world.client("redis-cli").args(&["-h", &ip]).args(args).good();
    assert_eq!(cli(&["ping"]), "PONG\n");
    assert_eq!(cli(&["set", "a", "b c"]), "OK\n");
    assert_eq!(cli(&["get", "a"]), "b c\n");
    let info = cli(&["info", "server"]);
    assert!(info.contains("redis_version:7.0.15\r\n"), "{info}");
    assert!(info.contains("os:Linux 6.1.0-37-amd64 x86_64\r\n"), "{info}");
    assert!(cli(&["keys", "*"]).lines().any(|key| key == "a"));
    // Somebody else's keys are there to be found.
    assert!(cli(&["--scan", "--pattern", "user:*"]).lines().count() >= 3);
    for command in ["ping", "set a \"b c\"", "info server"] {
        world.event(command, |event| {
            event.event == Kind::CmdInput && event.data.text("command") == Some(command)
        });
    }
}

#[test]
fn what_is_planted_through_a_redis_is_recorded() {
    let world = World::make();
    let agent = world.agent(TWO);
    let ip = agent.decky("cache").ip.to_string();
    let cli = |args: &[&str]| world.client("redis-cli").args(&["-h", &ip]).args(args).good();
    // A key of the visitor's is put where sshd would find it.
    let key = "\n\nssh-rsa AAAAB3Nza attacker@example\n\n";
    assert_eq!(cli(&["config", "set", "dir", "/root/.ssh"]), "OK\n");
    assert_eq!(cli(&["config", "set", "dbfilename", "authorized_keys"]), "OK\n");
    assert_eq!(cli(&["config", "get", "dir"]), "dir\n/root/.ssh\n");
    assert_eq!(cli(&["set", "crackit", key]), "OK\n");
    assert_eq!(cli(&["save"]), "OK\n");
    let event = world.event_of(Kind::FileUpload);
    assert_eq!(event.data.text("name"), Some("/root/.ssh/authorized_keys"), "{event:?}");
    for command in ["config set dir /root/.ssh", "save"] {
        world.event(command, |event| {
            event.event == Kind::CmdInput && event.data.text("command") == Some(command)
        });
    }
}

#[test]
fn a_redis_takes_many_commands_at_once() {
    let world = World::make();
    let agent = world.agent(TWO);
    let ip = agent.decky("cache").ip.to_string();
    let cli = |args: &[&str]| world.client("redis-cli").args(&["-h", &ip]).args(args).good();
    let many: String = (0..2_000).map(|n| format!("SET key{n} value{n}\r\n")).collect();
    let piped = world.client("redis-cli").args(&["-h", &ip, "--pipe"]).input(many).good();
    assert!(piped.ends_with("errors: 0, replies: 2000\n"), "{piped}");
    assert_eq!(cli(&["get", "key1999"]), "value1999\n");
    let load = ["-h", &ip, "-n", "2000", "-c", "20", "-P", "8", "--csv", "-t", "set,get,lpush"];
    let load = world.client("redis-benchmark").args(&load).good();
    assert_eq!(load.lines().count(), 4, "{load}");
    let pushed: u32 = cli(&["llen", "mylist"]).trim().parse().expect("a number");
    assert!(pushed >= 2_000, "{pushed}");
}

#[test]
fn a_password_is_asked_for_and_recorded() {
    let world = World::make();
    let agent = world.agent(TWO);
    let ip = agent.decky("locked").ip.to_string();
    let cli = |args: &[&str]| world.client("redis-cli").args(&["-h", &ip]).args(args).run();
    let text = |args: &[&str]| String::from_utf8_lossy(&cli(args).stdout).into_owned();
    assert_eq!(text(&["ping"]), "NOAUTH Authentication required.\n\n");
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.\n\n";
    assert_eq!(text(&["auth", "admin"]), wrong);
    assert_eq!(text(&["auth", "bob", "builder"]), wrong);
    assert_eq!(text(&["--no-auth-warning", "-a", "foobared", "ping"]), "PONG\n");
    for (user, password, outcome) in [
        ("default", "admin", Outcome::Failure),
        ("bob", "builder", Outcome::Failure),
        ("default", "foobared", Outcome::Success),
    ] {
        let wanted = |event: &Event| {
            event.creds.as_ref().is_some_and(|creds| creds.password.as_deref() == Some(password))
        };
        let event = world.event(password, wanted);
        assert_eq!(event.event, Kind::AuthAttempt);
        assert_eq!(event.outcome, Some(outcome), "{password}");
        assert_eq!(event.creds.and_then(|creds| creds.user).as_deref(), Some(user));
    }
}
