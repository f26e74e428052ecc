//! Wires: one file or folder per subcommand.

pub mod agent;
pub mod api;
pub mod bpf;
pub mod capture;
pub mod confine;
mod credentials;
mod daemon;
pub mod doctor;
pub mod events;
pub mod face;
pub mod files;
pub mod join;
pub mod keeper;
pub mod lab;
pub mod lists;
mod metrics;
mod notice;
pub mod operator;
pub mod release;
pub mod selfcheck;
pub mod swarm;
pub mod swarmctl;
pub mod up;
pub mod updater;
pub mod web;
mod web_key;
