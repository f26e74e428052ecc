//! decnet: a deception fleet for Linux.
//!
//! Read in this order: [`logic`] decides, [`edge`] touches the world, [`role`] wires them into the
//! subcommands of the one binary, which [`cli`] reads.

pub mod cli;
pub mod edge;
pub mod logic;
pub mod role;
