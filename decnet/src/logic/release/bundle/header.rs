//! The one header that a file of a bundle has.

use tar::{EntryType, Header};

use crate::logic::release::Mode;

/// Bytes of a header, and what files are padded to.
pub const BLOCK: usize = 512;

/// What a bundle ends with.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The header of a file: owned by nobody, made at no time, so that the same release is the same
/// bundle wherever it is packed. `None` when the name is longer than 100 bytes.
pub fn header(name: &str, size: u64, mode: Mode) -> Option<[u8; BLOCK]> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    let field = header.as_old_mut().name.get_mut(..name.len())?;
    field.copy_from_slice(name.as_bytes());
    header.set_size(size);
    header.set_mode(mode.bits());
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Some(*header.as_bytes())
}

/// How many zeros follow a file of this size.
pub fn padding(size: u64) -> usize {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK - over }
}
