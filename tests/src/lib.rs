//! What the integration tests and the bench share.
#![allow(clippy::print_stderr, reason = "a failing test says what it saw")]
#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::missing_panics_doc,
    reason = "used by the tests and the bench of this package alone"
)]

pub mod booted;
pub mod client;
pub mod crowd;
pub mod forged;
pub mod ghost;
pub mod liar;
pub mod live;
pub mod master;
pub mod neighbour;
pub mod node;
pub mod papers;
pub mod puppet;
pub mod pushes;
pub mod releases;
pub mod rollout;
pub mod served;
pub mod shell;
pub mod siege;
pub mod updater;
pub mod world;
