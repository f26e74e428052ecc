//! The operator's end of the agent's control socket.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::edge::{denied, files};
use crate::logic::control::{Answer, Found, MAX_LINE, RUNNING, Request, SOCKET};

/// What can go wrong between an operator and the agent.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The answer is none, or the agent went away.
    #[error("the agent at `{path}` gave no answer")]
    NoAnswer {
        /// Where it was asked.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no agent, or it is not ours to ask.
    #[error("cannot reach the agent at `{path}`: is `decnet up` or `decnet agent` running?")]
    Unreachable {
        /// Where it was looked for.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Asks the agent whose run directory this is. What follows the answer can be read from the second
/// value.
///
/// # Errors
///
/// [`OperatorError::Unreachable`] when there is none.
pub fn ask(
    run_dir: &Path,
    request: &Request,
) -> Result<(Answer, BufReader<UnixStream>), OperatorError> {
    let path = run_dir.join(SOCKET);
    let mut stream = UnixStream::connect(&path)
        .map_err(|source| denied::explain(&path, source))
        .map_err(|source| OperatorError::Unreachable { path: path.clone(), source })?;
    let failed = |source| OperatorError::NoAnswer { path: path.clone(), source };
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut reader = BufReader::new(stream);
    let mut answer = String::new();
    let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    reader.by_ref().take(most).read_line(&mut answer).map_err(failed)?;
    if answer.is_empty() {
        return Err(failed(ErrorKind::UnexpectedEof.into()));
    }
    let answer = serde_json::from_str(&answer).map_err(|error| failed(error.into()))?;
    Ok((answer, reader))
}

/// What the agent whose run directory this is wrote down about itself; `None` when there is none.
pub fn running(run_dir: &Path) -> Option<Found> {
    let bytes = files::read_of_owner(&run_dir.join(RUNNING)).ok().flatten()?;
    serde_json::from_slice(&bytes).ok()
}
