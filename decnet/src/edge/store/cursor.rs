//! Places in a list, for paging.
//!
//! A list is ordered by a number, newest or greatest first. A place is the number of the last row
//! that was shown, and how many rows with that very number were: so paging neither misses nor
//! repeats a row when others come in, and costs the same on every page.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A place in a list.
///
/// **Shape**: as text opaque, at most 64 bytes of `A-Z`, `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The number of the last row that was shown.
    pub(super) at: i64,
    /// How many rows with that number were shown.
    pub(super) shown: u32,
}

/// A text that is no place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of an earlier page")]
pub struct NotACursor;

impl Cursor {
    /// The place after `last`, the numbers of the rows of a page, in order.
    pub(super) fn after(before: Option<Self>, numbers: &[i64]) -> Option<Self> {
        let at = *numbers.last()?;
        let same = numbers.iter().rev().take_while(|number| **number == at).count();
        let earlier = before.filter(|before| before.at == at && same == numbers.len());
        let shown = earlier.map_or(0, |before| before.shown);
        Some(Self { at, shown: shown.saturating_add(u32::try_from(same).unwrap_or(u32::MAX)) })
    }

    /// The greatest number that can still come, and how many rows with it to pass over.
    pub(super) fn resume(before: Option<Self>) -> (i64, u32) {
        before.map_or((i64::MAX, 0), |before| (before.at, before.shown))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{}.{}", self.at, self.shown)))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let parse = || {
            let bytes = URL_SAFE_NO_PAD.decode(text.get(..64).map_or(text, |_| "")).ok()?;
            let text = std::str::from_utf8(&bytes).ok()?;
            let (at, shown) = text.split_once('.')?;
            Some(Self { at: at.parse().ok()?, shown: shown.parse().ok()? })
        };
        parse().ok_or(NotACursor)
    }
}

/// A part of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of `rows`, read with a limit one higher than `limit` so as to know whether
    /// more follow; `number` is what the list is ordered by.
    pub(super) fn cut(
        mut rows: Vec<T>,
        limit: u32,
        before: Option<Cursor>,
        number: impl Fn(&T) -> i64,
    ) -> Self {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let numbers: Vec<i64> = rows.iter().map(number).collect();
        let next = if more { Cursor::after(before, &numbers) } else { None };
        Self { rows, next }
    }
}
