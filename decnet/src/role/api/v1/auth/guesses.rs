//! Counts the guesses at a password: against where they come from, and against the name that they
//! are for. Who has logged in from where is kept in the store, so that it is known after a restart
//! in the midst of an attack.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::edge::clock;
use crate::edge::store::Store;
use crate::logic::guesses::Guesses;
use crate::logic::source::Source;
use crate::logic::time::Timestamp;
use crate::role::api::app::App;
use crate::role::api::problem::{Answer, Problem};

/// The note that holds the logins.
const NOTE: &str = "api.logins";

/// One of them, as it is kept.
type Kept = (IpAddr, String, u64);

/// With the logins that are kept; what cannot be read is as if nobody had logged in.
pub(in crate::role::api) fn kept(store: &Store) -> Guesses {
    let note = store.note(NOTE).ok().flatten().unwrap_or_default();
    let kept: Vec<Kept> = serde_json::from_slice(&note).unwrap_or_default();
    let logins = kept.into_iter().map(|(ip, name, at)| (Source::of(ip, &[]), name, Timestamp(at)));
    Guesses::new(logins)
}

/// Takes a guess at the password of `user`.
pub(super) fn take(app: &App, source: Source, user: &str) -> Answer<()> {
    let mut guesses = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
    guesses.take(source, user, clock::now()).map_err(too_many)
}

/// The guess was right.
pub(super) async fn right(app: &Arc<App>, source: Source, user: &str) {
    let logins: Vec<Kept> = {
        let mut guesses = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
        if !guesses.right(source, user, clock::now()) {
            return;
        }
        guesses.logins().map(|(source, name, at)| (source.ip(), name.to_owned(), at.0)).collect()
    };
    let note = serde_json::to_vec(&logins).expect("it has a form in JSON");
    if app.database.ask(move |store| store.save_note(NOTE, &note)).await.is_err() {
        tracing::warn!("cannot keep from where somebody has logged in");
    }
}

/// Takes a guess of somebody who has logged in at their own password.
pub(super) fn take_own(app: &App, user: &str) -> Answer<()> {
    let mut own = app.own_guesses.lock().unwrap_or_else(PoisonError::into_inner);
    own.take(&user.to_owned(), clock::now()).map_err(too_many)
}

/// That one was right.
pub(super) fn right_own(app: &App, user: &str) {
    let mut own = app.own_guesses.lock().unwrap_or_else(PoisonError::into_inner);
    own.give_back(&user.to_owned());
}

fn too_many(wait: Duration) -> Problem {
    Problem::too_many("too_many_logins", "too many passwords were tried, wait a little", wait)
}
