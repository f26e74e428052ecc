use super::*;

const NOW: Timestamp = Timestamp(1_795_420_800_000_000_000);

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1_000_000_000)
}

#[test]
fn what_was_vouched_for_is_believed_for_a_minute() {
    let key = WebKey::new([7; 32]);
    for ip in ["192.0.2.7", "2001:db8::1", "127.0.0.1"] {
        let ip: IpAddr = ip.parse().unwrap();
        let text = key.vouch(ip, NOW);
        assert!(text.len() <= MAX_BYTES);
        for at in [NOW, later(60)] {
            assert_eq!(key.check(&text, at), Some(ip));
        }
        assert_eq!(key.check(&text, later(61)), None, "it is old");
    }
    let ahead = key.vouch([192, 0, 2, 7].into(), later(61));
    assert_eq!(key.check(&ahead, NOW), None, "it is of a time to come");
}

#[test]
fn nothing_else_is_believed() {
    let key = WebKey::new([7; 32]);
    let good = key.vouch([192, 0, 2, 7].into(), NOW);
    let long = format!("{good}{}", "0".repeat(1 << 20));
    for bad in [
        "",
        "192.0.2.7",
        &good.replace("192.0.2.7", "192.0.2.8"),
        &good.replace(' ', "  "),
        &good.to_uppercase(),
        &format!("{good} "),
        &WebKey::new([8; 32]).vouch([192, 0, 2, 7].into(), NOW),
        &long,
    ] {
        assert_eq!(key.check(bad, NOW), None, "{bad:.200}");
    }
}

#[test]
fn a_key_is_read_as_it_is_written() {
    let key = WebKey::new([0xa5; 32]);
    assert_eq!(format!("{}\n", key.digits()).parse(), Ok(key));
    for bad in ["", "a5", &"A5".repeat(32), &"a5".repeat(33)] {
        assert_eq!(bad.parse::<WebKey>(), Err(BadKey), "{bad}");
    }
}
