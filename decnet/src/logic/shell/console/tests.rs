use proptest::prelude::*;

use super::super::tests::Bench;
use super::*;
use crate::logic::event::{Kind, Raw};
use crate::logic::services::Report;

/// A console in the hands of a visitor.
struct Seat {
    bench: Bench,
    console: Console,
    reports: Vec<Report>,
}

impl Seat {
    fn new(persona: &str, user: &str) -> (Self, String) {
        let mut bench = Bench::new(persona);
        let mut console = Console::new(user, 80, 24);
        let ((), reply) = bench.call(|context, reply| console.open(context, reply));
        let text = String::from_utf8(reply.bytes).unwrap();
        (Self { bench, console, reports: Vec::new() }, text)
    }

    /// Types, sits through every wait, and gives what the screen shows and how it ended.
    fn types(&mut self, bytes: &[u8]) -> (String, Option<u8>) {
        let Self { bench, console, reports } = self;
        let (mut ended, mut reply) =
            bench.call(|context, reply| console.input(bytes, context, reply));
        let mut text = Vec::new();
        loop {
            text.append(&mut reply.bytes);
            reports.append(&mut reply.reports);
            if reply.wait.is_none() || ended.is_some() {
                return (String::from_utf8_lossy(&text).into_owned(), ended);
            }
            (ended, reply) = bench.call(|context, reply| console.wake(context, reply));
        }
    }

    fn commands(&self) -> Vec<&str> {
        let inputs = self.reports.iter().filter(|report| report.kind == Kind::CmdInput);
        inputs.filter_map(|report| report.data.text("command")).collect()
    }
}

const PROMPT: &str = "root@files-01:~# ";

#[test]
fn each_system_greets_in_its_way() {
    for (persona, user, end) in [
        ("debian-12", "root", "from 192.168.7.12\r\nroot@files-01:~# "),
        ("debian-12", "bob", "by applicable law.\r\nbob@files-01:~$ "),
        ("ubuntu-24.04", "ubuntu", "ubuntu@files-01:~$ "),
        ("freebsd-14", "root", "see motd(5).\r\nroot@files-01:~ # "),
        ("windows-10", "admin", "All rights reserved.\r\n\r\n\r\nC:\\Users\\admin>"),
        ("printer", "", "settings.\r\n> "),
    ] {
        let (_, text) = Seat::new(persona, user);
        assert!(text.ends_with(end), "{persona}: {text:?}");
    }
}

#[test]
fn keys_edit_the_line() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    for (keys, shown) in [
        (b"ec\x7f\x7fecho a\r".as_slice(), "ec\x08 \x08\x08 \x08echo a\r\na\r\n"),
        (b"echo ac\x1b[Db\r", "echo ac\x08bc\x08\r\nabc\r\n"),
        (b"xx\x15echo b\r", "xx\x08\x08  \x08\x08echo b\r\nb\r\n"),
        (b"echo a b\x17c\r", "echo a b\x08 \x08c\r\na c\r\n"),
        (b"\x1b[200~echo p\x1b[201~\r", "echo p\r\np\r\n"),
        (b"echo \xc3\xa9\x7f\xc3\xa8\r", "echo é\x08 \x08è\r\nè\r\n"),
        (b"abc\x03", "abc^C\r\n"),
        (
            b"\x1b[A\x1b[A\r",
            "echo è\x08\x08\x08\x08\x08\x08      \x08\x08\x08\x08\x08\x08echo p\r\np\r\n",
        ),
    ] {
        let (text, ended) = seat.types(keys);
        assert_eq!(text, format!("{shown}{PROMPT}"), "{keys:?}");
        assert_eq!(ended, None);
    }
}

#[test]
fn every_end_of_a_line_ends_one_line() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    for end in ["\r", "\n", "\r\n"] {
        let (text, _) = seat.types(format!("echo a{end}").as_bytes());
        assert_eq!(text, format!("echo a\r\na\r\n{PROMPT}"), "{end:?}");
    }
    // Also when it comes in two pieces.
    assert_eq!(seat.types(b"echo b\r").0, format!("echo b\r\nb\r\n{PROMPT}"));
    assert_eq!(seat.types(b"\necho c\r").0, format!("echo c\r\nc\r\n{PROMPT}"));
}

#[test]
fn paths_and_commands_are_completed() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    assert_eq!(
        seat.types(b"cat /etc/hostn\t\r").0,
        format!("cat /etc/hostname \r\nfiles-01\r\n{PROMPT}")
    );
    assert_eq!(seat.types(b"whoa\t\r").0, format!("whoami \r\nroot\r\n{PROMPT}"));
    let (text, _) = seat.types(b"ls /etc/host\t\x03");
    assert!(text.contains("host.conf  hostname  hosts\r\n"), "{text}");
}

#[test]
fn a_command_goes_on_over_lines() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    let (text, _) = seat.types(b"cat > /tmp/x <<E\rone\rtwo\rE\r");
    assert_eq!(text, format!("cat > /tmp/x <<E\r\n> one\r\n> two\r\n> E\r\n{PROMPT}"));
    let (text, _) = seat.types(b"for i in 1 2\rdo echo $i\rdone\r");
    assert_eq!(text, format!("for i in 1 2\r\n> do echo $i\r\n> done\r\n1\r\n2\r\n{PROMPT}"));
    let (text, _) = seat.types(b"echo 'a\rb'\r");
    assert_eq!(text, format!("echo 'a\r\n> b'\r\na\r\nb\r\n{PROMPT}"));
    assert_eq!(
        seat.commands(),
        ["cat > /tmp/x <<E\none\ntwo\nE", "for i in 1 2\ndo echo $i\ndone", "echo 'a\nb'"]
    );
    let upload = seat.reports.iter().find(|report| report.kind == Kind::FileUpload).unwrap();
    assert_eq!(upload.raw.as_ref().unwrap().len, 8);
}

#[test]
fn a_command_reads_what_is_typed_for_it() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    assert_eq!(seat.types(b"cat\rhi\r\x04").0, format!("cat\r\nhi\r\nhi\r\n{PROMPT}"));
    assert_eq!(seat.types(b"cat > /tmp/x\rhi\r\x04").0, format!("cat > /tmp/x\r\nhi\r\n{PROMPT}"));
    assert_eq!(seat.types(b"wc -l\ra\rb\r\x04").0, format!("wc -l\r\na\r\nb\r\n2\r\n{PROMPT}"));
    assert_eq!(
        seat.types(b"read x; echo \"<$x>\"\rhi\r").0,
        format!("read x; echo \"<$x>\"\r\nhi\r\n<hi>\r\n{PROMPT}")
    );
    let (text, _) = seat.types(b"passwd\rnew\rnew\r");
    assert_eq!(
        text,
        format!(
            "passwd\r\nNew password: \r\nRetype new password: \r\npasswd: password \
                              updated successfully\r\n{PROMPT}"
        )
    );
    assert_eq!(seat.types(b"cat /tmp/x\r").0, format!("cat /tmp/x\r\nhi\r\n{PROMPT}"));
}

#[test]
fn shells_in_shells_end_one_by_one() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    let (text, ended) = seat.types(b"sh\rsu deploy\rwhoami\r\x04exit 3\r");
    assert_eq!(
        text,
        "sh\r\n# su deploy\r\n$ whoami\r\ndeploy\r\n$ exit\r\n# exit 3\r\nexit\r\nroot@files-01:~# "
    );
    assert_eq!(ended, None);
    assert_eq!(
        seat.types(b"echo $?; exit 7\r"),
        ("echo $?; exit 7\r\n3\r\nlogout\r\n".to_owned(), Some(7))
    );
}

#[test]
fn waits_are_asked_for_and_what_is_typed_meanwhile_is_kept() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    let (text, _) = seat.types(b"echo a; sleep 2; echo b\recho c\r");
    assert_eq!(
        text,
        format!("echo a; sleep 2; echo b\r\na\r\nb\r\n{PROMPT}echo c\r\nc\r\n{PROMPT}")
    );
    let Seat { bench, console, .. } = &mut seat;
    let (_, reply) = bench.call(|context, reply| console.input(b"sleep 5\r", context, reply));
    assert_eq!(reply.wait, Some(Duration::from_secs(5)));
}

#[test]
fn what_was_begun_and_not_finished_is_reported_at_the_end() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    seat.types(b"echo a >> /tmp/x\recho b >> /tmp/x\rcat <<E\rhalf");
    let Seat { bench, console, .. } = &mut seat;
    let ((), reply) = bench.call(|context, reply| console.end(context, reply));
    let kinds: Vec<_> = reply.reports.iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [Kind::CmdInput, Kind::FileUpload]);
    assert_eq!(reply.reports.first().unwrap().data.text("command"), Some("cat <<E\nhalf"));
    assert_eq!(reply.reports.last().unwrap().raw.as_ref().unwrap().b64, "YQpiCg==");
}

/// Through a pipe, as a file is sent to a command that the shell holds it for.
#[test]
fn what_is_typed_beyond_what_is_held_is_told() {
    let mut bench = Bench::new("debian-12");
    let mut console = Console::new("root", 80, 24).on_pipes();
    let line = b"cat > /tmp/x; wc -c /tmp/x";
    let (ended, first) = bench.call(|context, reply| console.exec(line, context, reply));
    assert_eq!(ended, None);
    let sent: Vec<u8> = (0..1_200_000_u32).flat_map(u32::to_le_bytes).collect();
    for piece in sent.chunks(32 * 1024) {
        let (ended, reply) = bench.call(|context, reply| console.input(piece, context, reply));
        assert_eq!((ended, reply.reports.len()), (None, 0));
    }
    assert!((4 << 20..9 << 20).contains(&console.held()), "{}", console.held());
    let (ended, reply) = bench.call(|context, reply| console.end_of_input(context, reply));
    let reports: Vec<Report> = first.reports.into_iter().chain(reply.reports).collect();
    assert_eq!(ended, Some(0));
    assert_eq!(String::from_utf8_lossy(&reply.bytes), "4194304 /tmp/x\n");
    let told = |kind: Kind| reports.iter().find(|report| report.kind == kind).unwrap();
    let typed = told(Kind::Payload);
    let raw = Raw { whole: None, ..Raw::of(&sent) };
    assert_eq!(typed.raw, Some(raw), "{typed:?}");
    assert_eq!(typed.data.text("typed_for"), Some("cat > /tmp/x; wc -c /tmp/x"));
    assert_eq!(told(Kind::FileUpload).data.number("bytes"), Some(4 << 20));
}

#[test]
fn what_was_typed_for_a_command_that_never_ended_is_told() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    seat.types(b"cat > /tmp/x\rsecret\r");
    let Seat { bench, console, .. } = &mut seat;
    let ((), reply) = bench.call(|context, reply| console.end(context, reply));
    let [report] = reply.reports.as_slice() else { panic!("{:?}", reply.reports) };
    assert_eq!(report.kind, Kind::Payload);
    assert_eq!(report.raw, Some(Raw::of(b"secret\n")));
}

/// What is beyond any line that is held is told when the connection ends.
#[test]
fn what_a_line_has_no_room_for_is_told() {
    let (mut seat, _) = Seat::new("debian-12", "root");
    for _ in 0..17 {
        seat.types(&[b'x'; 16 * 1024]);
    }
    let Seat { bench, console, .. } = &mut seat;
    let ((), reply) = bench.call(|context, reply| console.end(context, reply));
    let lost = reply.reports.iter().find(|report| report.kind == Kind::Payload).unwrap();
    assert_eq!(lost.raw, Some(Raw { whole: None, ..Raw::of(&[b'x'; 16 * 1024]) }));
    let line = reply.reports.iter().find(|report| report.kind == Kind::CmdInput).unwrap();
    assert_eq!(line.raw.as_ref().map(|raw| raw.len), Some(256 * 1024));
}

#[test]
fn a_terminal_that_can_is_told_to_mark_pastes() {
    let mut bench = Bench::new("debian-12");
    let mut console = Console::new("root", 80, 24).on_terminal("xterm");
    let ((), reply) = bench.call(|context, reply| console.open(context, reply));
    assert!(reply.bytes.ends_with(b"\x1b[?2004hroot@files-01:~# "));
    let (_, reply) = bench.call(|context, reply| console.input(b"\x04", context, reply));
    assert_eq!(reply.bytes, b"\x1b[?2004l\r\r\nlogout\r\n");
}

proptest! {
    #[test]
    fn any_keys_in_any_pieces_are_survived(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                "[ -~]{0,20}\r".prop_map(String::into_bytes),
                prop::sample::select(vec!["\x1b[A", "\x1b[D", "\t", "\x03", "\x04", "sh\r", "cat\r", "<<E\r"])
                    .prop_map(|text| text.as_bytes().to_vec()),
            ],
            0..12,
        ),
        persona in 0..crate::logic::persona::ALL.len(),
    ) {
        let persona = crate::logic::persona::ALL.get(persona).unwrap();
        let (mut seat, _) = Seat::new(persona.id, "root");
        for piece in pieces {
            let (text, ended) = seat.types(&piece);
            prop_assert!(text.len() < 1_000_000);
            if ended.is_some() {
                break;
            }
        }
        let Seat { bench, console, .. } = &mut seat;
        let _end = bench.call(|context, reply| console.end(context, reply));
    }
}
