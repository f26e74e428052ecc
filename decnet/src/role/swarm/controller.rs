//! One request to swarmctl, and what its answer means for an operator.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::WrongUse;
use crate::edge::files;
use crate::edge::http::{Upstream, UpstreamError};
use crate::role::swarmctl::token_path;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// swarmctl, as an operator sees it.
pub(super) struct Controller {
    url: Upstream,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl Controller {
    pub(super) fn new(url: Upstream, state_dir: &Path) -> Result<Self> {
        let path = token_path(state_dir);
        let token = files::read(&path).map_err(|error| {
            WrongUse(format!("{error}: run this as the user of swarmctl, or as root"))
        })?;
        let token = token.ok_or_else(|| {
            let path = path.display();
            WrongUse(format!("there is no token `{path}`: is `decnet swarmctl` running here?"))
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let token = String::from_utf8(token).unwrap_or_default().trim().to_owned();
        Ok(Self { url, token, runtime })
    }

    /// Asks, and reads what is answered.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let bytes = self.send(method, path, body)?;
        serde_json::from_slice(&bytes).context("swarmctl answers what this release cannot read")
    }

    /// Asks for something that has no answer but that it was done.
    pub(super) fn tell(&self, method: Method, path: &str) -> Result<()> {
        self.send(method, path, None).map(drop)
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes> {
        let body_bytes = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body_bytes)
            .context("the token cannot be sent")?;
        let (status, bytes) = self.runtime.block_on(async {
            let answer = self.url.send(request).await.map_err(|error| self.unreachable(error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("no whole answer: {error}"))?;
            Ok::<_, anyhow::Error>((status, body.to_bytes()))
        })?;
        if status.is_success() {
            return Ok(bytes);
        }
        bail!("{}", detail(status, &bytes))
    }

    fn unreachable(&self, error: UpstreamError) -> anyhow::Error {
        let url = &self.url;
        match error {
            UpstreamError::Connect { source, .. } => WrongUse(format!(
                "cannot reach the controller at {url} ({source}): is `decnet swarmctl` running?"
            ))
            .into(),
            other => other.into(),
        }
    }
}

/// What swarmctl says is wrong.
fn detail(status: StatusCode, bytes: &[u8]) -> String {
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    let detail = body.as_ref().and_then(|body| body.get("detail")?.as_str());
    detail.map_or_else(|| format!("swarmctl answers {status}"), str::to_owned)
}
