//! A node's updater, as the master speaks to it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, Response, StatusCode, header, request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::edge::bundles::Sent;
use crate::edge::http::{AskError, FormError, SecureServer, file_request, form_request};
use crate::edge::pki;
use crate::logic::release::{Digest, Envelope, Prefix, Release};
use crate::logic::rollout::NodeState;
use crate::logic::shown;
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;
use crate::role::swarmctl::{nodes, renewals};

/// How long it may take to say something.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// How long it may take to install a release and to look whether it is well.
pub(super) const TELL_DEADLINE: Duration = Duration::from_secs(240);
/// Whoever was told and answers nothing for so long is silent.
pub(super) const SILENCE: Duration = Duration::from_secs(15);
/// The slowest that a node may take bytes, in bytes a second.
const SLOWEST: u64 = 64 * 1024;
/// Most bytes of an answer.
const MOST: usize = 256 * 1024;
/// Most of what it says is wrong that is kept.
const SHOWN: usize = 300;
/// By this header an upload says how much is there.
const OFFSET: &str = "upload-offset";

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It cannot be reached, or the connection broke.
    #[error("{0}")]
    Away(String),
    /// It will not.
    #[error("{detail}")]
    Declined {
        /// What it answers.
        status: u16,
        /// Why.
        detail: String,
    },
    /// It is not who it should be, or says what cannot be.
    #[error("{0}")]
    Wrong(String),
}

impl From<Trouble> for NodeState {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Away(why) => Self::Offline { why },
            Trouble::Declined { status, detail } => {
                Self::Failed { why: detail, status: Some(status) }
            }
            Trouble::Wrong(why) => Self::Failed { why, status: None },
        }
    }
}

/// What is told to install a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Agent,
    Updater,
}

/// `/health`, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Health {
    /// Which release the updater is.
    #[serde(default)]
    pub(super) release: Option<Digest>,
    /// What it is doing.
    #[serde(default)]
    pub(super) attempt: Option<Value>,
}

impl Health {
    /// Whether it is doing something, or on trial.
    pub(super) fn is_busy(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| *attempt != Value::Null)
    }
}

/// `/releases`, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Releases {
    pub(super) agent: Slots,
    #[serde(default)]
    pub(super) updater: Slots,
    pub(super) free: Free,
}

/// What a component is.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Slots {
    pub(super) current: Option<Slot>,
    /// What failed there. An older updater says less, and none of it is read.
    #[serde(default, deserialize_with = "quarantine")]
    pub(super) quarantine: Vec<Failed>,
}

/// Why a release would not be taken, by the agent's half of the updater and its own.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Checked {
    pub(super) agent: Vec<String>,
    #[serde(default)]
    pub(super) updater: Option<Vec<String>>,
}

/// A release that is not taken again.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Failed {
    pub(super) digest: Digest,
    pub(super) why: String,
}

fn quarantine<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Failed>, D::Error> {
    let all = Vec::<Value>::deserialize(from)?;
    Ok(all.into_iter().filter_map(|one| serde_json::from_value(one).ok()).collect())
}

/// A release that is installed.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Slot {
    pub(super) digest: Digest,
}

/// What is free on the disk.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Free {
    pub(super) bytes: u64,
}

/// An attempt that the updater knows.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Attempt {
    state: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    body: Value,
}

/// An answer: its status, and its body where that is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// What it says is wrong.
    pub(super) fn detail(&self) -> String {
        let detail = self.body.get("detail").unwrap_or(&Value::Null);
        let part = |name| detail.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let text = match (detail.as_str(), part("error"), part("cause")) {
            (Some(text), ..) => text.to_owned(),
            (None, Some(error), Some(cause)) => format!("{error}: {cause}"),
            (None, Some(text), None) | (None, None, Some(text)) => text.to_owned(),
            (None, None, None) => format!("it answers {}", self.status),
        };
        shown::line(&text).chars().take(SHOWN).collect()
    }

    /// The attempt that is under way instead.
    pub(super) fn busy(&self) -> Option<&str> {
        let detail = self.body.get("detail").filter(|_| self.status == 409)?;
        // What has ended names its own.
        let under_way = detail.get("rolled_back").is_none();
        detail.get("attempt").filter(|_| under_way)?.as_str()
    }

    /// Whether the node has gone back to the release before.
    pub(super) fn rolled_back(&self) -> bool {
        let said = self.body.pointer("/detail/rolled_back").and_then(Value::as_bool);
        self.status == 409 && said == Some(true)
    }

    /// Whether the node has not what the parcel builds on.
    pub(super) fn lacks_base(&self) -> bool {
        self.status == 412
    }

    /// The same as what is in the way.
    pub(super) fn declined(&self) -> Trouble {
        Trouble::Declined { status: self.status, detail: self.detail() }
    }
}

impl Attempt {
    /// What came of it, when it has ended.
    pub(super) fn answer(self) -> Option<Answer> {
        let ended = self.state == "done";
        ended.then_some(Answer { status: self.status.unwrap_or(500), body: self.body })
    }
}

/// A node's updater.
pub(super) struct Updater {
    server: SecureServer,
    to: String,
}

impl Updater {
    /// That of a node.
    pub(super) fn of(app: &Arc<App>, host: &Host, port: u16) -> Result<Self, Trouble> {
        let address = host.places().next().unwrap_or(&host.address);
        let to = format!("{address}:{port}");
        let wrong = |why: &str| Trouble::Wrong(format!("cannot ask {to}: {why}"));
        if host.updater_cert_fingerprint.is_none() {
            let why = "the node was enrolled without an updater; enrol it anew with --updater";
            return Err(wrong(why));
        }
        let known = Arc::new(renewals::UpdaterOf { app: app.clone(), host: host.host_uuid });
        let config = pki::client_config_for(&app.master(), known)
            .map_err(|error| wrong(&error.to_string()))?;
        let name = nodes::server_name(host, address)
            .map_err(|error| wrong(&format!("its address is none ({error})")))?;
        let config = Arc::new(config);
        Ok(Self { server: SecureServer { host: address.to_owned(), port, name, config }, to })
    }

    /// `GET /health`.
    pub(super) async fn health(&self) -> Result<Health, Trouble> {
        self.look("/health").await
    }

    /// `GET /releases`.
    pub(super) async fn releases(&self) -> Result<Releases, Trouble> {
        self.look("/releases").await
    }

    /// `GET /attempts/{id}`: `None` when it knows none.
    pub(super) async fn attempt(&self, id: &str) -> Result<Option<Attempt>, Trouble> {
        match self.look(&format!("/attempts/{id}")).await {
            Err(Trouble::Declined { status: 404, .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// How much of a file it has.
    pub(super) async fn offset(&self, sha256: Digest) -> Result<u64, Trouble> {
        let request = builder(Method::HEAD, &format!("/uploads/{sha256}"));
        let request = request.body(Body::empty()).map_err(|error| unmade(error.into()))?;
        let answer = self.send(request, ASK_DEADLINE).await?;
        if !answer.status().is_success() {
            return Err(read(&answer).declined());
        }
        let offset =
            answer.headers().get(OFFSET).and_then(|value| value.to_str().ok()?.parse().ok());
        offset.ok_or_else(|| Trouble::Wrong(format!("{} does not say how much it has", self.to)))
    }

    /// Sends the rest of a file.
    pub(super) async fn append(
        &self,
        Sent { path, sha256, bytes }: &Sent,
        from: u64,
    ) -> Result<(), Trouble> {
        let request = builder(Method::PATCH, &format!("/uploads/{sha256}")).header(OFFSET, from);
        let request = file_request(request, path, from).await.map_err(unmade)?;
        let time = Duration::from_secs(60 + bytes.saturating_sub(from) / SLOWEST);
        let answer = self.send(request, time).await?;
        // Another beginning than it wants is no matter: it is asked again where to begin.
        if answer.status().is_success() || answer.status() == StatusCode::CONFLICT {
            return Ok(());
        }
        Err(read(&answer).declined())
    }

    /// Tells it to install what it was sent.
    pub(super) async fn tell(
        &self,
        part: Part,
        sha256: Digest,
        attempt: &str,
    ) -> Result<Answer, Trouble> {
        let sha256 = sha256.to_string();
        let mut fields = vec![("sha256", sha256.as_str()), ("attempt", attempt)];
        let path = match part {
            Part::Agent => "/update",
            Part::Updater => {
                fields.push(("confirm_self", "true"));
                "/update-self"
            }
        };
        self.post(path, &fields).await
    }

    /// Tells it to go back to the release before.
    pub(super) async fn roll_back(&self, attempt: &str) -> Result<Answer, Trouble> {
        self.post("/rollback", &[("attempt", attempt)]).await
    }

    /// Asks it why it would not take a release, of which so much would be sent for the agent and for
    /// itself; `None` when it is too old to say.
    pub(super) async fn check(
        &self,
        (envelope, release): (&Envelope, &Release),
        (agent, updater): (u64, Option<u64>),
    ) -> Result<Option<Checked>, Trouble> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let body = json!({
            "signatures": text(&envelope.bytes()), "manifest": text(release.bytes()),
            "agent_bytes": agent, "updater_bytes": updater,
        });
        let request = builder(Method::POST, "/releases/check")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        let answer =
            self.send(request.map_err(|error| unmade(error.into()))?, ASK_DEADLINE).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(read(&answer).declined());
        }
        let odd = |error| Trouble::Wrong(format!("{} answers oddly: {error}", self.to));
        serde_json::from_slice(answer.body()).map(Some).map_err(odd)
    }

    /// Tells it to take a release again that failed there.
    pub(super) async fn forgive(&self, digest: &Prefix, attempt: &str) -> Result<(), Trouble> {
        let body = json!({ "digest": digest, "attempt": attempt }).to_string();
        let request = builder(Method::POST, "/releases/forgive")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body));
        let answer =
            self.send(request.map_err(|error| unmade(error.into()))?, ASK_DEADLINE).await?;
        if answer.status().is_success() { Ok(()) } else { Err(read(&answer).declined()) }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Trouble> {
        let request = form_request(builder(Method::POST, path), fields, None).await;
        Ok(read(&self.send(request.map_err(unmade)?, TELL_DEADLINE).await?))
    }

    async fn look<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let request = builder(Method::GET, path).body(Body::empty());
        let answer =
            self.send(request.map_err(|error| unmade(error.into()))?, ASK_DEADLINE).await?;
        if !answer.status().is_success() {
            return Err(read(&answer).declined());
        }
        serde_json::from_slice(answer.body()).map_err(|error| {
            let to = &self.to;
            Trouble::Wrong(format!("{to} answers to {path} what this release cannot read: {error}"))
        })
    }

    async fn send(
        &self,
        request: Request<Body>,
        time: Duration,
    ) -> Result<Response<Bytes>, Trouble> {
        let to = &self.to;
        match tokio::time::timeout(time, self.server.answer(request, MOST)).await {
            Ok(Ok(answer)) => Ok(answer),
            // Who is there speaks, but is somebody else. A line that broke just then is no stranger.
            Ok(Err(AskError::Stranger { source, .. }))
                if source.kind() == ErrorKind::InvalidData =>
            {
                Err(Trouble::Wrong(format!("{to} is not the updater that was enrolled: {source}")))
            }
            Ok(Err(error)) => Err(Trouble::Away(format!("{:#}", anyhow::Error::from(error)))),
            Err(_) => {
                Err(Trouble::Away(format!("no answer from {to} within {} s", time.as_secs())))
            }
        }
    }
}

fn builder(method: Method, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path)
}

fn unmade(error: FormError) -> Trouble {
    Trouble::Wrong(format!("{:#}", anyhow::Error::from(error)))
}

fn read(answer: &Response<Bytes>) -> Answer {
    let body = serde_json::from_slice(answer.body()).unwrap_or_default();
    Answer { status: answer.status().as_u16(), body }
}
