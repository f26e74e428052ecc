//! Touches the world: one outside thing per file, and decides nothing.

pub mod clock;
pub mod random;
pub mod store;
