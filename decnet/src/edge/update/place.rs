//! Where the releases of a component and what is known of them are.
//!
//! ```text
//! INSTALL/releases/<digest>/     whole, read-only; `.staged` is the one that is being brought
//! INSTALL/current, prev       -> releases/<digest>
//! INSTALL/.current.new, .prev.new   what they will name, or named before
//! STATE/journal, audit.log       what is being done, and what was
//! STATE/journal.new              the journal before, to be written over
//! INSTALL/.spare, STATE/spare    files that are given up when the disk is full
//! ```

use std::path::{Path, PathBuf};

use crate::logic::release::{Component, Digest};
use crate::logic::update::Slot;

/// What the journal that is being written is called beside the one there is.
const NEXT: &str = "new";

/// Where the releases of a component and what is known of them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub component: Component,
    /// The directory of the links.
    pub install: PathBuf,
    /// The directory of the journal.
    pub state: PathBuf,
}

impl Place {
    /// That of a component: the updater's own releases are apart, so that nothing that is done to
    /// the agent's touches them.
    pub fn of(component: Component, install_dir: &Path, state_dir: &Path) -> Self {
        let state = state_dir.join("updater");
        match component {
            Component::Agent => {
                Self { component, install: install_dir.into(), state: state.join("agent") }
            }
            Component::Updater => {
                let install = install_dir.join("updater");
                Self { component, install, state: state.join("updater") }
            }
        }
    }

    /// The directory of the releases.
    pub fn releases(&self) -> PathBuf {
        self.install.join("releases")
    }

    /// A release.
    pub fn release(&self, digest: Digest) -> PathBuf {
        self.releases().join(digest.to_string())
    }

    /// Where a release is put together.
    pub fn staging(&self) -> PathBuf {
        self.releases().join(".staged")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.state.join("journal")
    }

    /// A journal that has no name yet.
    pub fn next_journal(&self) -> PathBuf {
        self.journal().with_extension(NEXT)
    }

    /// The audit log.
    pub fn audit(&self) -> PathBuf {
        self.state.join("audit.log")
    }

    /// A link.
    pub fn link(&self, slot: Slot) -> PathBuf {
        self.install.join(slot_name(slot))
    }

    /// A link that has no name yet.
    pub fn next_link(&self, slot: Slot) -> PathBuf {
        self.install.join(format!(".{}.{NEXT}", slot_name(slot)))
    }

    /// Directories of files that are given up when the disk is full.
    pub fn spares(&self) -> [PathBuf; 2] {
        [self.install.join(".spare"), self.state.join("spare")]
    }

    /// What a link to a release says: it holds wherever the directory is.
    pub fn target(digest: Digest) -> PathBuf {
        Path::new("releases").join(digest.to_string())
    }

    /// The release that a link names, when it is one of ours.
    pub fn linked(&self, slot: Slot) -> Option<Digest> {
        let target = std::fs::read_link(self.link(slot)).ok()?;
        target.strip_prefix("releases").ok()?.to_str()?.parse().ok()
    }
}

/// As files and answers name it.
pub(super) fn slot_name(slot: Slot) -> &'static str {
    match slot {
        Slot::Current => "current",
        Slot::Prev => "prev",
    }
}
