//! Channels and programs as a visitor sees them.

use super::client::Visitor;
use super::*;
use crate::logic::event::RawDigest;

const WINDOW: u32 = 2_097_152;

fn open(kind: &str, number: u32) -> Writer {
    let message = Writer::message(number::CHANNEL_OPEN).string(kind);
    message.u32(number).u32(WINDOW).u32(32_768)
}

fn ask(kind: &str) -> Writer {
    Writer::message(number::CHANNEL_REQUEST).u32(0).string(kind).flag(true)
}

fn terminal() -> Writer {
    ask("pty-req").string("xterm").u32(80).u32(24).u32(0).u32(0).string([0])
}

fn about(kind: u8) -> Writer {
    Writer::message(kind).u32(0)
}

fn data(bytes: &[u8]) -> Writer {
    about(number::CHANNEL_DATA).string(bytes)
}

fn direct(port: u32) -> Writer {
    open("direct-tcpip", 0).string("10.0.0.1").u32(port).string("127.0.0.1").u32(5)
}

/// A visitor with a session channel.
fn in_session() -> Visitor {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(open("session", 0));
    let confirmed = about(number::CHANNEL_OPEN_CONFIRMATION).u32(0).u32(0).u32(32_768).done();
    assert_eq!(visitor.messages(), [confirmed]);
    visitor
}

/// What the server sent into the channel, and the kinds of its other messages.
fn output(visitor: &mut Visitor) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, mut kinds) = (Vec::new(), Vec::new());
    for message in visitor.messages() {
        if message[0] == number::CHANNEL_DATA {
            let mut reader = Reader::new(&message[5..]);
            let piece = reader.string().unwrap();
            assert!(piece.len() <= 32_768);
            bytes.extend_from_slice(piece);
        } else {
            kinds.push(message[0]);
        }
    }
    (bytes, kinds)
}

#[test]
fn messages_after_the_login_are_answered_as_openssh_answers_them() {
    let disconnect = |why: &str| vec![Said::Disconnect(why.to_owned())];
    let gone = |what: &str| disconnect(&format!("{what} packet referred to nonexistent channel 7"));
    let to_seven = |kind| Writer::message(kind).u32(7);
    let global = |kind: &str| Writer::message(number::GLOBAL_REQUEST).string(kind).flag(true);
    let failure = || vec![Said::Kind(number::REQUEST_FAILURE)];
    let success = || vec![Said::Kind(number::REQUEST_SUCCESS)];
    let refused = || vec![Said::Kind(number::CHANNEL_OPEN_FAILURE)];
    let no = || vec![Said::Unimplemented(2)];
    let table: &[(&str, Writer, Vec<Said>)] = &[
        ("keepalive", global("keepalive@openssh.com"), failure()),
        ("no more sessions", global("no-more-sessions@openssh.com"), success()),
        ("forward", global("tcpip-forward").string("").u32(8080), success()),
        ("any port", global("tcpip-forward").string("").u32(0), success()),
        ("forward without a port", global("tcpip-forward").string(""), vec![]),
        ("cancel", global("cancel-tcpip-forward").string("").u32(1), failure()),
        ("socket", global("streamlocal-forward@openssh.com").string("/tmp/x"), success()),
        ("prove nothing", global("hostkeys-prove-00@openssh.com"), success()),
        ("prove another's", global("hostkeys-prove-00@openssh.com").string("x"), failure()),
        ("a session and more", open("session", 0).u8(0), vec![]),
        ("an unknown channel", open("bogus", 0), refused()),
        ("a connection without a host", open("direct-tcpip", 0), vec![]),
        ("data", to_seven(number::CHANNEL_DATA).string("x"), gone("data")),
        (
            "errors",
            to_seven(number::CHANNEL_EXTENDED_DATA).u32(1).string("x"),
            gone("extended data"),
        ),
        ("eof", to_seven(number::CHANNEL_EOF), gone("ieof")),
        ("close", to_seven(number::CHANNEL_CLOSE), gone("oclose")),
        ("confirmation", to_seven(91).raw([0; 12]), gone("open confirmation")),
        ("refusal", to_seven(92).u32(1).string("").string(""), gone("open failure")),
        ("adjust", to_seven(number::CHANNEL_WINDOW_ADJUST).u32(7), vec![]),
        ("success", to_seven(number::CHANNEL_SUCCESS), vec![]),
        (
            "request",
            to_seven(number::CHANNEL_REQUEST).string("shell").flag(true),
            disconnect("server_input_channel_req: unknown channel 7"),
        ),
        ("login", client::password("root", "x"), no()),
        ("service", Writer::message(number::SERVICE_REQUEST).string("ssh-userauth"), no()),
        ("type 55", Writer::message(55), no()),
        ("type 83", Writer::message(83), no()),
        ("type 101", Writer::message(101), no()),
        ("new keys", Writer::message(number::NEWKEYS), no()),
        ("a value", Writer::message(number::KEX_INIT).string([9; 32]), no()),
    ];
    for (what, message, expected) in table {
        let mut visitor = Visitor::logged_in("root");
        visitor.say(message);
        let found: Vec<Said> = visitor.messages().iter().map(|message| said(message)).collect();
        assert_eq!(found, *expected, "{what}");
        let fatal = |said: &Said| matches!(said, Said::Disconnect(_));
        let silent = matches!(
            *what,
            "forward without a port" | "a session and more" | "a connection without a host"
        );
        assert_eq!(visitor.closed, silent || expected.iter().any(fatal), "{what}");
    }
}

#[test]
fn requests_to_a_channel_are_answered_as_openssh_answers_them() {
    let (yes, no) =
        (vec![Said::Kind(number::CHANNEL_SUCCESS)], vec![Said::Kind(number::CHANNEL_FAILURE)]);
    let table: &[(&str, Writer, &Vec<Said>)] = &[
        ("a locale", ask("env").string("LANG").string("C"), &yes),
        ("another variable", ask("env").string("FOO").string("C"), &no),
        ("a terminal", terminal(), &yes),
        ("its size", ask("window-change").raw([0; 16]), &yes),
        ("x11", ask("x11-req").flag(false).string("MIT").string("00").u32(0), &yes),
        ("an agent", ask("auth-agent-req@openssh.com"), &yes),
        ("a signal to nothing", ask("signal").string("TERM"), &no),
        ("a break", ask("break").u32(100), &no),
        ("an unknown subsystem", ask("subsystem").string("bogus"), &no),
        ("an unknown request", ask("bogus"), &no),
    ];
    for (what, message, expected) in table {
        let mut visitor = in_session();
        visitor.say(message);
        let found: Vec<Said> = visitor.messages().iter().map(|message| said(message)).collect();
        assert_eq!(found, **expected, "{what}");
    }
    let mut visitor = in_session();
    visitor.say(terminal());
    visitor.say(terminal());
    let why = "Protocol error: you already have a pty.".to_owned();
    assert_eq!(said(&visitor.messages()[1]), Said::Disconnect(why));
}

#[test]
fn sessions_are_ten_at_most_and_take_the_lowest_free_number() {
    let mut visitor = Visitor::logged_in("root");
    for number in 0..12 {
        visitor.say(open("session", number));
    }
    let kinds: Vec<u8> = visitor.messages().iter().map(|message| message[0]).collect();
    assert_eq!(kinds, [[91; 10].as_slice(), &[92; 2]].concat());
    visitor.say(Writer::message(number::CHANNEL_CLOSE).u32(3));
    visitor.say(open("session", 40));
    let messages = visitor.messages();
    assert_eq!(messages[0], [number::CHANNEL_CLOSE, 0, 0, 0, 3]);
    assert_eq!(messages[1][..9], [91, 0, 0, 0, 40, 0, 0, 0, 3]);
}

#[test]
fn more_sessions_are_an_attack_once_they_were_given_up() {
    let mut visitor = Visitor::logged_in("root");
    let message = Writer::message(number::GLOBAL_REQUEST);
    visitor.say(message.string("no-more-sessions@openssh.com").flag(false));
    visitor.say(open("session", 0));
    let why = "Possible attack: attempt to open a session after additional sessions disabled";
    assert_eq!(said(&visitor.messages()[0]), Said::Disconnect(why.to_owned()));
}

#[test]
fn a_command_prints_and_ends() {
    let mut visitor = in_session();
    visitor.say(ask("exec").string("echo hi"));
    let (printed, kinds) = output(&mut visitor);
    assert_eq!(printed, b"hi\n");
    // The window opens, the request succeeds, the output ends, the status is told, all is closed.
    assert_eq!(kinds, [93, 99, 96, 98, 97]);
    assert_eq!(visitor.reports.last().unwrap().kind, Kind::CmdInput);
    visitor.say(ask("exec").string("echo again"));
    assert_eq!(visitor.messages(), [about(number::CHANNEL_FAILURE).done()]);
}

#[test]
fn a_command_reads_what_the_visitor_sends() {
    let mut visitor = in_session();
    visitor.say(ask("exec").string("cat > /tmp/x; wc -c < /tmp/x"));
    assert_eq!(output(&mut visitor), (Vec::new(), vec![93, 99]));
    visitor.say(data(b"one\ntwo\nno line end"));
    visitor.say(about(number::CHANNEL_EOF));
    assert_eq!(output(&mut visitor), (b"19\n".to_vec(), vec![96, 98, 97]));
    let upload = visitor.reports.iter().find(|report| report.kind == Kind::FileUpload).unwrap();
    let mut digest = RawDigest::default();
    digest.update(b"one\ntwo\nno line end");
    assert_eq!(upload.raw, Some(digest.finish()));
}

#[test]
fn a_shell_without_a_terminal_runs_lines_and_says_nothing_else() {
    let mut visitor = in_session();
    visitor.say(ask("shell"));
    assert_eq!(output(&mut visitor), (Vec::new(), vec![93, 99]));
    visitor.say(data(b"echo a\nnonsense\ncd /tmp\npwd\nexit 3\necho never\n"));
    let (printed, kinds) = output(&mut visitor);
    let shown = "a\n-bash: line 2: nonsense: command not found\n/tmp\n";
    assert_eq!(String::from_utf8(printed).unwrap(), shown);
    assert_eq!(kinds, [96, 98, 97]);
    let commands = visitor.reports.iter().filter_map(|report| report.data.text("command"));
    assert_eq!(commands.collect::<Vec<_>>(), ["echo a", "nonsense", "cd /tmp", "pwd", "exit 3"]);
}

#[test]
fn a_shell_without_a_terminal_ends_with_its_input() {
    for persona in ["debian-12", "windows-10"] {
        let mut visitor = Visitor::of(persona, &Settings::default());
        visitor.line();
        visitor.exchange(Offer::default());
        visitor.log_in("root");
        visitor.say(open("session", 0));
        visitor.messages();
        visitor.say(ask("shell"));
        visitor.messages();
        visitor.say(data(b"hostname"));
        visitor.say(about(number::CHANNEL_EOF));
        let (printed, kinds) = output(&mut visitor);
        let printed = String::from_utf8(printed).unwrap();
        assert!(kinds.ends_with(&[96, 98, 97]), "{persona}: {kinds:?} {printed}");
        assert!(printed.to_lowercase().contains("files-01"), "{persona}: {printed}");
    }
}

#[test]
fn a_command_on_a_terminal_prints_returns() {
    let mut visitor = in_session();
    visitor.say(terminal());
    visitor.say(ask("exec").string("echo hi"));
    let (printed, kinds) = output(&mut visitor);
    assert_eq!(printed, b"hi\r\n");
    assert_eq!(kinds, [99, 93, 99, 98, 96, 97]);
}

#[test]
fn output_waits_for_the_visitors_window() {
    let mut visitor = Visitor::logged_in("root");
    let small = Writer::message(number::CHANNEL_OPEN).string("session").u32(0).u32(3).u32(32_768);
    visitor.say(small);
    visitor.messages();
    visitor.say(ask("exec").string("echo hello world"));
    assert_eq!(output(&mut visitor), (b"hel".to_vec(), vec![93, 99, 98]));
    visitor.say(about(number::CHANNEL_WINDOW_ADJUST).u32(4));
    assert_eq!(output(&mut visitor), (b"lo w".to_vec(), vec![]));
    visitor.say(about(number::CHANNEL_WINDOW_ADJUST).u32(100));
    assert_eq!(output(&mut visitor), (b"orld\n".to_vec(), vec![96, 97]));
}

#[test]
fn input_beyond_the_window_is_ignored() {
    let mut visitor = in_session();
    visitor.say(data(b"before any program"));
    assert_eq!(visitor.messages(), Vec::<Vec<u8>>::new());
    visitor.say(ask("shell"));
    visitor.messages();
    visitor.say(data(&[b'a'; 32_769]));
    assert_eq!(visitor.messages(), Vec::<Vec<u8>>::new());
}

#[test]
fn the_window_opens_again_when_input_was_read() {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(direct(80));
    visitor.messages();
    for _ in 0..4 {
        visitor.say(data(&[b'a'; 32_768]));
    }
    let adjusted = about(number::CHANNEL_WINDOW_ADJUST).u32(4 * 32_768).done();
    assert_eq!(visitor.messages(), [adjusted]);
}

#[test]
fn a_connection_elsewhere_is_a_sink_that_is_recorded() {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(direct(80));
    let confirmed = about(number::CHANNEL_OPEN_CONFIRMATION).u32(0).u32(WINDOW).u32(32_768).done();
    assert_eq!(visitor.messages(), [confirmed]);
    visitor.say(data(b"GET / HTTP/1.0\r\n\r\n"));
    visitor.say(about(number::CHANNEL_EOF));
    assert_eq!(visitor.messages(), [about(96).done(), about(97).done()]);
    let report = visitor.reports.last().unwrap();
    assert_eq!(report.kind, Kind::Payload);
    assert_eq!(report.data.text("forward"), Some("10.0.0.1:80"));
    let mut digest = RawDigest::default();
    digest.update(b"GET / HTTP/1.0\r\n\r\n");
    assert_eq!(report.raw, Some(digest.finish()));
}

#[test]
fn a_connection_elsewhere_may_be_refused_and_is_recorded_all_the_same() {
    let settings = Settings { forward: Forwarding::Refuse, ..Settings::default() };
    let mut visitor = Visitor::of("debian-12", &settings);
    visitor.line();
    visitor.exchange(Offer::default());
    visitor.log_in("root");
    visitor.say(direct(25));
    let refused = about(number::CHANNEL_OPEN_FAILURE).u32(2);
    assert_eq!(visitor.messages(), [refused.string("Connection refused").string("").done()]);
    assert_eq!(visitor.reports.last().unwrap().data.text("forward"), Some("10.0.0.1:25"));
}

#[test]
fn what_was_sent_elsewhere_is_recorded_when_the_visitor_vanishes() {
    let mut visitor = Visitor::logged_in("root");
    visitor.say(direct(25));
    visitor.say(data(b"EHLO x\r\n"));
    visitor.hang_up();
    assert_eq!(visitor.reports.last().unwrap().raw.as_ref().unwrap().len, 8);
}

#[test]
fn the_environment_is_recorded_when_a_program_starts() {
    let mut visitor = in_session();
    for number in 0..100 {
        visitor.say(ask("env").string(format!("A{number}")).string("b".repeat(5000)));
    }
    visitor.say(ask("exec").string("echo hi"));
    let report = visitor.reports.iter().find(|report| report.data.value("env").is_some()).unwrap();
    let Some(Value::Fields(env)) = report.data.value("env") else { panic!("{report:?}") };
    assert_eq!(env.len(), 32);
    assert_eq!(env[0], ("A0".to_owned(), "b".repeat(1024)));
}

#[test]
fn a_visitor_that_repeats_itself_is_reported_a_bounded_number_of_times() {
    let mut visitor = Visitor::logged_in("root");
    let wish = Writer::message(number::GLOBAL_REQUEST).string("tcpip-forward").flag(false);
    let wish = wish.string("").u32(8080).done();
    for _ in 0..5000 {
        visitor.say(&wish);
    }
    assert_eq!(visitor.reports.len(), 4097);
    assert_eq!(visitor.reports[4096].outcome, Some(Outcome::Limited));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_messages_after_the_login_never_panic(
        messages in proptest::collection::vec(
            (80_u8..101, 0_u32..3, proptest::collection::vec(any::<u8>(), 0..60)), 0..12
        ),
    ) {
        let mut visitor = in_session();
        for (kind, channel, rest) in messages {
            visitor.say(Writer::message(kind).u32(channel).raw(rest));
        }
        visitor.hang_up();
    }

    #[test]
    fn any_requests_in_any_order_never_panic(
        picks in proptest::collection::vec((0_usize..14, any::<u32>(), proptest::collection::vec(any::<u8>(), 0..40)), 0..20),
    ) {
        let mut visitor = in_session();
        for (pick, number, bytes) in picks {
            let message = match pick {
                0 => open("session", number),
                1 => direct(number),
                2 => terminal(),
                3 => ask("shell"),
                4 => ask("exec").string(bytes),
                5 => ask("subsystem").string("sftp"),
                6 => data(&bytes),
                7 => about(number::CHANNEL_WINDOW_ADJUST).u32(number),
                8 => about(number::CHANNEL_EOF),
                9 => about(number::CHANNEL_CLOSE),
                10 => ask("signal").string("INT"),
                11 => ask("window-change").u32(number).u32(number).u32(0).u32(0),
                12 => ask("env").string(bytes).string("x"),
                _ => data(&Writer::default().string(bytes).done()),
            };
            visitor.say(message);
            prop_assert!(visitor.received.len() < 8 * 1024 * 1024);
        }
        visitor.hang_up();
    }
}
