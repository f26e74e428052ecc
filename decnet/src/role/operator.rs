//! The operator's commands that ask the running agent: `status`, `deploy`, `teardown`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::WrongUse;
use crate::edge::bpf::{self, Hook};
use crate::edge::log::{say, say_json};
use crate::edge::operator::{OperatorError, ask};
use crate::edge::{bpf_fs, files};
use crate::logic::control::{Answer, Found, RUNNING, Request};
use crate::logic::name::DeckyName;
use crate::logic::status::Status;
use crate::logic::table::Table;
use crate::role::agent::{PINS, remove_traces};

/// How a status is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// As JSON.
    Json,
    /// As a table.
    Table,
}

/// `decnet status`.
///
/// # Errors
///
/// When there is no agent.
pub fn status(run_dir: &Path, show: Show) -> Result<ExitCode> {
    print(&done(run_dir, &Request::Status, None)?, show)?;
    Ok(ExitCode::SUCCESS)
}

/// `decnet deploy`: makes the deckies what the file says, and waits until they are, or cannot be.
///
/// # Errors
///
/// When there is no such file or no agent, or the file asks for what cannot be had.
pub fn deploy(run_dir: &Path, config: &Path, show: Show) -> Result<ExitCode> {
    let bytes = files::read(config)?;
    let bytes = bytes.ok_or_else(|| {
        let path = config.display();
        WrongUse(format!("there is no configuration file `{path}`: name one with --config"))
    })?;
    let text =
        String::from_utf8(bytes).with_context(|| format!("`{}` is no text", config.display()))?;
    let status = done(run_dir, &Request::Deploy { config: text, keep: false }, Some(config))?;
    print(&status, show)?;
    let failed = status.deckies.iter().any(|decky| decky.error.is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `decnet teardown`. Without an agent it removes what one has left.
///
/// # Errors
///
/// When there is no such decky, or something cannot be removed.
pub fn teardown(run_dir: &Path, decky: Option<DeckyName>) -> Result<ExitCode> {
    let everything = decky.is_none();
    match done(run_dir, &Request::Teardown { decky }, None) {
        Ok(status) => say(&format!("{} deckies left", status.deckies.len())),
        Err(error) if everything && is_unreachable(&error) => {
            if Hook::of_kernel() == Hook::Clsact
                && let Ok(Some(found)) = files::read_of_owner(&run_dir.join(RUNNING))
                && let Ok(found) = serde_json::from_slice::<Found>(&found)
            {
                bpf::detach_left(&found.interface);
            }
            let unmounted = bpf_fs::unmount(&run_dir.join(PINS));
            remove_traces(run_dir)?;
            unmounted?;
            say("no agent is running, and nothing of one is left");
        }
        Err(error) => return Err(error),
    }
    Ok(ExitCode::SUCCESS)
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    error.is::<WrongUse>()
}

/// Asks, and takes the status that comes with success.
fn done(run_dir: &Path, request: &Request, config: Option<&Path>) -> Result<Status> {
    let answer = match ask(run_dir, request) {
        Ok((answer, _)) => answer,
        Err(error @ OperatorError::Unreachable { .. }) => {
            return Err(WrongUse(format!("{:#}", anyhow::Error::from(error))).into());
        }
        Err(error) => return Err(error.into()),
    };
    match answer {
        Answer::Done(status) => Ok(status),
        Answer::Refused { line, message } => Err(refused(line, message, config)),
        Answer::Capturing | Answer::Report(_) | Answer::Stale { .. } => {
            anyhow::bail!("the agent speaks another protocol")
        }
    }
}

/// The agent's refusal, with the place in the file that it is about.
pub(super) fn refused(
    line: Option<usize>,
    message: String,
    config: Option<&Path>,
) -> anyhow::Error {
    match (line, config) {
        // The message begins with its line.
        (Some(_), Some(path)) => WrongUse(format!("`{}`: {message}", path.display())).into(),
        _ => anyhow::anyhow!(message),
    }
}

fn print(status: &Status, show: Show) -> Result<()> {
    if show == Show::Json {
        say_json(status)?;
        return Ok(());
    }
    let mut table = Table::new(["decky", "address", "mac", "persona", "services", "state"]);
    for decky in &status.deckies {
        let state = match &decky.error {
            Some(error) => format!("failed: {error}"),
            None => decky.state.as_str().to_owned(),
        };
        table.row([
            decky.name.to_string(),
            decky.ip.to_string(),
            decky.mac.to_string(),
            decky.persona.clone(),
            decky.services.join(","),
            state,
        ]);
    }
    say(&table.to_string());
    let capture = &status.capture;
    let drops: u64 = capture.drops.values().sum();
    say(&format!(
        "capture: {} seen = {} submitted + {} aggregated + {drops} dropped; {} frames of deckies held back",
        capture.seen, capture.submitted, capture.aggregated, capture.guarded
    ));
    Ok(())
}
