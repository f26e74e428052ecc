use super::*;

#[test]
fn integers_strings_and_numbers_are_read_as_they_were_written() {
    let bytes = Writer::message(7)
        .flag(true)
        .u32(0x0102_0304)
        .string("text")
        .string("c\0")
        .mpint(&[0, 0, 0x80, 1])
        .done();
    let mut reader = Reader::new(&bytes);
    assert_eq!(reader.u8(), Ok(7));
    assert_eq!(reader.flag(), Ok(true));
    assert_eq!(reader.u32(), Ok(0x0102_0304));
    assert_eq!(reader.string(), Ok(b"text".as_slice()));
    assert_eq!(reader.text(), Ok(b"c".as_slice()));
    assert_eq!(reader.mpint(), Ok([0x80, 1].as_slice()));
    assert_eq!(reader.end(), Ok(()));
}

#[test]
fn what_does_not_fit_is_malformed() {
    let table: &[(&str, &[u8])] = &[
        ("nothing", &[]),
        ("half a length", &[0, 0]),
        ("a length beyond the end", &[0, 0, 0, 2, 1]),
        ("a length beyond all memory", &[0xff, 0xff, 0xff, 0xff, 1]),
    ];
    for (what, bytes) in table {
        assert_eq!(Reader::new(bytes).string(), Err(Malformed), "{what}");
    }
    assert_eq!(Reader::new(&[0, 0, 0, 2, 0, 1]).text(), Err(Malformed));
    assert_eq!(Reader::new(&[0, 0, 0, 1, 0x80]).mpint(), Err(Malformed));
    assert_eq!(Reader::new(&[1]).end(), Err(Malformed));
}

/// RFC 4251 section 5.
#[test]
fn numbers_are_written_as_the_rfc_shows() {
    let table: &[(&[u8], &[u8])] = &[
        (&[], &[0, 0, 0, 0]),
        (&[0, 0], &[0, 0, 0, 0]),
        (
            &[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            &[0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
        ),
        (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
    ];
    for (number, expected) in table {
        assert_eq!(Writer::default().mpint(number).done(), *expected);
    }
}
