use proptest::prelude::*;

use crate::edge::store::{Cursor, NotACursor, Page};

/// Pages through `rows`, which are in order, as SQL would.
fn walk(rows: &[i64], limit: u32) -> Vec<i64> {
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let (at, shown) = Cursor::resume(before);
        let rest = rows.iter().copied().filter(|row| *row <= at).skip(shown as usize);
        let page = Page::cut(rest.take(limit as usize + 1).collect(), limit, before, |row| *row);
        seen.extend(&page.rows);
        let Some(next) = page.next else { return seen };
        before = Some(next.to_string().parse().unwrap());
    }
}

proptest! {
    #[test]
    fn paging_shows_every_row_once(mut rows in prop::collection::vec(-3_i64..9, 0..60), limit in 1_u32..9) {
        rows.sort_unstable_by(|a, b| b.cmp(a));
        prop_assert_eq!(walk(&rows, limit), rows);
    }

    #[test]
    fn any_text_is_a_cursor_or_refused(text in ".{0,90}") {
        let parsed = text.parse::<Cursor>();
        prop_assert!(parsed.is_err() || text.len() <= 64);
    }
}

#[test]
fn what_is_no_cursor_is_refused() {
    for text in ["", "1.2", "MQ", "MS4", "LjE", "MS4tMQ", "!!!!", &"A".repeat(65)] {
        assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
    }
}
