//! Name and password, as `login` of each system asks for them.

use std::time::Duration;

use super::super::{Accept, Context, Reply, Report};
use super::opening::Opening;
use crate::logic::event::{Data, Outcome, text};
use crate::logic::persona::Family;
use crate::logic::shell::{Line, LineEnd, Sight};

/// The login of one connection.
#[derive(Debug)]
pub(super) struct Login {
    accept: Accept,
    line: Line,
    /// The name, when the password is being typed.
    user: Option<String>,
    tries: u8,
    /// The verdict that waits for its time.
    decided: Option<Decided>,
    /// What was typed while a verdict was waited for.
    ahead: Vec<u8>,
}

#[derive(Debug)]
enum Decided {
    In(String),
    Out,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Enter(String),
    Leave,
}

/// Most bytes typed while a verdict is waited for.
const MAX_AHEAD: usize = 64 * 1024;

impl Login {
    pub(super) fn new(accept: Accept) -> Self {
        Self {
            accept,
            line: Line::default(),
            user: None,
            tries: 0,
            decided: None,
            ahead: Vec::new(),
        }
    }

    /// Shows the banner and asks for the name, unless the client has said it already.
    pub(super) fn begin(
        &mut self,
        opening: &Opening,
        context: &Context<'_>,
        reply: &mut Reply,
    ) -> Option<Verdict> {
        let persona = context.decky.persona;
        reply.send(persona.telnet.replace("{host}", &context.decky.hostname));
        if persona.family == Family::Printer && self.accept != Accept::None {
            // It has no password as it comes, and says so.
            reply.send(b"Password is not set\r\n");
            return Some(Verdict::Enter(String::new()));
        }
        let user = opening.environ().iter().find(|(name, _)| name == "USER");
        let user = user.map(|(_, user)| user.clone()).filter(|user| !user.is_empty());
        match user {
            // inetutils hands the name on to `login` as an argument: `-f` means that the user
            // needs no password (CVE-2026-24061).
            Some(user) if persona.family == Family::Linux && user.starts_with("-f") => {
                let name = user.trim_start_matches("-f").trim().to_owned();
                self.report(&user, "", Outcome::Success, opening, reply);
                Some(Verdict::Enter(if name.is_empty() { "root".to_owned() } else { name }))
            }
            Some(user) => {
                self.ask_password(user, context, reply);
                None
            }
            None => {
                self.ask_name(context, reply);
                None
            }
        }
    }

    /// Takes a byte that was typed.
    pub(super) fn typed(
        &mut self,
        byte: u8,
        opening: &Opening,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Option<Verdict> {
        if self.decided.is_some() {
            if self.ahead.len() < MAX_AHEAD {
                self.ahead.push(byte);
            }
            return None;
        }
        match (self.line.take(byte, &mut reply.bytes)?, self.user.take()) {
            (LineEnd::End | LineEnd::Interrupt, _) => Some(Verdict::Leave),
            (LineEnd::Line(name), None) if name.trim().is_empty() => {
                self.ask_name(context, reply);
                None
            }
            (LineEnd::Line(name), None) => {
                self.ask_password(name, context, reply);
                None
            }
            (LineEnd::Line(password), Some(user)) => {
                self.judge(user, &password, opening, context, reply);
                None
            }
        }
    }

    /// The time for a verdict has come.
    pub(super) fn wake(&mut self, context: &Context<'_>, reply: &mut Reply) -> Option<Verdict> {
        let (refusal, most, farewell) = words(context.decky.persona.family);
        match self.decided.take()? {
            Decided::In(user) => Some(Verdict::Enter(user)),
            Decided::Out => {
                reply.send(refusal);
                if self.tries >= most {
                    reply.send(farewell);
                    return Some(Verdict::Leave);
                }
                self.ask_name(context, reply);
                None
            }
        }
    }

    /// What was typed before the verdict, to be taken now.
    pub(super) fn take_ahead(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// The connection is gone: a name without a password is an attempt as well.
    pub(super) fn end(&mut self, reply: &mut Reply) {
        if let Some(user) = self.user.take() {
            let login = Report::login(text(user.as_bytes()), String::new(), Outcome::Failure);
            reply.report(login);
        }
    }

    fn ask_name(&mut self, context: &Context<'_>, reply: &mut Reply) {
        self.user = None;
        self.line.begin(Sight::Shown);
        if context.decky.persona.family == Family::Linux {
            reply.send(format!("{} ", context.decky.hostname));
        }
        reply.send(b"login: ");
    }

    fn ask_password(&mut self, user: String, context: &Context<'_>, reply: &mut Reply) {
        self.user = Some(user);
        self.line.begin(Sight::Hidden);
        let windows = context.decky.persona.family.is_windows();
        reply.send(if windows { "password: " } else { "Password: " });
    }

    fn judge(
        &mut self,
        user: String,
        password: &str,
        opening: &Opening,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        self.tries = self.tries.saturating_add(1);
        let outcome = self.accept.verdict(&user, password);
        self.report(&user, password, outcome, opening, reply);
        let mut noise = [0; 2];
        (context.random)(&mut noise);
        let noise = u64::from(u16::from_le_bytes(noise));
        // A wrong one takes as long as pam_faildelay lets it: three seconds, a quarter more or less.
        let (decided, millis) = match outcome {
            Outcome::Success => (Decided::In(user), 40 + noise % 90),
            Outcome::Failure | Outcome::Limited => (Decided::Out, 2_250 + noise % 1_500),
        };
        self.decided = Some(decided);
        reply.wait = Some(Duration::from_millis(millis));
    }

    fn report(
        &self,
        user: &str,
        password: &str,
        outcome: Outcome,
        opening: &Opening,
        reply: &mut Reply,
    ) {
        let mut data = Data::new();
        if !opening.terminal().is_empty() {
            data.put("terminal", opening.terminal().to_owned());
        }
        if !opening.environ().is_empty() {
            data.put("environ", opening.environ().to_vec());
        }
        let (user, password) = (text(user.as_bytes()), text(password.as_bytes()));
        reply.report(Report::login(user, password, outcome).data(data));
    }
}

/// How a login is refused, how often it may be tried, and what is said at the last time.
fn words(family: Family) -> (&'static str, u8, &'static str) {
    match family {
        Family::Linux => ("\r\nLogin incorrect\r\n", 5, "Maximum number of tries exceeded (5)\r\n"),
        Family::Bsd => ("Login incorrect\r\n", 10, ""),
        Family::Printer => ("\r\nInvalid password\r\n", 3, ""),
        Family::WindowsClient | Family::WindowsServer => (
            "\n\rLogon failure: unknown user name or bad password.\n\r\n\rLogin Failed\n\r\n\r",
            3,
            "",
        ),
    }
}
