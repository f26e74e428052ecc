//! Wires: one file or folder per subcommand.

pub mod api;
pub mod web;
