//! `{a,b}` and `{1..5}`.

/// Most words that one word becomes.
const MAX_WORDS: usize = 256;
/// Longest word that is looked at.
const MAX_LENGTH: usize = 4096;

/// The words that a word stands for: itself when it has no braces that mean something.
pub(super) fn braces(word: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut pending = vec![word.to_owned()];
    while let Some(word) = pending.pop() {
        let fits = word.len() <= MAX_LENGTH && done.len() + pending.len() < MAX_WORDS;
        match split(&word).filter(|_| fits) {
            Some((before, choices, after)) => {
                let all = choices.iter().rev().map(|choice| format!("{before}{choice}{after}"));
                pending.extend(all);
            }
            None => done.push(word),
        }
    }
    done
}

/// The first braces of a word that mean something: what is before them, in them and after.
fn split(word: &str) -> Option<(&str, Vec<String>, &str)> {
    word.match_indices('{').find_map(|(open, _)| {
        let before = word.get(..open)?;
        if before.ends_with('$') {
            return None;
        }
        let inside = word.get(open + 1..)?;
        let (mut depth, mut commas, mut close) = (0_u32, Vec::new(), None);
        for (at, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => {
                    close = Some(at);
                    break;
                }
                '}' => depth -= 1,
                ',' if depth == 0 => commas.push(at),
                _ => {}
            }
        }
        let close = close?;
        let (inside, after) = (inside.get(..close)?, inside.get(close + 1..)?);
        let choices = if commas.is_empty() { range(inside)? } else { cut(inside, &commas) };
        Some((before, choices, after))
    })
}

fn cut(inside: &str, commas: &[usize]) -> Vec<String> {
    let begins = [0].into_iter().chain(commas.iter().map(|comma| comma + 1));
    let ends = commas.iter().copied().chain([inside.len()]);
    begins.zip(ends).map(|(a, b)| inside.get(a..b).unwrap_or_default().to_owned()).collect()
}

fn range(inside: &str) -> Option<Vec<String>> {
    let (low, high) = inside.split_once("..")?;
    if let (Ok(low), Ok(high)) = (low.parse::<i32>(), high.parse::<i32>()) {
        let up = (low..=high).map(|n| n.to_string()).take(MAX_WORDS);
        let down = (high..=low).rev().map(|n| n.to_string()).take(MAX_WORDS);
        return Some(if low <= high { up.collect() } else { down.collect() });
    }
    let one =
        |text: &str| text.chars().next().filter(|c| c.is_ascii_alphabetic() && text.len() == 1);
    let (low, high) = (one(low)?, one(high)?);
    let up = (low..=high).map(String::from);
    let down = (high..=low).rev().map(String::from);
    Some(if low <= high { up.collect() } else { down.collect() })
}
