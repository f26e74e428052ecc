//! A report is within its bounds, or none.

use serde_json::{Value, json};

use super::*;

fn decky(name: &str) -> Value {
    json!({ "name": name, "ip": "10.0.0.9", "mac": "02:00:00:00:00:09", "hostname": "FILES01",
        "persona": "debian-12", "services": ["ssh"], "state": "up" })
}

fn report() -> Value {
    json!({ "release": "0.1.0", "boot_id": Uuid::from_u128(7), "generation": 3, "network": {
            "interface": "eth0", "subnet": "10.0.0.0/24", "subnet6": null, "gateway": "10.0.0.1",
            "own": ["10.0.0.2"] }, "lag": 0, "revision": u64::MAX, "deckies": [decky("a")],
        "capture": { "seen": 1, "submitted": 1, "aggregated": 0, "drops": { "ring": 1 }, "read": 1,
            "copies": { "seen": 0, "submitted": 0, "drops": {} }, "guarded": 0 } })
}

fn read(report: Value) -> Result<NodeReport, serde_json::Error> {
    serde_json::from_value(report)
}

#[test]
fn a_plain_report_is_read_and_written_as_it_was() {
    let read = read(report()).expect("it is one");
    assert_eq!(serde_json::to_value(&read).expect("it is JSON"), report());
}

#[test]
fn what_no_sum_and_no_column_holds_is_refused() {
    let most = Count::MAX.number();
    for (pointer, value) in [
        ("/generation", json!(i64::MAX)),
        ("/generation", json!(most + 1)),
        ("/generation", json!(-1)),
        ("/lag", json!(u64::MAX)),
        ("/capture/seen", json!(u64::MAX)),
        ("/capture/guarded", json!(most + 1)),
        ("/capture/copies/seen", json!(u64::MAX)),
        ("/capture/drops", json!({ "ring": u64::MAX })),
        ("/capture/drops", json!({ "x".repeat(200): 1 })),
        ("/capture/copies/drops", json!({ "ring": u64::MAX })),
        ("/release", json!("x".repeat(129))),
        ("/release", json!("0.1.0\u{202e}")),
        ("/network/interface", json!("eth0\u{1b}[2J")),
        ("/deckies/0/hostname", json!("x".repeat(129))),
        ("/deckies/0/persona", json!("a\nb")),
        ("/deckies/0/services", json!(vec!["ssh"; 65])),
        ("/deckies/0/services/0", json!("x".repeat(129))),
        ("/deckies", json!([decky("a"), decky("a")])),
    ] {
        let mut hostile = report();
        *hostile.pointer_mut(pointer).expect("it is there") = value.clone();
        assert!(read(hostile).is_err(), "{pointer} {value}");
    }
    let mut most_of_all = report();
    most_of_all["generation"] = json!(most);
    most_of_all["capture"]["drops"] = json!({ "a": most, "b": most });
    let read = read(most_of_all).expect("each of them can be");
    assert_eq!(Count::sum(read.capture.drops.into_values()), Count::MAX);
    assert_eq!(read.generation.next(), Count::MAX);
}

#[test]
fn a_sentence_is_cut_and_steers_no_terminal() {
    let mut long = report();
    long["deckies"][0]["error"] = json!(format!("a\u{1b}b\u{202e}{}", "é".repeat(600)));
    let read = read(long).expect("it is cut");
    let error = read.deckies.expect("they are there").remove(0).error.expect("it is there");
    assert!(error.starts_with("a b é") && error.len() == 512, "{} {error}", error.len());
}

#[test]
fn lists_are_as_long_as_a_node_may_need_and_no_longer() {
    let mut many = report();
    let addresses: Vec<String> =
        (0..=ADDRESSES).map(|n| format!("10.1.{}.{}", n / 256, n % 256)).collect();
    many["network"]["own"] = json!(addresses);
    assert!(read(many).is_err());
    let mut many = report();
    many["trusts"] = (0..=AUTHORITIES).map(|n| json!(format!("{n:064}"))).collect();
    assert!(read(many).is_err());
    let mut many = report();
    many["deckies"] = (0..=MAX_DECKIES).map(|n| decky(&format!("d{n}"))).collect();
    assert!(read(many).is_err());
}
