//! Columns line up, and nothing from outside moves the cursor.

use super::*;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(["a", "long head"]);
    table.row(["längst".to_owned(), "x".to_owned()]);
    table.row(["b".to_owned(), "\u{1b}[2Jy".to_owned()]);
    assert_eq!(table.to_string(), "a       long head\nlängst  x\nb       \u{fffd}[2Jy");
}
