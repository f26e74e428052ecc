//! `decnet capture`: the frames of a decky as a pcapng file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::operator::refused;
use crate::cli::WrongUse;
use crate::edge::operator::{OperatorError, ask};
use crate::edge::stop;
use crate::logic::control::{Answer, Request};
use crate::logic::name::DeckyName;

/// How often the end is looked for.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the capture is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose frames.
    pub decky: DeckyName,
    /// Where they go; `-` is standard output.
    pub write: PathBuf,
    /// For how long; until it is interrupted when it is not said.
    pub span: Option<Duration>,
    /// Where the agent is.
    pub run_dir: PathBuf,
}

/// Captures until the time is up or it is interrupted. Each frame is written as it comes, so the
/// file is whole at any time.
///
/// # Errors
///
/// When there is no agent or no such decky, or the file cannot be written.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    stop::listen()?;
    let request = Request::Capture { decky: settings.decky.clone() };
    let (answer, mut stream) = match ask(&settings.run_dir, &request) {
        Ok(asked) => asked,
        Err(error @ OperatorError::Unreachable { .. }) => {
            return Err(WrongUse(format!("{:#}", anyhow::Error::from(error))).into());
        }
        Err(error) => return Err(error.into()),
    };
    match answer {
        Answer::Capturing => {}
        Answer::Refused { line, message } => return Err(refused(line, message, None)),
        Answer::Done(_) | Answer::Report(_) | Answer::Stale { .. } => {
            anyhow::bail!("the agent speaks another protocol")
        }
    }
    let mut file = open(&settings.write)?;
    let failed = || format!("cannot write `{}`", settings.write.display());
    stream.get_ref().set_read_timeout(Some(PATIENCE)).context("cannot wait for frames")?;
    let until = settings.span.map(|span| Instant::now() + span);
    let mut piece = vec![0; 64 * 1024];
    while !stop::is_asked() && until.is_none_or(|until| Instant::now() < until) {
        match stream.read(&mut piece) {
            Ok(0) => anyhow::bail!("the agent ended the capture"),
            Ok(length) => {
                file.write_all(piece.get(..length).unwrap_or_default()).with_context(failed)?;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                file.flush().with_context(failed)?;
            }
            Err(error) => return Err(error).context("the agent is gone"),
        }
    }
    file.flush().with_context(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<Box<dyn Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdout()));
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    Ok(Box::new(file.with_context(|| format!("cannot write `{}`", path.display()))?))
}
