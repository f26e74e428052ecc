//! Text of others, as people are shown it: it moves no cursor, turns no line round and hides nothing.
//!
//! Every text that a visitor, a node or a file has a part in goes through here before it reaches a
//! terminal or a log for people.

use std::fmt::Write as _;

/// Takes the place of a character that is not shown.
const INSTEAD: char = '\u{fffd}';

/// Whether a character shows as itself: no control character, none that changes the direction of
/// the text around it, and none that cannot be seen.
///
/// **Source**: Unicode 16, chapters 23.1 to 23.4; "Trojan Source" (CVE-2021-42574).
pub fn is_plain(c: char) -> bool {
    let is_hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !is_hidden
}

/// One line: whatever is not plain, line ends too, is replaced.
pub fn line(text: &str) -> String {
    text.replace(|c| !is_plain(c), INSTEAD.encode_utf8(&mut [0; 4]))
}

/// Several lines: line ends and tabs stay.
pub fn lines(text: &str) -> String {
    let is_other = |c| !is_plain(c) && !matches!(c, '\n' | '\t');
    text.replace(is_other, INSTEAD.encode_utf8(&mut [0; 4]))
}

/// JSON that says the same, with what is not plain written as `\uXXXX`: in JSON without spaces
/// between its parts such a character can only be within a string.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A String never fails to be written to.
            let _written = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

#[cfg(test)]
mod tests;
