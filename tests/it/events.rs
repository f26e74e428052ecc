//! Events as an operator reads them: by `decnet events`, and in the file for other tools.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use decnet::logic::event::{Event, Kind, syslog};
use decnet_tests::client::stop;
use decnet_tests::world::{World, decnet, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const TWO: &str = "[[decky]]\nname = \"web\"\nservices = [\"http\"]\ncount = 2\n";

/// The events that `decnet events --json` shows with these arguments.
fn shown(world: &World, args: &[&str]) -> Vec<Event> {
    let run_arg = world.run_arg();
    let output = world.decnet(&[&["events", "--json", &run_arg], args].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

#[test]
fn events_are_found_by_what_is_asked_for() {
    let world = World::make();
    let agent = world.agent(TWO);
    for name in ["web-01", "web-02"] {
        let url = format!("http://{}/", agent.decky(name).ip);
        // The name turns round whatever stands behind it on a line.
        world.client("curl").args(&["-sS", "-u", "a\u{202e}:b", &url]).good();
    }
    let closed = || world.events().iter().filter(|event| event.event == Kind::ConnClose).count();
    wait_for(|| (closed() == 2).then_some(())).expect("both visits end");
    // Nothing more happens: everything is shown, in order, however it is asked for.
    let all = wait_for(|| {
        let all = world.events();
        (shown(&world, &["-n0"]) == all).then_some(all)
    });
    let all = all.expect("the events come to rest");
    assert_eq!(shown(&world, &[]), all);
    let of = |wanted: &dyn Fn(&Event) -> bool| -> Vec<Event> {
        all.iter().filter(|event| wanted(event)).cloned().collect()
    };
    let on = |event: &Event, name: &str| {
        event.decky.as_ref().is_some_and(|decky| decky.name.as_str() == name)
    };
    let conn = |event: &Event| event.event.as_str().starts_with("conn.");
    assert_eq!(shown(&world, &["--kind", "auth.attempt"]).len(), 2);
    assert_eq!(shown(&world, &["--kind", "conn."]), of(&conn));
    let both = |event: &Event| on(event, "web-02") && conn(event);
    assert_eq!(shown(&world, &["--kind=conn.", "--decky=web-02"]), of(&both));
    assert_eq!(shown(&world, &["--limit=3"]), all[all.len() - 3..]);
    assert_eq!(shown(&world, &["-n1", "--kind=decky.up"]).len(), 1);
    let seen = |event: &Event| event.src.as_ref().is_some_and(|src| src.ip.is_some());
    assert_eq!(shown(&world, &["--source=10.77.255.7"]), of(&seen));
    assert_eq!(shown(&world, &["--source=10.77.255.8"]), []);
    assert_eq!(shown(&world, &["--since=1h"]), all);
    let middle = all[all.len() / 2].ts;
    let since = format!("--since={middle}");
    assert_eq!(shown(&world, &[&since]), of(&|event: &Event| event.ts >= middle));
    assert_eq!(shown(&world, &[&since, "-n0"]), of(&|event: &Event| event.ts >= middle));
    assert_eq!(shown(&world, &["--since=2200-01-01T00:00:00Z"]), []);
    assert_readable(&world, all.len());
}

/// Shows that people and other tools can read all events.
fn assert_readable(world: &World, count: usize) {
    let text = world.decnet(&["events", "--kind=auth.attempt", &world.run_arg()]).stdout;
    let text = String::from_utf8(text).expect("text");
    assert!(text.contains("user=a\u{fffd} password=b outcome=failure"), "{text}");
    let lines = world.decnet(&["events", "--syslog", &world.run_arg()]).stdout;
    let lines = String::from_utf8(lines).expect("text");
    assert_eq!(lines.lines().filter(|line| syslog::parse(line).is_ok()).count(), count);
    let json = world.decnet(&["events", "--json", &world.run_arg()]).stdout;
    let json = String::from_utf8(json).expect("text");
    for shown in [text, lines, json] {
        assert!(!shown.contains('\u{202e}'), "{shown}");
    }
}

#[test]
fn events_are_followed_until_it_is_interrupted() {
    let world = World::make();
    let agent = world.agent(TWO);
    let run_arg = world.run_arg();
    let mut follower = world.as_node(|| {
        let mut command = Command::new(decnet());
        command.args(["events", "--follow", "--json", "-n1", "--kind=http.request", &run_arg]);
        command.stdout(Stdio::piped()).spawn().expect("decnet was built")
    });
    let mut lines = BufReader::new(follower.stdout.take().expect("it is a pipe")).lines();
    for path in ["/first", "/second"] {
        let url = format!("http://{}{path}", agent.decky("web-01").ip);
        world.client("curl").args(&["-sS", &url]).good();
        let line = lines.next().expect("an event comes").expect("it can be read");
        let event: Event = serde_json::from_str(&line).expect("an event");
        assert_eq!(event.data.text("target"), Some(path));
    }
    let pid = Pid::from_raw(i32::try_from(follower.id()).expect("a process number"));
    kill(pid, Signal::SIGINT).expect("it is ours");
    assert_eq!(follower.wait().expect("it is ours").code(), Some(0));
}

/// What rsyslog is told: take lines by TCP, read their structured data, and write it as JSON.
const RSYSLOG: &str = r#"
module(load="imptcp")
module(load="mmpstrucdata")
global(workDirectory="DIR" maxMessageSize="128k")
template(name="parts" type="list" option.jsonf="on") {
  property(outname="app" name="app-name" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="session" name="procid" format="jsonf")
  property(outname="kind" name="msgid" format="jsonf")
  property(outname="severity" name="syslogseverity" format="jsonf")
  property(outname="id" name="$!rfc5424-sd!relay@55555!id" format="jsonf")
  property(outname="user" name="$!rfc5424-sd!relay@55555!username" format="jsonf")
  property(outname="target" name="$!rfc5424-sd!relay@55555!target" format="jsonf")
}
input(type="imptcp" address="127.0.0.1" port="5514")
action(type="mmpstrucdata")
action(type="omfile" file="DIR/parsed" template="parts")
"#;

#[test]
fn the_text_file_is_what_rsyslog_takes() {
    let world = World::make();
    let lines = world.state_dir().join("agent/events.log");
    let option = format!("[agent]\nevents-syslog-file = \"{}\"\n", lines.display());
    let agent = world.agent(&(TWO.to_owned() + &option));
    let url = format!("http://{}/a?b=%5D%22", agent.decky("web-01").ip);
    let hostile = ["-u", "ro\"o]t\\ [x:p", "-A", "a\tb ] \" \\ ünïcode", &url];
    world.client("curl").args(&["-sS"]).args(&hostile).good();
    world.event_of(Kind::ConnClose);
    agent.end(Signal::SIGTERM);
    let events = world.events();
    let text = std::fs::read_to_string(&lines).expect("the agent wrote it");
    assert_eq!(text.lines().count(), events.len());
    for (line, event) in text.lines().zip(&events) {
        assert_eq!(line, syslog::line(event, syslog::DEFAULT_SD_ID));
    }
    let found = taken_by_rsyslog(&world, &text);
    for (line, event) in found.lines().zip(&events) {
        assert_taken(line, event);
    }
    assert!(found.contains("ro\\\"o]t\\\\ [x"), "{found}");
}

/// What rsyslog makes of lines.
fn taken_by_rsyslog(world: &World, text: &str) -> String {
    let count = text.lines().count();
    let dir = world.dir.join("rsyslog");
    std::fs::create_dir(&dir).expect("the directory is ours");
    let config = dir.join("rsyslog.conf").display().to_string();
    let told = RSYSLOG.replace("DIR", &dir.display().to_string());
    std::fs::write(&config, told).expect("the directory is ours");
    let pid = dir.join("pid").display().to_string();
    let mut rsyslogd = world.as_node(|| {
        let mut command = Command::new("rsyslogd");
        command.args(["-n", "-f", &config, "-i", &pid]).stdout(Stdio::null());
        command.spawn().expect("rsyslog is installed")
    });
    let connect = || world.as_node(|| TcpStream::connect("127.0.0.1:5514").ok());
    let mut stream = wait_for(connect).expect("rsyslogd listens");
    for line in text.lines() {
        // Octet counting, as RFC 6587 has it.
        stream.write_all(format!("{} {line}", line.len()).as_bytes()).expect("it reads");
    }
    drop(stream);
    let parsed = dir.join("parsed");
    let whole = || {
        let text = std::fs::read_to_string(&parsed).ok()?;
        (text.lines().count() == count).then_some(text)
    };
    let found = wait_for(whole).unwrap_or_else(|| {
        panic!("rsyslog took {:?} of {count}", std::fs::read_to_string(&parsed))
    });
    stop(&mut rsyslogd);
    found
}

/// Shows that a line of rsyslog's says what the event says.
fn assert_taken(line: &str, event: &Event) {
    let taken: serde_json::Value = serde_json::from_str(line).expect(line);
    let host = event.decky.as_ref().map_or("n1", |decky| decky.name.as_str());
    assert_eq!(taken["id"], event.id.to_string(), "{line}");
    assert_eq!(taken["kind"], event.event.as_str(), "{line}");
    assert_eq!(taken["host"], host, "{line}");
    assert_eq!(taken["app"], event.service.as_deref().unwrap_or("decnet"), "{line}");
    assert_eq!(taken["severity"], event.event.severity().to_string(), "{line}");
    if let Some(session) = event.session {
        assert_eq!(taken["session"], session.to_string(), "{line}");
    }
    let user = event.creds.as_ref().and_then(|creds| creds.user.as_deref()).unwrap_or("");
    assert_eq!(taken["user"], user, "{line}");
    assert_eq!(taken["target"], event.data.text("target").unwrap_or(""), "{line}");
}
