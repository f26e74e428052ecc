//! Process numbers: of this visitor's shell, and of what it starts.

use super::run::World;

/// The number of the visitor's shell, or of the so-manieth job it started.
pub(super) fn pid(world: &World<'_, '_>, job: u32) -> u32 {
    // The peer's port stands for the connection; the time moves it on.
    let minutes = world.context.now.since(world.context.decky.booted).as_secs() / 60;
    let drift = u32::try_from(minutes % 20_000).unwrap_or(0);
    2_000 + u32::from(world.context.peer.port()) % 8_000 + drift + job.saturating_mul(3)
}
