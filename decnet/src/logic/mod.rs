//! Decides. Plain functions over plain data: no clock, file, socket, log, lock or `async`.

pub mod admission;
pub mod config;
pub mod control;
pub mod craft;
pub mod decky;
pub mod event;
pub mod files;
pub mod mac;
pub mod machine;
pub mod name;
pub mod packet;
pub mod pcapng;
pub mod persona;
pub mod place;
pub mod plan;
pub mod probe;
pub mod services;
pub mod sighting;
pub mod shell;
pub mod status;
pub mod table;
pub mod tcp_signature;
pub mod time;
pub mod visitors;
pub mod wire;
