//! Completion of the word before the cursor: commands in the first word, paths elsewhere.

use crate::logic::files::{Kind, absolute};
use crate::logic::services::Context;
use crate::logic::shell::run::Shell;

/// Most choices that are listed.
const MAX_CHOICES: usize = 120;

/// What a word may go on with, and what it may become when that is not clear.
pub(super) fn complete(
    shell: &Shell,
    before: &str,
    context: &mut Context<'_>,
) -> (String, Vec<String>) {
    let word = before.rsplit([' ', '=', '>', '<', '|', ';', '&', '(']).next().unwrap_or_default();
    let command = before.len() == word.len() && !word.contains('/');
    let files = context.state.files.by(context.decky, shell.owner(), context.now);
    let (directory, stem) = match word.rsplit_once('/') {
        Some((directory, stem)) => (format!("{directory}/"), stem),
        None => (String::new(), word),
    };
    let places: Vec<String> = if command && !word.is_empty() {
        shell.value("PATH").unwrap_or_default().split(':').map(str::to_owned).collect()
    } else {
        let home = shell.value("HOME").unwrap_or("/");
        let directory = match directory.strip_prefix("~/") {
            Some(rest) => format!("{home}/{rest}"),
            None => directory,
        };
        vec![absolute(&shell.cwd, &directory)]
    };
    let mut found: Vec<(String, bool)> = Vec::new();
    for place in places.iter().take(16) {
        for (name, stat) in files.list(place).unwrap_or_default() {
            let hidden = name.starts_with('.') && !stem.starts_with('.');
            if name.starts_with(stem) && !hidden {
                let path = format!("{place}/{name}");
                let inside = stat.kind == Kind::Directory || files.is_directory(&path);
                found.push((name, inside));
            }
        }
    }
    found.sort();
    found.dedup();
    let common = found.iter().map(|(name, _)| name.as_str()).reduce(shared).unwrap_or_default();
    let mut added = common.get(stem.len()..).unwrap_or_default().to_owned();
    if let [(_, inside)] = found.as_slice() {
        added.push(if *inside { '/' } else { ' ' });
    }
    let choices = found.into_iter().map(|(name, inside)| if inside { name + "/" } else { name });
    (added, choices.take(MAX_CHOICES).collect())
}

/// What two names begin with alike.
fn shared<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.char_indices().zip(b.chars()).find(|((_, x), y)| x != y);
    let end = same.map_or(a.len().min(b.len()), |((at, _), _)| at);
    a.get(..end).unwrap_or_default()
}
