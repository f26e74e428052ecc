//! `/auth/login`.
//!
//! Whether a user exists must not show: an unknown one takes the same steps, and as long, as a
//! known one with a wrong password.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{LoggedIn, guesses, log_in};
use crate::edge::http::Peer;
use crate::logic::password;
use crate::logic::source::Source;
use crate::role::api::app::App;
use crate::role::api::endpoint::{Access, Endpoint};
use crate::role::api::extract::Sent;
use crate::role::api::problem::{Answer, Problem};

/// Longest user name, in bytes.
const MAX_NAME: usize = 64;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::POST, "/api/v1/auth/login", "Logs in", login)
            .access(Access::Anybody)
            .body::<Login>()
            .answer::<LoggedIn>(),
    ]
}

/// Who logs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    username: String,
    password: String,
}

async fn login(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Sent(login): Sent<Login>,
) -> Answer<Json<LoggedIn>> {
    if login.username.len() > MAX_NAME || login.password.len() > password::MAX_BYTES {
        return Err(Problem::invalid("username or password: too long"));
    }
    let source = source(peer.map(|peer| peer.0), &headers);
    guesses::take(&app, source, &login.username)?;
    let name = login.username.clone();
    let user = app.database.ask(move |store| store.user(&name)).await?;
    let hash = user.as_ref().map_or(password::NOBODY, |user| &user.password).to_owned();
    let matches = app.matches(login.password, hash).await?;
    let Some(user) = user.filter(|_| matches) else {
        let detail = "user name or password is wrong";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "bad_login", detail));
    };
    guesses::right(&app, source, &user.name).await;
    Ok(Json(log_in(&app, &user).await?))
}

/// Where a login comes from. `decnet web` stands between the browser and the api and says where the browser is;
/// it is believed when it is on this machine.
fn source(peer: Option<Peer>, headers: &HeaderMap) -> Source {
    let peer = peer.map_or(Ipv6Addr::LOCALHOST.into(), |Peer(address)| address.ip());
    let said = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
    let said = said.and_then(|text| text.parse::<IpAddr>().ok());
    let peer = peer.to_canonical();
    Source::of(said.filter(|_| peer.is_loopback()).unwrap_or(peer), &[])
}

#[cfg(test)]
mod tests;
