//! Makes our answers comparable with those of real servers.

use crate::logic::decky::Identity;
use crate::logic::services::http::answer::{File, http_date};
use crate::logic::services::http::flavor::Flavor;
use crate::logic::services::http::look::Look;

/// What of an answer differs from server to server and from time to time.
#[derive(Debug)]
pub(super) struct Known {
    server: String,
    tag: String,
    written: String,
}

impl Known {
    /// What is known of the first page of this decky, which has `size` bytes.
    pub(super) fn of(decky: &Identity, size: usize) -> Self {
        let written = Look::of(decky).written;
        let server = decky.persona.http.to_owned();
        let tag = File { written, size }.tag(Flavor::of(&server));
        Self { server, tag, written: http_date(written) }
    }

    /// A piece as it is sent.
    pub(super) fn sent(&self, piece: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(piece) else { return piece.to_vec() };
        text.replace("@tag", &self.tag).replace("@written", &self.written).into_bytes()
    }

    /// An answer as the file has it.
    pub(super) fn plain(&self, answer: &[u8], page: &str) -> String {
        let text = String::from_utf8_lossy(answer);
        let mut text = text
            .replace(page, "@page")
            .replace(&format!("Date: {}", http_date(super::NOW.0 / 1000)), "Date: @date")
            .replace(&format!("Last-Modified: {}", self.written), "Last-Modified: @written")
            .replace(&format!("ETag: {}", self.tag), "ETag: @tag")
            .replace(&self.server, "@server")
            .replace("Port 8182<", "Port @port<");
        for allow in [
            "POST,OPTIONS,HEAD,GET",
            "GET,POST,OPTIONS,HEAD",
            "HEAD,GET,POST,OPTIONS",
            "OPTIONS,HEAD,GET,POST",
        ] {
            text = text.replace(allow, "@allow");
        }
        if let Some((_, behind)) = text.split_once("boundary=") {
            let boundary = behind.split('\r').next().unwrap_or_default().to_owned();
            text = text.replace(&boundary, "@boundary");
        }
        text
    }
}
