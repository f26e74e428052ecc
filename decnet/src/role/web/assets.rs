//! The files of the page, in the program.

use std::collections::HashMap;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

/// The files below `decnet/web`, by path.
macro_rules! files {
    ($($path:literal,)*) => {
        pub(super) const FILES: &[(&str, &[u8])] = &[
            $(($path, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/", $path))),)*
        ];
    };
}

files! {
    "app.css",
    "favicon.svg",
    "index.html",
    "js/api.js",
    "js/chart.js",
    "js/describe.js",
    "js/dom.js",
    "js/feed.js",
    "js/format.js",
    "js/hex.js",
    "js/icons.js",
    "js/json.js",
    "js/live.js",
    "js/main.js",
    "js/parts.js",
    "js/table.js",
    "js/text.js",
    "js/theme.js",
    "js/views/attacker.js",
    "js/views/attackers.js",
    "js/views/capture.js",
    "js/views/credentials.js",
    "js/views/deckies.js",
    "js/views/events.js",
    "js/views/login.js",
    "js/views/overview.js",
    "js/views/session.js",
    "js/views/sessions.js",
    "js/views/users.js",
}

/// The files as they are served.
pub(super) struct Assets {
    by_path: HashMap<&'static str, Asset>,
}

struct Asset {
    bytes: &'static [u8],
    media_type: &'static str,
    etag: HeaderValue,
}

impl Assets {
    pub(super) fn load() -> Self {
        let by_path = FILES.iter().map(|(path, bytes)| {
            let digest = Sha256::digest(bytes);
            let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let etag = HeaderValue::from_str(&format!("\"{hex}\"")).expect("digits and quotes");
            (*path, Asset { bytes, media_type: media_type(path), etag })
        });
        Self { by_path: by_path.collect() }
    }

    /// The file that `request` asks for. A browser may keep it, and asks whether it is still the
    /// same: a new release shows at once.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let path = request.uri().path().trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        let Some(asset) = self.by_path.get(path) else {
            let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            return (StatusCode::NOT_FOUND, headers, "There is no such page.\n").into_response();
        };
        let known = request.headers().get_all(header::IF_NONE_MATCH).iter();
        let same = known.filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag)
        });
        let mut response = if same {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Body::from(Bytes::from_static(asset.bytes)).into_response()
        };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::ETAG, asset.etag.clone());
        response
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
