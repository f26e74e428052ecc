//! What the first process of a unit and systemd say to each other.

use std::error::Error;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::time::Duration;

use libsystemd::activation::receive_descriptors_with_names;
use libsystemd::daemon::{NotifyState, notify, notify_with_fds, watchdog_enabled};
use nix::errno::Errno;

/// Something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// This process is alive.
    Alive,
    /// The number of the error that is in the way.
    Errno(u8),
    /// The start may go on for so long.
    MoreTime(Duration),
    /// The start is over.
    Ready,
    /// How things are, for a person.
    Status(String),
    /// The end has begun.
    Stopping,
}

/// A descriptor that systemd has passed to this process.
#[derive(Debug)]
pub struct Passed {
    /// What the socket unit calls it, or whoever had it stored.
    pub name: String,
    /// The descriptor.
    pub fd: OwnedFd,
}

/// Whether this process is one that systemd listens to. Those that it starts are not.
pub fn listens() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Takes what systemd has passed to this process; once, before there is another thread.
pub fn passed() -> Vec<Passed> {
    let received = receive_descriptors_with_names(true).unwrap_or_else(|error| {
        tracing::debug!(%error, "systemd passes nothing that is understood");
        Vec::new()
    });
    received.into_iter().map(|(fd, name)| Passed { name, fd: owned(fd.into_raw_fd()) }).collect()
}

/// Takes a descriptor that was open when this process began.
#[expect(unsafe_code, reason = "the one way to own a descriptor that was inherited")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: systemd has opened it for this process (LISTEN_FDS), the variables that name it were
    // removed with the one call that reads them, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// How long this process may be silent; `None` when it may be so for ever.
pub fn watchdog() -> Option<Duration> {
    watchdog_enabled(false)
}

/// What the kernel has said of the machine, where an error comes from that: whoever watches this
/// process tells by it a machine that hinders a program from a program that is bad.
pub fn number_of(error: &(dyn Error + 'static)) -> Option<Word> {
    let mut next = Some(error);
    while let Some(error) = next {
        let of_io = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        let number = of_io.or_else(|| error.downcast_ref::<Errno>().map(|errno| *errno as i32));
        if let Some(number) = number.and_then(|number| u8::try_from(number).ok()) {
            return Some(Word::Errno(number));
        }
        next = error.source();
    }
    None
}

/// Says something. What cannot be said is not: systemd finds out by itself, or need not know.
pub fn tell(words: &[Word]) {
    let states: Vec<NotifyState> = words.iter().map(state).collect();
    if let Err(error) = notify(false, &states) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

/// Has `fd` stored under `name` until this unit stops; a unit that says `FileDescriptorStoreMax=`
/// gets it back when it starts again.
pub fn store(name: &str, fd: BorrowedFd<'_>) {
    // Both ends of what is stored are: nothing would ever be heard of its end.
    let states =
        [NotifyState::Fdstore, NotifyState::FdpollDisable, NotifyState::Fdname(name.to_owned())];
    if let Err(error) = notify_with_fds(false, &states, &[fd.as_raw_fd()]) {
        tracing::debug!(%error, name, "systemd stores nothing");
    }
}

/// Lets go what is stored under `name`.
pub fn remove(name: &str) {
    let states = [NotifyState::FdstoreRemove, NotifyState::Fdname(name.to_owned())];
    if let Err(error) = notify(false, &states) {
        tracing::debug!(%error, name, "systemd does not listen");
    }
}

fn state(word: &Word) -> NotifyState {
    match word {
        Word::Alive => NotifyState::Watchdog,
        Word::Errno(number) => NotifyState::Errno(*number),
        Word::MoreTime(span) => {
            NotifyState::Other(format!("EXTEND_TIMEOUT_USEC={}", span.as_micros()))
        }
        Word::Ready => NotifyState::Ready,
        Word::Status(text) => NotifyState::Status(text.clone()),
        Word::Stopping => NotifyState::Stopping,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_number_is_found_wherever_it_comes_from() {
        let taken = || io::Error::from(Errno::EADDRINUSE);
        let of_file = crate::edge::files::FileError {
            doing: "open",
            path: "x".into(),
            source: Errno::EROFS.into(),
        };
        assert_eq!(number_of(&taken()), Some(Word::Errno(98)));
        assert_eq!(number_of(&Errno::ENOMEM), Some(Word::Errno(12)));
        assert_eq!(number_of(&of_file), Some(Word::Errno(30)));
        assert_eq!(number_of(&io::Error::other("no number")), None);
    }
}
