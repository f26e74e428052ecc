//! What is done to one file or directory.

use super::place::User;
use super::words::Server;
use super::{Session, Stage};
use crate::logic::files::{Fault, Kind};
use crate::logic::services::{Context, Reply};
use crate::logic::time::Timestamp;

impl Session {
    /// Answers what is done to one file.
    pub(super) fn file(
        &mut self,
        verb: &str,
        argument: &str,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        match verb {
            "PWD" | "XPWD" => {
                let Stage::Inside(user) = &self.stage else { return };
                let here = user.cwd.replace('"', "\"\"");
                self.say(words.where_now, &here, context, reply);
            }
            "CWD" | "XCWD" => self.go(argument, context, reply),
            "CDUP" | "XCUP" => self.go("..", context, reply),
            "MKD" | "XMKD" => {
                let named = match &self.stage {
                    Stage::Inside(user) if self.server == Server::Vsftpd => {
                        user.path(argument, self.server)
                    }
                    _ => argument.to_owned(),
                };
                let made = words.made.replace("{}", &named.replace('"', "\"\""));
                self.change(
                    argument,
                    [&made, words.make_bad],
                    context,
                    reply,
                    |user, path, context| user.files(context).make_directory(&user.real(path)),
                );
            }
            "RMD" | "XRMD" => {
                self.change(
                    argument,
                    [words.unmade, words.unmake_bad],
                    context,
                    reply,
                    |user, path, context| user.files(context).remove_directory(&user.real(path)),
                );
            }
            "DELE" => {
                self.change(
                    argument,
                    [words.deleted, words.delete_bad],
                    context,
                    reply,
                    |user, path, context| user.files(context).remove(&user.real(path)),
                );
            }
            "RNFR" => self.rename_from(argument, context, reply),
            "SIZE" => self.size(argument, context, reply),
            "MDTM" => self.time(argument, context, reply),
            _ => self.say(words.unknown, verb, context, reply),
        }
    }

    fn rename_from(&mut self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let found = self.attempt(argument, context, |user, path, context| {
            let real = user.real(path);
            user.files(context).stat_link(&real).map(|_| real)
        });
        match found {
            Ok(real) => {
                self.rename = Some(real);
                self.say(words.from, argument, context, reply);
            }
            Err(fault) => self.refuse(words.from_bad, argument, fault, context, reply),
        }
    }

    fn size(&self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let size = self.attempt(argument, context, |user, path, context| {
            let stat = user.files(context).stat(&user.real(path))?;
            if stat.kind == Kind::File { Ok(stat.size) } else { Err(Fault::Invalid) }
        });
        match size {
            Ok(size) => reply.send(format!("213 {size}\r\n")),
            Err(fault) => self.refuse(words.size_bad, argument, fault, context, reply),
        }
    }

    fn time(&self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let set = argument.split_once(' ').and_then(|(time, path)| Some((moment(time)?, path)));
        if let Some((time, path)) = set.filter(|_| !words.time_set.is_empty()) {
            return self.change(
                path,
                [words.time_set, words.time_bad],
                context,
                reply,
                |user, path, context| user.files(context).set_time(&user.real(path), time),
            );
        }
        let found = self.attempt(argument, context, |user, path, context| {
            let stat = user.files(context).stat(&user.real(path))?;
            if stat.kind == Kind::File { Ok(stat.mtime) } else { Err(Fault::Invalid) }
        });
        match found {
            Ok(time) => {
                let shown = time.format("%Y%m%d%H%M%S");
                let part = match self.server {
                    Server::Iis => format!(".{:03}", time.millis() % 1_000),
                    Server::Bsd | Server::Printer | Server::Vsftpd => String::new(),
                };
                reply.send(format!("213 {shown}{part}\r\n"));
            }
            Err(fault) => self.refuse(words.time_bad, argument, fault, context, reply),
        }
    }

    fn go(&mut self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let Stage::Inside(user) = &mut self.stage else { return };
        match user.change(argument, self.server, context) {
            Ok(()) => self.say(words.changed, "", context, reply),
            Err(fault) => self.refuse(words.change_bad, argument, fault, context, reply),
        }
    }

    /// Does something to the file at a path, and says what came of it.
    pub(super) fn change(
        &self,
        argument: &str,
        [good, bad]: [&str; 2],
        context: &mut Context<'_>,
        reply: &mut Reply,
        act: impl FnOnce(&User, &str, &mut Context<'_>) -> Result<(), Fault>,
    ) {
        match self.attempt(argument, context, act) {
            Ok(()) => self.say(good, argument, context, reply),
            Err(fault) => self.refuse(bad, argument, fault, context, reply),
        }
    }

    /// Does something to the file at a path.
    fn attempt<T>(
        &self,
        argument: &str,
        context: &mut Context<'_>,
        act: impl FnOnce(&User, &str, &mut Context<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Stage::Inside(user) = &self.stage else { return Err(Fault::Denied) };
        if argument.is_empty() {
            return Err(Fault::NotFound);
        }
        act(user, &user.path(argument, self.server), context)
    }

    /// Says why something was not done.
    pub(super) fn refuse(
        &self,
        text: &str,
        argument: &str,
        fault: Fault,
        context: &Context<'_>,
        reply: &mut Reply,
    ) {
        self.say(&text.replace("{why}", &fault.to_string()), argument, context, reply);
    }

    pub(super) fn site(&self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let (verb, rest) = argument.split_once(' ').unwrap_or((argument, ""));
        match verb.to_ascii_uppercase().as_str() {
            "HELP" => self.say(words.site_help, "", context, reply),
            "CHMOD" if !words.chmod.is_empty() => {
                let Some((mode, path)) = rest.split_once(' ') else {
                    return self.say(words.chmod_usage, "", context, reply);
                };
                let mode = u16::from_str_radix(mode, 8).unwrap_or(0);
                self.change(
                    path,
                    [words.chmod, words.chmod_bad],
                    context,
                    reply,
                    |user, path, context| user.files(context).set_mode(&user.real(path), mode),
                );
            }
            "UMASK" if !words.umask.is_empty() => self.say(words.umask, "", context, reply),
            _ => self.say(words.site_bad, argument, context, reply),
        }
    }
}

/// The time that `MDTM` sets: `20200102030405`, perhaps with a fraction of a second.
fn moment(text: &str) -> Option<Timestamp> {
    let whole = text.split('.').next().filter(|whole| whole.len() == 14)?;
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| whole.get(range).unwrap_or_default();
    let (date, time) =
        ([part(0..4), part(4..6), part(6..8)], [part(8..10), part(10..12), part(12..14)]);
    format!("{}T{}Z", date.join("-"), time.join(":")).parse().ok()
}
