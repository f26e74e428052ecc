//! Events as JSON: from the store, and from whoever writes to it.

use decnet::logic::event::{Event, text};

use crate::views;

pub(crate) fn run(data: &[u8]) {
    assert!(text(data).len() <= decnet::logic::event::MAX_TEXT);
    if let Ok(event) = serde_json::from_slice::<Event>(data) {
        views::check(&event);
    }
}
