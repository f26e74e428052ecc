//! Carries out what `logic::update` decides: on the disk here, everything else by a [`Host`].

mod audit;
mod fs;
mod look;
mod place;
mod runner;
mod selfcheck;
mod spare;

pub use audit::{find, head, outcomes_of};
pub use fs::{Fs, RealFs};
pub use look::{Found, free, open, staged};
pub use place::Place;
pub use runner::{Host, Runner};
pub use selfcheck::{CANNOT_ASK, CANNOT_RUN, NO_CONFIG, SELFCHECK, Unwell, self_check};

#[cfg(test)]
mod tests;
