//! What all requests share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::Semaphore;

use super::Settings;
use super::database::Database;
use super::feed::Feed;
use super::problem::{Answer, Problem};
use super::streams::Streams;
use crate::edge::random;
use crate::edge::store::{self, Store};
use crate::logic::guesses::Guesses;
use crate::logic::limiter::Limiter;
use crate::logic::password;
use crate::logic::token::TokenKey;
use crate::logic::vouch::WebKey;

/// Passwords that are hashed at once; each takes 12 MiB.
pub(super) const HASHES: usize = 1;

/// How long a login waits for those before it.
const HASH_WAIT: Duration = Duration::from_secs(5);

/// The note that holds the key of the tokens.
const KEY_NOTE: &str = "api.key";

/// What all requests share.
pub(super) struct App {
    pub(super) database: Arc<Database>,
    pub(super) feed: Feed,
    pub(super) key: TokenKey,
    /// By which `decnet web` is believed where a browser is.
    pub(super) web_key: Option<WebKey>,
    /// Guesses at passwords of those who log in.
    pub(super) guesses: Mutex<Guesses>,
    /// Those of who has logged in, at their own.
    pub(super) own_guesses: Mutex<Limiter<String>>,
    pub(super) streams: Arc<Streams>,
    pub(super) state_dir: PathBuf,
    /// How often a silent stream says that it is there, and its login is looked at again.
    pub(super) pulse: Duration,
    hashes: Arc<Semaphore>,
}

impl App {
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub(super) fn new(store: Store, settings: &Settings, web_key: Option<WebKey>) -> Result<Self> {
        let key = TokenKey::new(&secret(&store)?);
        let (newest, guesses) = (store.newest()?, super::v1::kept_guesses(&store));
        let database = Database::new(store::path(&settings.state_dir), store);
        Ok(Self {
            database: Arc::new(database),
            feed: Feed::new(newest),
            key,
            web_key,
            guesses: Mutex::new(guesses),
            own_guesses: Mutex::new(Limiter::new(10, Duration::from_secs(12), 4_096)),
            streams: Arc::new(Streams::new()),
            state_dir: settings.state_dir.clone(),
            pulse: Duration::from_secs(15),
            hashes: Arc::new(Semaphore::new(HASHES)),
        })
    }

    /// Whether `hash` is that of `password`; found out beside the event loop.
    pub(super) async fn matches(&self, password: String, hash: String) -> Answer<bool> {
        self.beside(move || password::matches(&password, &hash)).await
    }

    /// The hash of `password`.
    pub(super) async fn hash(&self, password: String) -> Answer<String> {
        let mut salt = [0; 16];
        random::fill(&mut salt);
        self.beside(move || password::hash(&password, salt)).await
    }

    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T> {
        let turn = tokio::time::timeout(HASH_WAIT, self.hashes.clone().acquire_owned()).await;
        let turn = turn.or(Err(Problem::busy()))?.expect("it is never closed");
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| Problem::internal(&error))
    }
}

/// The key of the tokens: made once, then the same for every start.
fn secret(store: &Store) -> Result<[u8; 32]> {
    if let Some(secret) = store.note(KEY_NOTE)? {
        let secret: Result<[u8; 32], _> = secret.try_into();
        return secret.ok().context("the key of the api's tokens in the store is damaged");
    }
    let mut secret = [0; 32];
    random::fill(&mut secret);
    // Another api may have been quicker: whichever key is in the store is the one.
    store.add_note(KEY_NOTE, &secret)?;
    self::secret(store)
}
