//! Everything below `/api/v1`: one module for each part of the URL.

mod attackers;
mod auth;
mod capture;
mod config;
mod credentials;
mod deckies;
mod events;
mod health;
mod openapi;
mod sessions;
mod stats;
mod stream;
mod users;

use super::endpoint::Endpoint;

pub(super) use auth::kept_guesses;
pub(super) use capture::Capture;

/// Every route.
pub(super) fn endpoints() -> Vec<Endpoint> {
    [
        attackers::endpoints(),
        auth::endpoints(),
        capture::endpoints(),
        config::endpoints(),
        credentials::endpoints(),
        deckies::endpoints(),
        events::endpoints(),
        health::endpoints(),
        openapi::endpoints(),
        sessions::endpoints(),
        stats::endpoints(),
        stream::endpoints(),
        users::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
