//! What the updater is known by. It only answers, so it is the master who brings it another
//! certificate, for a key that is made here and stays. New connections are shown it at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use rustls::ServerConfig;
use tokio::sync::watch;

use super::answer::Answer;
use super::engine::Engine;
use super::{Callers, NAME, REMEDY, Settings, trust};
use crate::edge::pki::{self, Identity, PkiError, Places, Renewal};
use crate::edge::sinks::{Sinks, ToJournal};
use crate::edge::systemd::{self, Word};
use crate::edge::trusted::Trusted;
use crate::edge::{clock, random};
use crate::logic::credential::{Credential, Reminder, Validity};
use crate::logic::event::{Kind, Stamp};
use crate::logic::metrics::{self, Gauge};
use crate::logic::swarm::{Renew, Renewed, Shown};
use crate::logic::time::Timestamp;
use crate::role::credentials;

/// Most bytes of a certificate.
const MAX_BODY: usize = 64 * 1024;
/// How often it is looked whether somebody has brought another identity, and how it stands.
const LOOK: Duration = Duration::from_secs(60);

/// Where it may be: where an operator brings it, and where a renewal leaves it.
pub(super) fn places(settings: &Settings) -> Places {
    let renewed = settings.state_dir.join("updater").join("identity");
    Places { dirs: vec![settings.updater_dir.clone(), renewed], name: NAME, remedy: REMEDY }
}

/// The identity in use.
#[derive(Debug)]
pub(super) struct Known {
    places: Places,
    authorize: Arc<Callers>,
    trusted: Arc<Trusted>,
    now: Mutex<Arc<Identity>>,
    offer: watch::Sender<Arc<ServerConfig>>,
}

impl Known {
    /// Uses `identity`, which was read, and another as soon as there is one. The second value is what
    /// the port shows.
    pub(super) fn new(
        settings: &Settings,
        identity: Identity,
        authorize: Arc<Callers>,
        trusted: Arc<Trusted>,
    ) -> pki::Result<(Arc<Self>, watch::Receiver<Arc<ServerConfig>>)> {
        let config = Arc::new(pki::server_config(&identity, authorize.clone())?);
        let (offer, shown) = watch::channel(config);
        let (places, now) = (places(settings), Mutex::new(Arc::new(identity)));
        Ok((Arc::new(Self { places, authorize, trusted, now, offer }), shown))
    }

    /// The one that is used now.
    pub(super) fn now(&self) -> Arc<Identity> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renewal(&self) -> Renewal<'_> {
        let dir = self.places.dirs.last().expect("there are two");
        Renewal { dir, name: self.places.name }
    }

    /// Uses an identity from now on; open connections keep the old.
    fn use_from_now(&self, identity: Identity) -> pki::Result<()> {
        let config = pki::server_config(&identity, self.authorize.clone())?;
        self.authorize.is_now(identity.caller.fingerprint);
        tracing::info!(fingerprint = %identity.caller.fingerprint, "a new certificate is shown");
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
        self.offer.send_replace(Arc::new(config));
        Ok(())
    }

    /// Uses what is there, if it is another.
    fn look(&self) {
        let read = self.places.read().or_else(|error| {
            // It may be in the middle of being replaced, or no longer ours to read.
            tracing::debug!(%error, "the certificate stays as it is");
            let now = self.now();
            Ok::<_, PkiError>(now.trusting(now.authorities().to_vec()))
        });
        let found = read.and_then(|found| {
            let (found, now) = (self.trusted.serve_as(&found), self.now());
            self.renewal().keep_trust(&found)?;
            let same = found.caller.fingerprint == now.caller.fingerprint;
            if same && found.trusts() == now.trusts() { Ok(()) } else { self.use_from_now(found) }
        });
        if let Err(error) = found {
            tracing::warn!(%error, "the certificate cannot be shown: the old one is");
        }
    }

    /// Looks again and again, and warns of the end of the certificate and of the root of trust.
    pub(super) async fn watch(self: Arc<Self>, settings: Settings, engine: Engine) {
        // Only a file of lines can fail to open.
        let mut sinks = Sinks::open(ToJournal::default(), None, "").unwrap_or_default();
        let mut stamp = Stamp::new(&self.now().caller.name, random::uuid());
        let mut reminders = [Reminder::default(); 2];
        let mut said = String::new();
        loop {
            self.look();
            let identity = self.now();
            let root = trust::read(&settings).ok().map(|found| found.trust.root().expires);
            let root = root.map(|until| Validity { from: Timestamp(0), until });
            let watched =
                [(Credential::Updater, Some(identity.validity)), (Credential::ReleaseRoot, root)];
            for (reminder, (credential, validity)) in reminders.iter_mut().zip(watched) {
                let Some(validity) = validity else { continue };
                let standing = validity.standing(clock::now());
                let Some(urgency) = reminder.ask(standing) else { continue };
                credentials::warn(credential, urgency, standing, &identity.caller.name);
                let mut event = stamp.event(Kind::CredentialExpiring, clock::now());
                event.data = credential.data(validity, standing);
                sinks.write(&event);
            }
            let status = engine.status();
            let words = self.idle(&status.idle);
            if status.attempt.is_none() && words != said {
                systemd::tell(&[Word::Status(words.clone())]);
                said = words;
            }
            drop(tokio::time::timeout(LOOK, self.trusted.changed()).await);
        }
    }

    /// When its certificate and the root of trust end.
    pub(super) fn gauge(&self, settings: &Settings) -> Gauge {
        let identity = self.now();
        let name = &identity.caller.name;
        let root = trust::read(settings).ok().map(|found| found.trust.root().expires);
        let root = root.map(|until| (Credential::ReleaseRoot, name.clone(), until));
        let own = (Credential::Updater, name.clone(), identity.validity.until);
        metrics::ends([Some(own), root].into_iter().flatten())
    }

    /// Says that the updater waits, what is wrong with its certificate if something is, and more.
    pub(super) fn say_idle(&self, more: &str) {
        systemd::tell(&[Word::Status(self.idle(more))]);
    }

    fn idle(&self, more: &str) -> String {
        let identity = self.now();
        let standing = identity.validity.standing(clock::now());
        let trouble = Credential::Updater.warning(standing, &identity.caller.name);
        let trouble = trouble.map(|trouble| format!("; {trouble}")).unwrap_or_default();
        format!("waiting for the master{trouble}{more}")
    }
}

/// The routes.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(known: Arc<Known>) -> Router<S> {
    Router::new()
        .route("/identity", get(show).put(take))
        .route("/identity/request", post(request))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(known)
}

async fn show(State(known): State<Arc<Known>>) -> Json<Shown> {
    let identity = known.now();
    let (fingerprint, until) = (identity.caller.fingerprint, identity.validity.until);
    Json(Shown { fingerprint, until, trusts: identity.trusts() })
}

async fn request(State(known): State<Arc<Known>>) -> Result<Json<Renew>, Answer> {
    let request = known.renewal().request().map_err(failed)?;
    Ok(Json(Renew { csr_pem: request.csr_pem }))
}

async fn take(
    State(known): State<Arc<Known>>,
    body: Result<Json<Renewed>, JsonRejection>,
) -> Result<Json<Shown>, Answer> {
    let Json(brought) =
        body.map_err(|rejection| Answer::problem(rejection.status(), rejection.body_text()))?;
    let new = known.renewal().take(&known.now(), &brought.cert_pem).map_err(failed)?;
    known.use_from_now(new).map_err(failed)?;
    Ok(show(State(known)).await)
}

fn failed(error: PkiError) -> Answer {
    let status = match &error {
        PkiError::Unasked(_) | PkiError::Unfit { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Answer::problem(status, format!("{:#}", anyhow::Error::from(error)))
}
