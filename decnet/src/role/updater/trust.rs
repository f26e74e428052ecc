//! Whose signatures count here. The operator's root of trust is asked at every start and before every
//! update; roots that came in bundles are kept beside the journals, and count as far as they follow
//! from the operator's.
//!
//! ```text
//! <updater-dir>/root.json               root's alone: the operator's word
//! <state-dir>/updater/roots/N.json      roots that came after it
//! <state-dir>/updater/roots/operator.json   the operator's, as it was last
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Settings;
use crate::edge::release::read_root;
use crate::edge::{files, owned};
use crate::logic::release::{Lineage, SignedRoot, Trust};
use crate::logic::update::Kept;

/// Name of the operator's root.
const ROOT: &str = "root.json";
/// Most bytes of a root.
const MOST: u64 = 64 * 1024;
/// Most roots that are kept: the operator brings the file up to date before there are so many.
const MANY: usize = 64;

/// What is trusted.
pub(super) struct Trusted {
    /// The root that counts.
    pub(super) trust: Trust,
    /// What is wrong with what was kept.
    pub(super) complaint: Option<String>,
    /// When the operator's root is another than the last time: what becomes of the floor.
    pub(super) replaced: Option<Kept>,
    operators: SignedRoot,
    is_known: bool,
}

/// Asks whose signatures count now.
///
/// # Errors
///
/// Why nobody's do, for people; it names the operator's file.
pub(super) fn read(settings: &Settings) -> Result<Trusted, String> {
    let path = settings.updater_dir.join(ROOT);
    if let Err(error) = fs::symlink_metadata(&path)
        && error.kind() == ErrorKind::NotFound
    {
        let path = path.display();
        return Err(format!(
            "there is no `{path}`: `decnet release root` makes it, and says whose signatures count"
        ));
    }
    let bytes = owned::read(&path, MOST).map_err(|error| chain(error.into()))?;
    let wrong = |error: crate::logic::release::RootError| format!("`{}`: {error}", path.display());
    let operators = SignedRoot::parse(&bytes).map_err(wrong)?;
    let (kept, mut complaint) = kept(settings);
    let lineage = Lineage::walk(operators.clone(), &kept).map_err(wrong)?;
    let known = read_root(&dir(settings).join("operator.json")).ok();
    let is_known = known.as_ref() == Some(&operators);
    let replaced = known.filter(|_| !is_known).and_then(|known| {
        let before = Lineage::walk(known, &kept).ok()?;
        let floor = if before.signs_for(&operators.signed) { Kept::Still } else { Kept::Forgotten };
        (!before.is_of(&operators)).then_some(floor)
    });
    if let (Some((version, error)), None) = (lineage.rejected(), replaced) {
        complaint = Some(format!(
            "the kept root of trust {version} does not count, and none after it ({error}): it does \
             not follow from `{}`",
            path.display()
        ));
    }
    Ok(Trusted { trust: lineage.trust().clone(), complaint, replaced, operators, is_known })
}

impl Trusted {
    /// Writes down which root is the operator's. Roots that came after another are forgotten.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub(super) fn remember(&self, settings: &Settings) -> files::Result<()> {
        if self.is_known {
            return Ok(());
        }
        let dir = dir(settings);
        files::make_dir(&dir)?;
        if self.replaced.is_some() {
            for (_, path) in named(&dir) {
                files::remove(&path)?;
            }
        }
        files::replace(&dir.join("operator.json"), &self.operators.bytes())
    }
}

/// Keeps roots that have come in a bundle, up to the one that counts since then.
///
/// # Errors
///
/// When they cannot be written.
pub(super) fn keep(settings: &Settings, roots: &[SignedRoot], trust: &Trust) -> files::Result<()> {
    let dir = dir(settings);
    for root in roots.iter().filter(|root| root.signed.version <= trust.root().version) {
        let path = dir.join(format!("{}.json", root.signed.version));
        if read_root(&path).ok().as_ref() != Some(root) {
            files::make_dir(&dir)?;
            files::replace(&path, &root.bytes())?;
        }
    }
    Ok(())
}

fn dir(settings: &Settings) -> PathBuf {
    settings.state_dir.join("updater/roots")
}

/// The files of roots that were kept, by version.
fn named(dir: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok();
    let found = entries.filter_map(|entry| Some((version(&entry.path())?, entry.path())));
    let mut found: Vec<(u64, PathBuf)> = found.take(MANY).collect();
    found.sort();
    found
}

/// The roots that were kept, and what is wrong with the first that cannot be read.
fn kept(settings: &Settings) -> (Vec<SignedRoot>, Option<String>) {
    let mut complaint = None;
    let mut roots = Vec::new();
    for (_, path) in named(&dir(settings)) {
        match read_root(&path) {
            Ok(root) => roots.push(root),
            Err(error) => {
                complaint =
                    Some(format!("a kept root of trust does not count: {}", chain(error.into())));
            }
        }
    }
    (roots, complaint)
}

fn chain(error: anyhow::Error) -> String {
    format!("{error:#}")
}
