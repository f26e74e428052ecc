//! Options from the configuration file become the defaults of the command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Command;

use super::args::DEFAULT_CONFIG;
use crate::edge::files;
use crate::logic::config::{self, Config, ConfigError};

/// The configuration file that the command line or the environment names; its options are needed
/// before the rest of the line can be read.
pub(super) fn named(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else { continue };
        if text == "--" {
            break;
        }
        if text == "--config" {
            return args.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(path.into());
        }
    }
    std::env::var_os("DECNET_CONFIG").map(PathBuf::from)
}

/// `command` with the options of the file as defaults. A file that is not named may be missing.
pub(super) fn defaults(mut command: Command, path: Option<&Path>) -> Result<Command> {
    let path = path.unwrap_or(Path::new(DEFAULT_CONFIG));
    for option in read(path)?.options {
        let wrong = |what: String| {
            let error = ConfigError { line: option.line, message: what };
            Err(error).with_context(|| format!("`{}`", path.display()))
        };
        let Some(role) = command.find_subcommand(&option.role) else {
            return wrong(format!("`{}` is neither network, decky nor a role", option.role));
        };
        let long = |arg: &clap::Arg| arg.get_long() == Some(option.option.as_str());
        let Some(id) = role.get_arguments().find(|arg| long(arg)).map(|arg| arg.get_id().clone())
        else {
            return wrong(format!("`{}` is no option of {}", option.option, option.role));
        };
        let value = option.value.clone();
        command = command.mut_subcommand(&option.role, |role| {
            role.mut_arg(id.as_str(), |arg| arg.default_value(value))
        });
    }
    Ok(command)
}

/// What there is to say of a file that was named and is not there.
pub(super) fn missed(path: &Path) -> Option<String> {
    let named = path != Path::new(DEFAULT_CONFIG);
    (named && !path.exists()).then(|| {
        format!("there is no configuration file `{}`: name one with --config", path.display())
    })
}

/// Reads a configuration file; a missing one says nothing.
pub(super) fn read(path: &Path) -> Result<Config> {
    let Some(bytes) = files::read(path)? else { return Ok(Config::default()) };
    let text =
        String::from_utf8(bytes).with_context(|| format!("`{}` is no text", path.display()))?;
    config::parse(&text).with_context(|| format!("`{}`", path.display()))
}
