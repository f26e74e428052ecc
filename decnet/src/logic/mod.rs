//! Decides. Plain functions over plain data: no clock, file, socket, log, lock or `async`.

pub mod decky;
pub mod event;
pub mod limiter;
pub mod mac;
pub mod name;
pub mod password;
pub mod persona;
pub mod services;
pub mod status;
pub mod time;
pub mod token;
