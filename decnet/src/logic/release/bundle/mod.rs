//! A release as one stream of bytes.
//!
//! ```text
//! header  signatures.json  padding        each header 512 bytes of ustar, each file padded with
//! header  release.json     padding        zeros to a multiple of 512
//! header  <file>           padding        in the order of release.json, all of them
//! 1024 zeros                              and nothing after them
//! ```
//!
//! `tar` lists and unpacks it. A tar can say much more than a release may, and programs that read
//! tars have been fooled by all of it, so the [`Reader`] does not interpret headers: there is one
//! header that each file can have, and it must be that, byte for byte. Only what is refused is
//! looked at, to say why.

mod fault;
mod header;
mod reader;

pub use fault::BundleError;
pub use header::{BLOCK, END, header, padding};
pub use reader::{Piece, Reader};
