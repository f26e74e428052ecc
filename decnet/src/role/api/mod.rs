//! `decnet api`: what the store knows, as JSON over HTTP, and live.
//!
//! A request goes through [`endpoint`]'s guard (who asks, and may they?) to its handler below
//! [`v1`], whose module tree is the tree of URLs; the handler asks the store by way of
//! [`database`], on a thread of its own. One task follows the store for everybody who listens
//! ([`feed`]). The routes and their description (OpenAPI) are made of the same table.

mod app;
mod database;
mod endpoint;
mod extract;
mod feed;
mod first_login;
mod openapi;
mod problem;
mod streams;
mod v1;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::edge::http::{self, Limits};
use crate::edge::store::{self, Store};
use crate::edge::{apart, child, files, memory, privileges, signals};
use crate::logic::vouch::WebKey;
use crate::role::{daemon, web_key};
use app::App;

pub use first_login::{first_login, renew_first_login};

/// Name of its directory below the state directory.
const DIR: &str = "api";

/// What `decnet api` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// Whom to serve as, when started as root.
    pub user: Option<String>,
    /// Where the key is by which what `decnet web` says of browsers is known.
    pub web_key: PathBuf,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
///
/// When the store cannot be opened or the port cannot be had.
pub fn run(settings: &Settings) -> Result<()> {
    memory::give_back();
    let key = web_key::read(&settings.web_key);
    daemon::begin(|| prepare(settings))?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    apart::alone()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(database::STORES + app::HASHES + 1)
        .thread_stack_size(512 * 1024)
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

/// Sees to the state directory, and becomes what the api may be.
fn prepare(settings: &Settings) -> Result<()> {
    let state_dir = &settings.state_dir;
    if privileges::is_root() {
        let account = privileges::daemon(DIR, settings.user.as_deref())?;
        files::make_open_dir(state_dir)?;
        for name in [DIR, store::DIR] {
            files::make_room(state_dir, name, account)?;
        }
    }
    privileges::serve_as(DIR, settings.user.as_deref())?;
    Ok(files::make_dir(&state_dir.join(DIR))?)
}

/// Serves on `listener` until `stop`. Whoever has `key` is believed where a browser is.
///
/// # Errors
///
/// When the store cannot be opened.
pub async fn serve(
    settings: &Settings,
    key: Option<WebKey>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let Some(app) = daemon::begin_in(async || open(settings, key.clone())).await? else {
        return Ok(());
    };
    let address = listener.local_addr().context("cannot tell the port")?;
    tracing::info!(%address, "api is listening");
    daemon::serves("serving what the store knows");
    let following = tokio::spawn(feed::follow(app.clone()));
    http::serve(listener, Limits::default(), router(app), stop).await;
    following.abort();
    tracing::info!("api has stopped");
    Ok(())
}

/// Opens the store, and sees to it that somebody can log in.
fn open(settings: &Settings, key: Option<WebKey>) -> Result<Arc<App>> {
    let path = store::path(&settings.state_dir);
    first_login::offer(&Store::create(&path)?, &settings.state_dir)?;
    // Opened again, for a reader needs less memory than whoever writes.
    Ok(Arc::new(App::new(Store::open(&path)?, settings, key)?))
}

/// The routes over `app`.
fn router(app: Arc<App>) -> Router {
    endpoint::router(v1::endpoints(), app)
}

#[cfg(test)]
mod tests;
