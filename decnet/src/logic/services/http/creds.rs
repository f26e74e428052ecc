//! Finds what a visitor tried to log in with.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::message::percent_decoded;
use crate::logic::event::text;

/// Most fields of a form that are looked at.
const MAX_FIELDS: usize = 256;

/// How deep a JSON body is looked into.
const MAX_DEPTH: u8 = 4;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A user name and a password, as far as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Login {
    /// User name.
    pub(super) user: Option<String>,
    /// Password.
    pub(super) password: Option<String>,
}

impl Login {
    /// Heeds the field `name`; the first that is a user or a password counts.
    pub(super) fn heed(&mut self, name: &str, value: &[u8]) {
        let name = plain(name);
        if self.password.is_none() && is_password(&name) {
            self.password = Some(text(value));
        } else if self.user.is_none() && is_user(&name) {
            self.user = Some(text(value));
        }
    }

    /// The login, if there is a password.
    pub(super) fn found(self) -> Option<Self> {
        self.password.is_some().then_some(self)
    }
}

/// The login in a form as browsers write it, and in a query.
pub(super) fn in_form(form: &[u8]) -> Option<Login> {
    let mut login = Login::default();
    for pair in form.split(|byte| *byte == b'&').take(MAX_FIELDS) {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if name.len() <= 128 {
            login.heed(&String::from_utf8_lossy(&decoded(name)), &decoded(value));
        }
    }
    login.found()
}

/// The login in a JSON document.
pub(super) fn in_json(document: &[u8]) -> Option<Login> {
    let value: Value = serde_json::from_slice(document).ok()?;
    let mut login = Login::default();
    look(&value, MAX_DEPTH, &mut login);
    login.found()
}

/// The login in an `Authorization` field.
pub(super) fn in_authorization(field: &[u8]) -> Option<Login> {
    let mut parts = field.splitn(2, |byte| *byte == b' ');
    if !parts.next()?.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let decoded = LENIENT.decode(parts.next()?.trim_ascii()).ok()?;
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let user = Some(text(parts.next()?));
    Some(Login { user, password: Some(text(parts.next().unwrap_or_default())) })
}

fn look(value: &Value, depth: u8, login: &mut Login) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().take(MAX_FIELDS) {
                match value {
                    Value::String(value) => login.heed(name, value.as_bytes()),
                    Value::Number(number) => login.heed(name, number.to_string().as_bytes()),
                    value => look(value, depth, login),
                }
            }
        }
        Value::Array(list) => list.iter().take(MAX_FIELDS).for_each(|v| look(v, depth, login)),
        _ => {}
    }
}

/// A name without what frameworks put around it: `ctl00$txtUserName`, `user[password]`.
fn plain(name: &str) -> String {
    let inner = name.trim_end_matches(']');
    let last = inner.rsplit(['$', '.', '[', ':']).next().unwrap_or_default();
    last.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_password(name: &str) -> bool {
    matches!(name, "pass" | "pwd" | "psw" | "passwort" | "contrasena")
        || ["password", "passwd", "userpass", "loginpass"].iter().any(|end| name.ends_with(end))
}

fn is_user(name: &str) -> bool {
    matches!(name, "user" | "login" | "email" | "log" | "uname" | "account" | "usr" | "mail")
        || ["username", "userid", "loginname"].iter().any(|end| name.ends_with(end))
}

/// Form encoding undone; what is ill-encoded stays as it is.
fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|c| if *c == b'+' { b' ' } else { *c }).collect();
    percent_decoded(&spaced).unwrap_or(spaced)
}
