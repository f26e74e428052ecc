//! Fairness between those who share something: places, bytes, turns.
//!
//! Whoever shares is a [`Source`](crate::logic::source::Source). What one of them takes beyond its share is at its own expense:
//! it waits, it is refused, or it loses what it has longest left alone, and nobody else does. A
//! share is no fixed number: it is a part of what is still free, so that few who come may have
//! much, and many cannot use everything up between them.

mod budget;
mod calculations;
mod network;
mod places;
mod turns;

pub use budget::Budget;
pub use calculations::{Calculations, Left};
pub use network::Network;
pub use places::{Places, Verdict};
pub use turns::Turns;
