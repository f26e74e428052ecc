//! The key of api and web, as both read it when they begin, before they are nobody.

use std::path::Path;

use crate::edge::web_key;
use crate::logic::vouch::WebKey;

/// The key in a file. Without one everything is served all the same.
pub(super) fn read(path: &Path) -> Option<WebKey> {
    const MEANS: &str = "the api does not know where browsers are: all logins by way of the \
                         dashboard are of one source";
    match web_key::read(path) {
        Ok(Some(key)) => return Some(key),
        Ok(None) => tracing::debug!(path = %path.display(), "{MEANS}"),
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "{MEANS}"),
    }
    None
}
