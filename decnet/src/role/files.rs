//! `decnet files`: what visitors sent, whole, from the store.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::cli::WrongUse;
use crate::edge::log::say;
use crate::edge::operator;
use crate::edge::store::{self, Store};
use crate::logic::table::Table;

/// Pieces that are read at a time; each has 32 KiB.
const PIECES: u32 = 32;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The bytes of this digest, in this file; `-` is standard output.
    Bytes {
        /// SHA-256, in hexadecimal.
        sha256: String,
        /// Where they go.
        write: PathBuf,
    },
    /// What there is, as a JSON list.
    Json,
    /// What there is, for people.
    Table,
}

/// What the command is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is wanted.
    pub wanted: Wanted,
    /// At most so many of what was sent last.
    pub lines: u32,
    /// Where the store is, unless a running agent says so.
    pub state_dir: Option<PathBuf>,
    /// Where a running agent is found.
    pub run_dir: PathBuf,
}

/// Shows what is kept, or writes one of it.
///
/// # Errors
///
/// When there is no store, nothing of that digest, or the file is there already.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let found = || operator::running(&settings.run_dir).map(|found| found.state_dir);
    let dir = settings.state_dir.clone().or_else(found);
    let path = store::path(&dir.unwrap_or_else(|| Path::new("/var/lib/decnet").to_owned()));
    if !path.try_exists().with_context(|| format!("cannot look for `{}`", path.display()))? {
        let text = format!(
            "there are no files at `{}`: is `decnet up` or `decnet agent` running, or is its \
             --state-dir another?",
            path.display()
        );
        return Err(WrongUse(text).into());
    }
    let store = Store::open(&path)?;
    match &settings.wanted {
        Wanted::Bytes { sha256, write } => give(&store, sha256, write)?,
        Wanted::Json => {
            let all = store.evidence(settings.lines)?;
            let all = all.iter().map(|kept| {
                serde_json::json!({
                    "sha256": kept.sha256, "bytes": kept.bytes, "last": kept.last.to_string(),
                })
            });
            say(&serde_json::to_string_pretty(&all.collect::<Vec<_>>())?);
        }
        Wanted::Table => {
            let mut table = Table::new(["sha256", "bytes", "last sent"]);
            for kept in store.evidence(settings.lines)? {
                table.row([kept.sha256, kept.bytes.to_string(), kept.last.to_string()]);
            }
            say(&table.to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn give(store: &Store, sha256: &str, write: &Path) -> Result<()> {
    let sha256 = sha256.to_ascii_lowercase();
    if store.evidence_len(&sha256)?.is_none() {
        bail!("nothing that is kept has the digest `{sha256}`: `decnet files` lists what there is");
    }
    if write == Path::new("-") {
        return copy(store, &sha256, &mut std::io::stdout().lock(), write);
    }
    // It is a stranger's: nobody else need be able to read it, and nobody to run it.
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(write);
    match opened {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = format!("`{}` is there already: name another file", write.display());
            Err(WrongUse(text).into())
        }
        opened => {
            let mut file = opened.with_context(|| format!("cannot make `{}`", write.display()))?;
            copy(store, &sha256, &mut file, write)
        }
    }
}

/// Writes the pieces of what has this digest, a few at a time.
fn copy(store: &Store, sha256: &str, to: &mut impl Write, name: &Path) -> Result<()> {
    let mut first = 0;
    loop {
        let parts = store.evidence_parts(sha256, first, PIECES)?;
        if parts.is_empty() {
            return to.flush().with_context(|| format!("cannot write `{}`", name.display()));
        }
        first = first.saturating_add(PIECES);
        for part in parts {
            to.write_all(&part).with_context(|| format!("cannot write `{}`", name.display()))?;
        }
    }
}
