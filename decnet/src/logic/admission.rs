//! What visitors may use up.

/// What one process serves at a time, and what one connection may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of everybody.
    pub connections: usize,
    /// Connections of one source, at most.
    pub per_source: usize,
    /// Seconds without a byte.
    pub idle_secs: u64,
    /// Seconds in all.
    pub session_secs: u64,
    /// Bytes each way.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_source: 256,
            idle_secs: 300,
            session_secs: 3_600,
            bytes: 256 * 1024 * 1024,
        }
    }
}
