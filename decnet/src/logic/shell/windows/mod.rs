//! Windows' command prompt: small, for those who look round, drop a file and leave.

mod files;
mod network;
mod system;

use super::console::{Answer, Asked, Next, Question};
use super::run::{Step, Way};
use super::text::{decode, encode};
use super::{report, urls};
use crate::logic::event::{Data, Kind, Raw, text};
use crate::logic::files::{Access, Owner};
use crate::logic::services::{Context, Reply, Report};

/// Most commands of one line.
const MAX_COMMANDS: usize = 32;
/// Longest line, in characters, as Windows has it.
const MAX_LINE: usize = 8191;
/// Most bytes that a line shows.
const MAX_OUTPUT: usize = 256 * 1024;

/// A login to a Windows.
#[derive(Debug)]
pub(super) struct Prompt {
    user: String,
    /// Where it stands, as a path of the files: `/Users/Administrator`.
    cwd: String,
    ended: Option<u8>,
    steps: Vec<Step>,
}

/// One command of a line.
struct Call<'a, 'c> {
    prompt: &'a mut Prompt,
    context: &'a mut Context<'c>,
    /// What follows the name, as it was written.
    rest: &'a str,
    args: Vec<&'a str>,
    out: String,
}

impl Prompt {
    pub(super) fn new(user: &str, context: &mut Context<'_>) -> Self {
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name: String = user.chars().filter(plain).take(20).collect();
        let mut files = context.state.files.by(context.decky, Owner::ROOT, context.now);
        let home = format!("/Users/{name}");
        let own =
            !name.is_empty() && (files.is_directory(&home) || files.make_directory(&home).is_ok());
        let cwd = if own { files.canonical(&home).ok() } else { None };
        let cwd = cwd.unwrap_or_else(|| "/Users/Administrator".to_owned());
        let user = if user.eq_ignore_ascii_case("administrator") { "administrator" } else { user };
        Self { user: user.to_owned(), cwd, ended: None, steps: Vec::new() }
    }

    pub(super) fn next(&mut self) -> Next {
        if !self.steps.is_empty() {
            return Next::Show(std::mem::take(&mut self.steps));
        }
        if let Some(status) = self.ended {
            return Next::Ended(status);
        }
        let prompt = format!("\n{}>", display(&self.cwd));
        Next::Ask(Question { prompt, kind: Asked::Text })
    }

    pub(super) fn answer(&mut self, answer: Answer, context: &mut Context<'_>, reply: &mut Reply) {
        let Answer::Line(line) = answer else {
            reply.send(b"\r\n");
            return;
        };
        if line.trim().is_empty() {
            return;
        }
        reply.report(report(&line, &self.user, &urls(&line)));
        let shown = self.run(&line, context, reply);
        self.steps.push(Step::Show(shown));
    }

    /// Runs a line, and gives what it shows.
    fn run(&mut self, line: &str, context: &mut Context<'_>, reply: &mut Reply) -> Vec<u8> {
        let line: String = line.chars().take(MAX_LINE).collect();
        let mut shown = Vec::new();
        for command in split(&line) {
            if self.ended.is_some() || shown.len() > MAX_OUTPUT {
                break;
            }
            let command = self.variables(command.trim(), context);
            let (command, target) = redirection(&command);
            let (command, filters) = match command.split_once('|') {
                Some((command, filters)) => (command, filters),
                None => (command, ""),
            };
            let mut out = self.command(command.trim(), context);
            for filter in filters.split('|').filter(|filter| !filter.trim().is_empty()) {
                out = filtered(&out, filter.trim());
            }
            match target {
                Some((path, way)) => {
                    self.write(path, way, &decode(&out), context, reply, &mut shown);
                }
                None => shown.extend(decode(&out)),
            }
        }
        shown.truncate(MAX_OUTPUT);
        shown
    }

    fn write(
        &self,
        path: &str,
        way: Way,
        bytes: &[u8],
        context: &mut Context<'_>,
        reply: &mut Reply,
        shown: &mut Vec<u8>,
    ) {
        if path.eq_ignore_ascii_case("nul") {
            return;
        }
        let at = place(&self.cwd, path);
        let mut files = context.state.files.by(context.decky, Owner::ROOT, context.now);
        let done = match way {
            Way::Added => files.append(&at, bytes),
            Way::Whole => files.write(&at, bytes),
        };
        match done {
            Ok(()) => {
                let content = files.read(&at).unwrap_or_default();
                let data = Data::new()
                    .with("path", text(display(&at).as_bytes()))
                    .with("bytes", content.len())
                    .with("user", text(self.user.as_bytes()));
                reply.report(Report::new(Kind::FileUpload).data(data).raw(Raw::of(&content)));
            }
            Err(crate::logic::files::Fault::NoSpace) => {
                shown.extend(b"There is not enough space on the disk.\n");
            }
            Err(_) => shown.extend(b"The system cannot find the path specified.\n"),
        }
    }

    /// The text with `%NAME%` filled in.
    fn variables(&self, text: &str, context: &Context<'_>) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            filled.push_str(before);
            let value = after.split_once('%').and_then(|(name, behind)| {
                let value = self.variable(name, context)?;
                Some((value, behind))
            });
            match value {
                Some((value, behind)) => {
                    filled.push_str(&value);
                    rest = behind;
                }
                None => {
                    filled.push('%');
                    rest = after;
                }
            }
        }
        filled + rest
    }

    fn variable(&self, name: &str, context: &Context<'_>) -> Option<String> {
        let own = |rest: &str| format!("C:\\Users\\{}{rest}", self.user);
        Some(match name.to_ascii_uppercase().as_str() {
            "APPDATA" => own("\\AppData\\Roaming"),
            "CD" => display(&self.cwd),
            "COMPUTERNAME" => context.decky.hostname.clone(),
            "COMSPEC" => "C:\\Windows\\system32\\cmd.exe".to_owned(),
            "OS" => "Windows_NT".to_owned(),
            "PATH" => "C:\\Windows\\system32;C:\\Windows;C:\\Windows\\System32\\Wbem".to_owned(),
            "PROCESSOR_ARCHITECTURE" => "AMD64".to_owned(),
            "PROGRAMDATA" => "C:\\ProgramData".to_owned(),
            "PUBLIC" => "C:\\Users\\Public".to_owned(),
            "SYSTEMROOT" | "WINDIR" => "C:\\Windows".to_owned(),
            "TEMP" | "TMP" => "C:\\Windows\\Temp".to_owned(),
            "USERDOMAIN" => context.decky.hostname.clone(),
            "USERNAME" => self.user.clone(),
            "USERPROFILE" => own(""),
            _ => return None,
        })
    }

    fn command(&mut self, line: &str, context: &mut Context<'_>) -> String {
        // `cd..` and `dir/w` need no blank.
        let end = line
            .find(|c: char| c.is_whitespace() || matches!(c, '/' | '(' | ','))
            .unwrap_or(line.len());
        let end = line.find("..").filter(|at| *at < end).unwrap_or(end);
        let (name, rest) = line.split_at(end);
        let name = name.trim_start_matches('@').to_ascii_lowercase();
        let name = name.rsplit('\\').next().unwrap_or_default().trim_end_matches(".exe").to_owned();
        let args: Vec<&str> = rest.split_whitespace().collect();
        let mut call = Call { prompt: self, context, rest, args, out: String::new() };
        let known = system::run(&name, &mut call)
            || files::run(&name, &mut call)
            || network::run(&name, &mut call);
        if !known && !name.is_empty() {
            call.out = format!(
                "'{}' is not recognized as an internal or external command,\noperable program or \
                 batch file.\n",
                line.split_whitespace().next().unwrap_or_default(),
            );
        }
        call.out
    }
}

impl Call<'_, '_> {
    fn files(&mut self) -> Access<'_> {
        self.context.state.files.by(self.context.decky, Owner::ROOT, self.context.now)
    }

    /// Where an argument points to.
    fn place(&self, path: &str) -> String {
        place(&self.prompt.cwd, path)
    }
}

/// A path of Windows as a path of the files.
fn place(cwd: &str, path: &str) -> String {
    let path = path.trim_matches('"').replace('\\', "/");
    let path = match path.get(..2) {
        Some(drive) if drive.eq_ignore_ascii_case("c:") => path.get(2..).unwrap_or("/").to_owned(),
        _ => path,
    };
    crate::logic::files::absolute(cwd, if path.is_empty() { "." } else { &path })
}

/// A path of the files as Windows shows it.
fn display(path: &str) -> String {
    format!("C:{}", path.replace('/', "\\"))
}

/// The commands of a line, which `&`, `&&` and `||` divide outside of quotes.
fn split(line: &str) -> Vec<&str> {
    let mut commands = Vec::new();
    let (mut begin, mut quoted) = (0, false);
    let bytes = line.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'&' if !quoted && bytes.get(at.wrapping_sub(1)) != Some(&b'>') => {
                commands.push(line.get(begin..at).unwrap_or_default());
                begin = at + 1;
            }
            _ => {}
        }
    }
    commands.push(line.get(begin..).unwrap_or_default());
    commands.retain(|command| !command.trim().is_empty());
    commands.truncate(MAX_COMMANDS);
    commands
}

/// The command without its redirection, and the file with how it is written.
fn redirection(command: &str) -> (&str, Option<(&str, Way)>) {
    let command = command.strip_suffix("2>&1").unwrap_or(command).trim_end();
    let Some(at) = command.find('>') else { return (command, None) };
    let (before, after) = command.split_at(at);
    let way = if after.starts_with(">>") { Way::Added } else { Way::Whole };
    let path = after.trim_start_matches('>').trim();
    let path = path.split_whitespace().next().unwrap_or_default();
    let before = before.strip_suffix('2').unwrap_or(before);
    if path.is_empty() { (before, None) } else { (before, Some((path, way))) }
}

/// Output behind a pipe into `find`, `findstr` or `more`.
fn filtered(text: &str, filter: &str) -> String {
    let mut words = filter.split_whitespace();
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    if !name.starts_with("find") {
        return text.to_owned();
    }
    let flags: String = words.clone().filter(|word| word.starts_with('/')).collect();
    let wanted = words.rfind(|word| !word.starts_with('/')).unwrap_or_default();
    let wanted = wanted.trim_matches('"');
    let lower = flags.to_ascii_lowercase().contains("/i");
    let hit = |line: &&str| {
        if lower {
            line.to_lowercase().contains(&wanted.to_lowercase())
        } else {
            line.contains(wanted)
        }
    };
    text.lines().filter(hit).flat_map(|line| [line, "\n"]).collect()
}

/// Runs one command line without a terminal.
pub(super) fn exec(user: &str, command: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> u8 {
    let line = encode(command);
    let mut prompt = Prompt::new(user, context);
    reply.report(report(&line, user, &urls(&line)));
    let shown = prompt.run(&line, context, reply);
    // Windows ends its lines with both, also where there is no terminal.
    for byte in shown {
        if byte == b'\n' {
            reply.bytes.push(b'\r');
        }
        reply.bytes.push(byte);
    }
    prompt.ended.unwrap_or(0)
}
