//! No bytes make it panic.

use proptest::prelude::*;

use super::*;

/// Bytes that are commands for a while.
fn nearly_redis() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(table::COMMANDS.iter().map(|c| c.name).collect::<Vec<_>>());
    let words = prop::sample::select(vec![
        "a",
        "b",
        "0",
        "1",
        "-1",
        "2",
        "9223372036854775807",
        "-9223372036854775808",
        "1.5",
        "inf",
        "*",
        "[",
        "EX",
        "NX",
        "MATCH",
        "COUNT",
        "LIMIT",
        "WITHSCORES",
        "GET",
        "SET",
        "HELP",
        "",
        "LEFT",
        "BYSCORE",
        "(1",
        "18446744073709551615",
    ]);
    let typed = (names, prop::collection::vec(words, 0..6))
        .prop_map(|(name, words)| command(&[&[name], words.as_slice()].concat()));
    let piece = prop_oneof![
        8 => typed,
        1 => prop::sample::select(vec!["*1\r\n", "$3\r\n", "PING\r\n", "MULTI\r\n", "EXEC\r\n", "*-1\r\n", "$", "\r\n", "SET a \"\\x", "HELLO 3\r\n"])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_in_whatever_pieces_make_it_panic_or_grow(
        bytes in prop_oneof![4 => nearly_redis(), 1 => prop::collection::vec(any::<u8>(), 0..2000)],
        sizes in prop::collection::vec(1..200usize, 1..20),
        old: bool,
    ) {
        let id = if old { "windows-10" } else { "debian-12" };
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
        let mut bench = Bench::new(id, 7, "");
        let seen = bench.play(&pieces, true);
        prop_assert!(seen.held <= 2 * bytes.len() + 24 * request::MAX_WORDS);
        prop_assert!(bench.state.redis.cost() <= keys::MAX_COST);
        let mut cost = 0;
        for index in 0..keys::DATABASES {
            cost += bench.state.redis.database(index).iter().map(|(key, e)| 96 + key.len() + e.value.cost()).sum::<usize>();
        }
        prop_assert_eq!(bench.state.redis.cost(), cost);
        // How it is cut into pieces changes nothing.
        let whole = Bench::new(id, 7, "").play([&bytes].into_iter().filter(|b| !b.is_empty()), true);
        if memchr::memmem::find(&bytes.to_ascii_lowercase(), b"post").is_none()
            && memchr::memmem::find(&bytes.to_ascii_lowercase(), b"host:").is_none()
        {
            prop_assert_eq!(whole.text(), seen.text());
        }
    }
}
