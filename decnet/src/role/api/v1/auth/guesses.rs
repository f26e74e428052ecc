//! Counts the tries at a password: against where they come from, and against the user they are for.

use std::net::IpAddr;
use std::sync::PoisonError;

use crate::edge::clock;
use crate::role::api::app::App;
use crate::role::api::problem::{Answer, Problem};

/// Takes a try at the password of `user`, from `source` where it is not known yet who asks.
pub(super) fn take(app: &App, source: Option<IpAddr>, user: &str) -> Answer<()> {
    let now = clock::now();
    let mut guesses = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
    let by_source = source.map_or(Ok(()), |source| guesses.by_source.take(&source, now));
    let by_user = by_source.and_then(|()| guesses.by_user.take(&user.to_owned(), now));
    by_user.map_err(|wait| {
        let detail = "too many passwords were tried, wait a little";
        Problem::too_many("too_many_logins", detail, wait)
    })
}

/// Gives the try back, for it was right.
pub(super) fn give_back(app: &App, source: Option<IpAddr>, user: &str) {
    let mut guesses = app.guesses.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(source) = source {
        guesses.by_source.give_back(&source);
    }
    guesses.by_user.give_back(&user.to_owned());
}
