//! `release.json`: what is in a release and for whom it is.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::{Digest, shown};
use super::path::FilePath;
use crate::logic::kernel;
use crate::logic::time::Timestamp;

/// Written into every manifest, so that nothing else is taken for one.
const SCHEMA: &str = "decnet.release/1";
/// Most bytes of a manifest.
pub(super) const MAX_MANIFEST: usize = 1024 * 1024;
/// Most files in a release.
const MAX_FILES: usize = 4_096;
/// Most bytes of all files together.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// The file that is the release.
const PROGRAM: &str = "bin/decnet";

/// A short word from outside: a version, the name of a fleet.
///
/// **Shape**: 1 to 64 of `A-Z a-z 0-9 . _ + -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._+-".contains(&c);
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
        let bad = || format!("`{}` is not 1 to 64 of A-Z a-z 0-9 . _ + -", shown(&text));
        if fits { Ok(Self(text)) } else { Err(bad()) }
    }
}

impl std::str::FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A processor that a release can be built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arch {
    /// 64-bit ARM.
    Aarch64,
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
}

impl Arch {
    /// As `uname -m` and Rust call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        [Self::Aarch64, Self::X86_64].into_iter().find(|arch| arch.as_str() == text)
    }
}

/// What on a node runs from a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// The agent, and whatever else the node runs beside its updater.
    Agent,
    /// The updater, which an agent's release never touches.
    Updater,
}

impl Component {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Updater => "updater",
        }
    }

    /// That of this name.
    pub fn find(text: &str) -> Option<Self> {
        [Self::Agent, Self::Updater].into_iter().find(|component| component.as_str() == text)
    }
}

/// What may be done with a file of a release. Nobody may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// 0444.
    #[serde(rename = "444")]
    Plain,
    /// 0555.
    #[serde(rename = "555")]
    Program,
}

impl Mode {
    /// The permission bits.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o444,
            Self::Program => 0o555,
        }
    }
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where it is.
    pub path: FilePath,
    /// How many bytes it has.
    pub size: u64,
    /// What may be done with it.
    pub mode: Mode,
    /// Of its bytes.
    pub sha256: Digest,
}

/// What is in a release and for whom it is. One that was checked is a [`Release`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `decnet.release/1`.
    pub schema: String,
    /// Which fleet it is for.
    pub fleet: Label,
    /// What may run from it; sorted, none twice.
    pub components: Vec<Component>,
    /// What people call it.
    pub version: Label,
    /// The epoch of the root whose keys sign it.
    pub epoch: u64,
    /// Which release of the epoch; a later one has a higher number.
    pub number: u64,
    /// A machine that has had releases up to this number may go back to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade_from: Option<u64>,
    /// The processor it is built for.
    pub arch: Arch,
    /// The oldest kernel it runs on.
    pub min_kernel: kernel::Version,
    /// When it was made.
    pub created: Timestamp,
    /// It is not installed after this.
    pub expires: Timestamp,
    /// Its files, sorted by path.
    pub files: Vec<File>,
}

impl Manifest {
    /// What every manifest's `schema` says.
    pub fn schema() -> String {
        SCHEMA.into()
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.schema != SCHEMA {
            return Err(ManifestError::Schema);
        }
        if !self.components.is_sorted_by(|a, b| a < b) || self.components.is_empty() {
            return Err(ManifestError::Components);
        }
        if self.epoch == 0 || self.number == 0 {
            return Err(ManifestError::Zero);
        }
        if self.expires <= self.created {
            return Err(ManifestError::Expiry);
        }
        if self.files.len() > MAX_FILES {
            return Err(ManifestError::TooMany);
        }
        let total = self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
        if total.is_none_or(|total| total > MAX_BYTES) {
            return Err(ManifestError::TooLarge);
        }
        self.check_paths()
    }

    fn check_paths(&self) -> Result<(), ManifestError> {
        for pair in self.files.windows(2) {
            let [before, file] = pair else { continue };
            match before.path.cmp(&file.path) {
                Ordering::Equal => return Err(ManifestError::Duplicate(file.path.clone())),
                Ordering::Greater => return Err(ManifestError::Order(file.path.clone())),
                Ordering::Less => {}
            }
        }
        let mut taken = BTreeSet::new();
        let mut folders = BTreeSet::new();
        for file in &self.files {
            if !taken.insert(file.path.as_str().to_ascii_lowercase()) {
                return Err(ManifestError::Case(file.path.clone()));
            }
            folders.extend(file.path.parents().map(|folder| (folder.to_ascii_lowercase(), folder)));
        }
        let mut before = None;
        for (lower, folder) in folders {
            if taken.contains(&lower) || before.as_ref() == Some(&lower) {
                return Err(ManifestError::Folder(folder.to_owned()));
            }
            before = Some(lower);
        }
        let program = self.files.iter().find(|file| file.path.as_str() == PROGRAM);
        if program.is_none_or(|file| file.mode != Mode::Program) {
            return Err(ManifestError::NoProgram);
        }
        Ok(())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("every part has a form in JSON");
        bytes.push(b'\n');
        bytes
    }
}

/// A manifest that is none, or contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Its bytes are not those that we would write for the same.
    #[error("it is not written as release.json is: two texts must not be one release")]
    Canonical,
    /// Two paths differ in case alone.
    #[error("`{0}` differs from another file in case alone")]
    Case(FilePath),
    /// No component, or not sorted, or one twice.
    #[error("its components are none, unsorted or doubled")]
    Components,
    /// A path is there twice.
    #[error("`{0}` is in it twice")]
    Duplicate(FilePath),
    /// It expires before it was made.
    #[error("it expires before it was made")]
    Expiry,
    /// Something is a file and a folder, or two folders differ in case alone.
    #[error("the folder `{0}` is also a file, or differs from another in case alone")]
    Folder(String),
    /// There is no program in it.
    #[error("it has no `{PROGRAM}` that can be run")]
    NoProgram,
    /// Its files are not sorted.
    #[error("`{0}` is not where it belongs: files are sorted by path")]
    Order(FilePath),
    /// It is of another kind.
    #[error("it is not `{SCHEMA}`")]
    Schema,
    /// It is no manifest at all.
    #[error("it is no release.json: {0}")]
    Text(String),
    /// Its files are too large, or the manifest is.
    #[error("it is larger than {MAX_MANIFEST} bytes, or its files than {MAX_BYTES}")]
    TooLarge,
    /// It has too many files.
    #[error("it has more than {MAX_FILES} files")]
    TooMany,
    /// The epoch or the number is 0.
    #[error("its epoch or its number is 0: both begin at 1")]
    Zero,
}

/// A manifest that holds together, with its bytes and their digest, which is the release's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    manifest: Manifest,
    bytes: Vec<u8>,
    digest: Digest,
}

impl Release {
    /// Reads `release.json`.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let manifest: Manifest = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Text(shown(&error.to_string())))?;
        let release = Self::seal(manifest)?;
        if release.bytes == bytes { Ok(release) } else { Err(ManifestError::Canonical) }
    }

    /// Makes a release of a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn seal(manifest: Manifest) -> Result<Self, ManifestError> {
        manifest.check()?;
        let bytes = manifest.bytes();
        if bytes.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let digest = Digest::of(&bytes);
        Ok(Self { manifest, bytes, digest })
    }

    /// What is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[File] {
        &self.manifest.files
    }

    /// `release.json`.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which release it is.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes its files have together, without the manifest.
    pub fn size(&self) -> u64 {
        self.manifest.files.iter().map(|file| file.size).sum()
    }
}
