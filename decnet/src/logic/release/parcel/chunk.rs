//! A chunk becomes one frame of zstd and back, with a part of another release for a prefix.

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name};

/// How hard it is tried to make chunks small. From 13 on it takes ten times as long, for a tenth;
/// see `docs/Benchmarks.md`.
pub const LEVEL: i32 = 12;

/// zstd does not want to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("zstd says: {0}")]
pub struct NotPacked(pub &'static str);

impl NotPacked {
    fn of(code: usize) -> Self {
        Self(get_error_name(code))
    }
}

/// Most bytes of the frame of a chunk.
pub(super) fn most_packed(chunk: usize) -> usize {
    compress_bound(chunk)
}

/// Makes a frame of a chunk.
///
/// # Errors
///
/// [`NotPacked`], when there is no memory.
pub fn compress(chunk: &[u8], prefix: &[u8], level: i32) -> Result<Vec<u8>, NotPacked> {
    let mut context = CCtx::try_create().ok_or(NotPacked("no memory"))?;
    // The window covers both, so that each byte of the prefix can be reached from the last one.
    let window = (chunk.len() + prefix.len()).next_power_of_two().ilog2().clamp(10, 24);
    // zstd's search for far matches is left off: it finds less here than the plain one.
    for parameter in [CParameter::CompressionLevel(level), CParameter::WindowLog(window)] {
        context.set_parameter(parameter).map_err(NotPacked::of)?;
    }
    if !prefix.is_empty() {
        context.ref_prefix(prefix).map_err(NotPacked::of)?;
    }
    let mut packed = Vec::with_capacity(most_packed(chunk.len()));
    context.compress2(&mut packed, chunk).map_err(NotPacked::of)?;
    Ok(packed)
}

/// Makes a chunk of `size` bytes of a frame, in one step: the chunk is the window, so that no frame
/// can ask for a larger one.
///
/// # Errors
///
/// [`NotPacked`], also when it becomes more or fewer bytes.
pub fn decompress(packed: &[u8], prefix: &[u8], size: usize) -> Result<Vec<u8>, NotPacked> {
    let mut context = DCtx::try_create().ok_or(NotPacked("no memory"))?;
    if !prefix.is_empty() {
        context.ref_prefix(prefix).map_err(NotPacked::of)?;
    }
    let mut chunk = Vec::with_capacity(size);
    let found = context.decompress(&mut chunk, packed).map_err(NotPacked::of)?;
    if found == size { Ok(chunk) } else { Err(NotPacked("another size than it should have")) }
}
