//! A descriptor that the runtime watches for something to read.

use std::os::fd::{AsFd, AsRawFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A watched descriptor. What it has to read is read from `T` itself, without waiting; when there
/// is no more, [`Watched::exhausted`] says so.
#[derive(Debug)]
pub struct Watched<T: AsFd>(AsyncFd<Held<T>>);

/// Owns a value and shows its descriptor. The value is never replaced while it is watched.
#[derive(Debug)]
struct Held<T>(T);

impl<T: AsFd> AsRawFd for Held<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl<T: AsFd> Watched<T> {
    /// Watches `fd`. Must be called within the runtime.
    ///
    /// # Errors
    ///
    /// When the runtime has no room for it, or it is of a kind that cannot be watched.
    pub fn new(fd: T) -> std::io::Result<Self> {
        #[expect(unsafe_code, reason = "the runtime cannot know that the descriptor stays open")]
        // SAFETY: `Held` owns the value, whose descriptor `AsFd` promises to be open and the same
        // as long as the value is borrowed; `inner_mut` lends it and cannot be used to replace it
        // without replacing the watch.
        let watched = unsafe { AsyncFd::register_with_interest(Held(fd), Interest::READABLE) };
        watched.map(Self).map_err(|error| error.into_parts().1)
    }

    /// Waits until there may be something to read; says so again and again until
    /// [`Watched::exhausted`].
    ///
    /// # Errors
    ///
    /// When the runtime is ending.
    pub async fn readable(&self) -> std::io::Result<()> {
        self.0.ready(Interest::READABLE).await.map(drop)
    }

    /// Takes note that everything that there was to read was read.
    pub fn exhausted(&self) {
        let nothing = |_: &Held<T>| Err::<(), _>(std::io::ErrorKind::WouldBlock.into());
        // It answers that there is nothing, which is what it was told.
        drop(self.0.try_io(Interest::READABLE, nothing));
    }

    /// The value.
    pub fn inner(&self) -> &T {
        &self.0.get_ref().0
    }

    /// The value, to be read from.
    pub fn inner_mut(&mut self) -> &mut T {
        &mut self.0.get_mut().0
    }
}
