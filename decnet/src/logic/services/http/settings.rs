//! What the operator may set of a web server.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `Server` header, the persona's unless set. It also picks how the server behaves: like
    /// nginx, Apache, IIS or lighttpd when it begins with their name, plainly otherwise.
    pub server: Option<ServerName>,
    /// Title of the login page; each decky has one of its own unless set.
    pub title: Option<Arc<str>>,
    /// Where the login form is.
    pub login: LoginPath,
    /// What stands at `/`.
    pub site: Site,
}

/// What stands at `/`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    /// The login page.
    #[default]
    Login,
    /// The page that the server shows after its installation.
    Welcome,
}

/// A `Server` header.
///
/// **Shape**: 1 to 128 printable ASCII characters, which may be spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(Arc<str>);

/// The path of a login form.
///
/// **Shape**: `/` and up to 128 of `a-z A-Z 0-9 - _ . /`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LoginPath(Arc<str>);

/// A text that cannot be what it was set for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// Not a path of the shape of [`LoginPath`].
    #[error("`{0}` is no path of a login form: it takes `/` and up to 128 of a-z A-Z 0-9 - _ . /")]
    Login(String),
    /// Not a text of the shape of [`ServerName`].
    #[error("`{0}` is no server name: it takes 1 to 128 printable ASCII characters")]
    Server(String),
}

const MOST: usize = 128;

impl ServerName {
    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ServerName {
    type Error = BadSetting;

    fn try_from(text: String) -> Result<Self, BadSetting> {
        let printable = |c: char| c == ' ' || c.is_ascii_graphic();
        if (1..=MOST).contains(&text.len()) && text.chars().all(printable) {
            Ok(Self(text.into()))
        } else {
            Err(BadSetting::Server(text.chars().take(80).collect()))
        }
    }
}

impl From<ServerName> for String {
    fn from(name: ServerName) -> Self {
        name.0.as_ref().into()
    }
}

impl LoginPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LoginPath {
    fn default() -> Self {
        Self("/login".into())
    }
}

impl TryFrom<String> for LoginPath {
    type Error = BadSetting;

    fn try_from(text: String) -> Result<Self, BadSetting> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let tail = text.strip_prefix('/');
        if tail.is_some_and(|tail| tail.len() <= MOST && tail.chars().all(plain)) {
            Ok(Self(text.into()))
        } else {
            Err(BadSetting::Login(text.chars().take(80).collect()))
        }
    }
}

impl From<LoginPath> for String {
    fn from(path: LoginPath) -> Self {
        path.0.as_ref().into()
    }
}

impl fmt::Display for LoginPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
