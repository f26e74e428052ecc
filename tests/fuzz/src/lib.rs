//! Fuzz targets: one file for each thing that reads what others wrote.
//!
//! A target takes any bytes and panics when something that must hold does not. `cargo xtask fuzz`
//! builds them with the coverage that libFuzzer wants (stable Rust does) and runs each for a while;
//! what it finds lies under `target/fuzz`. A crash becomes a unit test beside the code at fault.

pub mod decky;
pub mod views;
pub mod visit;

/// A target: takes any bytes, panics at a fault.
pub type Target = fn(&[u8]);

/// Declares the modules, and the table of them by name.
macro_rules! targets {
    ($($(#[$condition:meta])? $name:ident,)*) => {
        mod targets {
            $($(#[$condition])? pub(crate) mod $name;)*
        }

        /// The target of this name.
        pub fn target(name: &str) -> Option<Target> {
            match name {
                $($(#[$condition])? stringify!($name) => Some(targets::$name::run),)*
                _ => None,
            }
        }
    };
}

targets! {
    catchall,
    config,
    console,
    control,
    event,
    files,
    ftp,
    http,
    names,
    packet,
    parcel,
    pcapng,
    record,
    redis,
    release,
    shell,
    ssh,
    #[cfg(fuzzing)]
    ssh_exchange,
    #[cfg(fuzzing)]
    ssh_login,
    #[cfg(fuzzing)]
    ssh_programs,
    swarm,
    syslog,
    telnet,
    token,
    wire,
}
