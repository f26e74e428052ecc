//! Logs that a credential ends.

use crate::logic::credential::{Credential, Standing, Urgency};

/// Logs that a credential of `node` ends, has ended or is not good yet.
pub(super) fn warn(credential: Credential, urgency: Urgency, standing: Standing, node: &str) {
    let Some(warning) = credential.warning(standing, node) else { return };
    match urgency {
        Urgency::Soon => tracing::warn!(node, "{warning}"),
        Urgency::Now => tracing::error!(node, "{warning}"),
    }
}
