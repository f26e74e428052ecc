//! What a visitor asks for, a line at a time.

use super::place::User;
use super::transfer::{Store, Transfer};
use super::words::Server;
use super::{Session, Stage};
use crate::logic::event::{Data, text};
use crate::logic::files::{Fault, parent};
use crate::logic::services::{Context, Reply};

use super::list::Form;

/// Most files of one name that `STOU` looks past.
const MAX_UNIQUE: u32 = 512;

impl Session {
    /// Answers a line.
    pub(super) fn line(&mut self, line: &[u8], context: &mut Context<'_>, reply: &mut Reply) {
        let (verb, argument) = match memchr::memchr(b' ', line) {
            Some(at) => (line.get(..at), line.get(at + 1..).unwrap_or_default()),
            None => (Some(line), &b""[..]),
        };
        let verb = text(verb.unwrap_or_default()).to_ascii_uppercase();
        let argument = text(argument);
        let words = self.server.words();
        match verb.as_str() {
            "USER" => return self.user(&argument, context, reply),
            "PASS" => return self.password(&argument, context, reply),
            // Reported when it is known what came of it, and where it points.
            "RETR" | "PORT" | "EPRT" if matches!(self.stage, Stage::Inside(_)) => {}
            _ => self.note(line, Data::new(), reply),
        }
        let inside = matches!(self.stage, Stage::Inside(_));
        let known = self.server.knows(&verb);
        if verb == "QUIT" {
            self.say(words.bye, "", context, reply);
            reply.close = true;
        } else if !(inside || known && words.open_verbs.contains(&verb.as_str())) {
            self.say(words.login_first, "", context, reply);
        } else if !known {
            self.say(words.unknown, &text(line), context, reply);
        } else if !self.simple(&verb, &argument, context, reply) {
            self.inside(line, &verb, &argument, context, reply);
        }
    }

    /// Answers what does not concern files; false when it does.
    fn simple(
        &mut self,
        verb: &str,
        argument: &str,
        context: &Context<'_>,
        reply: &mut Reply,
    ) -> bool {
        let words = self.server.words();
        let upper = argument.trim().to_ascii_uppercase();
        let (text, about) = match verb {
            "SYST" => (words.system, ""),
            "FEAT" => (words.features, ""),
            "HELP" => (words.help, ""),
            "NOOP" => (words.noop, ""),
            "ACCT" => (words.account, ""),
            "ALLO" => (words.allocate, ""),
            "REIN" => (words.reinitialize, ""),
            "SMNT" => (words.mount, ""),
            "ABOR" => (words.nothing_to_abort, ""),
            "AUTH" | "CCC" | "PBSZ" | "PROT" => (words.protect, verb),
            "HOST" | "LANG" => (words.option_bad, ""),
            "LPRT" | "LPSV" => (words.eprt_protocol, ""),
            "OPTS" if upper == "UTF8 ON" => (words.utf8, ""),
            "OPTS" => (words.option_bad, ""),
            "MODE" if upper == "S" => (words.mode_set, ""),
            "MODE" => (words.mode_bad, ""),
            "STRU" if upper == "F" => (words.structure_set, ""),
            "STRU" => (words.structure_bad, ""),
            "TYPE" => match upper.as_str() {
                "I" | "L8" | "L 8" => {
                    self.binary = true;
                    (words.type_set, if self.server == Server::Vsftpd { "Binary" } else { "I" })
                }
                "A" | "A N" => {
                    self.binary = false;
                    (words.type_set, if self.server == Server::Vsftpd { "ASCII" } else { "A" })
                }
                _ => (words.type_bad, argument),
            },
            _ => return false,
        };
        self.say(text, about, context, reply);
        true
    }

    /// Answers what concerns the files of a user.
    fn inside(
        &mut self,
        line: &[u8],
        verb: &str,
        argument: &str,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        let rename = self.rename.take().filter(|_| verb == "RNTO");
        match verb {
            "PASV" => self.passive(context, reply),
            "EPSV" => self.extended(argument, context, reply),
            "PORT" | "EPRT" => self.active(line, verb, argument, context, reply),
            "LIST" => self.list(argument, Form::Lines, context, reply),
            "NLST" => self.list(argument, Form::Names, context, reply),
            "RETR" => self.retrieve(line, argument, context, reply),
            "STOR" | "APPE" | "STOU" => self.store(verb, argument, context, reply),
            "STAT" => self.status(argument, context, reply),
            "SITE" => self.site(argument, context, reply),
            "REST" => {
                let digits: String = argument.chars().take_while(char::is_ascii_digit).collect();
                self.restart = digits.parse().unwrap_or(0);
                self.say(words.restart, &self.restart.to_string(), context, reply);
            }
            "RNTO" => match rename {
                None => self.say(words.rename_first, "", context, reply),
                Some(from) => self.change(
                    argument,
                    [words.renamed, words.rename_bad],
                    context,
                    reply,
                    |user, path, context| user.files(context).rename(&from, &user.real(path)),
                ),
            },
            _ => self.file(verb, argument, context, reply),
        }
    }

    fn list(&mut self, argument: &str, form: Form, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        if !self.has_channel(context, reply) {
            return;
        }
        let Stage::Inside(user) = &self.stage else { return };
        match Transfer::list(user, argument, form, self.server, context) {
            Ok(transfer) => self.start(transfer, words.listing, "", context, reply),
            Err(fault) => self.refuse(words.list_bad, argument, fault, context, reply),
        }
    }

    fn retrieve(
        &mut self,
        line: &[u8],
        argument: &str,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        let at = std::mem::take(&mut self.restart);
        let Stage::Inside(user) = &self.stage else { return };
        let path = user.path(argument, self.server);
        let found = Transfer::retrieve(user, &path, text(line), at, context);
        if found.is_err() || matches!(self.channel, super::Channel::None) {
            self.note(line, Data::new(), reply);
        }
        if !self.has_channel(context, reply) {
            return;
        }
        match found {
            Ok((transfer, size)) => {
                let opening = words.sending.replace("{size}", &size.to_string());
                self.start(transfer, &opening, argument, context, reply);
            }
            Err(fault) => self.refuse(words.send_bad, argument, fault, context, reply),
        }
    }

    fn store(&mut self, verb: &str, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        let restart = std::mem::take(&mut self.restart);
        if !self.has_channel(context, reply) {
            return;
        }
        let Stage::Inside(user) = &self.stage else { return };
        let mut name = argument.to_owned();
        if verb == "STOU" {
            name = unique(user, argument, self.server, context);
        } else if argument.is_empty() {
            return self.refuse(words.take_bad, argument, Fault::NotFound, context, reply);
        }
        let mut path = user.path(&name, self.server);
        if self.server == Server::Printer && parent(&path) == "/" {
            // What is put there is printed at its one port.
            path = format!("/PORT1{path}");
        }
        let how = match (verb, restart) {
            ("APPE", _) => Store::Append,
            ("STOR", 1..) => Store::Resume(restart),
            _ => Store::Replace,
        };
        let opening = if verb == "STOU" { words.taking_unique } else { words.taking };
        match Transfer::store(user, &path, how, context) {
            Ok(transfer) => self.start(transfer, opening, &name, context, reply),
            Err(fault) => self.refuse(words.take_bad, argument, fault, context, reply),
        }
    }

    fn status(&self, argument: &str, context: &mut Context<'_>, reply: &mut Reply) {
        let Stage::Inside(user) = &self.stage else { return };
        if argument.is_empty() || self.server == Server::Iis {
            let name = user.account.name.clone();
            return self.say(self.server.words().status, &name, context, reply);
        }
        let options = if argument.starts_with('-') { "" } else { "-a " };
        let wanted = format!("{options}{argument}");
        let listed = Transfer::list(user, &wanted, Form::Lines, self.server, context);
        reply.send("213-Status follows:\r\n");
        if let Ok(Transfer::List(text)) = listed {
            reply.send(text);
        }
        reply.send("213 End of status\r\n");
    }
}

/// A name that nothing has.
fn unique(user: &User, argument: &str, server: Server, context: &mut Context<'_>) -> String {
    let wanted = if argument.is_empty() { "STOU" } else { argument };
    let files = user.files(context);
    let free = |name: &String| files.stat(&user.real(&user.path(name, server))).is_err();
    let first = Some(wanted.to_owned()).filter(|_| !argument.is_empty());
    let numbered = (1..MAX_UNIQUE).map(|number| format!("{wanted}.{number}"));
    first.into_iter().chain(numbered).find(free).unwrap_or_else(|| wanted.to_owned())
}
