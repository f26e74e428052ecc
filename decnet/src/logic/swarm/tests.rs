//! What cannot be a node is refused by field.

use super::*;

fn wish() -> Enroll {
    let json = r#"{"name":"node-1","address":"192.0.2.7"}"#;
    serde_json::from_str(json).expect("the rest has defaults")
}

#[test]
fn a_plain_wish_is_taken() {
    let enroll = Enroll { sans: vec!["fd00::7".into(), "Node-1.example.org".into()], ..wish() };
    let checked = enroll.check().expect("it can be");
    assert_eq!(checked.addresses.len(), 2);
    assert_eq!(checked.names, ["Node-1.example.org"]);
    assert_eq!((wish().agent_port, wish().issue_updater_bundle), (8765, false));
}

#[test]
fn each_field_that_cannot_be_is_named() {
    let long = "n".repeat(300);
    for name in ["../../x", "", long.as_str(), "a b", "é", "-x"] {
        let error = Enroll { name: name.to_owned(), ..wish() }.check().expect_err(name);
        assert_eq!(error.field, "name");
    }
    for address in ["", "300.1.2.3", "1.2.3", "a b", "-x", "x..y", "../../x", long.as_str(), "é"] {
        let error = Enroll { address: address.to_owned(), ..wish() }.check().expect_err(address);
        assert_eq!(error.field, "address");
        let sans = vec!["192.0.2.8".to_owned(), address.to_owned()];
        assert_eq!(Enroll { sans, ..wish() }.check().expect_err(address).field, "sans");
    }
    assert_eq!(Enroll { agent_port: 0, ..wish() }.check().expect_err("0").field, "agent_port");
    let many = vec!["x".to_owned(); 33];
    assert_eq!(Enroll { sans: many, ..wish() }.check().expect_err("33").field, "sans");
    let notes = "x".repeat(5_000);
    assert_eq!(Enroll { notes, ..wish() }.check().expect_err("long").field, "notes");
}

#[test]
fn a_token_is_read_as_it_is_printed_and_never_shown() {
    let token = JoinToken { secret: [7; 16], authority: Fingerprint([9; 32]) };
    let text = token.to_string();
    assert_eq!(text.parse(), Ok(token.clone()));
    assert_eq!(format!(" {text}\n").parse(), Ok(token.clone()), "as it is copied");
    assert!(!format!("{token:?}").contains("0707"));
    for bad in ["", "decnet", "decnet--", &text[1..], &text[..text.len() - 1], &format!("{text}-")]
    {
        assert_eq!(bad.parse::<JoinToken>(), Err(NotAToken), "{bad}");
    }
    let signed = text.replacen("-07", "-+7", 1);
    assert_eq!(signed.parse::<JoinToken>(), Err(NotAToken));
}

#[test]
fn a_master_is_an_address_or_a_name_and_a_port() {
    for (text, host, port) in [
        ("https://192.0.2.1", "192.0.2.1", 8771),
        ("https://192.0.2.1:9/", "192.0.2.1", 9),
        ("https://[fd00::1]:8771", "fd00::1", 8771),
        ("https://[fd00::1]", "fd00::1", 8771),
        ("https://master.example.org:1", "master.example.org", 1),
    ] {
        let url: MasterUrl = text.parse().expect(text);
        assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        assert_eq!(url.to_string().parse(), Ok(url));
    }
    for bad in [
        "",
        "https://",
        "http://192.0.2.1",
        "192.0.2.1:8771",
        "https://x:0",
        "https://x:65536",
        "https://x/path",
        "https://u@x",
        "https://fd00::1",
        "https://[x]",
        "https://[fd00::1]9",
        "https://a b",
        "https://-x",
        "https://1.2.3",
    ] {
        assert!(bad.parse::<MasterUrl>().is_err(), "{bad}");
    }
}

#[test]
fn an_order_that_cannot_stand_is_refused() {
    let decky = |name: &str, ip: u8| {
        serde_json::json!({ "name": name, "ip": format!("10.0.0.{ip}"), "persona": "debian-12",
            "services": [{ "port": 22, "settings": { "Ssh": {} } }] })
    };
    let order = |deckies: &[serde_json::Value]| {
        serde_json::from_value::<Order>(serde_json::json!({ "generation": 1, "deckies": deckies }))
            .expect("an order")
    };
    assert_eq!(order(&[decky("a", 1), decky("b", 2)]).check(), Ok(()));
    let mut none = decky("b", 2);
    none["services"] = serde_json::json!([]);
    let mut twice = decky("b", 2);
    twice["services"] = serde_json::json!([{ "port": 22, "settings": { "Ssh": {} } },
        { "port": 22, "settings": { "Telnet": {} } }]);
    let mut nowhere = decky("b", 2);
    nowhere["services"][0]["port"] = serde_json::json!(0);
    for (what, second, why) in [
        ("name", decky("a", 2), "`a` is there twice"),
        ("address", decky("b", 1), "10.0.0.1 is there twice"),
        ("services", none, "has no service"),
        ("ports", twice, "two services at port 22"),
        ("port", nowhere, "`ssh` at port 0"),
    ] {
        let error = order(&[decky("a", 1), second]).check().expect_err(what);
        assert!(error.to_string().contains(why), "{error}");
    }
}
