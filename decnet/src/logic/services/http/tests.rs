//! Whole connections: what visitors get, what is reported of them, and what they may use up.

mod known;
mod logins;
mod nonsense;
mod settings;

use std::net::SocketAddr;

use known::Known;

use super::*;
use crate::logic::decky::{Identity, Secret};
use crate::logic::event::{Kind, Outcome, Value};
use crate::logic::persona;
use crate::logic::services::corpus::read;
use crate::logic::services::{Report, State};
use crate::logic::time::Timestamp;

/// 2026-11-23T08:00:00Z.
const NOW: Timestamp = Timestamp(1_795_420_800_000_000_000);

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

    fn head(&self) -> String {
        self.text().split("\r\n\r\n").next().unwrap_or_default().to_owned()
    }

    fn of(&self, kind: Kind) -> Vec<&Report> {
        self.reports.iter().filter(|report| report.kind == kind).collect()
    }

    fn statuses(&self) -> Vec<u64> {
        let requests = self.of(Kind::HttpRequest);
        requests.iter().filter_map(|report| report.data.number("status")).collect()
    }

    fn logins(&self) -> Vec<(String, String, String)> {
        let attempts = self.of(Kind::AuthAttempt).into_iter();
        attempts
            .map(|report| {
                let creds = report.creds.clone().unwrap();
                let via = report.data.text("via").unwrap().to_owned();
                assert_eq!(report.outcome, Some(Outcome::Failure));
                (creds.user.unwrap(), creds.password.unwrap(), via)
            })
            .collect()
    }
}

fn decky(persona: &str, secret: u8) -> Identity {
    let persona = persona::find(persona).unwrap();
    let name = "files-01".parse().unwrap();
    let mac = persona.mac([0, 1, 2, 3]);
    Identity {
        hostname: persona::hostname(persona, &name, mac),
        name,
        persona,
        mac,
        ip: [192, 168, 1, 110].into(),
        ip6: None,
        secret: Secret([secret; 32]),
        booted: Timestamp(NOW.0 - 86_400_000_000_000),
    }
}

fn settings(toml: &str) -> Settings {
    toml::from_str(toml).unwrap()
}

/// Plays a connection: pieces, then the end if `ended`.
fn play<P: AsRef<[u8]>>(
    decky: &Identity,
    settings: &Settings,
    pieces: impl IntoIterator<Item = P>,
    ended: bool,
) -> Seen {
    let mut session = Session::new(settings);
    let mut state = State::default();
    let mut seen = Seen::default();
    let mut call = |act: &mut dyn FnMut(&mut Session, &mut Context<'_>, &mut Reply)| {
        let mut reply = Reply::default();
        let local = SocketAddr::from(([192, 168, 1, 110], 8182));
        let peer = SocketAddr::from(([192, 168, 1, 7], 40000));
        let random = &mut |buffer: &mut [u8]| buffer.fill(4);
        let mut context = Context { now: NOW, decky, state: &mut state, random, local, peer };
        act(&mut session, &mut context, &mut reply);
        seen.held = seen.held.max(session.buffer.len());
        seen.burst = seen.burst.max(reply.bytes.len());
        seen.bytes.append(&mut reply.bytes);
        seen.reports.append(&mut reply.reports);
        seen.closed |= reply.close;
        reply.wait.is_some() && !reply.close
    };
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

fn ask(persona: &str, request: &str) -> Seen {
    play(&decky(persona, 7), &Settings::default(), [request], false)
}

fn post(kind: &str, body: &str) -> Seen {
    let length = body.len();
    ask(
        "debian-12",
        &format!(
            "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

#[test]
fn nginx_and_apache_are_answered_for_as_they_answer() {
    for (persona, text, page) in [
        (
            "debian-12",
            include_str!("../../../../tests-golden/http/nginx.txt"),
            include_str!("pages/nginx.html"),
        ),
        (
            "ubuntu-24.04",
            include_str!("../../../../tests-golden/http/apache.txt"),
            include_str!("pages/apache.html"),
        ),
    ] {
        let decky = decky(persona, 7);
        let settings = settings("site = \"welcome\"");
        let known = Known::of(&decky, page.len());
        let mut wrong = Vec::new();
        let probes = read(text);
        assert!(probes.len() > 270, "{}", probes.len());
        for probe in &probes {
            let pieces = probe.pieces.iter().map(|piece| known.sent(piece));
            let seen = play(&decky, &settings, pieces, probe.half);
            let (got, wanted) = (known.plain(&seen.bytes, page), &probe.answer);
            // Who has said its last word is told so by a close in either case.
            let closed = seen.closed || probe.half;
            if got != *wanted || closed != probe.closed {
                wrong.push(format!("{}: {got}\n  wanted {wanted}", probe.name));
            }
        }
        assert!(wrong.is_empty(), "{persona}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn every_probe_is_reported_once_for_each_answer() {
    for persona in persona::ALL {
        let decky = decky(persona.id, 7);
        for probe in read(include_str!("../../../../tests-golden/http/nginx.txt")) {
            let known = Known::of(&decky, 615);
            let pieces: Vec<_> = probe.pieces.iter().map(|piece| known.sent(piece)).collect();
            let seen = play(&decky, &Settings::default(), &pieces, true);
            let blank = pieces.concat().iter().all(|byte| matches!(byte, b'\r' | b'\n'));
            let requests = seen.of(Kind::HttpRequest).len();
            assert_eq!(
                requests == 0,
                blank && seen.bytes.is_empty(),
                "{} {}",
                persona.id,
                probe.name
            );
            assert!(seen.statuses().len() <= requests);
        }
    }
}

#[test]
fn each_persona_shows_its_own_server_and_a_login_form() {
    for (persona, first, server) in [
        ("debian-12", "Server", "nginx/1.22.1"),
        ("ubuntu-24.04", "Date", "Apache/2.4.58 (Ubuntu)"),
        ("windows-10", "Content-Type", "Microsoft-IIS/10.0"),
        ("windows-server-2022", "Content-Type", "Microsoft-IIS/10.0"),
        ("freebsd-14", "Server", "nginx/1.26.2"),
        ("printer", "Server", "HP HTTP Server; HP LaserJet Pro M404dn - W1A53A"),
    ] {
        let seen = ask(persona, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = seen.head();
        assert!(head.starts_with(&format!("HTTP/1.1 200 OK\r\n{first}: ")), "{head}");
        assert!(head.contains(&format!("\r\nServer: {server}\r\n")), "{head}");
        let page = seen.text();
        assert!(page.contains("type=\"password\"") && page.contains("action=\"/login\""), "{page}");
        assert!(!page.contains("@title@") && !page.contains("Invalid user name"), "{page}");
        let length = page.len() - head.len() - 4;
        assert!(head.contains(&format!("Content-Length: {length}")), "{head}");
        assert!(!seen.closed);
    }
}

#[test]
fn a_windows_error_page_has_the_length_that_iis_gives_it() {
    for (request, status, length) in [
        ("GET / HTTP/1.1\r\n\r\n", 400, 334),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, 324),
        ("\x16\x03\x01", 400, 326),
        ("GET / FOO\r\n\r\n", 400, 311),
        ("GET / HTTP/1.1\r\nHost: a\r\nb c: d\r\n\r\n", 400, 339),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", 411, 344),
        ("GET /no HTTP/1.1\r\nHost: a\r\n\r\n", 404, 1245),
        ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, 1293),
        ("GET /admin/ HTTP/1.1\r\nHost: a\r\n\r\n", 401, 1293),
    ] {
        let seen = ask("windows-server-2022", request);
        assert_eq!(seen.statuses(), [status], "{request:?}");
        assert!(seen.head().ends_with(&format!("Content-Length: {length}")), "{}", seen.text());
        assert_eq!(seen.closed, matches!(status, 400 | 411), "{request:?}");
    }
}

#[test]
fn a_request_is_reported_with_its_fields_in_order() {
    let seen = ask(
        "debian-12",
        "GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: probe/1\r\nx-ONE: 1\r\nX-One: 2\r\n\r\n",
    );
    let [report] = seen.reports.as_slice() else { panic!("{:?}", seen.reports) };
    let data = &report.data;
    for (key, text) in [
        ("method", "GET"),
        ("target", "/a?b=c"),
        ("version", "1.1"),
        ("host", "h"),
        ("user_agent", "probe/1"),
    ] {
        assert_eq!(data.text(key), Some(text), "{key}");
    }
    assert_eq!((data.number("status"), data.number("body_bytes")), (Some(404), Some(0)));
    let fields = [("Host", "h"), ("User-Agent", "probe/1"), ("x-ONE", "1"), ("X-One", "2")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(data.value("headers"), Some(&Value::Fields(fields.to_vec())));
    assert_eq!(report.raw.as_ref().unwrap().len, 73);
}

#[test]
fn what_is_left_is_reported_with_its_digest_however_long_it_is() {
    let body = "x".repeat(200_000);
    let put = format!("PUT /shell.jsp HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{body}");
    let parts = format!(
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"shell.jsp\"\r\nContent-Type: text/plain\r\n\r\n{body}\r\n--b--"
    );
    let form = format!(
        "POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{parts}",
        parts.len()
    );
    for (request, name) in [(put, "/shell.jsp"), (form, "shell.jsp")] {
        for size in [1, 7, 1460, 16384, 1_000_000] {
            let pieces = request.as_bytes().chunks(size);
            let seen = play(&decky("debian-12", 7), &Settings::default(), pieces, false);
            let uploads = seen.of(Kind::FileUpload);
            let [upload] = uploads.as_slice() else { panic!("{:?}", seen.reports) };
            let raw = upload.raw.as_ref().unwrap();
            assert_eq!(upload.data.text("name"), Some(name));
            assert_eq!(raw.len, 200_000);
            assert_eq!(raw.sha256, crate::logic::event::Raw::of(body.as_bytes()).sha256);
            assert!(seen.held <= 64 * 1024, "{}", seen.held);
        }
    }
}

#[test]
fn a_visitor_who_asks_first_is_told_to_go_on_with_a_file_and_with_a_login() {
    for (persona, line, status) in [
        ("debian-12", "PUT /a", 404),
        ("ubuntu-24.04", "PUT /a", 405),
        ("windows-10", "POST /login", 200),
    ] {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        );
        let decky = decky(persona, 7);
        let seen = play(&decky, &Settings::default(), [head.as_str()], false);
        assert_eq!(seen.text(), "HTTP/1.1 100 Continue\r\n\r\n");
        let seen = play(&decky, &Settings::default(), [head.as_str(), "abc"], false);
        assert_eq!(seen.statuses(), [status]);
        assert_eq!(seen.of(Kind::FileUpload).len(), usize::from(line.starts_with("PUT")));
    }
}

#[test]
fn nothing_is_said_twice_of_a_request() {
    let long = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nabc";
    let seen = play(&decky("debian-12", 7), &Settings::default(), [long], true);
    assert_eq!(seen.statuses(), [413]);
    assert_eq!(seen.reports[0].data.text("malformed"), Some("body too large"));
    for report in &seen.reports {
        let mut keys: Vec<_> = report.data.iter().map(|(key, _)| key).collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
}

#[test]
fn a_connection_answers_as_often_as_the_real_server() {
    for (persona, most) in [("debian-12", 1000), ("ubuntu-24.04", 101)] {
        let requests = vec!["GET /x HTTP/1.1\r\nHost: a\r\n\r\n"; most + 5];
        let seen = play(&decky(persona, 7), &Settings::default(), requests, false);
        assert!(seen.closed);
        assert_eq!(seen.statuses().len(), most, "{persona}");
        assert!(seen.text().ends_with("</html>\r\n") || seen.text().ends_with("</html>\n"));
        assert_eq!(seen.text().matches("Connection: close").count(), 1);
    }
}

#[test]
fn apache_counts_down_what_it_still_answers() {
    let requests = vec!["HEAD / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"; 3];
    let text = play(&decky("ubuntu-24.04", 7), &Settings::default(), requests, false).text();
    let left: Vec<_> = text.lines().filter(|line| line.starts_with("Keep-Alive")).collect();
    assert_eq!(left, [100, 99, 98].map(|left| format!("Keep-Alive: timeout=5, max={left}")));
}

#[test]
fn a_flood_of_requests_is_answered_no_faster_than_it_is_read() {
    let flood = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(600);
    let seen = play(&decky("debian-12", 7), &Settings::default(), [flood], false);
    assert_eq!(seen.statuses().len(), 600);
    assert!(seen.burst < FULL + 16 * 1024, "{}", seen.burst);
}

#[test]
fn an_endless_head_or_body_is_held_only_in_part() {
    for persona in persona::ALL {
        for start in [
            "",
            "\r\n",
            "GET /",
            "GET / HTTP/1.1\r\nX: ",
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
            "POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            "POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 999999\r\n\r\n--b\r\n",
        ] {
            for filler in ["a", "\r\n", "a: b\r\n", "\0"] {
                let filler = filler.repeat(16 * 1024 / filler.len());
                let pieces = std::iter::once(start).chain(std::iter::repeat_n(filler.as_str(), 12));
                let seen = play(&decky(persona.id, 7), &Settings::default(), pieces, true);
                assert!(seen.held <= head::MAX_HEAD + 16 * 1024, "{} {start:?}", persona.id);
                let silent = start.trim().is_empty() && filler.trim().is_empty();
                assert!(!seen.reports.is_empty() || silent, "{} {start:?}", persona.id);
            }
        }
    }
}

#[test]
fn no_two_deckies_show_the_same_page() {
    let front = |secret| {
        let decky = decky("debian-12", secret);
        let seen = play(&decky, &Settings::default(), ["GET / HTTP/1.0\r\n\r\n"], false);
        let text = seen.text();
        let dated = text.lines().find(|line| line.starts_with("Last-Modified")).unwrap().to_owned();
        (text.split("\r\n\r\n").nth(1).unwrap().to_owned(), dated)
    };
    let mut pages: Vec<_> = (0..64).map(front).collect();
    assert_eq!(front(3), pages[3]);
    pages.sort();
    pages.dedup_by(|a, b| a.0 == b.0 || a.1 == b.1);
    assert_eq!(pages.len(), 64);
}
