//! What goes over the data connection.

use super::*;
use crate::logic::event::Raw;

#[test]
fn a_passive_port_is_told_as_each_command_asks() {
    let mut visit = Visit::inside("debian-12");
    let told =
        format!("227 Entering Passive Mode (192,168,7,20,{},{}).\r\n", PORT / 256, PORT % 256);
    assert_eq!(visit.says("PASV"), told);
    assert_eq!(visit.says("EPSV"), "229 Entering Extended Passive Mode (|||45000|)\r\n");
    visit.free = false;
    assert!(visit.says("PASV").starts_with("425 "));
    assert_eq!(visit.says("LIST"), "425 Use PORT or PASV first.\r\n");
    let mut visit = Visit::inside("debian-12");
    visit.peer = "[fd77::7]:51000".parse().unwrap();
    assert_eq!(visit.says("EPSV 2"), "229 Entering Extended Passive Mode (|||45000|)\r\n");
    assert_eq!(visit.says("PASV"), "227 Entering Passive Mode (0,0,0,0,175,200).\r\n");
}

#[test]
fn a_listing_is_as_each_server_writes_it() {
    let mut visit = Visit::inside("debian-12");
    visit.says("MKD /tmp/x");
    let (said, listing) = visit.fetches("LIST /tmp");
    assert_eq!(said, "150 Here comes the directory listing.\r\n226 Directory send OK.\r\n");
    let line = listing.lines().find(|line| line.ends_with(" x")).unwrap();
    assert!(line.starts_with("drwxr-xr-x    2 0        0            4096 "), "{listing}");
    assert!(!visit.open);
    let (_, names) = visit.fetches("NLST /tmp");
    assert!(names.lines().any(|name| name == "x"), "{names}");
    let (_, nothing) = visit.fetches("LIST /nope");
    assert_eq!(nothing, "");
    let mut visit = Visit::inside("windows-server-2022");
    visit.says("MKD x");
    let (said, listing) = visit.fetches("LIST");
    assert_eq!(
        said,
        "125 Data connection already open; Transfer starting.\r\n226 Transfer complete.\r\n"
    );
    assert!(listing.trim_end().ends_with("M       <DIR>          x"), "{listing}");
    let mut visit = Visit::inside("freebsd-14");
    let (_, listing) = visit.fetches("LIST /etc");
    assert!(listing.starts_with("total "), "{listing}");
    assert!(listing.contains(" root     wheel "), "{listing}");
}

#[test]
fn a_command_before_its_connection_waits_for_it() {
    let mut visit = Visit::inside("debian-12");
    visit.says("PASV");
    assert_eq!(visit.says("LIST /tmp"), "");
    assert_eq!(visit.waits.last(), Some(&Duration::from_secs(60)));
    // What comes meanwhile is answered afterwards.
    assert_eq!(visit.says("NOOP"), "");
    let said = visit.connects();
    assert_eq!(
        said,
        "150 Here comes the directory listing.\r\n226 Directory send OK.\r\n200 NOOP ok.\r\n"
    );
    visit.says("PASV");
    assert_eq!(visit.says("LIST"), "");
    let late = visit.call(|session, context, reply| session.wake(context, reply));
    assert_eq!(late, "425 Failed to establish connection.\r\n");
}

#[test]
fn an_upload_is_kept_and_reported() {
    let mut visit = Visit::inside("debian-12");
    visit.says("EPSV");
    visit.connects();
    assert_eq!(visit.says("STOR /tmp/up"), "150 Ok to send data.\r\n");
    visit.puts(b"abc");
    visit.puts(b"def");
    assert_eq!(visit.ends(DataEnd::Finished), "226 Transfer complete.\r\n");
    let report = visit.reports.iter().find(|report| report.kind == Kind::FileUpload).unwrap();
    assert_eq!(report.data.text("path"), Some("/tmp/up"));
    assert_eq!(report.data.text("how"), Some("ftp"));
    assert_eq!(report.data.number("bytes"), Some(6));
    assert_eq!(report.raw, Some(Raw::of(b"abcdef")));
    for (command, more, wanted) in
        [("APPE /tmp/up", &b"gh"[..], &b"abcdefgh"[..]), ("STOR /tmp/up", b"new", b"new")]
    {
        visit.says("EPSV");
        visit.connects();
        visit.says(command);
        visit.puts(more);
        visit.ends(DataEnd::Finished);
        let files = visit.state.files.by(&visit.decky, Owner::ROOT, NOW);
        assert_eq!(files.read("/tmp/up").unwrap(), wanted, "{command}");
    }
    visit.says("REST 1");
    visit.says("EPSV");
    visit.connects();
    visit.says("STOR /tmp/up");
    visit.puts(b"OW");
    visit.ends(DataEnd::Finished);
    let files = visit.state.files.by(&visit.decky, Owner::ROOT, NOW);
    assert_eq!(files.read("/tmp/up").unwrap(), b"nOW");
}

#[test]
fn a_download_is_whole_and_reported() {
    let mut visit = Visit::inside("debian-12");
    let (said, text) = visit.fetches("RETR /etc/hostname");
    let size = text.len();
    let wanted = format!(
        "150 Opening BINARY mode data connection for /etc/hostname ({size} bytes).\r\n226 Transfer complete.\r\n"
    );
    assert_eq!(said, wanted);
    let report = visit.reports.last().unwrap();
    assert_eq!(report.data.text("command"), Some("RETR /etc/hostname"));
    assert_eq!(report.raw, Some(Raw::of(text.as_bytes())));
    visit.says("REST 2");
    assert_eq!(visit.fetches("RETR /etc/hostname").1, text[2..]);
    assert_eq!(visit.fetches("RETR /nope").0, "550 Failed to open file.\r\n");
    assert_eq!(visit.reports.last().unwrap().data.text("command"), Some("RETR /nope"));
    // Several pieces.
    let mut visit = Visit::inside("windows-server-2022");
    visit.says("PASV");
    visit.connects();
    let files = &mut visit.state.files;
    files.by(&visit.decky, Owner::ROOT, NOW).keep("/inetpub/ftproot/big", b"x", 300_000).unwrap();
    visit.says("RETR big");
    // What follows the first byte is zeros, as many as the length says.
    assert!(
        visit.data.len() == 300_000 && visit.data.starts_with(b"x\0\0"),
        "{:?}",
        visit.data.len()
    );
}

#[test]
fn a_visitor_that_is_lost_makes_a_transfer_fail() {
    let mut visit = Visit::inside("debian-12");
    visit.says("EPSV");
    visit.connects();
    visit.says("STOR /tmp/part");
    visit.puts(b"half");
    assert!(visit.ends(DataEnd::Lost).starts_with("426 "));
    assert_eq!(visit.reports.last().unwrap().raw, Some(Raw::of(b"half")));
    visit.says("EPSV");
    visit.connects();
    visit.says("STOR /tmp/part2");
    visit.puts(b"cut");
    visit.call(|session, context, reply| session.end(context, reply));
    assert_eq!(visit.reports.last().unwrap().raw, Some(Raw::of(b"cut")));
}

#[test]
fn nobody_is_called() {
    let mut visit = Visit::inside("debian-12");
    assert_eq!(
        visit.says("PORT 192,168,7,99,200,9"),
        "200 PORT command successful. Consider using PASV.\r\n"
    );
    assert_eq!(visit.says("LIST"), "425 Failed to establish connection.\r\n");
    assert_eq!(visit.says("LIST"), "425 Use PORT or PASV first.\r\n");
    assert_eq!(visit.says("PORT 192,168,7,99,0,9"), "500 Illegal PORT command.\r\n");
    assert_eq!(
        visit.says("EPRT |1|192.168.7.99|9999|"),
        "200 EPRT command successful. Consider using EPSV.\r\n"
    );
}
