//! `cat > file` as a command: how files are sent by whoever has no scp.
//!
//! The shell does it too, but holds what is typed for a command until it has all of it; here it
//! goes where it belongs as it comes. What stands behind it in the command is the shell's again.

use crate::logic::files;
use crate::logic::persona::Family;
use crate::logic::services::account::Account;
use crate::logic::services::upload::{Existing, Upload};
use crate::logic::services::{Context, Reply};

/// Characters that mean more to a shell than themselves.
const SPECIAL: &[char] = &[
    ' ', '\t', '\n', '\'', '"', '`', '$', '|', '&', ';', '<', '>', '(', ')', '*', '?', '[', ']',
    '{', '}', '\\', '#', '!',
];

/// A file that the visitor sends.
#[derive(Debug)]
pub(super) struct Pour {
    account: Account,
    file: Option<Box<Upload>>,
    then: Option<Then>,
}

/// What is to be run when the file has come.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Then {
    /// Also when the file could not be kept.
    always: bool,
    command: String,
}

/// How it ended.
pub(super) struct Poured {
    /// With this status.
    pub(super) status: u8,
    /// What is to be run now.
    pub(super) command: Option<String>,
}

impl Pour {
    /// What a command asks for, if it is that and the file can be had; the shell says why not.
    pub(super) fn of(command: &[u8], account: &Account, context: &mut Context<'_>) -> Option<Self> {
        if !matches!(context.decky.persona.family, Family::Bsd | Family::Linux) {
            return None;
        }
        let (existing, word, then) = parts(std::str::from_utf8(command).ok()?)?;
        let path = match word.strip_prefix("~/") {
            Some(rest) => format!("{}/{rest}", account.home),
            None => files::absolute(&account.home, word),
        };
        if path.starts_with("/dev/") || path.starts_with("/proc/") || path.starts_with("/sys/") {
            return None;
        }
        let file = Upload::begin(path, "cat", existing, &mut account.files(context)).ok()?;
        Some(Self { account: account.clone(), file: Some(Box::new(file)), then })
    }

    /// Bytes that are held of it.
    pub(super) fn held(&self) -> usize {
        self.file.as_ref().map_or(0, |file| file.held())
    }

    /// Takes input.
    pub(super) fn input(&mut self, bytes: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        if let Some(file) = &mut self.file {
            file.append(bytes, &mut self.account.files(context), reply);
        }
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Poured {
        let Some(file) = self.file.take() else { return Poured { status: 0, command: None } };
        let done = file.finish(&mut self.account.files(context), reply);
        if let Err(fault) = done {
            reply.send(format!("cat: write error: {fault}\n"));
        }
        let then = self.then.take().filter(|then| then.always || done.is_ok());
        Poured { status: done.is_err().into(), command: then.map(|then| then.command) }
    }
}

/// What `cat > file; command` says: what becomes of the file, its word, and what comes then.
fn parts(command: &str) -> Option<(Existing, &str, Option<Then>)> {
    let rest = command.trim().strip_prefix("cat")?.trim_start();
    let (existing, rest) = match rest.strip_prefix(">>") {
        Some(rest) => (Existing::Kept, rest),
        None => (Existing::Emptied, rest.strip_prefix('>')?),
    };
    let (word, rest) = word(rest.trim_start())?;
    let rest = rest.trim_matches([' ', '\t']);
    let then = |always, rest: &str| {
        let command = rest.trim().to_owned();
        (!command.is_empty() && !command.starts_with([';', '&']))
            .then_some(Then { always, command })
    };
    let then = match (rest.strip_prefix("&&"), rest.strip_prefix([';', '\n'])) {
        _ if rest.is_empty() => None,
        (Some(rest), _) => Some(then(false, rest)?),
        (_, Some("")) => None,
        (_, Some(rest)) => Some(then(true, rest)?),
        _ => return None,
    };
    Some((existing, word, then))
}

/// A word that means itself, without the quotes around it, and what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    let (word, rest) = match quote {
        Some(quote) => text.get(1..)?.split_once(quote)?,
        None => text.split_at(text.find(SPECIAL).unwrap_or(text.len())),
    };
    let means = quote == Some('"') && word.contains(['$', '`', '\\']);
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&']);
    (!word.is_empty() && !means && ends && !word.starts_with('-')).then_some((word, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_that_means_itself_is_a_path() {
        let (always, never) = (Some((true, "chmod +x x")), None::<(bool, &str)>);
        for (command, expected) in [
            ("cat > /tmp/x", Some(("/tmp/x", never))),
            ("cat>x.sh", Some(("x.sh", never))),
            ("cat > x;", Some(("x", never))),
            ("cat >'a b'", Some(("a b", never))),
            ("cat > \"a b\"", Some(("a b", never))),
            ("cat > x; chmod +x x", Some(("x", always))),
            ("cat > x;chmod +x x", Some(("x", always))),
            ("cat > x\nchmod +x x", Some(("x", always))),
            ("cat > x && ./x", Some(("x", Some((false, "./x"))))),
            ("cat > \"$HOME\"", None),
            ("cat > $HOME/x", None),
            ("cat > a b", None),
            ("cat > x | wc", None),
            ("cat > x & ls", None),
            ("cat > x &&", None),
            ("cat > 'a'b'", None),
            ("cat > ", None),
            ("cat x > y", None),
            ("catch > y", None),
        ] {
            let found = parts(command).map(|(_, word, then)| (word.to_owned(), then));
            let expected = expected.map(|(word, then)| {
                let then = then.map(|(always, command)| Then { always, command: command.into() });
                (word.to_owned(), then)
            });
            assert_eq!(found, expected, "{command}");
        }
    }
}
