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
