//! What is expected of a Linux decky was recorded of vsftpd 3.0.3.

mod hostile;
mod transfers;

use std::net::SocketAddr;
use std::time::Duration;

use super::super::{DataReply, Listen, State};
use super::*;
use crate::logic::decky::Identity;
use crate::logic::event::Outcome;
use crate::logic::files::Owner;
use crate::logic::persona;
use crate::logic::services::ServiceKind;
use crate::logic::services::ServiceSpec;
use crate::logic::time::Timestamp;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);
const PORT: u16 = 45_000;

/// A connection in the hands of a visitor, who has a runner of its own.
struct Visit {
    decky: Identity,
    state: State,
    session: Session,
    reports: Vec<Report>,
    waits: Vec<Duration>,
    /// What came over the data connection, and whether it is there.
    data: Vec<u8>,
    open: bool,
    closed: bool,
    /// A port is free.
    free: bool,
    peer: SocketAddr,
}

impl Visit {
    fn new(persona: &str, settings: &Settings) -> (Self, String) {
        let persona = persona::find(persona).unwrap();
        let decky = Identity::sample(persona);
        let mut visit = Self {
            decky,
            state: State::default(),
            session: Session::new(settings),
            reports: Vec::new(),
            waits: Vec::new(),
            data: Vec::new(),
            open: false,
            closed: false,
            free: true,
            peer: SocketAddr::from(([192, 168, 7, 99], 51_000)),
        };
        let banner = visit.call(|session, context, reply| session.open(context, reply));
        (visit, banner)
    }

    /// One that is in as root.
    fn inside(persona: &str) -> Self {
        let (mut visit, _) = Self::new(persona, &Settings::default());
        visit.says("USER root");
        visit.says("PASS toor");
        assert!(matches!(visit.session.stage, Stage::Inside(_)));
        visit.reports.clear();
        visit
    }

    /// Acts, sits through short waits, and gives what was said.
    fn call(&mut self, act: impl FnOnce(&mut Session, &mut Context<'_>, &mut Reply)) -> String {
        let mut random = |buffer: &mut [u8]| buffer.fill(7);
        let local = match self.peer {
            SocketAddr::V4(_) => SocketAddr::from(([192, 168, 7, 20], 21)),
            SocketAddr::V6(_) => "[fd77::20]:21".parse().unwrap(),
        };
        let mut context = Context {
            now: NOW,
            decky: &self.decky,
            state: &mut self.state,
            random: &mut random,
            local,
            peer: self.peer,
        };
        let mut said = Vec::new();
        let mut reply = Reply::default();
        act(&mut self.session, &mut context, &mut reply);
        loop {
            said.append(&mut reply.bytes);
            self.reports.append(&mut reply.reports);
            self.closed |= reply.close;
            let DataReply { listen, mut bytes, close } = std::mem::take(&mut reply.data);
            let wait = reply.wait;
            reply = Reply::default();
            if listen == Listen::Start {
                self.open = false;
                self.session.data_port(self.free.then_some(PORT), &mut context, &mut reply);
                continue;
            }
            let sent = !bytes.is_empty();
            if self.open {
                self.data.append(&mut bytes);
            }
            self.open &= !close;
            if let Some(wait) = wait {
                self.waits.push(wait);
            }
            if sent {
                self.session.data_sent(&mut context, &mut reply);
            } else if wait.is_some_and(|wait| wait < Duration::from_secs(30)) {
                self.session.wake(&mut context, &mut reply);
            } else {
                return String::from_utf8_lossy(&said).into_owned();
            }
        }
    }

    fn sends(&mut self, bytes: &[u8]) -> String {
        self.call(|session, context, reply| session.receive(bytes, context, reply))
    }

    fn says(&mut self, line: &str) -> String {
        self.sends(format!("{line}\r\n").as_bytes())
    }

    fn connects(&mut self) -> String {
        self.open = true;
        self.call(|session, context, reply| session.data_open(context, reply))
    }

    fn puts(&mut self, bytes: &[u8]) -> String {
        self.call(|session, context, reply| session.data_receive(bytes, context, reply))
    }

    fn ends(&mut self, how: DataEnd) -> String {
        self.call(|session, context, reply| session.data_end(how, context, reply))
    }

    /// Asks for a port, connects, gives a command, and takes what comes.
    fn fetches(&mut self, command: &str) -> (String, String) {
        self.data.clear();
        assert!(self.says("EPSV").contains("(|||45000|)"));
        assert_eq!(self.connects(), "");
        let said = self.says(command);
        (said, String::from_utf8_lossy(&self.data).into_owned())
    }
}

/// What vsftpd answered.
const RECORDED: &[(&str, &str)] = &[
    ("USER x", "530 Can't change to another user.\r\n"),
    ("PASS x", "230 Already logged in.\r\n"),
    ("syst", "215 UNIX Type: L8\r\n"),
    ("OPTS UTF8 ON", "200 Always in UTF8 mode.\r\n"),
    ("OPTS utf8 off", "501 Option not understood.\r\n"),
    ("NOOP x", "200 NOOP ok.\r\n"),
    ("TYPE I", "200 Switching to Binary mode.\r\n"),
    ("TYPE A N", "200 Switching to ASCII mode.\r\n"),
    ("TYPE E", "500 Unrecognised TYPE command.\r\n"),
    ("MODE B", "504 Bad MODE command.\r\n"),
    ("STRU F", "200 Structure set to F.\r\n"),
    ("PWD", "257 \"/root\" is the current directory\r\n"),
    ("CWD", "550 Failed to change directory.\r\n"),
    ("CWD nope", "550 Failed to change directory.\r\n"),
    ("CWD ../etc", "250 Directory successfully changed.\r\n"),
    ("XPWD", "257 \"/etc\" is the current directory\r\n"),
    ("CWD ~", "250 Directory successfully changed.\r\n"),
    ("MKD n", "257 \"/root/n\" created\r\n"),
    ("MKD n", "550 Create directory operation failed.\r\n"),
    ("XMKD q\"q", "257 \"/root/q\"\"q\" created\r\n"),
    ("RMD n", "250 Remove directory operation successful.\r\n"),
    ("RMD n", "550 Remove directory operation failed.\r\n"),
    ("DELE nope", "550 Delete operation failed.\r\n"),
    ("RNTO x", "503 RNFR required first.\r\n"),
    ("RNFR nope", "550 RNFR command failed.\r\n"),
    ("RNFR q\"q", "350 Ready for RNTO.\r\n"),
    ("RNTO n", "250 Rename successful.\r\n"),
    ("SIZE n", "550 Could not get file size.\r\n"),
    ("MDTM n", "550 Could not get file modification time.\r\n"),
    ("MDTM 20200102030405 /etc/hostname", "213 File modification time set.\r\n"),
    ("MDTM /etc/hostname", "213 20200102030405\r\n"),
    ("MFMT 20200102030405 x", "500 Unknown command.\r\n"),
    ("MLST x", "500 Unknown command.\r\n"),
    ("REST 3", "350 Restart position accepted (3).\r\n"),
    ("REST x", "350 Restart position accepted (0).\r\n"),
    ("ABOR", "225 No transfer to ABOR.\r\n"),
    ("ALLO", "202 ALLO command ignored.\r\n"),
    ("SITE HELP", "214 CHMOD UMASK HELP\r\n"),
    ("SITE CHMOD 600 n", "200 SITE CHMOD command ok.\r\n"),
    ("SITE CHMOD 600 nope", "550 SITE CHMOD command failed.\r\n"),
    ("SITE CHMOD x", "500 SITE CHMOD needs 2 arguments.\r\n"),
    ("SITE FOO", "500 Unknown SITE command.\r\n"),
    ("PORT 1,2,3,4,5,6", "500 Illegal PORT command.\r\n"),
    ("PORT x", "500 Illegal PORT command.\r\n"),
    ("EPRT x", "500 Illegal EPRT command.\r\n"),
    ("EPRT |3|::1|9999|", "500 Bad EPRT protocol.\r\n"),
    ("LIST", "425 Use PORT or PASV first.\r\n"),
    ("PBSZ 0", "550 Permission denied.\r\n"),
    ("AUTH TLS", "500 Unknown command.\r\n"),
    ("REIN", "502 REIN not implemented.\r\n"),
    ("FOO", "500 Unknown command.\r\n"),
    ("", ""),
    ("EPSV 2", "522 Bad network protocol.\r\n"),
    ("EPSV ALL", "200 EPSV ALL ok.\r\n"),
    ("PASV", "550 Permission denied.\r\n"),
];

#[test]
fn vsftpd_answers_as_it_was_recorded() {
    let mut visit = Visit::inside("debian-12");
    for (line, wanted) in RECORDED {
        assert_eq!(visit.says(line), *wanted, "{line}");
    }
    assert_eq!(visit.says("QUIT"), "221 Goodbye.\r\n");
    assert!(visit.closed);
}

#[test]
fn before_the_login_little_is_answered() {
    let (mut visit, banner) = Visit::new("debian-12", &Settings::default());
    assert_eq!(banner, "220 (vsFTPd 3.0.3)\r\n");
    for line in ["LIST", "SYST", "NOOP", "FOO", "PWD", "EPSV"] {
        assert_eq!(visit.says(line), "530 Please login with USER and PASS.\r\n", "{line}");
    }
    assert_eq!(visit.says("PASS x"), "503 Login with USER first.\r\n");
    assert!(visit.says("FEAT").starts_with("211-Features:\r\n EPRT\r\n"));
}

#[test]
fn logins_are_reported_and_three_wrong_ones_end_it() {
    let accept = Accept::None;
    let (mut visit, _) = Visit::new("debian-12", &Settings { accept, anonymous: None });
    for number in 1..=3 {
        assert_eq!(visit.says("USER bob"), "331 Please specify the password.\r\n");
        assert_eq!(visit.says(&format!("PASS p{number}")), "530 Login incorrect.\r\n");
    }
    assert!(visit.closed);
    assert!(visit.waits.iter().all(|wait| wait.as_millis() >= 2_400), "{:?}", visit.waits);
    let tried: Vec<_> = visit.reports.iter().filter_map(|report| report.creds.as_ref()).collect();
    let passwords: Vec<_> = tried.iter().filter_map(|creds| creds.password.as_deref()).collect();
    assert_eq!(passwords, ["p1", "p2", "p3"]);
}

#[test]
fn anonymous_is_let_in_where_it_is_set_and_by_a_printer() {
    let set = Settings { anonymous: Some(true), ..Settings::default() };
    let plain = Settings::default();
    for (persona, settings, outcome) in [
        ("debian-12", &plain, Outcome::Failure),
        ("debian-12", &set, Outcome::Success),
        ("windows-server-2022", &set, Outcome::Success),
        ("printer", &plain, Outcome::Success),
    ] {
        let (mut visit, _) = Visit::new(persona, settings);
        visit.says("USER anonymous");
        visit.says("PASS a@b");
        assert_eq!(visit.reports[0].outcome, Some(outcome), "{persona}");
        let inside = matches!(visit.session.stage, Stage::Inside(_));
        assert_eq!(inside, outcome == Outcome::Success, "{persona}");
    }
}

#[test]
fn each_server_says_what_its_banner_promises() {
    for (persona, system, here, unknown) in [
        (
            "windows-server-2022",
            "215 Windows_NT\r\n",
            "257 \"/\" is current directory.\r\n",
            "500 Command not understood.\r\n",
        ),
        (
            "freebsd-14",
            "215 UNIX Type: L8 Version: BSD-199506\r\n",
            "257 \"/root\" is current directory.\r\n",
            "500 'FOO bar': command not understood.\r\n",
        ),
        (
            "printer",
            "215 UNIX Type: L8\r\n",
            "257 \"/\" is current directory.\r\n",
            "500 Syntax error, command unrecognized\r\n",
        ),
    ] {
        let mut visit = Visit::inside(persona);
        assert_eq!(visit.says("SYST"), system);
        assert_eq!(visit.says("PWD"), here);
        assert_eq!(visit.says("FOO bar"), unknown);
    }
    let mut bsd = Visit::inside("freebsd-14");
    assert_eq!(bsd.says("CWD nope"), "550 nope: No such file or directory.\r\n");
    // It knows no telnet options, and says so.
    assert!(bsd.sends(b"\xff\xfb\x18NOOP\r\n").ends_with("200 NOOP command successful.\r\n"));
}

#[test]
fn commands_are_reported_with_who_gave_them() {
    let mut visit = Visit::inside("debian-12");
    visit.says("CWD /tmp");
    visit.says("PORT 8,8,8,8,0,25");
    let told: Vec<_> =
        visit.reports.iter().map(|report| (report.kind, report.data.text("command"))).collect();
    assert_eq!(
        told,
        [(Kind::CmdInput, Some("CWD /tmp")), (Kind::CmdInput, Some("PORT 8,8,8,8,0,25"))]
    );
    assert_eq!(visit.reports[0].data.text("user"), Some("root"));
    assert_eq!(visit.reports[1].data.text("target"), Some("8.8.8.8:25"));
    for _ in 0..1000 {
        visit.says("NOOP");
    }
    visit.says("PWD");
    assert_eq!(visit.reports.len(), 2 + 8 + 2);
    assert_eq!(visit.reports[10].data.number("repeated"), Some(992));
}

#[test]
fn passive_ports_are_a_deckys_own_and_no_service_has_them() {
    let (visit, _) = Visit::new("debian-12", &Settings::default());
    let mut services = vec![ServiceSpec::plain(ServiceKind::Ftp)];
    let ports = passive_ports(&visit.decky, &services);
    assert_eq!(ports.len(), 4);
    assert!(ports.iter().all(|port| (40_000..50_000).contains(port)), "{ports:?}");
    services.push(ServiceSpec { port: ports[1], ..ServiceSpec::plain(ServiceKind::Http) });
    let others = passive_ports(&visit.decky, &services);
    assert_eq!(others.len(), 4);
    assert!(!others.contains(&ports[1]), "{others:?}");
    assert!(passive_ports(&visit.decky, &services[1..]).is_empty());
}
