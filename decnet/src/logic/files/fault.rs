//! Why an operation on a file fails, in the words of the C library.

/// Why an operation on a file fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The permissions do not allow it.
    #[error("Permission denied")]
    Denied,
    /// The directory is not empty.
    #[error("Directory not empty")]
    DirectoryNotEmpty,
    /// There is something of that name.
    #[error("File exists")]
    Exists,
    /// A name or a path made no sense, such as moving a directory into itself.
    #[error("Invalid argument")]
    Invalid,
    /// It is a directory.
    #[error("Is a directory")]
    IsADirectory,
    /// Symbolic links lead in a circle.
    #[error("Too many levels of symbolic links")]
    Loop,
    /// A name is over 255 bytes, or a path over 4095.
    #[error("File name too long")]
    NameTooLong,
    /// The overlay is full.
    #[error("No space left on device")]
    NoSpace,
    /// It is not a directory.
    #[error("Not a directory")]
    NotADirectory,
    /// There is nothing of that name.
    #[error("No such file or directory")]
    NotFound,
    /// Only the owner may do that.
    #[error("Operation not permitted")]
    NotPermitted,
}
