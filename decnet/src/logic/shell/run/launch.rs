//! Programs: found by their path, and run as what their file is.

use super::super::commands;
use super::super::language::{Fault, parse};
use super::super::text::encode;
use super::{Done, Manner, Shell, Stop, Streams, World};
use crate::logic::files::{Fault as FileFault, Kind, absolute, file_name};
use crate::logic::persona::Family;

/// Longest script that is run, in bytes.
const MAX_SCRIPT: usize = 64 * 1024;

impl World<'_, '_> {
    /// Runs the program called `name`.
    pub(super) fn launch(
        &mut self,
        shell: &mut Shell,
        name: &str,
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        let path = if name.contains('/') {
            absolute(&shell.cwd, name)
        } else {
            match self.locate(shell, name) {
                Some(path) => path,
                None => return Ok(self.unknown(shell, name, streams)),
            }
        };
        let found = self.files(shell.owner()).stat(&path);
        let fault = match found {
            Ok(stat) if stat.kind == Kind::Directory => "Is a directory".to_owned(),
            Ok(_) if !self.files(shell.owner()).is_program(&path) => FileFault::Denied.to_string(),
            Ok(_) => return self.program(shell, name, &path, args, streams),
            Err(FileFault::NotFound) => {
                let text = self.missing(shell, name);
                self.write(streams.errors, text.as_bytes());
                return Ok(127);
            }
            Err(fault) => fault.to_string(),
        };
        let line = format!("{}: {name}: {fault}\n", shell.complaint());
        self.write(streams.errors, line.as_bytes());
        Ok(126)
    }

    /// Where in `$PATH` a program lies.
    pub(in crate::logic::shell) fn locate(&mut self, shell: &Shell, name: &str) -> Option<String> {
        let path = shell.value("PATH").unwrap_or_default().to_owned();
        let files = self.files(shell.owner());
        let mut places = path
            .split(':')
            .take(32)
            .map(|directory| format!("{}/{name}", directory.trim_end_matches('/')));
        places.find(|place| !name.is_empty() && files.is_program(place))
    }

    fn unknown(&mut self, shell: &Shell, name: &str, streams: Streams) -> u8 {
        let family = self.context.decky.persona.family;
        let line = match shell.manner {
            _ if shell.name.ends_with("bash") => {
                format!("{}: {name}: command not found\n", shell.complaint())
            }
            Manner::Script if family != Family::Bsd => {
                format!("{}: {name}: not found\n", shell.complaint())
            }
            _ if family == Family::Bsd => format!("{}: {name}: not found\n", shell.name),
            _ => format!("{}: 1: {name}: not found\n", shell.name),
        };
        self.write(streams.errors, line.as_bytes());
        127
    }

    fn missing(&self, shell: &Shell, name: &str) -> String {
        let fault =
            if shell.name.ends_with("bash") { "No such file or directory" } else { "not found" };
        format!("{}: {name}: {fault}\n", shell.complaint())
    }

    /// Runs the file at `path`.
    fn program(
        &mut self,
        shell: &mut Shell,
        name: &str,
        path: &str,
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        let real = self.files(shell.owner()).canonical(path).unwrap_or_else(|_| path.to_owned());
        let own = !self.files(shell.owner()).is_of_base(&real);
        if !own {
            // A program is known by the name it was called by, or by the file behind its links.
            let known =
                commands::program(file_name(path)).or_else(|| commands::program(file_name(&real)));
            return match known {
                Some(command) => self.call(shell, command, file_name(path), args, streams),
                None => self.call(shell, commands::broken, name, args, streams),
            };
        }
        let content = self.files(shell.owner()).read(path).unwrap_or_default();
        self.spend_bytes(content.len());
        if content.starts_with(b"\x7fELF") {
            return Ok(self.elf(shell, name, &content, streams));
        }
        if content.contains(&0) {
            let line = format!(
                "{}: {name}: cannot execute binary file: Exec format error\n",
                shell.complaint()
            );
            self.write(streams.errors, line.as_bytes());
            return Ok(126);
        }
        self.script(shell, name, &content, args, streams)
    }

    /// A visitor's own program: it says nothing, or is of another machine.
    fn elf(&mut self, shell: &Shell, name: &str, content: &[u8], streams: Streams) -> u8 {
        // The machine stands in two bytes at 18 (gABI chapter 4): 62 is x86-64, 3 is 80386.
        if matches!(content.get(18..20), Some([62 | 3, 0])) {
            return 0;
        }
        let line = format!(
            "{}: {name}: cannot execute binary file: Exec format error\n",
            shell.complaint()
        );
        self.write(streams.errors, line.as_bytes());
        126
    }

    /// Runs a script in a shell of its own.
    pub(in crate::logic::shell) fn script(
        &mut self,
        shell: &Shell,
        name: &str,
        content: &[u8],
        args: Vec<String>,
        streams: Streams,
    ) -> Done {
        let mut child = shell.child(name, Manner::Script);
        child.arguments = args;
        match self.run_text(&mut child, &encode(content), streams) {
            Err(Stop::Exit(status) | Stop::Return(status)) => Ok(status),
            Err(Stop::Break(_) | Stop::Continue(_)) => Ok(0),
            done => done,
        }
    }

    /// Runs text in this shell.
    pub(in crate::logic::shell) fn run_text(
        &mut self,
        shell: &mut Shell,
        text: &str,
        streams: Streams,
    ) -> Done {
        let mut end = text.len().min(MAX_SCRIPT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        self.spend_bytes(text.len().saturating_mul(4));
        self.step()?;
        match parse(text) {
            Ok(list) => self.run_list(shell, &list, streams),
            Err(fault) => {
                let lines = explain(shell, &fault, text);
                self.write(streams.errors, lines.as_bytes());
                Ok(2)
            }
        }
    }
}

/// What the shell says about a fault in a text.
pub(in crate::logic::shell) fn explain(shell: &Shell, fault: &Fault, text: &str) -> String {
    let last = text.lines().count();
    let (name, script) = (&shell.name, shell.manner == Manner::Script);
    if script && !name.ends_with("bash") {
        return match fault {
            Fault::Unexpected(token) => {
                format!("{name}: 1: Syntax error: \"{token}\" unexpected\n")
            }
            Fault::Quote(_) => format!("{name}: 1: Syntax error: Unterminated quoted string\n"),
            _ => format!("{name}: {last}: Syntax error: end of file unexpected\n"),
        };
    }
    // What comes through a pipe is no `-c`.
    let from = if name.starts_with('-') { "" } else { "-c: " };
    let before = shell.line.saturating_sub(1);
    let at = |line: usize| {
        if script { format!("{name}: {from}line {}", before + line) } else { name.clone() }
    };
    match fault {
        Fault::Document(delimiter) => format!(
            "{}: warning: here-document at line 1 delimited by end-of-file (wanted \
             `{delimiter}')\n",
            at(1),
        ),
        Fault::Incomplete => format!("{}: syntax error: unexpected end of file\n", at(last + 1)),
        Fault::Quote(mark) => {
            format!("{}: unexpected EOF while looking for matching `{mark}'\n", at(1))
        }
        Fault::Unexpected(token) => {
            let first = format!("{}: syntax error near unexpected token `{token}'\n", at(1));
            let line: String = text.lines().next().unwrap_or_default().chars().take(400).collect();
            if script { format!("{first}{}: `{line}'\n", at(1)) } else { first }
        }
    }
}
