//! What a visitor finds after logging in: a command line over the decky's files.
//!
//! [`Console`] is a login on a terminal or through pipes, or one command line. All
//! are believable as far as visitors look (a Unix shell, Windows' `cmd`, a printer's menu, by
//! persona), and neither ever opens a connection or runs anything. What a line may use up is
//! bounded: see `run`.
//!
//! From outside in: `console` is the terminal, `language` reads a line, `run` runs it, `commands`
//! are the programs.

mod account;
mod commands;
mod console;
mod greeting;
mod language;
mod printer;
mod process;
mod run;
mod text;
mod unix;
mod windows;

use crate::logic::files::Owner;
use crate::logic::services::Context;

pub use console::{Console, Line, LineEnd, Sight};

/// Makes sure that whoever is let in as `user` has an account and a home, where systems of this
/// kind have such.
pub fn admit(user: &str, context: &mut Context<'_>) {
    let family = context.decky.persona.family;
    let mut files = context.state.files.by(context.decky, Owner::ROOT, context.now);
    account::enter(&mut files, family, user);
}

/// The report of a line that a visitor gave.
fn report(line: &str, user: &str, urls: &[String]) -> crate::logic::services::Report {
    use crate::logic::event::text as kept;
    let mut report = crate::logic::services::Report::command(&text::decode(line));
    report.data.put("user", kept(user.as_bytes()));
    if !urls.is_empty() {
        report.data.put("urls", urls.to_vec());
    }
    report
}

/// The web addresses in a line, as they stand there.
fn urls(line: &str) -> Vec<String> {
    let schemes = ["http://", "https://", "ftp://", "ftps://", "tftp://", "sftp://"];
    let ends = |c: char| c.is_whitespace() || "'\"`;|&<>()\\".contains(c);
    let mut found: Vec<String> = Vec::new();
    let lower = line.to_ascii_lowercase();
    for (at, _) in lower.match_indices("://") {
        let scheme = schemes
            .iter()
            .find(|scheme| lower.get(..at + 3).is_some_and(|before| before.ends_with(*scheme)));
        let Some(rest) = scheme.and_then(|scheme| line.get(at + 3 - scheme.len()..)) else {
            continue;
        };
        let url: String = rest.chars().take_while(|c| !ends(*c)).take(2048).collect();
        if !found.contains(&url) && found.len() < 16 {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests;
