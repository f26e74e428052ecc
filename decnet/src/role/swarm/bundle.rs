//! A tree becomes a bundle, on its way to swarmctl.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};

use crate::edge::release::{Tree, pack, read_secret, survey};
use crate::edge::{copy, files, random};
use crate::logic::glob;
use crate::logic::kernel;
use crate::logic::release::{Arch, Component, Envelope, MANIFEST, Manifest, Release, SIGNATURES};
use crate::logic::time::Timestamp;

/// For how long a release may be installed that does not say it.
const GOOD_FOR: Duration = Duration::from_hours(180 * 24);

/// A bundle that goes when it is dropped.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) path: PathBuf,
    _dir: Tree,
}

/// Packs the tree below `root` without what `exclude` means, and signs it. The same tree makes the
/// same bytes: what it does not say in a `release.json` follows from its files.
pub(super) fn packed(root: &Path, exclude: &[String], keys: &[PathBuf]) -> Result<Packed> {
    let mut secret = [0; 8];
    random::fill(&mut secret);
    let name = format!("decnet-bundle-{:x}", u64::from_le_bytes(secret));
    let dir = Tree::make(&std::env::temp_dir().join(name))?;
    let staged = dir.path().join("tree");
    files::make_dir(&staged)?;
    let wanted = |path: &str| {
        let excluded = exclude.iter().any(|pattern| glob::is_meant(pattern, path));
        !excluded && path != MANIFEST && path != SIGNATURES
    };
    let latest = copy::copy(root, &staged, wanted)?;
    let before = before(root)?;
    let release = release(&staged, before.as_ref(), latest)
        .with_context(|| format!("`{}` is no release", root.display()))?;
    let mut envelope = envelope(root, before.as_ref(), &release)?;
    for key in keys {
        envelope.sign(&release, &read_secret(key)?);
    }
    let path = dir.path().join("bundle.tar");
    let tried = || format!("cannot write `{}`", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(tried)?);
    pack(&staged, (&release, &envelope), &mut file).with_context(tried)?;
    file.flush().with_context(tried)?;
    Ok(Packed { path, _dir: dir })
}

/// The release that the tree says that it is.
fn before(root: &Path) -> Result<Option<Release>> {
    let path = root.join(MANIFEST);
    let bytes = files::read(&path)?;
    let release = bytes.map(|bytes| Release::parse(&bytes));
    release.transpose().with_context(|| format!("`{}` is refused", path.display()))
}

fn release(staged: &Path, before: Option<&Release>, latest: SystemTime) -> Result<Release> {
    let files = survey(staged).context("leave out with --exclude what is not of the release")?;
    if let Some(before) = before {
        return Ok(Release::seal(Manifest { files, ..before.manifest().clone() })?);
    }
    let since = latest.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let created = Timestamp(seconds.saturating_mul(1_000_000_000));
    let label = |text: &str| text.parse().map_err(anyhow::Error::msg);
    let arch = Arch::find(std::env::consts::ARCH).context("this processor runs no release")?;
    Ok(Release::seal(Manifest {
        schema: Manifest::schema(),
        fleet: label("decnet")?,
        components: vec![Component::Agent, Component::Updater],
        version: label(env!("CARGO_PKG_VERSION"))?,
        epoch: 1,
        number: seconds,
        downgrade_from: None,
        arch,
        min_kernel: kernel::OLDEST,
        created,
        expires: created.plus(GOOD_FOR),
        files,
    })?)
}

/// The signatures that lie beside a tree, where they are those of this very release.
fn envelope(root: &Path, before: Option<&Release>, release: &Release) -> Result<Envelope> {
    let path = root.join(SIGNATURES);
    let same = before.is_some_and(|before| before.digest() == release.digest());
    match files::read(&path)?.filter(|_| same) {
        Some(bytes) => {
            Envelope::parse(&bytes).with_context(|| format!("`{}` is refused", path.display()))
        }
        None => Ok(Envelope::default()),
    }
}
