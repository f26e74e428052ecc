//! A Unix behind a terminal: shells in shells, and what one of them is waiting for.

mod command;
mod complete;
mod prompt;
mod record;
mod typed;

use std::collections::VecDeque;

use super::account::{self, Account};
use super::console::{Answer, Asked, Medium, Next, Question};
use super::language::{Fault, Link, parse};
use super::run::{
    Manner, Shell, Sink, Source, Step, Stop, Streams, Want, Way, World, Written, explain,
};
use super::text::{decode, encode};
use super::{report, urls};
use crate::logic::files::Owner;
use crate::logic::services::{Context, Reply};
use record::Grown;
use typed::{Job, Rest};

/// Most shells in shells.
const MAX_LEVELS: usize = 16;
/// Longest command over several lines, in bytes.
const MAX_UNFINISHED: usize = 256 * 1024;

/// A login to a Unix.
#[derive(Debug)]
pub(super) struct Unix {
    user: String,
    levels: Vec<Level>,
    /// The first lines of a command that goes on.
    unfinished: String,
    /// The line that ends the here-document we are in.
    delimiter: Option<String>,
    /// The command that waits for what is typed.
    waiting: Option<(Job, Want)>,
    /// Files that lines are being added to, and whether this line has.
    growing: Vec<(String, bool)>,
    /// The last line given.
    line: String,
    urls: Vec<String>,
    /// Where its report stands in the reply of this call.
    reported_at: Option<usize>,
    /// Whether the command that we were started for is still to be reported.
    untold: bool,
    /// Status of the shell that ended last.
    status: u8,
    paste: Paste,
    medium: Medium,
    task: Task,
}

/// What the outermost shell is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// One command line.
    Command,
    /// Whatever comes.
    Login,
}

/// Whether the terminal is told to mark what is pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paste {
    Marked,
    Plain,
}

/// A shell, and what of its line is still to be run.
#[derive(Debug)]
struct Level {
    shell: Shell,
    queue: VecDeque<Job>,
}

const SCREEN: Streams =
    Streams { input: Source::Terminal, output: Sink::Terminal, errors: Sink::Terminal };

impl Unix {
    pub(super) fn new(
        user: &str,
        terminal: &str,
        medium: Medium,
        context: &mut Context<'_>,
    ) -> Self {
        let account = enter(user, context);
        let name = if account.shell.ends_with("bash") { "-bash" } else { "-sh" };
        if medium != Medium::Terminal {
            let mut shell = Shell::new(account, name, Manner::Script);
            shell.line = 0;
            return Self::of(user, shell, medium, Task::Login);
        }
        let mut shell = Shell::new(account, name, Manner::Login);
        shell.set("TERM", if terminal.is_empty() { "dumb" } else { terminal });
        shell.export("TERM");
        let home = format!("{}/.bash_history", shell.account.home);
        let history = context.state.files.by(context.decky, shell.owner(), context.now).read(&home);
        for line in encode(&history.unwrap_or_default()).lines() {
            shell.remember(line);
        }
        let able = !matches!(terminal, "" | "dumb" | "network" | "unknown");
        let paste = if name == "-bash" && able { Paste::Marked } else { Paste::Plain };
        let skeleton = shell.account.uid != 0 || context.decky.persona.is_ubuntu();
        if name == "-bash" && skeleton {
            shell.alias("ls", "ls --color=auto");
            shell.alias("ll", "ls -alF");
            shell.alias("la", "ls -A");
            shell.alias("l", "ls -CF");
        }
        Self { paste, ..Self::of(user, shell, medium, Task::Login) }
    }

    pub(super) fn resize(&mut self, columns: u16) {
        for level in &mut self.levels {
            level.shell.set("COLUMNS", &columns.to_string());
        }
    }

    pub(super) fn history(&self) -> Vec<String> {
        self.levels.last().map(|level| level.shell.history.clone()).unwrap_or_default()
    }

    /// What the word at the end of `before` may go on with, and what it may become.
    pub(super) fn complete(
        &self,
        before: &str,
        context: &mut Context<'_>,
    ) -> (String, Vec<String>) {
        match self.levels.last() {
            Some(level) => complete::complete(&level.shell, before, context),
            None => (String::new(), Vec::new()),
        }
    }

    /// The connection is gone.
    pub(super) fn end(&mut self, line: &str, context: &mut Context<'_>, reply: &mut Reply) {
        self.tell(reply);
        let rest = format!("{}{line}", self.unfinished);
        if !rest.trim().is_empty() && self.waiting.is_none() {
            reply.report(report(&rest, &self.user, &urls(&rest)));
        }
        if let Some((job, _)) = &mut self.waiting {
            reply.reports.extend(job.say(Rest::Lost, &self.line, &self.user));
        }
        self.report_growing(Grown::All, context, reply);
    }

    /// Bytes that are held of what was typed.
    pub(super) fn held(&self) -> usize {
        let waiting = self.waiting.as_ref().map_or(0, |(job, _)| job.typed.bytes.capacity());
        self.unfinished.capacity() + waiting
    }

    pub(super) fn next(&mut self, context: &mut Context<'_>, reply: &mut Reply) -> Next {
        if self.waiting.is_some() {
            self.tell(reply);
        }
        if let Some((_, want)) = &self.waiting {
            let (prompt, kind) = match want {
                Want::Secret(prompt) => (prompt.clone(), Asked::Secret),
                _ => (String::new(), Asked::Text),
            };
            return Next::Ask(Question { prompt, kind });
        }
        let outermost = self.levels.len() == 1;
        let Some(level) = self.levels.last_mut() else {
            self.tell(reply);
            self.report_growing(Grown::All, context, reply);
            return Next::Ended(self.status);
        };
        if let Some(job) = level.queue.pop_front() {
            return Next::Show(self.run(job, context, reply));
        }
        if self.task == Task::Command && outermost {
            return self.done(context, reply);
        }
        let prompt = if self.unfinished.is_empty() {
            prompt::prompt(&level.shell, self.paste, context)
        } else {
            "> ".to_owned()
        };
        Next::Ask(Question { prompt, kind: Asked::Command })
    }

    /// Takes an answer to the last question.
    pub(super) fn answer(&mut self, answer: Answer, context: &mut Context<'_>, reply: &mut Reply) {
        self.reported_at = None;
        let paste = self.paste == Paste::Marked && self.waiting.is_none();
        if paste {
            reply.send(b"\x1b[?2004l\r");
        }
        match (answer, self.waiting.take()) {
            (Answer::Interrupt, _) => {
                // So does readline: it shows an empty prompt in between.
                reply.send(if paste { "\u{1b}[?2004h\u{1b}[?2004l\r\r\n" } else { "\r\n" });
                self.unfinished.clear();
                self.delimiter = None;
                if let Some(level) = self.levels.last_mut() {
                    level.queue.clear();
                    level.shell.status = 130;
                }
            }
            (Answer::Line(line) | Answer::Piece(line), None) => self.line(&line, context, reply),
            (Answer::End, None) if self.unfinished.is_empty() => {
                let status = self.levels.last().map_or(0, |level| level.shell.status);
                let word = self.leave(status);
                if self.medium == Medium::Terminal {
                    reply.send(format!("{}{word}\r\n", if paste { "\r\n" } else { "" }));
                }
            }
            (Answer::End, None) => {
                let text = std::mem::take(&mut self.unfinished);
                self.delimiter = None;
                self.whole(&text, context, reply);
            }
            (answer, Some((job, want))) => self.typed(answer, job, want, reply),
        }
    }

    /// Ends the innermost shell, and gives what it says to that.
    fn leave(&mut self, status: u8) -> &'static str {
        self.status = status;
        let manner = self.levels.pop().map(|level| level.shell.manner);
        if let Some(level) = self.levels.last_mut() {
            level.shell.status = status;
        }
        if manner == Some(Manner::Login) { "logout" } else { "exit" }
    }

    /// What was typed for a command goes to it, and it is run again.
    fn typed(&mut self, answer: Answer, mut job: Job, want: Want, reply: &mut Reply) {
        let answer = match answer {
            Answer::Line(line) => Answer::Piece(line + "\n"),
            answer => answer,
        };
        match answer {
            Answer::Line(piece) | Answer::Piece(piece) => {
                if want == Want::Repeat {
                    self.say(&piece, reply);
                } else {
                    job.take(&decode(&piece));
                }
                if matches!(want, Want::All | Want::Repeat) {
                    self.waiting = Some((job, want));
                    return;
                }
            }
            Answer::End | Answer::Interrupt if want == Want::Repeat => {
                if let Some(level) = self.levels.last_mut() {
                    level.shell.status = 0;
                }
                return;
            }
            Answer::End | Answer::Interrupt => {
                reply.reports.extend(job.say(Rest::Used, &self.line, &self.user));
                job.typed.ended = true;
            }
        }
        if let Some(level) = self.levels.last_mut() {
            level.queue.push_front(job);
        }
    }

    /// A line of the keyboard: a command, or a piece of one.
    fn line(&mut self, line: &str, context: &mut Context<'_>, reply: &mut Reply) {
        if self.unfinished.len() + line.len() > MAX_UNFINISHED {
            // No shell would stop here, and nothing of it is run; all of it is told.
            let all = std::mem::take(&mut self.unfinished) + line;
            self.delimiter = None;
            reply.report(report(&all, &self.user, &urls(&all)));
            return;
        }
        if let Some(level) = self.levels.last_mut() {
            level.shell.line += 1;
        }
        self.unfinished.push_str(line);
        if self.delimiter.as_deref().is_some_and(|end| line.trim_start_matches('\t') != end) {
            self.unfinished.push('\n');
            return;
        }
        let text = std::mem::take(&mut self.unfinished);
        match parse(&text) {
            Err(Fault::Incomplete | Fault::Quote(_)) => self.unfinished = text + "\n",
            Err(Fault::Document(delimiter)) => {
                self.delimiter = Some(delimiter);
                self.unfinished = text + "\n";
            }
            _ => {
                self.delimiter = None;
                self.whole(&text, context, reply);
            }
        }
    }

    /// A command from its first to its last line.
    fn whole(&mut self, text: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let line = text.trim_end_matches('\n');
        if line.trim().is_empty() {
            return;
        }
        self.tell(reply);
        self.report_growing(Grown::Rested, context, reply);
        self.urls = urls(line);
        line.clone_into(&mut self.line);
        match self.task {
            // It is told once, with all addresses that it turns out to name.
            Task::Command if self.levels.len() == 1 => self.untold = true,
            Task::Command | Task::Login => {
                self.reported_at = Some(reply.reports.len());
                reply.report(report(line, &self.user, &self.urls));
            }
        }
        let Some(level) = self.levels.last_mut() else { return };
        level.shell.remember(line);
        match parse(text) {
            Ok(list) => {
                level.queue.extend(list.0.into_iter().map(Job::new));
            }
            Err(fault) => {
                level.shell.status = 2;
                let text = explain(&level.shell, &fault, line);
                self.say(&text, reply);
            }
        }
    }

    /// Runs one pipeline of the line.
    fn run(&mut self, job: Job, context: &mut Context<'_>, reply: &mut Reply) -> Vec<Step> {
        let room = self.levels.len() < MAX_LEVELS;
        let Some(level) = self.levels.last_mut() else { return Vec::new() };
        let before = level.shell.clone();
        let always = job.item.link == Link::Always;
        let mut world = World::new(context, job.typed.clone());
        let done = world.run_item(&mut level.shell, &job.item, SCREEN);
        if let Err(Stop::Need(want)) = done {
            level.shell = before;
            self.waiting = Some((job, want));
            return Vec::new();
        }
        let done = match done {
            Ok(()) if level.shell.strict && level.shell.status != 0 && always => {
                Err(Stop::Exit(level.shell.status))
            }
            done => done,
        };
        let mut steps = world.take_timeline();
        match done {
            Err(Stop::Enter(shell)) if room => {
                self.levels.push(Level { shell: *shell, queue: VecDeque::new() });
            }
            Err(Stop::Exit(status)) => {
                let word = self.leave(status);
                if self.medium == Medium::Terminal {
                    steps.push(Step::Show(format!("{word}\n").into_bytes()));
                }
            }
            Err(Stop::Spent) => {
                level.queue.clear();
                level.shell.status = 137;
            }
            _ => {}
        }
        let (urls, written) = (std::mem::take(&mut world.urls), std::mem::take(&mut world.written));
        for Written { path, way } in written {
            match way {
                Way::Whole => world.report_file(&path, &self.user),
                Way::Added => self.grows(path),
            }
        }
        reply.reports.append(&mut world.reports);
        self.report_urls(urls, reply);
        steps
    }
}

/// The account that a visitor logs in to.
fn enter(user: &str, context: &mut Context<'_>) -> Account {
    let family = context.decky.persona.family;
    let mut files = context.state.files.by(context.decky, Owner::ROOT, context.now);
    let mut account = account::enter(&mut files, family, user);
    if !files.is_directory(&account.home) {
        "/".clone_into(&mut account.home);
    }
    account
}
