//! Ethernet addresses as text.

use proptest::prelude::*;

use super::*;

#[test]
fn an_address_is_read_in_either_case_and_written_in_lower() {
    let mac = Mac([0, 0x15, 0x5d, 0xab, 0xcd, 0xef]);
    assert_eq!(mac.to_string(), "00:15:5d:ab:cd:ef");
    assert_eq!(format!("{mac:?}"), "00:15:5d:ab:cd:ef");
    assert_eq!("00:15:5D:AB:cd:EF".parse(), Ok(mac));
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "00:15:5d:ab:cd",
        "00:15:5d:ab:cd:ef:00",
        "0:15:5d:ab:cd:ef",
        "00-15-5d-ab-cd-ef",
        "00:15:5d:ab:cd:eg",
        "+0:15:5d:ab:cd:ef",
        "00:15:5d:ab:cd:ef ",
        "ü:15:5d:ab:cd:ef",
    ] {
        assert_eq!(text.parse::<Mac>(), Err(NotAMac), "{text}");
    }
}

proptest! {
    #[test]
    fn every_address_comes_back(bytes: [u8; 6], text: String) {
        let mac = Mac(bytes);
        prop_assert_eq!(mac.to_string().parse(), Ok(mac));
        let json = serde_json::to_string(&mac).unwrap();
        prop_assert_eq!(serde_json::from_str::<Mac>(&json).unwrap(), mac);
        let wire = postcard::to_allocvec(&mac).unwrap();
        prop_assert_eq!(&wire, &bytes);
        prop_assert_eq!(postcard::from_bytes::<Mac>(&wire).unwrap(), mac);
        let _read = text.parse::<Mac>();
    }
}
