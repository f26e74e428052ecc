//! Touches the world: one outside thing per file, and decides nothing.

pub mod clock;
pub mod http;
pub mod login_file;
pub mod memory;
pub mod random;
pub mod signals;
pub mod store;
