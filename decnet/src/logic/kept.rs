//! What is kept of a decky that answers, so that the next agent takes it over as it is.
//!
//! A message of JSON beside the descriptors it speaks of. JSON, because the next agent may be of
//! another release: what it does not know or misses makes it refuse the message instead of reading
//! something else into it, and then it makes the decky anew.
//!
//! ```text
//! bytes        {"format":1,"cookie":4026,"stack":…,"steered_by":…,"placed":{…},"sockets":[…]}
//! descriptors  namespace, one for each of `sockets`, and the steering unless `steered_by` is null
//! ```

use serde::{Deserialize, Serialize};

use crate::logic::wire::{MAX_FDS, MAX_MESSAGE, Placed, Socket};

/// Rises with every change of what the fields or the descriptors mean.
const FORMAT: u32 = 1;

/// A decky that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    format: u32,
    /// The kernel's number of its namespace: no other decky has it or ever had.
    pub cookie: u64,
    /// How its stack was set: [`crate::logic::stack::mark`].
    pub stack: u64,
    /// The kernel's number of the program that steers connections to its catch-all, if it has one.
    pub steered_by: Option<u32>,
    /// What it was made as.
    pub placed: Placed,
    /// What each of its sockets is for.
    pub sockets: Vec<Socket>,
}

/// Why something that was kept cannot be taken over.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It does not come with the descriptors that it speaks of.
    #[error("{there} descriptors of {wanted}")]
    Descriptors {
        /// How many came.
        there: usize,
        /// How many it speaks of.
        wanted: usize,
    },
    /// It is of a release that kept other things.
    #[error("format {0}")]
    Format(u32),
    /// It is no such message.
    #[error("not what an agent keeps")]
    Malformed(#[source] serde_json::Error),
    /// It is longer than [`MAX_MESSAGE`] or has more descriptors than [`MAX_FDS`].
    #[error("too much to keep: {bytes} bytes, {fds} descriptors")]
    TooMuch {
        /// Its length.
        bytes: usize,
        /// Its descriptors.
        fds: usize,
    },
}

impl Kept {
    /// A decky as it is.
    pub fn new(
        cookie: u64,
        stack: u64,
        steered_by: Option<u32>,
        placed: Placed,
        sockets: Vec<Socket>,
    ) -> Self {
        Self { format: FORMAT, cookie, stack, steered_by, placed, sockets }
    }

    /// How many descriptors belong to it.
    pub fn descriptors(&self) -> usize {
        1 + self.sockets.len() + usize::from(self.steered_by.is_some())
    }

    /// The message, to go with [`Kept::descriptors`].
    ///
    /// # Errors
    ///
    /// [`KeptError::TooMuch`].
    pub fn encode(&self) -> Result<Vec<u8>, KeptError> {
        let bytes = serde_json::to_vec(self).map_err(KeptError::Malformed)?;
        let fds = self.descriptors();
        if bytes.len() > MAX_MESSAGE || fds > MAX_FDS {
            return Err(KeptError::TooMuch { bytes: bytes.len(), fds });
        }
        Ok(bytes)
    }

    /// Reads a message that came with so many descriptors.
    ///
    /// # Errors
    ///
    /// [`KeptError`] when it is not [`Kept::encode`]'s of this release or one that kept the same.
    pub fn decode(bytes: &[u8], fds: usize) -> Result<Self, KeptError> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(KeptError::Malformed)?;
        if head.format != FORMAT {
            return Err(KeptError::Format(head.format));
        }
        let kept: Self = serde_json::from_slice(bytes).map_err(KeptError::Malformed)?;
        let wanted = kept.descriptors();
        if fds == wanted { Ok(kept) } else { Err(KeptError::Descriptors { there: fds, wanted }) }
    }
}

#[cfg(test)]
mod tests;
