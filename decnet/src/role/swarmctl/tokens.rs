//! `POST /swarm/tokens`: lets a node join once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;

use super::app::App;
use super::problem::Problem;
use crate::edge::{clock, random};
use crate::logic::swarm::{JoinToken, Token, TokenWish};
use crate::logic::time::Timestamp;

pub(super) async fn make(
    State(app): State<Arc<App>>,
    body: Result<Json<TokenWish>, JsonRejection>,
) -> Result<(StatusCode, Json<Token>), Problem> {
    let Json(wish) = body?;
    let name = wish.check()?.name;
    let mut secret = [0; 16];
    random::fill(&mut secret);
    let token = JoinToken { secret, authority: app.authorities().current().fingerprint() };
    let now = clock::now();
    let expires_at = Timestamp(now.0.saturating_add(wish.ttl_seconds * 1_000_000_000));
    if wish.rejoin {
        let host = app.hosts().open_window(name.as_str(), expires_at)?.ok_or_else(|| {
            let detail = format!("there is no node `{name}`: see `decnet swarm list`");
            Problem::new(StatusCode::NOT_FOUND, detail)
        })?;
        app.hosts().add_way_back(token.id(), &wish, host, (expires_at, now))?;
        tracing::info!(%name, until = %expires_at, "a node may come back");
    } else {
        app.hosts().add_token(token.id(), &wish, expires_at, now)?;
        tracing::info!(%name, until = %expires_at, "a node may join");
    }
    let token = token.to_string();
    let token = Token { token, name, expires_at, node_port: app.node_port };
    Ok((StatusCode::CREATED, Json(token)))
}
