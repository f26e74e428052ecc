use super::*;

fn read(bytes: &[u8]) -> Ident {
    let mut input = Input::default();
    input.push(bytes);
    Line::new(Maker::OpenSsh).read(&mut input)
}

/// What a Debian 12 sshd does with the same bytes.
#[test]
fn first_lines_are_judged_as_openssh_judges_them() {
    use Unread::{Nothing, Some};
    let client = |line: &[u8]| Ident::Client(line.to_vec());
    let long = |length: usize, end: &str| {
        [b"SSH-2.0-".as_slice(), &b"A".repeat(length - 8), end.as_bytes()].concat()
    };
    let table: &[(&[u8], Ident)] = &[
        (b"SSH-2.0-x\r\n", client(b"SSH-2.0-x")),
        (b"SSH-2.0-x\n", client(b"SSH-2.0-x")),
        (b"SSH-2.0-x\r\r\n", client(b"SSH-2.0-x")),
        (b"SSH-1.99-x\r\n", client(b"SSH-1.99-x")),
        (b"SSH-2.1-x\r\n", client(b"SSH-2.1-x")),
        (b"SSH-02.0-x\r\n", client(b"SSH-02.0-x")),
        (b"SSH-+2.0-x\r\n", client(b"SSH-+2.0-x")),
        (b"SSH- 2. 0-x\r\n", client(b"SSH- 2. 0-x")),
        (b"SSH-4294967298.0-x\r\n", client(b"SSH-4294967298.0-x")),
        (b"SSH-2.0-\xff\xfe\r\n", client(b"SSH-2.0-\xff\xfe")),
        (b"SSH-1.5-x\r\n", Ident::Other(Nothing)),
        (b"SSH-3.0-x\r\n", Ident::Other(Nothing)),
        (b"SSH--2.0-x\r\n", Ident::Other(Nothing)),
        (b"SSH-99999999999999999999.0-x\r\n", Ident::Other(Nothing)),
        (b"SSH-1337\r\n", Ident::Invalid(Nothing)),
        (b"SSH-2.0\r\n", Ident::Invalid(Nothing)),
        (b"SSH-2.0-\r\n", Ident::Invalid(Nothing)),
        (b"SSH-2.0 -x\r\n", Ident::Invalid(Nothing)),
        (b"SSH-2.x-x\r\n", Ident::Invalid(Nothing)),
        (b"ssh-2.0-x\r\n", Ident::Invalid(Nothing)),
        (b"\r\n", Ident::Invalid(Nothing)),
        (b"\n", Ident::Invalid(Nothing)),
        (b"\0", Ident::Invalid(Nothing)),
        (b"SSH-2.0-\rx\r\n", Ident::Invalid(Some)),
        (b"SSH-2.0-a\0b\r\n", Ident::Invalid(Some)),
        (b"hello\r\nSSH-2.0-x\r\n", Ident::Invalid(Some)),
        (b"GET / HTTP/1.0\r\n", Ident::Invalid(Nothing)),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Ident::Invalid(Some)),
        (b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03", Ident::Invalid(Some)),
        (b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0", Ident::Invalid(Some)),
        (b"Probe-x\r\n", Ident::Invalid(Nothing)),
        (b"SSH-2.0-Probe-x\r\n", Ident::Scanner(Nothing)),
        (b"SSH-2.0-SSH_Version_Mapper\r\n", Ident::Scanner(Nothing)),
        (b"\r", Ident::More),
        (b"", Ident::More),
        (&long(8192, "\r\n"), client(&long(8192, ""))),
        (&long(8193, ""), Ident::Invalid(Nothing)),
        (&long(9000, ""), Ident::Invalid(Some)),
        (&long(8190, ""), Ident::More),
    ];
    for (bytes, expected) in table {
        let shown = String::from_utf8_lossy(bytes.get(..40).unwrap_or(bytes)).into_owned();
        assert_eq!(read(bytes), *expected, "{shown:?}");
    }
}

#[test]
fn what_follows_the_line_is_left_for_the_packets() {
    let mut input = Input::default();
    input.push(b"SSH-2.0-x\r\nrest");
    assert_eq!(Line::new(Maker::OpenSsh).read(&mut input), Ident::Client(b"SSH-2.0-x".to_vec()));
    assert_eq!(input.bytes(), b"rest");
}

#[test]
fn a_line_may_come_in_pieces() {
    let (mut line, mut input) = (Line::new(Maker::OpenSsh), Input::default());
    for piece in [b"SSH-2".as_slice(), b".0-x", b"\r"] {
        input.push(piece);
        assert_eq!(line.read(&mut input), Ident::More);
    }
    input.push(b"\n");
    assert_eq!(line.read(&mut input), Ident::Client(b"SSH-2.0-x".to_vec()));
}

/// What dropbear 2022.83 does with the same bytes.
#[test]
fn dropbear_looks_at_the_begin_alone() {
    let mut long = b"SSH-2.0-".repeat(40);
    long.truncate(300);
    let table: &[(&[u8], Ident)] = &[
        (b"SSH-2.0\r\n", Ident::Client(b"SSH-2.0".to_vec())),
        (b"SSH-2.x-x\r\n", Ident::Client(b"SSH-2.x-x".to_vec())),
        (b"SSH-2.0-\rx\r\n", Ident::Client(b"SSH-2.0-x".to_vec())),
        (b"SSH-2.0-a\0b\n", Ident::Client(b"SSH-2.0-a\0b".to_vec())),
        (b"SSH-1.5-x\r\n", Ident::Invalid(Unread::Nothing)),
        (b"hello\r\nmore", Ident::Invalid(Unread::Some)),
        (&long, Ident::Client(long[..255].to_vec())),
    ];
    for (bytes, expected) in table {
        let mut input = Input::default();
        input.push(bytes);
        assert_eq!(Line::new(Maker::Dropbear).read(&mut input), *expected);
    }
}
