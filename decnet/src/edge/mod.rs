//! Touches the world: one outside thing per file, and decides nothing.

pub mod store;
