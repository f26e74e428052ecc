//! What is shown is what is there, and nothing else moves.

use proptest::prelude::*;

use super::*;

#[test]
fn whatever_moves_or_hides_text_is_replaced() {
    for c in [
        '\u{1b}',   // the beginning of an escape sequence
        '\u{9b}',   // the same in one character
        '\u{202e}', // what follows reads from right to left
        '\u{2066}',
        '\u{200b}',  // nothing, between two letters
        '\u{2028}',  // a line end that no terminal counts
        '\u{e0041}', // a letter that cannot be seen
        '\u{feff}',
    ] {
        assert_eq!(line(&format!("a{c}b")), "a\u{fffd}b", "{c:?}");
    }
    assert_eq!(line("längst\n"), "längst\u{fffd}");
    assert_eq!(lines("a\tb\nc\r"), "a\tb\nc\u{fffd}");
}

proptest! {
    #[test]
    fn json_that_is_shown_says_the_same(text in any::<String>()) {
        let written = serde_json::to_string(&text).unwrap();
        let shown = json(&written);
        prop_assert!(shown.chars().all(is_plain));
        prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
