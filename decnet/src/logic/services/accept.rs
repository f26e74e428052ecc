//! Which logins a decky lets in.
//!
//! Shared by every service that asks for a password, so that `accept` means the same in each.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::logic::event::Outcome;

/// Which logins are let in.
///
/// **Shape**: in configuration `"any"`, `"none"`, or a list of `"user:password"`. The first `:`
/// divides, so a password may hold further ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// Everyone whose password is not empty.
    #[default]
    Any,
    /// These alone.
    Listed(Vec<Login>),
    /// Nobody.
    None,
}

/// A login that is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password; an empty one lets an empty one in.
    pub password: String,
}

impl Accept {
    /// Whether this user is let in with this password: never [`Outcome::Limited`].
    pub fn verdict(&self, user: &str, password: &str) -> Outcome {
        let known = |login: &Login| login.user == user && login.password == password;
        let welcome = match self {
            Self::Any => !password.is_empty(),
            Self::Listed(logins) => logins.iter().any(known),
            Self::None => false,
        };
        if welcome { Outcome::Success } else { Outcome::Failure }
    }

    fn word(text: &str) -> Option<Self> {
        match text {
            "any" => Some(Self::Any),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned() })
    }
}

/// How configuration writes it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<String>),
    Word(String),
}

/// How it travels between our own processes, where the format does not describe itself.
#[derive(Serialize, Deserialize)]
enum Wire {
    Any,
    Listed(Vec<Login>),
    None,
}

impl Serialize for Accept {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if !to.is_human_readable() {
            return match self {
                Self::Any => Wire::Any,
                Self::Listed(logins) => Wire::Listed(logins.clone()),
                Self::None => Wire::None,
            }
            .serialize(to);
        }
        match self {
            Self::Any => to.serialize_str("any"),
            Self::Listed(logins) => to.collect_seq(
                logins.iter().map(|login| format!("{}:{}", login.user, login.password)),
            ),
            Self::None => to.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for Accept {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if !from.is_human_readable() {
            return Ok(match Wire::deserialize(from)? {
                Wire::Any => Self::Any,
                Wire::Listed(logins) => Self::Listed(logins),
                Wire::None => Self::None,
            });
        }
        match Written::deserialize(from) {
            Ok(Written::Word(word)) => Self::word(&word),
            Ok(Written::List(list)) => {
                let logins: Option<Vec<_>> = list.iter().map(|text| Login::parse(text)).collect();
                logins.map(Self::Listed)
            }
            Err(_) => None,
        }
        .ok_or_else(|| {
            de::Error::custom("`accept` takes \"any\", \"none\" or a list of \"user:password\"")
        })
    }
}

#[cfg(test)]
mod tests;
