//! Patterns of keys, channels and parameters: `*`, `?`, `[a-z]`, `[^a]` and `\`.

/// Most steps that one match may take; a pattern of many `*` would take for ever.
const MAX_STEPS: u32 = 10_000;

/// Whether `text` is of this pattern, as the server matches.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when it does not fit: behind the last `*`, one character further in the text.
    let mut back: Option<(usize, usize)> = None;
    for _step in 0..MAX_STEPS {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p + 1, t));
            p += 1;
            continue;
        }
        let next = match (text.get(t), pattern.get(p..)) {
            (None, rest) => {
                let open = rest.is_some_and(|rest| rest.iter().any(|c| *c != b'*'));
                return !open;
            }
            (Some(c), Some(rest)) => one(rest, *c),
            (Some(_), None) => None,
        };
        match (next, back) {
            (Some(count), _) => {
                p += count;
                t += 1;
            }
            (None, Some((behind, from))) => {
                back = Some((behind, from + 1));
                (p, t) = (behind, from + 1);
            }
            (None, None) => return false,
        }
    }
    false
}

/// How long the first element of the pattern is, if `c` fits it.
fn one(pattern: &[u8], c: u8) -> Option<usize> {
    match pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', class @ ..] => {
            let (fits, length) = in_class(class, c);
            fits.then_some(length + 1)
        }
        [b'\\', escaped, ..] => (*escaped == c).then_some(2),
        [other, ..] => (*other == c).then_some(1),
    }
}

/// Whether `c` is in a class of which the text behind `[` is given, and how long that is.
fn in_class(class: &[u8], c: u8) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match class.get(at..).unwrap_or_default() {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', escaped, ..] => {
                found |= *escaped == c;
                at += 2;
            }
            [low, b'-', high, ..] => {
                found |= (*low.min(high)..=*low.max(high)).contains(&c);
                at += 3;
            }
            [other, ..] => {
                found |= *other == c;
                at += 1;
            }
        }
    }
    (found != negated, at)
}
