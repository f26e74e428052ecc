//! `decnet release …`: makes, signs and checks releases. It needs no node and no network: whoever
//! holds a key may do it on a machine that has neither.

mod install;
mod made;
mod root;
mod show;

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::cli::{InstallArgs, PackArgs, RootArgs, VerifyArgs, WrongUse};
use crate::edge::denied;
use crate::edge::log::say;
use crate::edge::random;
use crate::edge::release::{read_root, read_secret, resign, write_secret};
use crate::logic::release::{SecretKey, SignedRoot};
use crate::role::operator::Show;

/// What to do with releases.
#[derive(Clone, Debug)]
pub enum Command {
    /// Install a bundle where there is no release yet.
    Install(InstallArgs),
    /// Show what is in a bundle, a release's directory or a root of trust.
    Inspect(PathBuf, Show),
    /// Make a key.
    Keygen(PathBuf),
    /// Make a bundle.
    Pack(PackArgs),
    /// Make a root of trust.
    Root(RootArgs),
    /// Sign a bundle or a root of trust.
    Sign {
        /// Which.
        file: PathBuf,
        /// With which keys.
        keys: Vec<PathBuf>,
        /// Roots that travel in the bundle.
        roots: Vec<PathBuf>,
    },
    /// Check a bundle or a release's directory.
    Verify(VerifyArgs),
}

/// Does what is asked.
///
/// # Errors
///
/// [`WrongUse`] when it cannot be done as it was asked; otherwise what went wrong, or why a bundle
/// is refused.
pub fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Install(args) => install::install(&args)?,
        Command::Inspect(file, show) => show::inspect(&file, show)?,
        Command::Keygen(out) => keygen(&out)?,
        Command::Pack(args) => made::pack(&args)?,
        Command::Root(args) => root::make(&args)?,
        Command::Sign { file, keys, roots } => sign(&file, &keys, &roots)?,
        Command::Verify(args) => show::verify(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn keygen(out: &Path) -> Result<()> {
    let mut seed = [0; 32];
    random::fill(&mut seed);
    let key = SecretKey::from_seed(&seed);
    write_secret(out, &key)?;
    say(&key.public().to_string());
    Ok(())
}

fn sign(path: &Path, keys: &[PathBuf], roots: &[PathBuf]) -> Result<()> {
    let keys: Vec<SecretKey> = keys.iter().map(|key| read_secret(key)).collect::<Result<_, _>>()?;
    if is_root(path)? {
        if !roots.is_empty() {
            let why = "`--root` is for a bundle, and this is a root: roots do not travel in roots";
            return Err(WrongUse(why.into()).into());
        }
        let mut root = read_root(path)?;
        keys.iter().for_each(|key| root.sign(key));
        replace(path, |file| Ok(file.write_all(&root.bytes())?))?;
        say(&format!("{} signatures", root.signatures.len()));
        return Ok(());
    }
    let roots: Vec<SignedRoot> =
        roots.iter().map(|root| read_root(root)).collect::<Result<_, _>>()?;
    let mut bundle = open(path)?;
    let mut count = 0;
    replace(path, |file| {
        resign(
            &mut bundle,
            |release, envelope| {
                keys.iter().for_each(|key| envelope.sign(release, key));
                for root in roots {
                    envelope.roots.retain(|other| other.signed.version != root.signed.version);
                    envelope.roots.push(root);
                }
                envelope.roots.sort_by_key(|root| root.signed.version);
                count = envelope.signatures.len();
            },
            file,
        )
        .with_context(|| format!("cannot sign `{}`", path.display()))
    })?;
    say(&format!("{count} signatures"));
    Ok(())
}

/// Whether a file is a root of trust rather than a bundle: it is text, and a bundle never is.
fn is_root(path: &Path) -> Result<bool> {
    let mut first = [0];
    let read = open(path)?.read(&mut first);
    let count = read.with_context(|| format!("cannot read `{}`", path.display()))?;
    if count == 0 {
        bail!("`{}` is empty", path.display());
    }
    Ok(first == *b"{")
}

fn open(path: &Path) -> Result<File> {
    File::open(path)
        .map_err(|error| denied::explain(path, error))
        .with_context(|| format!("cannot open `{}`", path.display()))
}

/// Writes a file beside `path` and gives it its name when it is whole. Others may read it.
fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let fresh = path.with_added_extension("new");
    let tried = || format!("cannot write `{}`", fresh.display());
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).clone();
    let mut file = BufWriter::new(options.open(&fresh).with_context(tried)?);
    let written = write(&mut file)
        .and_then(|()| file.into_inner().with_context(tried))
        .and_then(|file| file.sync_all().with_context(tried))
        .and_then(|()| {
            fs::rename(&fresh, path).with_context(|| format!("cannot replace `{}`", path.display()))
        });
    if written.is_err() {
        drop(fs::remove_file(&fresh));
    }
    written
}
