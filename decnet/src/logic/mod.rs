//! Decides. Plain functions over plain data: no clock, file, socket, log, lock or `async`.

pub mod decky;
pub mod event;
pub mod files;
pub mod mac;
pub mod machine;
pub mod name;
pub mod persona;
pub mod services;
pub mod shell;
pub mod status;
pub mod time;
