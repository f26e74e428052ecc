//! The configuration file: the network, the deckies, and options of roles.
//!
//! Everything is read into types that cannot be wrong, and what is wrong is named with its line
//! and its value. Whether an address is free or an interface exists is for others to say; they can
//! name the line too ([`DeckyWish::line`]).

mod fleet;

use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

pub use fleet::{DeckyWish, Fleet, MAX_COUNT, NetworkWish};

/// Largest configuration file, in bytes.
pub const MAX_CONFIG: usize = 4 * 1024 * 1024;

/// A configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The network and the deckies.
    pub fleet: Fleet,
    /// Options of roles, as `[role] option = value`.
    pub options: Vec<RoleOption>,
}

/// An option of a role, as the file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOption {
    /// The subcommand.
    pub role: String,
    /// The option's long name, `-` where a flag has `-`.
    pub option: String,
    /// Its value as it would be written after the flag.
    pub value: String,
    /// Where it stands.
    pub line: usize,
}

/// What is wrong with a configuration file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ConfigError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong with what value.
    pub message: String,
}

/// A text being read, to turn places into lines.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str);

impl Text<'_> {
    fn line(self, at: usize) -> usize {
        let before = self.0.as_bytes().get(..at).unwrap_or(self.0.as_bytes());
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn error(self, at: usize, message: impl Into<String>) -> ConfigError {
        ConfigError { line: self.line(at), message: message.into() }
    }

    /// Reads a value as `T`; what is wrong is blamed on its own line.
    fn read<T: serde::de::DeserializeOwned>(
        self,
        value: Spanned<DeValue<'_>>,
    ) -> Result<T, ConfigError> {
        let at = value.span().start;
        T::deserialize(ValueDeserializer::from(value)).map_err(|error| {
            let at = error.span().map_or(at, |span| span.start);
            self.error(at, error.message().trim_end().to_owned())
        })
    }
}

/// Reads a configuration file.
///
/// # Errors
///
/// [`ConfigError`] names the first thing that is wrong: TOML that is none, an unknown key, a value
/// out of its range, a name that is taken.
pub fn parse(text: &str) -> Result<Config, ConfigError> {
    let source = Text(text);
    if text.len() > MAX_CONFIG {
        return Err(source.error(0, format!("longer than {MAX_CONFIG} bytes")));
    }
    let table = DeTable::parse(text).map_err(|error| {
        source.error(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    let mut config = Config::default();
    for (key, value) in table.into_inner() {
        match key.get_ref().as_ref() {
            "network" => config.fleet.network = source.read(value)?,
            "decky" => config.fleet.deckies = fleet::deckies(source, value)?,
            role => options(source, role, value, &mut config.options)?,
        }
    }
    Ok(config)
}

fn options(
    source: Text<'_>,
    role: &str,
    value: Spanned<DeValue<'_>>,
    options: &mut Vec<RoleOption>,
) -> Result<(), ConfigError> {
    let at = value.span().start;
    let DeValue::Table(table) = value.into_inner() else {
        let known = "a file has [network], [[decky]] and one table for each role";
        return Err(source.error(at, format!("`{role}` is no table: {known}")));
    };
    for (key, value) in table {
        let at = key.span().start;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Boolean(flag) => flag.to_string(),
            DeValue::Array(list) => {
                let texts: Option<Vec<&str>> =
                    list.iter().map(|item| item.get_ref().as_str()).collect();
                texts.ok_or_else(|| source.error(at, "a list of options takes texts"))?.join(",")
            }
            _ => {
                return Err(
                    source.error(at, format!("`{}` has no such kind of value", key.get_ref()))
                );
            }
        };
        options.push(RoleOption {
            role: role.to_owned(),
            option: key.get_ref().replace('_', "-"),
            value: text,
            line: source.line(at),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
