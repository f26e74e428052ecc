//! Being asked to end, by SIGINT or SIGTERM, in a program with a runtime.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

/// Begins to listen; the value is ready once the process is asked to end.
///
/// # Errors
///
/// When the kernel refuses.
pub fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
