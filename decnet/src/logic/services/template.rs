//! Fills in the pages.

use std::borrow::Cow;

/// The page that `template` makes, each `@name@` replaced by what `value` says of it; an `@` that
/// belongs to no known name stays.
pub(super) fn page<'a>(template: &'a str, value: &dyn Fn(&str) -> Option<&'a str>) -> Vec<u8> {
    let mut page = Vec::with_capacity(template.len() + 256);
    let mut done = 0;
    let mut open = None;
    for at in memchr::memchr_iter(b'@', template.as_bytes()) {
        let named = open.and_then(|open| Some((open, template.get(open + 1..at)?)));
        let Some((from, text)) = named.and_then(|(open, name)| Some((open, value(name)?))) else {
            open = Some(at);
            continue;
        };
        page.extend_from_slice(template.as_bytes().get(done..from).unwrap_or_default());
        page.extend_from_slice(text.as_bytes());
        done = at + 1;
        open = None;
    }
    page.extend_from_slice(template.as_bytes().get(done..).unwrap_or_default());
    page
}

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"']) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped.into()
}
