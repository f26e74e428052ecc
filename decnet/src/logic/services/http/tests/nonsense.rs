//! No bytes make it panic.

use proptest::prelude::*;

use super::*;

/// Bytes that look like a request for a while.
fn nearly_http() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "GET ",
        "POST ",
        "PUT ",
        "HEAD ",
        "OPTIONS ",
        "/",
        "/login",
        "/admin",
        "*",
        "http://a/",
        "?user=a&pass=b",
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "Host: a\r\n",
        "Host: ",
        "Content-Length: 5\r\n",
        "Content-Length: 99999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\n",
        "Content-Type: application/json\r\n",
        "Content-Type: multipart/form-data; boundary=b\r\n",
        "--b",
        "--b--",
        "Content-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n",
        "{\"password\":1}",
        "5\r\nhello\r\n",
        "0\r\n\r\n",
        "Range: bytes=0-1,5-,-3\r\n",
        "If-None-Match: *\r\n",
        "Connection: close\r\n",
        "Authorization: Basic YTpi\r\n",
        "%2e%2e/",
        "%00",
        "%",
        "..",
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
        "Range: bytes=18446744073709551615-\r\n",
    ]);
    let piece = prop_oneof![
        8 => words.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_in_whatever_pieces_make_it_panic_or_grow(
        bytes in prop_oneof![nearly_http(), prop::collection::vec(any::<u8>(), 0..2000)],
        sizes in prop::collection::vec(1..64usize, 1..20),
        persona in 0..persona::ALL.len(),
        welcome: bool,
    ) {
        let settings = settings(if welcome { "site = \"welcome\"" } else { "" });
        let mut rest = bytes.as_slice();
        let mut pieces = Vec::new();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let decky = decky(persona::ALL[persona].id, 7);
        let seen = play(&decky, &settings, &pieces, true);
        prop_assert!(seen.held <= bytes.len());
        let blank = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        prop_assert!(blank || !seen.reports.is_empty());
        // How it is cut into pieces changes nothing, but for what was already said of a broken body.
        let whole = play(&decky, &settings, [&bytes].into_iter().filter(|bytes| !bytes.is_empty()), true);
        if memchr::memmem::find(&bytes, b"chunked").is_none() {
            prop_assert_eq!(whole.text(), seen.text());
            let kinds = |seen: &Seen| seen.reports.iter().map(|report| report.kind).collect::<Vec<_>>();
            prop_assert_eq!(kinds(&whole), kinds(&seen));
            prop_assert_eq!(whole.statuses(), seen.statuses());
        }
    }
}
