use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Report, State};
use super::*;
use crate::logic::decky::Identity;
use crate::logic::event::{Kind, Outcome};
use crate::logic::persona;
use crate::logic::time::Timestamp;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// A connection in the hands of a visitor.
struct Visit {
    decky: Identity,
    state: State,
    session: Session,
    reports: Vec<Report>,
    waits: Vec<Duration>,
}

impl Visit {
    fn new(persona: &str, settings: &Settings) -> (Self, Vec<u8>) {
        let persona = persona::find(persona).unwrap();
        let decky = Identity::sample(persona);
        let session = Session::new(settings);
        let mut visit = Self {
            decky,
            state: State::default(),
            session,
            reports: Vec::new(),
            waits: Vec::new(),
        };
        let (bytes, _) = visit.call(|session, context, reply| session.open(context, reply));
        (visit, bytes)
    }

    /// Acts, sits through every wait, and gives what came and whether it was closed.
    fn call(
        &mut self,
        act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Reply),
    ) -> (Vec<u8>, bool) {
        let mut random = |buffer: &mut [u8]| buffer.fill(7);
        let mut context = Context {
            now: NOW,
            decky: &self.decky,
            state: &mut self.state,
            random: &mut random,
            local: SocketAddr::from(([192, 168, 7, 20], 23)),
            peer: SocketAddr::from(([192, 168, 7, 99], 51_000)),
        };
        let mut bytes = Vec::new();
        let mut reply = Reply::default();
        act(&mut self.session, &mut context, &mut reply);
        loop {
            bytes.append(&mut reply.bytes);
            self.reports.append(&mut reply.reports);
            match reply.wait.filter(|_| !reply.close) {
                None => return (bytes, reply.close),
                Some(wait) => self.waits.push(wait),
            }
            reply = Reply::default();
            self.session.wake(&mut context, &mut reply);
        }
    }

    fn sends(&mut self, bytes: &[u8]) -> (String, bool) {
        let (bytes, closed) =
            self.call(|session, context, reply| session.receive(bytes, context, reply));
        (String::from_utf8_lossy(&bytes).into_owned(), closed)
    }
}

/// What inetutils' telnet answers to the first offers: it has TTYPE, TSPEED and NEW-ENVIRON.
const FIRST: &[u8] =
    b"\xff\xfd\x25\xff\xfd\x26\xff\xfb\x18\xff\xfb\x20\xff\xfc\x23\xff\xfb\x27\xff\xfc\x24";
const VALUES: &[u8] =
    b"\xff\xfa\x20\x0038400,38400\xff\xf0\xff\xfa\x27\x00\xff\xf0\xff\xfa\x18\x00XTERM\xff\xf0";
const SECOND: &[u8] = b"\xff\xfd\x03\xff\xfc\x01\xff\xfb\x22\xff\xfa\x22\x03\x01\x00\x00\x03\x62\x03\xff\xf0\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfd\x05\xff\xfb\x21";
/// A client that refuses everything it is asked first.
const REFUSAL: &[u8] = b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27\xff\xfc\x24";

fn talk(visit: &mut Visit, bytes: &[u8]) -> Vec<u8> {
    visit.call(|session, context, reply| session.receive(bytes, context, reply)).0
}

/// Watched between inetutils' telnet and telnetd 2.4, at port 23.
#[test]
fn a_client_that_offers_before_it_is_asked_is_answered_as_by_inetutils() {
    let (mut visit, _) = Visit::new("debian-12", &Settings::default());
    let first: &[u8] = b"\xff\xfd\x26\xff\xfb\x26\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x20\
        \xff\xfb\x21\xff\xfb\x22\xff\xfb\x27\xff\xfd\x05";
    let taken: &[u8] = b"\xff\xfd\x26\xff\xfa\x26\x01\xff\xf0\xff\xfb\x03\xff\xfd\x1f\xff\xfd\x21\
        \xff\xfd\x22\xff\xfa\x22\x01\x10\xff\xf0\0\xff\xfb\x05";
    assert_eq!(talk(&mut visit, first), taken);
    let second = b"\xff\xfd\x25\xff\xfa\x26\x01\xff\xf0\xff\xfc\x23\xff\xfc\x24";
    let asked: &[u8] = b"\xff\xfa\x20\x01\xff\xf0\xff\xfa\x27\x01\xff\xf0\xff\xfa\x18\x01\xff\xf0";
    assert_eq!(talk(&mut visit, second), asked);
    let third = b"\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfa\x22\x03\x01\0\0\x03\x62\x03\xff\xf0\
        \xff\xfd\x03\xff\xfa\x22\x01\x14\xff\xf0";
    assert_eq!(talk(&mut visit, third), b"");
    assert_eq!(talk(&mut visit, VALUES), b"\xff\xfd\x01");
    let ended: &[u8] = b"\xff\xfb\x01\xff\xfd\x00\xff\xfa\x21\x03\xff\xf0\0\xff\xfe\x22";
    assert_eq!(talk(&mut visit, b"\xff\xfc\x01"), ended);
    let login = talk(&mut visit, b"\xff\xfd\x01\xff\xfb\x00\xff\xfc\x22");
    let agreed: &[u8] = b"\xff\xfa\x22\x03\x03\xe2\x03\xff\xf0\r\nLinux ";
    assert!(login.starts_with(agreed), "{login:?}");
    assert!(login.ends_with(b"login: "), "{login:?}");
}

#[test]
fn the_opening_is_that_of_inetutils() {
    let (mut visit, offers) = Visit::new("debian-12", &Settings::default());
    assert_eq!(
        offers,
        b"\xff\xfb\x25\xff\xfb\x26\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27\xff\xfd\x24"
    );
    assert_eq!(
        talk(&mut visit, FIRST),
        b"\xff\xfa\x20\x01\xff\xf0\xff\xfa\x27\x01\xff\xf0\xff\xfa\x18\x01\xff\xf0"
    );
    assert_eq!(
        talk(&mut visit, VALUES),
        b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x22\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21"
    );
    assert_eq!(talk(&mut visit, SECOND), b"\xff\xfa\x22\x01\x03\xff\xf0\x00");
    let banner = "\r\nLinux 6.1.0-37-amd64 (files-01) (pts/0)\r\n\r\nfiles-01 login: ";
    let head: &[u8] = b"\xff\xfa\x21\x03\xff\xf0\x00\xff\xfb\x01\xff\xfd\x00\xff\xfe\x22\xff\xfa\x22\x03\x03\xe2\x03\xff\xf0";
    assert_eq!(
        talk(&mut visit, b"\xff\xfa\x22\x01\x07\xff\xf0"),
        [head, banner.as_bytes()].concat()
    );
    assert_eq!(talk(&mut visit, b"\xff\xfd\x01\xff\xfb\x00\xff\xfc\x22"), b"");
    let (mut visit, _) = Visit::new("debian-12", &Settings::default());
    talk(&mut visit, REFUSAL);
    let head: &[u8] = b"\xff\xfb\x01\xff\xfd\x06\xff\xfd\x00";
    assert_eq!(talk(&mut visit, b"\xff\xfc\x01"), [head, banner.as_bytes()].concat());
}

#[test]
fn a_login_leads_to_a_shell_and_is_reported() {
    let (mut visit, _) = Visit::new("debian-12", &Settings::default());
    talk(&mut visit, FIRST);
    talk(&mut visit, VALUES);
    talk(&mut visit, SECOND);
    talk(&mut visit, b"\xff\xfa\x22\x01\x07\xff\xf0");
    assert_eq!(visit.sends(b"ro\x7f\x7fadmin\r\0").0, "ro\x08 \x08\x08 \x08admin\r\nPassword: ");
    let (text, _) = visit.sends(b"s\xe9cret\r\n");
    assert!(text.starts_with("\r\nLinux files-01 6.1.0-37-amd64"), "{text}");
    assert!(text.ends_with("\x1b]0;admin@files-01: ~\x07admin@files-01:~$ "), "{text:?}");
    let report = visit.reports.first().unwrap();
    assert_eq!((report.kind, report.outcome), (Kind::AuthAttempt, Some(Outcome::Success)));
    let creds = report.creds.clone().unwrap();
    assert_eq!(creds.user.as_deref(), Some("admin"));
    assert_eq!(report.data.text("terminal"), Some("xterm"));
    let (text, closed) = visit.sends(b"printf '\\xff'; exit\r");
    assert!(closed);
    // A 0xff of the terminal is doubled on the wire: each shows as one that is no UTF-8.
    assert!(text.contains("\u{fffd}\u{fffd}logout\r\n"), "{text:?}");
}

#[test]
fn a_wrong_password_takes_its_time_and_five_are_enough() {
    let settings = Settings { accept: Accept::None };
    let (mut visit, _) = Visit::new("debian-12", &settings);
    visit.sends(b"x\r\ny\r\n");
    for _ in 0..3 {
        assert_eq!(
            visit.sends(b"root\r\nx\r\n"),
            ("root\r\nPassword: \r\n\r\nLogin incorrect\r\nfiles-01 login: ".to_owned(), false)
        );
    }
    let (text, closed) = visit.sends(b"root\r\nx\r\n");
    assert!(
        text.ends_with("Login incorrect\r\nMaximum number of tries exceeded (5)\r\n"),
        "{text:?}"
    );
    assert!(closed);
    assert_eq!(visit.reports.len(), 5);
    assert!(visit.reports.iter().all(|report| report.outcome == Some(Outcome::Failure)));
    assert!(visit.waits.iter().all(|wait| (2_000..4_000).contains(&wait.as_millis())));
}

#[test]
fn a_name_sent_as_a_variable_is_taken_and_an_option_in_it_lets_in() {
    for (name, shown, user) in [
        ("bob", "(pts/0)\r\n\r\nPassword: ", None),
        ("-f root", "root@files-01:~# ", Some("-f root")),
    ] {
        let (mut visit, _) = Visit::new("debian-12", &Settings::default());
        talk(&mut visit, b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfb\x27\xff\xfc\x24");
        let environ = [b"\xff\xfa\x27\x00\x00USER\x01", name.as_bytes(), b"\xff\xf0"].concat();
        talk(&mut visit, &environ);
        let (text, _) = visit.sends(b"\xff\xfc\x01");
        assert!(text.ends_with(shown), "{text:?}");
        let report = visit.reports.first();
        assert_eq!(report.and_then(|report| report.creds.clone()?.user).as_deref(), user);
    }
}

#[test]
fn other_systems_have_other_servers() {
    for (persona, offers, banner) in [
        (
            "windows-10",
            b"\xff\xfd\x25\xff\xfb\x01\xff\xfb\x03".as_slice(),
            "Telnet Service \r\n\r\nlogin: ",
        ),
        ("printer", b"\xff\xfc\x01", "> "),
    ] {
        let (_, bytes) = Visit::new(persona, &Settings::default());
        assert!(bytes.starts_with(offers), "{persona}");
        assert!(String::from_utf8_lossy(&bytes).ends_with(banner), "{persona}");
    }
}

#[test]
fn settings_take_who_is_let_in_and_nothing_else() {
    let settings: Settings = toml::from_str("accept = ['root:root']").unwrap();
    assert_eq!(settings.accept.verdict("root", "root"), Outcome::Success);
    assert!(toml::from_str::<Settings>("acept = 'any'").is_err());
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_survived(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                prop::collection::vec(prop::sample::select(b"\xff\xfa\xfb\xfc\xfd\xfe\xf0\x18\x1f\x22\x27\r\0a".to_vec()), 0..40),
                Just(FIRST.to_vec()), Just(VALUES.to_vec()), Just(SECOND.to_vec()), Just(REFUSAL.to_vec()),
                Just(b"root\r\nx\r\n".to_vec()),
            ],
            0..20,
        ),
        persona in 0..persona::ALL.len(),
    ) {
        let persona = persona::ALL.get(persona).unwrap();
        let (mut visit, _) = Visit::new(persona.id, &Settings::default());
        for piece in pieces {
            let (text, closed) = visit.sends(&piece);
            prop_assert!(text.len() < 1_000_000);
            if closed {
                break;
            }
        }
        visit.call(|session, context, reply| session.end(context, reply));
    }
}
