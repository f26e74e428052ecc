//! The command line: what may be said, and where an option's value comes from.
//!
//! A flag wins over the environment (`DECNET_…`), which wins over the file (`--config`), which wins
//! over the default.

mod agent;
mod args;
mod authority;
mod file;
mod files;
mod metrics;
mod release;
mod rollout;
mod start;
mod swarm;
mod updater;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::edge::{child, log};

pub use args::Cli;
pub use release::{InstallArgs, PackArgs, RootArgs, VerifyArgs};

/// Wrong use, or the controller cannot be reached.
const WRONG_USE: u8 = 2;

/// Runs the subcommand that the command line names.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    child::take_name(args.get(1).and_then(|role| role.to_str()).unwrap_or_default());
    let cli = match parse(&args) {
        Ok(cli) => cli,
        Err(error) => {
            log::say_error(&error);
            return ExitCode::from(WRONG_USE);
        }
    };
    let format = cli.log_format.unwrap_or_default();
    if let Err(error) = log::start(format, &cli.log_level) {
        log::say_error(&error);
        return ExitCode::from(WRONG_USE);
    }
    match start::role(cli) {
        Ok(code) => match log::unsaid() {
            None => code,
            Some(error) => {
                log::say_aside(&format!("cannot write to standard output: {error}"));
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            log::say_error(&error);
            let wrong_use =
                error.is::<WrongUse>() || error.is::<crate::logic::config::ConfigError>();
            if wrong_use { ExitCode::from(WRONG_USE) } else { ExitCode::FAILURE }
        }
    }
}

/// A command that cannot be carried out as it was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUse(pub String);

fn parse(args: &[OsString]) -> anyhow::Result<Cli> {
    let config = file::named(args);
    let command = file::defaults(Cli::command(), config.as_deref())?;
    let matches = command.get_matches_from(args);
    Ok(Cli::from_arg_matches(&matches)?)
}

#[cfg(test)]
mod tests;
