//! Logins (RFC 4252, RFC 4256): what is tried, what is reported, how it ends.
//!
//! Keys are recorded and refused, for nobody's is known here. Passwords are let in as the
//! operator said.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::delay::Attempt;
use super::fault::Fault;
use super::number;
use super::profile::{Maker, Profile};
use super::wire::{Malformed, Reader, Writer, names};
use crate::logic::event::{Creds, Data, Kind, Outcome, text};
use crate::logic::services::{Accept, Reply, Report};

/// Wrong attempts after which OpenSSH hangs up.
const MAX_FAILURES: u32 = 6;
/// The same for dropbear.
const MAX_DROPBEAR: u32 = 10;

/// The logins of one connection.
#[derive(Debug)]
pub(super) struct Auth {
    profile: &'static Profile,
    /// Who the visitor says it is, and for what, once it has said so.
    claim: Option<Claim>,
    attempts: u32,
    failures: u32,
    /// Whether something was reported.
    reported: bool,
    /// Whether a question was asked and not answered.
    asked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    user: Vec<u8>,
    service: Vec<u8>,
}

/// What a message came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A question, sent at once.
    Ask(Writer),
    /// Decided; said after this kind of attempt's time.
    Decided(Decision, Attempt),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The connection is over.
    End(Fault),
    /// It may go on trying.
    Failure,
    /// It is in.
    Success,
}

impl Auth {
    /// Nobody has tried yet.
    pub(super) fn new(profile: &'static Profile) -> Self {
        Self { profile, claim: None, attempts: 0, failures: 0, reported: false, asked: false }
    }

    /// Who the visitor says it is.
    pub(super) fn user(&self) -> &[u8] {
        self.claim.as_ref().map(|claim| claim.user.as_slice()).unwrap_or_default()
    }

    /// Whether an answer is waited for.
    pub(super) fn is_asking(&self) -> bool {
        self.asked
    }

    /// A `SSH_MSG_USERAUTH_REQUEST`.
    ///
    /// # Errors
    ///
    /// It is malformed, or from somebody else than the one before.
    pub(super) fn request(
        &mut self,
        body: &[u8],
        accept: &Accept,
        hostname: &str,
        reply: &mut Reply,
    ) -> Result<Verdict, Fault> {
        let mut reader = Reader::new(body);
        let claim = Claim { user: reader.text()?.to_vec(), service: reader.text()?.to_vec() };
        let method = reader.text()?;
        self.asked = false;
        self.attempts = self.attempts.saturating_add(1);
        match &self.claim {
            None => self.claim = Some(claim),
            Some(first) if *first == claim => {}
            Some(first) => return Err(Fault::Disconnect(changed(first, &claim))),
        }
        match method {
            b"none" => {
                reader.end()?;
                Ok(self.failed(Attempt::Refused, self.attempts > 1))
            }
            b"password" if self.offers("password") => self.password(reader, accept, reply),
            b"publickey" | b"publickey-hostbound-v00@openssh.com" => {
                self.public_key(method, reader, reply)
            }
            b"keyboard-interactive" if self.offers("keyboard-interactive") => {
                reader.text()?;
                reader.text()?;
                reader.end()?;
                Ok(self.ask(hostname))
            }
            _ => {
                let creds = Creds { user: Some(text(self.user())), ..Creds::default() };
                self.report(&text(method), creds, Outcome::Failure, reply);
                Ok(self.failed(Attempt::Refused, true))
            }
        }
    }

    /// A `SSH_MSG_USERAUTH_INFO_RESPONSE`.
    ///
    /// # Errors
    ///
    /// It is malformed, or answers more than was asked.
    pub(super) fn response(
        &mut self,
        body: &[u8],
        accept: &Accept,
        reply: &mut Reply,
    ) -> Result<Verdict, Fault> {
        self.asked = false;
        let mut reader = Reader::new(body);
        let count = reader.u32()?;
        if count > 1 {
            return Err(Fault::Drop);
        }
        let answer = if count == 1 { reader.text()? } else { &[] };
        reader.end()?;
        Ok(self.judge("keyboard-interactive", answer, accept, reply))
    }

    /// The connection is over: somebody who only asked how to log in is reported now.
    pub(super) fn end(&mut self, reply: &mut Reply) {
        if let Some(claim) = &self.claim
            && !self.reported
        {
            let creds = Creds { user: Some(text(&claim.user)), ..Creds::default() };
            self.report("none", creds, Outcome::Failure, reply);
        }
    }

    /// What a failure says.
    pub(super) fn failure(&self) -> Writer {
        Writer::message(number::USERAUTH_FAILURE).string(self.profile.methods).flag(false)
    }

    fn offers(&self, method: &str) -> bool {
        names(self.profile.methods).any(|name| name == method)
    }

    fn password(
        &mut self,
        mut reader: Reader<'_>,
        accept: &Accept,
        reply: &mut Reply,
    ) -> Result<Verdict, Fault> {
        let changes = reader.flag()?;
        let password = reader.text()?;
        if changes {
            // OpenSSH knows no way to change one at login.
            let _new = reader.text()?;
            reader.end()?;
            let (user, password) = (Some(text(self.user())), Some(text(password)));
            let creds = Creds { user, password, key: None };
            self.report("password", creds, Outcome::Failure, reply);
            return Ok(self.failed(Attempt::Refused, true));
        }
        reader.end()?;
        Ok(self.judge("password", password, accept, reply))
    }

    fn judge(
        &mut self,
        method: &str,
        password: &[u8],
        accept: &Accept,
        reply: &mut Reply,
    ) -> Verdict {
        let user = text(self.user());
        let mut outcome = accept.verdict(&user, &text(password));
        // OpenSSH takes no password of more than 1,024 bytes.
        if password.len() > 1024 {
            outcome = Outcome::Failure;
        }
        let creds = Creds { user: Some(user), password: Some(text(password)), key: None };
        self.report(method, creds, outcome, reply);
        let for_us = self.claim.as_ref().is_some_and(|claim| claim.service == b"ssh-connection");
        match outcome {
            Outcome::Success if for_us => Verdict::Decided(Decision::Success, Attempt::Accepted),
            Outcome::Success => Verdict::Decided(Decision::End(Fault::Drop), Attempt::Accepted),
            _ if password.is_empty() => self.failed(Attempt::Refused, true),
            _ => self.failed(Attempt::WrongPassword, true),
        }
    }

    fn public_key(
        &mut self,
        method: &[u8],
        mut reader: Reader<'_>,
        reply: &mut Reply,
    ) -> Result<Verdict, Fault> {
        let signed = reader.flag()?;
        let algorithm = reader.text()?;
        let blob = reader.string()?;
        if method != b"publickey" {
            reader.string()?;
        }
        if signed {
            reader.string()?;
        }
        reader.end()?;
        let kind = key_type(blob).unwrap_or(algorithm);
        let digest = STANDARD_NO_PAD.encode(Sha256::digest(blob));
        let key = format!("{} SHA256:{digest}", text(kind));
        let creds = Creds { user: Some(text(self.user())), password: None, key: Some(key) };
        self.report("publickey", creds, Outcome::Failure, reply);
        Ok(self.failed(Attempt::Refused, true))
    }

    /// Asks for a password as PAM's questions do. Windows offers to ask and then has nobody who
    /// would.
    fn ask(&mut self, hostname: &str) -> Verdict {
        if self.offers("password") {
            return self.failed(Attempt::Refused, true);
        }
        self.asked = true;
        let prompt = [b"Password for ", self.user(), b"@", hostname.as_bytes(), b":"].concat();
        let message = Writer::message(number::USERAUTH_INFO_REQUEST).string("").string("");
        Verdict::Ask(message.string("").u32(1).string(prompt).flag(false))
    }

    fn failed(&mut self, attempt: Attempt, counts: bool) -> Verdict {
        self.failures = self.failures.saturating_add(u32::from(counts));
        let decision = match self.profile.maker {
            Maker::Dropbear if self.failures >= MAX_DROPBEAR => Decision::End(Fault::Drop),
            Maker::OpenSsh if self.failures >= MAX_FAILURES => {
                Decision::End(Fault::Disconnect("Too many authentication failures".to_owned()))
            }
            _ => Decision::Failure,
        };
        Verdict::Decided(decision, attempt)
    }

    fn report(&mut self, method: &str, creds: Creds, outcome: Outcome, reply: &mut Reply) {
        self.reported = true;
        let data = Data::new().with("method", method.to_owned());
        let report = Report::new(Kind::AuthAttempt).outcome(outcome).data(data);
        reply.report(Report { creds: Some(creds), ..report });
    }
}

/// The type that a public key says it has.
fn key_type(blob: &[u8]) -> Result<&[u8], Malformed> {
    let kind = Reader::new(blob).string()?;
    let is_name = kind.len() < 64 && kind.iter().all(|byte| byte.is_ascii_graphic());
    if is_name { Ok(kind) } else { Err(Malformed) }
}

fn changed(first: &Claim, now: &Claim) -> String {
    format!(
        "Change of username or service not allowed: ({},{}) -> ({},{})",
        text(&first.user),
        text(&first.service),
        text(&now.user),
        text(&now.service),
    )
}
