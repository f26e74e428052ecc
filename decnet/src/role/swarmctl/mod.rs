//! `decnet swarmctl`: the master's side of a fleet. It enrols nodes and knows how each is.
//!
//! Operators come over HTTP with the token of a file that only they can read; nodes are asked over
//! TLS as the master, each by the certificate that was made for it.

mod app;
mod check;
mod enroll;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result};

use crate::edge::hosts::Hosts;
use crate::edge::http::{self, Limits};
use crate::edge::pki::Authority;
use crate::edge::{child, clock, files, privileges, random, signals};
use app::App;

/// What `decnet swarmctl` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address to listen on for operators.
    pub host: IpAddr,
    /// Port to listen on; 0 for any.
    pub port: u16,
    /// Where the authority is, in `ca`.
    pub etc_dir: PathBuf,
    /// Where state is kept, in `swarm`.
    pub state_dir: PathBuf,
    /// Whom to serve as, when started as root.
    pub user: Option<String>,
}

/// Where the operators' token is, below the state directory.
pub fn token_path(state_dir: &Path) -> PathBuf {
    state_dir.join("swarm").join("token")
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
///
/// When the authority or the record of nodes cannot be opened, or the port cannot be had.
pub fn run(settings: &Settings) -> Result<()> {
    let (ca, swarm) = (settings.etc_dir.join("ca"), settings.state_dir.join("swarm"));
    // What is there already stays whose it is.
    for dir in [&settings.etc_dir, &ca, &settings.state_dir, &swarm] {
        let made = !dir.exists();
        files::make_dir(dir)?;
        if made && privileges::is_root() {
            files::give(dir, privileges::account(settings.user.as_deref())?)?;
        }
    }
    privileges::serve_as(settings.user.as_deref())?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    let app = Arc::new(App {
        authority: Authority::open_or_make(&ca, clock::now())?,
        hosts: Mutex::new(Hosts::open(&swarm)?),
        token: token(&token_path(&settings.state_dir))?,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let listener = http::listen(SocketAddr::new(settings.host, settings.port)).await?;
        let address = listener.local_addr().context("cannot tell the port")?;
        tracing::info!(%address, authority = %app.authority.fingerprint(), "swarmctl is listening");
        http::serve(listener, Limits::default(), app::router(app), signals::stop()?).await;
        tracing::info!("swarmctl has stopped");
        Ok(())
    })
}

/// The operators' token, made when there is none.
fn token(path: &Path) -> Result<String> {
    if let Some(bytes) = files::read(path)? {
        let text = String::from_utf8(bytes).unwrap_or_default();
        let text = text.trim();
        anyhow::ensure!(
            text.len() >= 32,
            "`{}` holds no token: remove it, and another is made",
            path.display()
        );
        return Ok(text.to_owned());
    }
    let mut bytes = [0; 32];
    random::fill(&mut bytes);
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    files::replace(path, token.as_bytes())?;
    Ok(token)
}
