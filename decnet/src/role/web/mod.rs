//! `decnet web`: the dashboard.
//!
//! Two things: the page's files, which are in the program, and everything below `/api/`, which is
//! passed on to the api as it is. So the page and the api have one origin, and `web` itself knows
//! neither the store nor anybody's password.

mod assets;
mod proxy;

use std::future::{Future, ready};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get};
use tokio::net::TcpListener;

use crate::edge::http::{self, Limits, Upstream};
use crate::edge::{apart, child, privileges, signals};
use crate::logic::vouch::WebKey;
use crate::role::{daemon, web_key};
use assets::Assets;
use proxy::Passing;

/// What `decnet web` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Where the api is, such as `http://127.0.0.1:8000`.
    pub api_url: String,
    /// Whom to serve as, when started as root.
    pub user: Option<String>,
    /// Where the key is by which the api knows what is said of browsers here.
    pub web_key: PathBuf,
}

/// What a browser may do with the page: run and show what comes from here, talk to here, and turn
/// no text into markup or code.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
///
/// When the api's address is none or the port cannot be had.
pub fn run(settings: &Settings) -> Result<()> {
    let key = web_key::read(&settings.web_key);
    daemon::begin(|| Ok(privileges::serve_as("web", settings.user.as_deref())?))?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    apart::alone()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let address = SocketAddr::new(settings.host, settings.port);
        let beats = tokio::spawn(daemon::beat());
        let listener = daemon::begin_in(async || Ok(http::listen(address).await?)).await?;
        let Some(listener) = listener else { return Ok(()) };
        serve(settings, key, listener, signals::stop()?).await?;
        beats.abort();
        Ok(())
    })
}

/// Serves on `listener` until `stop`, and vouches with `key` for where browsers are.
///
/// # Errors
///
/// When the api's address is none.
pub async fn serve(
    settings: &Settings,
    key: Option<WebKey>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let api: Upstream = settings.api_url.parse().context("cannot use the address of the api")?;
    if !api.is_local() {
        tracing::warn!(%api, "the api is on another machine: logins travel there unencrypted");
    }
    let address = listener.local_addr().context("cannot tell the port")?;
    tracing::info!(%address, %api, "web is listening");
    daemon::serves("serving the dashboard");
    http::serve(listener, Limits::default(), router(api, key), stop).await;
    tracing::info!("web has stopped");
    Ok(())
}

fn router(api: Upstream, key: Option<WebKey>) -> Router {
    let assets = Arc::new(Assets::load());
    let secure = |policy| map_response(move |response| ready(secured(response, policy)));
    let pages = Router::new()
        .fallback(get(move |request| async move { assets.answer(&request) }))
        .layer(secure(Some(POLICY)));
    let proxy = Router::new()
        .route("/api/{*path}", any(proxy::pass))
        .with_state(Arc::new(Passing { api, key }))
        .layer(secure(None));
    pages.merge(proxy)
}

/// Adds the headers that every answer has. Those of the api bring their own policy.
fn secured(mut response: Response, policy: Option<&'static str>) -> Response {
    let headers = response.headers_mut();
    let all = [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    let policy = policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
    for (name, value) in all.into_iter().chain(policy) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
