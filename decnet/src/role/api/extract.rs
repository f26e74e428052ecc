//! What handlers take out of a request.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::app::App;
use super::problem::Problem;
use crate::edge::clock;
use crate::edge::http::Peer;
use crate::edge::store::Cursor;
use crate::logic::source::Source;
use crate::logic::vouch;

/// This machine.
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Who asks, as the guard found out.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) token_id: String,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::unauthorized)
    }
}

/// Where a request comes from. `decnet web` stands between browsers and the api, and vouches for where a
/// browser is; whoever else says anything of that is not heard. All that is of this machine is one.
pub(super) struct Origin(pub(super) Source);

impl FromRequestParts<Arc<App>> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let said = parts.headers.get(vouch::HEADER).and_then(|value| value.to_str().ok());
        let vouched =
            app.web_key.as_ref().zip(said).and_then(|(key, said)| key.check(said, clock::now()));
        let peer = || parts.extensions.get::<Peer>().map(|Peer(address)| address.ip());
        let ip = vouched.or_else(peer).unwrap_or(LOCAL).to_canonical();
        let ip = if ip.is_loopback() { LOCAL } else { ip };
        Ok(Self(Source::of(ip, &[])))
    }
}

/// The query string, whose every part is known.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(Problem::invalid(error.body_text())),
        }
    }
}

/// The part of the path between braces.
pub(super) struct Named<T>(pub(super) T);

impl<T> FromRequestParts<Arc<App>> for Named<T>
where
    T: FromStr<Err: std::fmt::Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let Ok(Path(text)) = path else { return Err(Problem::invalid("the path is not UTF-8")) };
        text.parse().map(Self).map_err(|error: T::Err| Problem::invalid(format!("path: {error}")))
    }
}

/// A JSON body, whose every part is known.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
        });
        if !is_json {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "media_type", "send a body of application/json"));
        }
        let bytes = Bytes::from_request(request, app).await.map_err(|rejection| {
            let (code, detail) = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is larger than 16 KiB"),
                _ => ("body", "the body did not arrive"),
            };
            Problem::new(rejection.status(), code, detail)
        })?;
        let sent = serde_json::from_slice(&bytes);
        sent.map(Self).map_err(|error| Problem::invalid(format!("body: {error}")))
    }
}

/// The place a page begins at, when one was asked for.
pub(super) fn cursor(text: Option<&str>) -> Result<Option<Cursor>, Problem> {
    let parse =
        |text: &str| text.parse().map_err(|error| Problem::invalid(format!("cursor: {error}")));
    text.map(parse).transpose()
}

/// How many rows a page has.
pub(super) fn limit(asked: Option<u32>, most: u32) -> Result<u32, Problem> {
    match asked {
        None => Ok(most.min(50)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::invalid(format!("limit: not between 1 and {most}"))),
    }
}
