//! Configuration files, good and bad.

use super::*;
use crate::logic::services::ServiceKind;

const GOOD: &str = r#"
[network]
interface = "eth0"
subnet = "192.168.1.0/24"
gateway = "192.168.1.1"

[[decky]]
name = "files-01"
ip = "192.168.1.110"
persona = "windows-server-2022"
services = ["http", "ftp"]
[decky.http]
port = 8080

[[decky]]
name = "web"
services = ["ssh"]
count = 3

[api]
port = 9000
log_level = "debug"
"#;

#[test]
fn a_file_is_read_into_wishes_and_options() {
    let config = parse(GOOD).expect("it is good");
    let fleet = &config.fleet;
    assert_eq!(fleet.network.interface.as_deref(), Some("eth0"));
    assert_eq!(fleet.network.subnet, "192.168.1.0/24".parse().ok());
    let names: Vec<&str> = fleet.deckies.iter().map(|wish| wish.name.as_str()).collect();
    assert_eq!(names, ["files-01", "web-01", "web-02", "web-03"]);
    let files = fleet.deckies.first().expect("it is there");
    assert_eq!(files.persona.id, "windows-server-2022");
    assert_eq!(files.line, 7);
    let ports: Vec<_> = files.services.iter().map(|spec| (spec.kind(), spec.port)).collect();
    assert_eq!(ports, [(ServiceKind::Http, 8080), (ServiceKind::Ftp, 21)]);
    let options: Vec<_> = config
        .options
        .iter()
        .map(|o| (o.role.as_str(), o.option.as_str(), o.value.as_str()))
        .collect();
    assert_eq!(options, [("api", "log-level", "debug"), ("api", "port", "9000")]);
}

#[test]
fn what_is_wrong_is_named_with_its_line_and_value() {
    let decky = |rest: &str| format!("[[decky]]\nname = \"a\"\nservices = [\"http\"]\n{rest}");
    let table: [(String, usize, &str); 17] = [
        ("x = ".into(), 1, "string values must be quoted"),
        ("network = 5".into(), 1, "expected struct NetworkWish"),
        ("[network]\nsubnett = \"x\"".into(), 2, "unknown field `subnett`"),
        ("[network]\nsubnet = \"10.0.0.0/33\"".into(), 2, "invalid"),
        (decky("colour = \"red\""), 4, "unknown field `colour`"),
        (decky("persona = \"amiga\""), 4, "`amiga` is no persona: there are debian-12"),
        (decky("count = 0"), 4, "`count = 0` is not in 1..=1024"),
        (decky("count = 1025"), 4, "`count = 1025` is not in 1..=1024"),
        (decky("count = 2\nip = \"10.0.0.1\""), 4, "do not go together"),
        (decky("[decky.ssh]"), 4, "`ssh` has settings and is not among the services"),
        (decky("[decky.http]\nport = 0"), 5, "`port = 0` is not in 1..=65535"),
        (decky("[decky.http]\nspeed = 1"), 5, "unknown field `speed`"),
        ("[[decky]]\nname = \"a\"\nservices = [\"gopher\"]".into(), 3, "`gopher` is no service"),
        ("[[decky]]\nname = \"a\"\nservices = []".into(), 3, "at least one service"),
        ("[[decky]]\nname = \"../x\"\nservices = [\"http\"]".into(), 2, "`../x` is no name"),
        (format!("{}{}", decky(""), decky("")), 4, "the name `a` is taken by the decky of line 1"),
        (
            "[[decky]]\nname = \"a\"\nservices = [\"tcp\"]\n[decky.tcp]\nport = 9".into(),
            5,
            "takes every port",
        ),
    ];
    for (text, line, message) in table {
        let error = parse(&text).expect_err(&text);
        assert_eq!(error.line, line, "{text}\n{error}");
        assert!(error.message.contains(message), "{text}\n{error}");
    }
}

#[test]
fn two_services_cannot_share_a_port() {
    let text = "[[decky]]\nname = \"a\"\nservices = [\"http\", \"ssh\"]\n[decky.ssh]\nport = 80";
    let error = parse(text).expect_err("port 80 twice");
    assert_eq!((error.line, error.message.as_str()), (3, "`http` and `ssh` share port 80"));
}

#[test]
fn an_address_is_taken_once() {
    let decky =
        |name| format!("[[decky]]\nname = \"{name}\"\nip = \"10.0.0.1\"\nservices = [\"ssh\"]\n");
    let error = parse(&format!("{}{}", decky("a"), decky("b"))).expect_err("twice");
    assert_eq!(error.message, "the address 10.0.0.1 is taken by the decky of line 1");
    assert_eq!(error.line, 5);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        drop(parse(&text));
    }

    #[test]
    fn no_table_makes_it_panic(key in "[a-z]{1,8}", value in "[\\[\\]{}0-9a-z\"=,. \n]{0,60}") {
        drop(parse(&format!("[[decky]]\nname = \"a\"\n{key} = {value}\n")));
    }
}
