//! decnet: a deception fleet for Linux.
//!
//! Read in this order: [`logic`] decides, [`edge`] touches the world, [`role`] wires them into the
//! subcommands of the one binary, which [`cli`] reads.

// Fuzz targets need neither `cli` nor `role`, and are built in half the time without.
#[cfg(not(fuzzing))]
pub mod cli;
pub mod edge;
pub mod logic;
#[cfg(not(fuzzing))]
pub mod role;
