//! Who is let in, and how long that takes.

use std::time::Duration;

use super::words::Server;
use super::{Session, Settings, Stage};
use crate::logic::event::{Outcome, text};
use crate::logic::persona::Family;
use crate::logic::services::{Accept, Context, Reply, Report};

use super::place::User;

/// A verdict that waits for its time.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) name: String,
    pub(super) outcome: Outcome,
    guest: bool,
}

/// Whether a name is one for visitors without an account.
fn is_guest(name: &str) -> bool {
    name.eq_ignore_ascii_case("anonymous") || name.eq_ignore_ascii_case("ftp")
}

/// Whether such visitors are let in.
fn takes_guests(settings: &Settings, context: &Context<'_>) -> bool {
    let printer = context.decky.persona.family == Family::Printer;
    settings.anonymous.unwrap_or(printer && settings.accept != Accept::None)
}

impl Session {
    pub(super) fn user(&mut self, name: &str, context: &Context<'_>, reply: &mut Reply) {
        let words = self.server.words();
        if matches!(self.stage, Stage::Inside(_)) {
            if self.server == Server::Vsftpd {
                return self.say(words.user_again, name, context, reply);
            }
            self.stage = Stage::Outside;
        }
        self.unreported_name(reply);
        self.name = Some(name.to_owned());
        let guest = is_guest(name) && takes_guests(&self.settings, context);
        self.say(if guest { words.guest } else { words.user }, name, context, reply);
    }

    pub(super) fn password(
        &mut self,
        password: &str,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        if matches!(self.stage, Stage::Inside(_)) {
            return self.say(words.pass_again, "", context, reply);
        }
        let Some(name) = self.name.take() else {
            return self.say(words.pass_early, "", context, reply);
        };
        self.tries = self.tries.saturating_add(1);
        let guest = is_guest(&name) && takes_guests(&self.settings, context);
        let open = self.server == Server::Printer && self.settings.accept == Accept::Any;
        let outcome = match self.settings.accept.verdict(&name, password) {
            _ if guest || open => Outcome::Success,
            // Nobody has an account of that name.
            Outcome::Success if is_guest(&name) && self.settings.accept == Accept::Any => {
                Outcome::Failure
            }
            outcome => outcome,
        };
        reply.report(Report::login(name.clone(), text(password.as_bytes()), outcome));
        let mut noise = [0; 2];
        (context.random)(&mut noise);
        let noise = u64::from(u16::from_le_bytes(noise));
        let millis = match (outcome, self.server) {
            (Outcome::Success, _) => 20 + noise % 60,
            // pam_faildelay: three seconds, a quarter more or less; vsftpd adds to it.
            (_, Server::Vsftpd) => 2_400 + noise % 1_600,
            (_, Server::Bsd) => 1_000 * u64::from(self.tries.min(5)),
            (_, Server::Iis | Server::Printer) => 10 + noise % 40,
        };
        self.stage = Stage::Decided(Decided { name, outcome, guest });
        reply.wait = Some(Duration::from_millis(millis));
    }

    /// The time for a verdict has come.
    pub(super) fn decide(
        &mut self,
        decided: &Decided,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let words = self.server.words();
        self.stage = Stage::Outside;
        if decided.outcome != Outcome::Success {
            self.say(words.incorrect, "", context, reply);
            let most = if self.server == Server::Bsd { 5 } else { 3 };
            reply.close |= self.tries >= most;
            return;
        }
        self.stage = Stage::Inside(User::enter(&decided.name, decided.guest, self.server, context));
        let welcome = if decided.guest { words.welcome_guest } else { words.welcome };
        self.say(welcome, &decided.name, context, reply);
    }

    /// A name without a password is an attempt as well.
    pub(super) fn unreported_name(&mut self, reply: &mut Reply) {
        if let Some(name) = self.name.take() {
            reply.report(Report::login(name, String::new(), Outcome::Failure));
        }
    }
}
