//! Simple commands: what their name means, and what is set up around them.

use super::super::commands::{self, Command};
use super::super::language::{Redirect, Word};
use super::{Call, Done, Shell, Stop, Streams, World};

/// Deepest aliases of aliases.
const MAX_ALIASES: usize = 8;

impl World<'_, '_> {
    /// Runs a simple command.
    pub(super) fn simple(
        &mut self,
        shell: &mut Shell,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
        streams: Streams,
    ) -> Done {
        let mut args = self.expand(shell, words)?;
        if words.first().is_some_and(|word| word.literal().is_some()) {
            unalias(shell, &mut args);
        }
        let mut values = Vec::new();
        let before = shell.status;
        shell.status = 0;
        for (name, word) in assignments {
            values.push((name.as_str(), self.expand_text(shell, word)?));
        }
        let of_substitution = std::mem::replace(&mut shell.status, before);
        let opened = match self.open(shell, redirects, streams)? {
            Ok(opened) => opened,
            Err(status) => return Ok(status),
        };
        let done = if args.is_empty() {
            for (name, value) in &values {
                shell.set(name, value);
            }
            Ok(of_substitution)
        } else {
            let kept = values.iter().map(|(name, value)| shell.lend(name, value)).collect();
            let done = self.named(shell, args, opened.streams);
            shell.restore(kept);
            done
        };
        let status = std::mem::replace(&mut shell.status, 0);
        self.close(shell, opened);
        let failed = std::mem::replace(&mut shell.status, status);
        done.map(|status| if failed == 0 { status } else { failed })
    }

    /// Runs the command that the first argument names.
    pub(in crate::logic::shell) fn named(
        &mut self,
        shell: &mut Shell,
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        let mut args = args.into_iter();
        let Some(name) = args.next() else { return Ok(0) };
        let args: Vec<String> = args.collect();
        if let Some(body) = shell.functions.get(&name).cloned() {
            return self.function(shell, &body, args, streams);
        }
        match commands::builtin(&name) {
            Some(command) => self.call(shell, command, &name, args, streams),
            None => self.launch(shell, &name, args, streams),
        }
    }

    /// Runs a command that is known.
    pub(in crate::logic::shell) fn call(
        &mut self,
        shell: &mut Shell,
        command: Command,
        name: &str,
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        self.step()?;
        let name = name.rsplit('/').next().unwrap_or(name).to_owned();
        let done = self
            .deeper(shell, |world, shell| command(&mut Call { shell, world, streams, name, args }));
        self.step()?;
        match done {
            Err(Stop::Status(status)) => Ok(status),
            done => done,
        }
    }

    fn function(
        &mut self,
        shell: &mut Shell,
        body: &super::super::language::List,
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        let before = std::mem::replace(&mut shell.arguments, args);
        shell.enter_function();
        let done = match self.run_list(shell, body, streams) {
            Err(Stop::Return(status)) => Ok(status),
            done => done,
        };
        shell.leave_function();
        shell.arguments = before;
        done
    }
}

/// Puts the meaning of an alias in place of the first argument.
fn unalias(shell: &Shell, args: &mut Vec<String>) {
    let mut seen: Vec<String> = Vec::new();
    while let Some(first) = args.first().cloned() {
        let Some(text) = shell.aliases.get(&first) else { return };
        if seen.contains(&first) || seen.len() >= MAX_ALIASES {
            return;
        }
        seen.push(first);
        args.splice(..1, text.split_whitespace().map(str::to_owned));
    }
}
