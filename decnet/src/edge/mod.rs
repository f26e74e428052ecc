//! Touches the world: one outside thing per file, and decides nothing.

pub mod bpf;
pub mod bpf_fs;
pub mod channel;
pub mod child;
pub mod clock;
pub mod files;
pub mod frames;
pub mod http;
pub mod limits;
pub mod links;
pub mod listen;
pub mod log;
pub mod memory;
pub mod namespace;
pub mod operator;
pub mod privileges;
pub mod probe;
pub mod random;
pub mod sandbox;
pub mod signals;
pub mod sinks;
pub mod sockets;
pub mod stack;
pub mod stop;
pub mod store;
pub mod watch;
