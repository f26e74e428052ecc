//! Patterns of file names, as `*.sh` is one.

/// Most pairs of characters that one match looks at.
const MAX_WORK: usize = 1 << 18;
/// Longest text and longest pattern of which every part is tried.
const MAX_FIND: (usize, usize) = (64, 32);

/// Whether a whole text is as the pattern says: `*`, `?`, `[a-z]` and `\` before any of them.
///
/// Takes time in the product of both lengths at most, and beyond [`MAX_WORK`] only compares.
pub(in crate::logic::shell) fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len().saturating_mul(text.len()) > MAX_WORK {
        return unescape(pattern) == text;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    matches_at(&pattern, &text)
}

/// The part of a text that a pattern covers, as byte offsets: the first one, and of those that
/// begin there the longest.
pub(in crate::logic::shell) fn find(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let plain = unescape(pattern);
    if !is_pattern(pattern) || text.len() > MAX_FIND.0 || pattern.len() > MAX_FIND.1 {
        return text.find(&plain).map(|at| (at, at + plain.len())).filter(|(a, b)| a < b);
    }
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    places.iter().find_map(|from| {
        let mut ends = places.iter().rev().filter(|to| *to > from);
        let covers = |to: &&usize| text.get(*from..**to).is_some_and(|part| matches(pattern, part));
        ends.find(covers).map(|to| (*from, *to))
    })
}

/// Whether a text has what makes it a pattern.
pub(super) fn is_pattern(text: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|c| {
        let special = !escaped && matches!(c, '*' | '?' | '[');
        escaped = !escaped && c == '\\';
        special
    })
}

/// A pattern that means the text itself.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// The text of a pattern that means only itself.
pub(super) fn unescape(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// Matches greedily, and when that fails lets the last `*` take one character more.
fn matches_at(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        let width = match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some(_) => one(pattern.get(p..).unwrap_or_default(), *c),
            None => None,
        };
        match (width, star) {
            (Some(width), _) => {
                p += width;
                t += 1;
            }
            (None, Some((after, from))) => {
                star = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

/// How much of the pattern covers this one character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['\\', literal, ..] => (*literal == c).then_some(2),
        ['?', ..] => Some(1),
        ['[', rest @ ..] => match class(rest, c) {
            Some((width, true)) => Some(width + 1),
            Some((_, false)) => None,
            None => (c == '[').then_some(1),
        },
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

/// The width of a class without its `[`, and whether it has the character.
fn class(rest: &[char], c: char) -> Option<(usize, bool)> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let mut at = usize::from(negated);
    let mut found = false;
    let begin = at;
    loop {
        match rest.get(at..)? {
            [']', ..] if at > begin => return Some((at + 1, found != negated)),
            ['[', ':', ..] => {
                let length = rest.get(at..)?.iter().position(|c| *c == ']')?;
                let name: String = rest.get(at + 2..at + length)?.iter().collect();
                found |= in_class(name.trim_end_matches(':'), c);
                at += length + 1;
            }
            [low, '-', high, ..] if *high != ']' => {
                found |= (*low..=*high).contains(&c);
                at += 3;
            }
            [single, ..] => {
                found |= *single == c;
                at += 1;
            }
            [] => return None,
        }
    }
}

fn in_class(name: &str, c: char) -> bool {
    match name {
        "alnum" => c.is_alphanumeric(),
        "alpha" => c.is_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "lower" => c.is_lowercase(),
        "space" => c.is_whitespace(),
        "upper" => c.is_uppercase(),
        _ => false,
    }
}
