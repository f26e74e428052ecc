//! What a shell shows when it waits for a command.

use super::Paste;
use crate::logic::persona::Family;
use crate::logic::services::Context;
use crate::logic::shell::run::{Manner, Shell};

/// The prompt of a shell.
pub(super) fn prompt(shell: &Shell, paste: Paste, context: &Context<'_>) -> String {
    let (host, root) = (&context.decky.hostname, shell.account.uid == 0);
    let home = &shell.account.home;
    let place = match shell.cwd.strip_prefix(home.as_str()) {
        Some(rest) if home != "/" && (rest.is_empty() || rest.starts_with('/')) => {
            format!("~{rest}")
        }
        _ => shell.cwd.clone(),
    };
    let user = &shell.account.name;
    let mark = if root { '#' } else { '$' };
    if let Some(own) = shell.value("PS1") {
        let last = shell.cwd.rsplit('/').next().unwrap_or_default();
        return own
            .replace("\\u", user)
            .replace("\\h", host)
            .replace("\\w", &place)
            .replace("\\W", last)
            .replace("\\$", &mark.to_string())
            .replace("\\[", "")
            .replace("\\]", "");
    }
    if context.decky.persona.family == Family::Bsd {
        return format!("{user}@{host}:{place} {mark} ");
    }
    if !shell.name.ends_with("bash") {
        return format!("{mark} ");
    }
    let paste = if paste == Paste::Marked { "\u{1b}[?2004h" } else { "" };
    let terminal = shell.value("TERM").unwrap_or_default();
    // The `.bashrc` that users are given sets a title, and colours where it knows the terminal.
    if (root && !context.decky.persona.is_ubuntu()) || shell.manner != Manner::Login {
        return format!("{paste}{user}@{host}:{place}{mark} ");
    }
    let title = if terminal.starts_with("xterm") || terminal.starts_with("rxvt") {
        format!("\u{1b}]0;{user}@{host}: {place}\u{7}")
    } else {
        String::new()
    };
    if terminal == "xterm-color" || terminal.ends_with("-256color") {
        return format!(
            "{paste}{title}\u{1b}[01;32m{user}@{host}\u{1b}[00m:\u{1b}[01;34m{place}\u{1b}[00m{mark} ",
        );
    }
    format!("{paste}{title}{user}@{host}:{place}{mark} ")
}
