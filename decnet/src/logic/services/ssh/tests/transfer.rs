//! File transfers as a visitor sees them. What is expected was recorded of OpenSSH 9.2's
//! sftp-server and scp.

use super::client::Visitor;
use super::*;
use crate::logic::event::RawDigest;
use crate::logic::files::Owner;

const WINDOW: u32 = 2_097_152;

/// A visitor with a channel in which a program runs.
fn running(window: u32, start: Writer) -> Visitor {
    let mut visitor = Visitor::logged_in("root");
    let open = Writer::message(number::CHANNEL_OPEN).string("session");
    visitor.say(open.u32(0).u32(window).u32(32_768));
    visitor.say(start);
    let kinds: Vec<u8> = visitor.messages().iter().map(|message| message[0]).collect();
    assert!(kinds.starts_with(&[91, 93, 99]), "{kinds:?}");
    visitor
}

fn request(kind: &str, what: &str) -> Writer {
    let message = Writer::message(number::CHANNEL_REQUEST).u32(0).string(kind);
    message.flag(true).string(what)
}

fn sftp() -> Visitor {
    let mut visitor = running(WINDOW, request("subsystem", "sftp"));
    send(&mut visitor, &Writer::default().string([1, 0, 0, 0, 3]).done());
    let version = take(&mut visitor);
    // As long as the one that was recorded, and with the same first extension.
    assert_eq!(version.len(), 322);
    assert_eq!(version[4..9], [2, 0, 0, 0, 3]);
    assert_eq!(version[13..37], *b"posix-rename@openssh.com");
    visitor
}

fn send(visitor: &mut Visitor, bytes: &[u8]) {
    for piece in bytes.chunks(32_768) {
        visitor.say(Writer::message(number::CHANNEL_DATA).u32(0).string(piece));
    }
}

/// What the program printed since.
fn take(visitor: &mut Visitor) -> Vec<u8> {
    let mut printed = Vec::new();
    for message in visitor.messages() {
        if message[0] == number::CHANNEL_DATA {
            printed.extend_from_slice(Reader::new(&message[5..]).string().unwrap());
        }
    }
    printed
}

/// A request, and the answer to it after its length and number.
fn call(visitor: &mut Visitor, kind: u8, body: Writer) -> (u8, Vec<u8>) {
    let message = Writer::message(kind).u32(9).raw(body);
    send(visitor, &Writer::default().string(message).done());
    let answer = take(visitor);
    let mut reader = Reader::new(&answer);
    let answer = reader.string().unwrap();
    assert!(reader.end().is_ok());
    assert_eq!(answer[1..5], [0, 0, 0, 9]);
    (answer[0], answer[5..].to_vec())
}

fn string(text: &str) -> Writer {
    Writer::default().string(text)
}

fn status(code: u32, words: &str) -> (u8, Vec<u8>) {
    (101, Writer::default().u32(code).string(words).string("").done())
}

fn no_such_file() -> (u8, Vec<u8>) {
    status(2, "No such file")
}

fn name(name: &str) -> (u8, Vec<u8>) {
    (104, Writer::default().u32(1).string(name).string(name).u32(0).done())
}

fn content(visitor: &mut Visitor, path: &str) -> Vec<u8> {
    let files = &mut visitor.state.files;
    files.by(&visitor.identity, Owner::ROOT, crate::logic::time::Timestamp(1)).read(path).unwrap()
}

fn uploads(visitor: &Visitor) -> Vec<&Report> {
    visitor.reports.iter().filter(|report| report.kind == Kind::FileUpload).collect()
}

#[test]
fn requests_are_answered_as_openssh_answers_them() {
    let failure = || status(4, "Failure");
    let table = [
        ("realpath .", 16, string("."), name("/root")),
        ("realpath of nothing", 16, string(""), name("/root")),
        ("realpath up", 16, string("/tmp/../etc"), name("/etc")),
        ("realpath new", 16, string("/nosuch"), name("/nosuch")),
        ("realpath below", 16, string("/nosuch/x"), no_such_file()),
        ("readlink", 19, string("/bin"), name("usr/bin")),
        ("readlink of a file", 19, string("/etc/passwd"), status(5, "Bad message")),
        ("stat", 17, string("/nosuch"), no_such_file()),
        ("opendir", 11, string("/nosuch"), no_such_file()),
        ("opendir of a file", 11, string("/etc/passwd"), no_such_file()),
        ("open", 3, string("/nosuch").u32(1).u32(0), no_such_file()),
        ("open a directory to write", 3, string("/tmp").u32(2).u32(0), failure()),
        ("open for itself", 3, string("/etc/passwd").u32(0x2a).u32(0), failure()),
        ("close nothing", 4, string("abcd"), no_such_file()),
        ("read nothing", 5, string("abcd").u32(0).u32(0).u32(1), failure()),
        ("mkdir there", 14, string("/etc").u32(0), failure()),
        ("mkdir nowhere", 14, string("/nosuch/x").u32(0), no_such_file()),
        ("rm of a directory", 13, string("/etc"), failure()),
        ("rm of nothing", 13, string("/nosuch"), no_such_file()),
        ("rename over", 18, string("/etc/hosts").string("/etc/passwd"), failure()),
        ("rename nothing", 18, string("/nosuch").string("/x"), no_such_file()),
        ("an extension", 200, string("bogus"), status(8, "Operation unsupported")),
        ("sync nothing", 200, string("fsync@openssh.com").string("abcd"), no_such_file()),
        ("a home", 200, string("home-directory").string("root"), name("/root")),
        ("no home", 200, string("home-directory").string("nosuch"), failure()),
        ("a tilde", 200, string("expand-path@openssh.com").string("~/x"), name("/root/x")),
    ];
    for (what, kind, body, expected) in table {
        let mut visitor = sftp();
        assert_eq!(call(&mut visitor, kind, body), expected, "{what}");
    }
}

#[test]
fn limits_are_told() {
    let mut visitor = sftp();
    let (kind, answer) = call(&mut visitor, 200, string("limits@openssh.com"));
    let numbers: Vec<u64> = answer.as_chunks().0.iter().map(|n| u64::from_be_bytes(*n)).collect();
    assert_eq!((kind, numbers), (201, vec![262_144, 261_120, 261_120, 1019]));
}

#[test]
fn names_of_users_and_groups_are_told() {
    let mut visitor = sftp();
    let numbers = Writer::default().u32(0).u32(77_777).done();
    let body = string("users-groups-by-id@openssh.com").string(&numbers).string(&numbers);
    let names = string("root").string("").done();
    let expected = Writer::default().string(&names).string(&names).done();
    assert_eq!(call(&mut visitor, 200, body), (201, expected));
}

#[test]
fn what_makes_no_sense_ends_the_program() {
    let table: &[(&str, Vec<u8>)] = &[
        ("too long", [&300_000_u32.to_be_bytes()[..], &[3]].concat()),
        ("no number", string("\x11").done()),
        ("no path", Writer::default().string([17, 0, 0, 0, 1, 0, 0]).done()),
    ];
    for (what, bytes) in table {
        let mut visitor = sftp();
        send(&mut visitor, bytes);
        let kinds: Vec<u8> = visitor.messages().iter().map(|message| message[0]).collect();
        assert_eq!(kinds, [96, 98, 97], "{what}");
    }
}

#[test]
fn a_file_that_is_put_is_there_and_is_reported() {
    let mut visitor = sftp();
    let mode = Writer::default().u32(4).u32(0o100_755);
    let (kind, handle) = call(&mut visitor, 3, string("x.sh").u32(0x1a).raw(mode));
    assert_eq!((kind, handle.as_slice()), (102, [0, 0, 0, 4, 0, 0, 0, 0].as_slice()));
    let data = [b"#!/bin/sh\n".as_slice(), &[b'a'; 100_000]].concat();
    for (number, piece) in data.chunks(32_768).enumerate() {
        let offset = u32::try_from(number * 32_768).unwrap();
        let body = Writer::default().raw(&handle).u32(0).u32(offset).string(piece);
        assert_eq!(call(&mut visitor, 6, body), status(0, "Success"));
    }
    assert_eq!(uploads(&visitor), Vec::<&Report>::new());
    assert_eq!(call(&mut visitor, 4, Writer::default().raw(&handle)), status(0, "Success"));
    let mut digest = RawDigest::default();
    digest.update(&data);
    let [report] = uploads(&visitor)[..] else { panic!() };
    assert_eq!(report.raw, Some(digest.finish()));
    assert_eq!(report.data.text("path"), Some("/root/x.sh"));
    assert_eq!(report.data.text("mode"), Some("0755"));
    assert_eq!(content(&mut visitor, "/root/x.sh"), data);
    let (_, attributes) = call(&mut visitor, 17, string("x.sh"));
    assert_eq!(attributes[..12], [0, 0, 0, 15, 0, 0, 0, 0, 0, 1, 0x86, 0xaa]);
    assert_eq!(attributes[20..24], 0o100_755_u32.to_be_bytes());
}

#[test]
fn a_file_that_is_not_closed_is_reported_when_the_visitor_vanishes() {
    let mut visitor = sftp();
    let (_, handle) = call(&mut visitor, 3, string("/tmp/x").u32(0x1a).u32(0));
    call(&mut visitor, 6, Writer::default().raw(handle).u32(0).u32(0).string("half"));
    visitor.hang_up();
    let [report] = uploads(&visitor)[..] else { panic!() };
    assert_eq!(report.raw.as_ref().unwrap().len, 4);
}

#[test]
fn a_file_that_is_got_is_noted() {
    let mut visitor = sftp();
    let (_, handle) = call(&mut visitor, 3, string("/etc/hostname").u32(1).u32(0));
    let body = |offset| Writer::default().raw(&handle).u32(0).u32(offset).u32(100);
    assert_eq!(call(&mut visitor, 5, body(0)), (103, string("files-01\n").done()));
    assert_eq!(call(&mut visitor, 5, body(9)), status(1, "End of file"));
    assert_eq!(visitor.reports.last().unwrap().data.text("command"), Some("get /etc/hostname"));
}

#[test]
fn a_directory_is_listed_as_ls_lists_it() {
    let mut visitor = sftp();
    let (_, handle) = call(&mut visitor, 11, string("/root"));
    let (kind, names) = call(&mut visitor, 12, Writer::default().raw(&handle));
    assert_eq!(kind, 104);
    let mut reader = Reader::new(&names[4..]);
    assert_eq!(reader.string(), Ok(b".".as_slice()));
    let line = text(reader.string().unwrap());
    assert!(line.starts_with("drwx------    2 root     root         4096 "), "{line}");
    assert_eq!(line.len(), 57);
    assert_eq!(call(&mut visitor, 12, Writer::default().raw(&handle)), status(1, "End of file"));
}

#[test]
fn no_more_is_open_than_we_want_to_hold() {
    let mut visitor = sftp();
    for _ in 0..16 {
        assert_eq!(call(&mut visitor, 3, string("/tmp/x").u32(0x1a).u32(0)).0, 102);
    }
    let refused = call(&mut visitor, 3, string("/tmp/x").u32(0x1a).u32(0));
    assert_eq!(refused, status(4, "Failure"));
}

#[test]
fn answers_wait_while_the_visitor_does_not_read() {
    let mut visitor = running(10, request("subsystem", "sftp"));
    let stat = Writer::default().string(Writer::message(17).u32(1).string("/")).done();
    let init = Writer::default().string([1, 0, 0, 0, 3]).done();
    send(&mut visitor, &init);
    for _ in 0..100 {
        send(&mut visitor, &stat.repeat(1000));
    }
    assert_eq!(take(&mut visitor).len(), 10);
    let before = visitor.received.len();
    visitor.say(Writer::message(number::CHANNEL_WINDOW_ADJUST).u32(0).u32(1_000_000));
    assert_eq!(before, 0);
    assert!(take(&mut visitor).len() > 200_000);
}

#[test]
fn scp_takes_files_and_directories() {
    let mut visitor = running(WINDOW, request("exec", "scp -r -p -t /tmp"));
    for (line, answer) in [
        (b"T1600000000 0 1600000000 0\n".as_slice(), [0].as_slice()),
        (b"C0755 5 a b\n", &[0]),
        (b"hel", &[]),
        (b"lo\0", &[0]),
        (b"D0755 0 d\n", &[0]),
        (b"C0644 0 empty\n", &[0]),
        (b"\0", &[0]),
        (b"E\n", &[0]),
    ] {
        send(&mut visitor, line);
        assert_eq!(take(&mut visitor), answer, "{}", text(line));
    }
    visitor.say(Writer::message(number::CHANNEL_EOF).u32(0));
    let kinds: Vec<u8> = visitor.messages().iter().map(|message| message[0]).collect();
    assert_eq!(kinds, [96, 98, 97]);
    assert_eq!(content(&mut visitor, "/tmp/a b"), b"hello");
    assert_eq!(content(&mut visitor, "/tmp/d/empty"), b"");
    let told: Vec<_> = uploads(&visitor).iter().map(|it| it.data.text("path").unwrap()).collect();
    assert_eq!(told, ["/tmp/a b", "/tmp/d/empty"]);
    assert_eq!(uploads(&visitor)[0].data.text("mtime"), Some("2020-09-13T12:26:40.000000000Z"));
}

#[test]
fn scp_refuses_names_that_lead_elsewhere() {
    for name in ["../x", "/etc/passwd", "..", "."] {
        let mut visitor = running(WINDOW, request("exec", "scp -t /tmp"));
        send(&mut visitor, format!("C0644 5 {name}\n").as_bytes());
        let answer = format!("\x01scp: error: unexpected filename: {name}\n");
        assert_eq!(text(&take(&mut visitor)), answer);
    }
}

#[test]
fn scp_gives_files() {
    let table: &[(&str, &[&str])] = &[
        ("scp -f /etc/hostname", &["C0644 9 hostname\n", "files-01\n\0", ""]),
        ("scp -f /nosuch", &["\x01scp: /nosuch: No such file or directory\n"]),
        ("scp -f /etc", &["\x01scp: /etc: not a regular file\n"]),
    ];
    for (command, answers) in table {
        let mut visitor = running(WINDOW, request("exec", command));
        for answer in *answers {
            send(&mut visitor, &[0]);
            assert_eq!(text(&take(&mut visitor)), *answer, "{command}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_requests_never_panic(
        requests in proptest::collection::vec(
            (1_u8..22, proptest::collection::vec(any::<u8>(), 0..40), 0_usize..4), 0..20
        ),
        size in 1_usize..64,
    ) {
        let mut visitor = sftp();
        let mut bytes = Vec::new();
        for (kind, rest, shape) in requests {
            let body = match shape {
                0 => Writer::default().string([0, 0, 0, 0]).raw(rest),
                1 => string("/tmp/x").raw(rest),
                2 => string("/tmp/x").u32(0x1a).u32(0),
                _ => Writer::default().raw(rest),
            };
            bytes.extend(Writer::default().string(Writer::message(kind).u32(1).raw(body)).done());
        }
        for piece in bytes.chunks(size) {
            send(&mut visitor, piece);
        }
        visitor.hang_up();
    }

    #[test]
    fn any_copy_never_panics(
        command in "scp -[tf][rpd]? [/a-z~'.]{0,12}",
        pieces in proptest::collection::vec("[CDTE\\x00\\x01 0-9a-z\\n./]{0,30}", 0..12),
    ) {
        let mut visitor = running(WINDOW, request("exec", &command));
        for piece in pieces {
            send(&mut visitor, piece.as_bytes());
        }
        visitor.hang_up();
    }
}
