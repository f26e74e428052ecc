//! The line says what a person asks first.

use super::*;

#[test]
fn the_line_counts_as_people_do() {
    let line = |wanted, up, failed, visitors| Counts { wanted, up, failed }.line(visitors);
    for (counts, text) in [
        (line(1_024, 1_024, 0, 3), "1,024 deckies up, 0 failed; 3 visitors"),
        (line(1, 1, 0, 1), "1 decky up, 0 failed; 1 visitor"),
        (line(3, 1, 2, 0), "1 decky up, 2 failed; 0 visitors"),
        (line(12_345, 999, 1, 1_234_567), "999 of 12,345 deckies up, 1 failed; 1,234,567 visitors"),
        (line(0, 0, 0, 0), "0 deckies up, 0 failed; 0 visitors"),
    ] {
        assert_eq!(counts, text);
    }
}
