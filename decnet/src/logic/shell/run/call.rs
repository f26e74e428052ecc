//! What a command is given.

use super::super::text::{decode, encode};
use super::world::Way;
use super::{Shell, Sink, Source, Stop, Streams, Want, World};
use crate::logic::files::{Access, Fault, absolute};

/// One call of a command.
pub(in crate::logic::shell) struct Call<'a, 'w, 'c> {
    pub(in crate::logic::shell) shell: &'a mut Shell,
    pub(in crate::logic::shell) world: &'a mut World<'w, 'c>,
    pub(in crate::logic::shell) streams: Streams,
    /// The command's name as it was called, without directories.
    pub(in crate::logic::shell) name: String,
    /// What follows the name.
    pub(in crate::logic::shell) args: Vec<String>,
}

/// A file's name as it was given, and its content.
pub(in crate::logic::shell) type Named = (String, Vec<u8>);

/// A command's options and the rest of its arguments.
#[derive(Clone, Debug, Default)]
pub(in crate::logic::shell) struct Options {
    flags: Vec<(char, String)>,
    pub(in crate::logic::shell) operands: Vec<String>,
}

impl Options {
    pub(in crate::logic::shell) fn has(&self, flag: char) -> bool {
        self.flags.iter().any(|(known, _)| *known == flag)
    }

    /// The value of the last option of this letter.
    pub(in crate::logic::shell) fn value(&self, flag: char) -> Option<&str> {
        self.values(flag).last()
    }

    pub(in crate::logic::shell) fn values(&self, flag: char) -> impl Iterator<Item = &str> {
        let same = move |(known, _): &&(char, String)| *known == flag;
        self.flags.iter().filter(same).map(|(_, value)| value.as_str())
    }
}

impl Call<'_, '_, '_> {
    pub(in crate::logic::shell) fn arg(&self, index: usize) -> Option<&str> {
        self.args.get(index).map(String::as_str)
    }

    /// Writes text to the output.
    pub(in crate::logic::shell) fn out(&mut self, text: impl AsRef<str>) {
        self.write(&decode(text.as_ref()));
    }

    /// Writes text and the end of a line to the output.
    pub(in crate::logic::shell) fn say(&mut self, text: impl AsRef<str>) {
        self.out(text);
        self.write(b"\n");
    }

    /// Writes bytes to the output.
    pub(in crate::logic::shell) fn write(&mut self, bytes: &[u8]) {
        self.world.write(self.streams.output, bytes);
    }

    /// Writes a line to the errors.
    pub(in crate::logic::shell) fn complain(&mut self, text: impl AsRef<str>) {
        let mut bytes = decode(text.as_ref());
        bytes.push(b'\n');
        self.world.write(self.streams.errors, &bytes);
    }

    /// Writes text to the errors.
    pub(in crate::logic::shell) fn err(&mut self, text: impl AsRef<str>) {
        self.world.write(self.streams.errors, &decode(text.as_ref()));
    }

    /// Complains with the command's name before, and gives the status 1.
    pub(in crate::logic::shell) fn fail(&mut self, text: impl AsRef<str>) -> u8 {
        let line = format!("{}: {}", self.name, text.as_ref());
        self.complain(line);
        1
    }

    /// The files as this shell's user sees them.
    pub(in crate::logic::shell) fn files(&mut self) -> Access<'_> {
        self.world.files(self.shell.owner())
    }

    /// A path as it is meant here.
    pub(in crate::logic::shell) fn path(&self, path: &str) -> String {
        absolute(&self.shell.cwd, path)
    }

    /// The content of a file; `-` is the input.
    pub(in crate::logic::shell) fn read(
        &mut self,
        path: &str,
    ) -> Result<Result<Vec<u8>, Fault>, Stop> {
        if path == "-" {
            return self.input().map(Ok);
        }
        let at = self.path(path);
        let content = self.files().read(&at);
        self.world.spend_bytes(content.as_ref().map_or(0, Vec::len));
        Ok(content)
    }

    /// The files named, or the input when there is none, one after the other; what cannot be read
    /// is complained about.
    pub(in crate::logic::shell) fn read_each(
        &mut self,
        paths: &[String],
    ) -> Result<(Vec<Named>, u8), Stop> {
        if paths.is_empty() {
            return Ok((vec![("-".to_owned(), self.input()?)], 0));
        }
        let (mut read, mut status) = (Vec::new(), 0);
        for path in paths {
            self.world.step()?;
            match self.read(path)? {
                Ok(content) => read.push((path.clone(), content)),
                Err(fault) => status = self.fail(format!("{path}: {fault}")),
            }
        }
        Ok((read, status))
    }

    /// Writes a file as a redirection would.
    pub(in crate::logic::shell) fn store(
        &mut self,
        path: &str,
        bytes: &[u8],
        way: Way,
    ) -> Result<(), Fault> {
        let path = self.path(path);
        if matches!(path.as_str(), "/dev/tty" | "/dev/stdout") {
            self.write(bytes);
            return Ok(());
        }
        self.world.spend_bytes(bytes.len());
        let mut files = self.files();
        let done = match way {
            Way::Added => files.append(&path, bytes),
            Way::Whole => files.write(&path, bytes),
        };
        if matches!(done, Ok(()) | Err(Fault::NoSpace)) {
            self.world.wrote(path, way);
        }
        done
    }

    /// All of the input.
    pub(in crate::logic::shell) fn input(&mut self) -> Result<Vec<u8>, Stop> {
        self.world.read_all(self.streams.input)
    }

    /// A line of the input.
    pub(in crate::logic::shell) fn line(&mut self, want: Want) -> Result<Option<String>, Stop> {
        let line = self.world.read_line(self.streams.input, want)?;
        Ok(line.map(|line| encode(&line)))
    }

    /// Whether the input is the keyboard.
    pub(in crate::logic::shell) fn reads_terminal(&self) -> bool {
        self.streams.input == Source::Terminal
    }

    /// Whether the output is the screen.
    pub(in crate::logic::shell) fn shows(&self) -> bool {
        self.streams.output == Sink::Terminal && self.shell.is_interactive()
    }

    /// Divides the arguments. `takes` lists the letters; a `:` behind one means it has a value.
    /// `long` gives the letter of each long name; one of the letter `?` is passed over.
    ///
    /// # Errors
    ///
    /// [`Stop::Status`], after a complaint, for an option that is not known.
    pub(in crate::logic::shell) fn options(
        &mut self,
        takes: &str,
        long: &[(&str, char)],
    ) -> Result<Options, Stop> {
        let mut options = Options::default();
        let args = self.args.clone();
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == "--" {
                options.operands.extend(args.by_ref());
            } else if let Some(name) = arg.strip_prefix("--") {
                self.long_option(name, takes, long, &mut args, &mut options)?;
            } else if arg.len() > 1 && arg.starts_with('-') {
                self.short_options(&arg, takes, &mut args, &mut options)?;
            } else {
                options.operands.push(arg);
            }
        }
        Ok(options)
    }

    fn long_option(
        &mut self,
        name: &str,
        takes: &str,
        long: &[(&str, char)],
        args: &mut impl Iterator<Item = String>,
        options: &mut Options,
    ) -> Result<(), Stop> {
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let Some((_, flag)) = long.iter().find(|(known, _)| *known == name) else {
            self.fail(format!("unrecognized option '--{name}'"));
            return Err(self.try_help());
        };
        let value = match value {
            None if has_value(takes, *flag) => args.next(),
            value => value,
        };
        options.flags.push((*flag, value.unwrap_or_default()));
        Ok(())
    }

    fn short_options(
        &mut self,
        arg: &str,
        takes: &str,
        args: &mut impl Iterator<Item = String>,
        options: &mut Options,
    ) -> Result<(), Stop> {
        let mut rest = arg.chars().skip(1);
        while let Some(flag) = rest.next() {
            if flag == ':' || !takes.contains(flag) {
                self.fail(format!("invalid option -- '{flag}'"));
                return Err(self.try_help());
            }
            if has_value(takes, flag) {
                let attached: String = rest.by_ref().collect();
                let value = if attached.is_empty() { args.next() } else { Some(attached) };
                let Some(value) = value else {
                    self.fail(format!("option requires an argument -- '{flag}'"));
                    return Err(self.try_help());
                };
                options.flags.push((flag, value));
                return Ok(());
            }
            options.flags.push((flag, String::new()));
        }
        Ok(())
    }

    /// The end of a command that was called wrongly.
    pub(in crate::logic::shell) fn try_help(&mut self) -> Stop {
        let line = format!("Try '{} --help' for more information.", self.name);
        self.complain(line);
        let serious = ["awk", "egrep", "fgrep", "grep", "ls", "mawk", "read", "sort", "wget"];
        Stop::Status(if serious.contains(&self.name.as_str()) { 2 } else { 1 })
    }
}

fn has_value(takes: &str, flag: char) -> bool {
    takes.split_once(flag).is_some_and(|(_, rest)| rest.starts_with(':'))
}
