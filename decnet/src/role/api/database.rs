//! Asks the store beside the event loop: a few connections, each question within a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::problem::{Answer, Problem};
use crate::edge::store::{Result, Store};

/// Connections to the store, so questions at once.
pub(super) const STORES: usize = 2;

/// How long a question waits for those before it.
const WAIT: Duration = Duration::from_secs(5);

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// The connections to the store.
pub(super) struct Database {
    path: PathBuf,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Store>>,
}

impl Database {
    pub(super) fn new(path: PathBuf, store: Store) -> Self {
        let turns = Arc::new(Semaphore::new(STORES));
        Self { path, turns, idle: Mutex::new(vec![store]) }
    }

    /// Asks `question`. A question that takes too long is stopped.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Store) -> Result<T> + Send + 'static,
    ) -> Answer<T> {
        let turn = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await;
        let turn = turn.or(Err(Problem::busy()))?.expect("it is never closed");
        let mut store = self.idle_store()?;
        let stopper = store.stopper();
        // The turn goes along: if the asker goes away, the thread is still taken.
        let mut asking = tokio::task::spawn_blocking(move || {
            let answer = question(&mut store);
            (answer, store, turn)
        });
        let answered = match tokio::time::timeout(PATIENCE, &mut asking).await {
            Ok(answered) => answered,
            Err(_) => {
                stopper.stop();
                asking.await
            }
        };
        // After a panic in the question its connection is gone, and the next one opens another.
        let (answer, store, turn) = answered.map_err(|error| Problem::internal(&error))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(store);
        drop(turn);
        answer.map_err(
            |error| {
                if error.is_stop() { Problem::slow() } else { Problem::internal(&error) }
            },
        )
    }

    /// A connection of its own, for whoever needs one all the time.
    pub(super) fn open(&self) -> Result<Store> {
        Store::open(&self.path)
    }

    fn idle_store(&self) -> Answer<Store> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.open(), Ok).map_err(|error| Problem::internal(&error))
    }
}
