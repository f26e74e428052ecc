//! What a visitor has open.

use super::Status;
use crate::logic::files::Stat;
use crate::logic::services::upload::Upload;

/// Most that is open at a time; each may hold the head of a file.
pub(super) const MAX: usize = 16;

/// What is open, by number.
#[derive(Debug, Default)]
pub(super) struct Handles {
    slots: Vec<Option<Handle>>,
}

/// Something open.
#[derive(Debug)]
pub(super) enum Handle {
    /// A directory, and what of it was not told yet.
    Directory { path: String, rest: Vec<(String, Stat)> },
    /// A file that is read.
    File(String),
    /// A file that is written.
    Upload { file: Box<Upload>, appends: Appends },
}

/// Whether writes go to the end, wherever they ask to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Appends {
    No,
    Yes,
}

impl Handles {
    /// Opens something; the lowest free number is its name.
    pub(super) fn open(&mut self, handle: Handle) -> Result<[u8; 4], Status> {
        let free = self.slots.iter().position(Option::is_none);
        let at = free.unwrap_or(self.slots.len());
        if at >= MAX {
            return Err(Status::Failure);
        }
        if free.is_none() {
            self.slots.push(None);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Some(handle);
        }
        Ok(u32::try_from(at).unwrap_or(u32::MAX).to_be_bytes())
    }

    /// What is open under this name.
    pub(super) fn find(&mut self, name: &[u8]) -> Option<&mut Handle> {
        self.slots.get_mut(number(name)?)?.as_mut()
    }

    /// Closes what is open under this name.
    pub(super) fn close(&mut self, name: &[u8]) -> Option<Handle> {
        self.slots.get_mut(number(name)?)?.take()
    }

    /// Bytes that are held for what is open.
    pub(super) fn held(&self) -> usize {
        let held = |handle: &Handle| match handle {
            Handle::Directory { path, rest } => {
                let names: usize = rest.iter().map(|(name, _)| name.len()).sum();
                path.len() + names + rest.capacity() * size_of::<(String, Stat)>()
            }
            Handle::File(path) => path.len(),
            Handle::Upload { file, .. } => file.held(),
        };
        self.slots.iter().flatten().map(held).sum()
    }

    /// Closes everything, and gives what was being written.
    pub(super) fn uploads(&mut self) -> Vec<Upload> {
        let all = std::mem::take(&mut self.slots).into_iter().flatten();
        all.filter_map(|handle| match handle {
            Handle::Upload { file, .. } => Some(*file),
            Handle::Directory { .. } | Handle::File(_) => None,
        })
        .collect()
    }
}

fn number(name: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(name.try_into().ok()?)).ok()
}
