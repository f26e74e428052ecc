//! One request to swarmctl, and what its answer means for an operator.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header, request};
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::WrongUse;
use crate::edge::http::{Upstream, UpstreamError, form_request};
use crate::edge::{files, signals};
use crate::role::swarmctl::token_path;

/// Most bytes of an answer.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long an answer may take to begin.
const ANSWER_TIME: Duration = Duration::from_secs(40);
/// How long it may when many bytes are sent before it, or many nodes are told.
const UPLOAD_TIME: Duration = Duration::from_mins(30);
/// How long a controller may be away that is followed.
const AWAY_TIME: Duration = Duration::from_secs(60);
/// How long one that has just been started is waited for.
const START_TIME: Duration = Duration::from_secs(5);
/// How often it is asked while it is followed, or waited for.
const PAUSE: Duration = Duration::from_millis(300);

/// swarmctl, as an operator sees it.
pub(super) struct Controller {
    url: Upstream,
    token: String,
    runtime: tokio::runtime::Runtime,
}

impl Controller {
    pub(super) fn new(url: Upstream, state_dir: &Path) -> Result<Self> {
        let started = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let token = runtime.block_on(token(&token_path(state_dir), started))?;
        let token = String::from_utf8(token).unwrap_or_default().trim().to_owned();
        let controller = Self { url, token, runtime };
        controller.wait_until_it_listens(started);
        Ok(controller)
    }

    /// Waits for one that has just been started. Whether it is there says the first question.
    fn wait_until_it_listens(&self, started: Instant) {
        self.runtime.block_on(async {
            while started.elapsed() < START_TIME {
                let Ok(request) = self.request(Method::GET, "/health").body(Body::empty()) else {
                    return;
                };
                match self.url.send_within(request, ANSWER_TIME).await {
                    Err(UpstreamError::Connect { .. }) => tokio::time::sleep(PAUSE).await,
                    _ => return,
                }
            }
        });
    }

    /// Asks, and reads what is answered.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        read(&self.send(method, path, body, ANSWER_TIME)?)
    }

    /// Tells it something that takes long, and reads what is answered.
    pub(super) fn tell_patiently<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T> {
        read(&self.send(Method::POST, path, Some(body), UPLOAD_TIME)?)
    }

    /// Asks for something that has no answer but that it was done.
    pub(super) fn tell(&self, method: Method, path: &str) -> Result<()> {
        self.send(method, path, None, ANSWER_TIME).map(drop)
    }

    /// Sends a field and a file, and reads what is answered.
    pub(super) fn send_file<T: DeserializeOwned>(
        &self,
        path: &str,
        field: (&str, &str),
        file: (&str, &Path),
    ) -> Result<T> {
        let bytes = self.runtime.block_on(async {
            let request = self.request(Method::POST, path);
            let request = form_request(request, &[field], Some(file)).await?;
            self.answer(request, UPLOAD_TIME).await
        })?;
        read(&bytes)
    }

    /// Asks again and again until `done` has what it waits for, or the operator wants no more:
    /// then it is `None`. A controller that is being restarted is waited for.
    pub(super) fn follow<T: DeserializeOwned>(
        &self,
        path: &str,
        mut done: impl FnMut(&T) -> bool,
    ) -> Result<Option<T>> {
        self.runtime.block_on(async {
            let mut stop = pin!(signals::stop().context("cannot listen for signals")?);
            let mut answered = Instant::now();
            loop {
                let request = self.request(Method::GET, path).body(Body::empty())?;
                let answer = tokio::select! {
                    answer = self.answer(request, ANSWER_TIME) => answer,
                    () = &mut stop => return Ok(None),
                };
                match answer {
                    Ok(bytes) => {
                        answered = Instant::now();
                        let now = read(&bytes)?;
                        if done(&now) {
                            return Ok(Some(now));
                        }
                    }
                    Err(error) if !is_broken(&error) || answered.elapsed() > AWAY_TIME => {
                        return Err(error);
                    }
                    Err(_) => {}
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = &mut stop => return Ok(None),
                }
            }
        })
    }

    fn request(&self, method: Method, path: &str) -> request::Builder {
        let bearer = format!("Bearer {}", self.token);
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, bearer)
    }

    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<Bytes> {
        let body_bytes = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body_bytes)
            .context("the token cannot be sent")?;
        self.runtime.block_on(self.answer(request, time))
    }

    async fn answer(&self, request: Request<Body>, time: Duration) -> Result<Bytes> {
        let answer = self.url.send_within(request, time).await;
        let answer = answer.map_err(|error| self.unreachable(error))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!("no whole answer: {error}"))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        bail!("{}", detail(status, &body))
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

/// The token, which a controller that has just been started is about to write.
async fn token(path: &Path, started: Instant) -> Result<Vec<u8>> {
    loop {
        let token = files::read_of_owner(path).map_err(|error| {
            WrongUse(format!("{error}: run this as the user of swarmctl, or as root"))
        })?;
        if let Some(token) = token {
            return Ok(token);
        }
        if started.elapsed() > START_TIME {
            let path = path.display();
            let message = format!("there is no token `{path}`: is `decnet swarmctl` running here?");
            return Err(WrongUse(message).into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).context("swarmctl answers what this release cannot read")
}

/// Whether nobody is there, or the connection broke: all else is an answer.
fn is_broken(error: &anyhow::Error) -> bool {
    error.is::<WrongUse>() || error.is::<UpstreamError>()
}

/// What swarmctl says is wrong.
fn detail(status: StatusCode, bytes: &[u8]) -> String {
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    let detail = body.as_ref().and_then(|body| body.get("detail")?.as_str());
    detail.map_or_else(|| format!("swarmctl answers {status}"), str::to_owned)
}
