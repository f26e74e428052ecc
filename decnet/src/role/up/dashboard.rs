//! The api and the web of a machine, as `up` runs them.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Child;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::children::Children;
use super::{PAUSE, Settings};
use crate::cli::WrongUse;
use crate::edge::log::say;
use crate::edge::store::Store;
use crate::edge::{child, clock, random, stop};
use crate::logic::vouch::WebKey;
use crate::role::api::{first_login, renew_first_login};

/// How long they may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes sure that the dashboard's address can be had.
///
/// # Errors
///
/// [`WrongUse`] when it is in use or not this machine's.
pub(super) fn check_port(web: SocketAddr) -> Result<()> {
    let Err(error) = TcpListener::bind(web) else { return Ok(()) };
    let why = format!("the dashboard cannot listen on {} port {}: {error}", web.ip(), web.port());
    Err(WrongUse(format!("{why}; choose another with --host and --port")).into())
}

/// Starts both, waits until they answer, and says where they are and how to get in.
///
/// # Errors
///
/// When one does not come up.
pub(super) fn start<'a>(
    children: &mut Children<'a>,
    settings: &'a Settings,
    state_dir: &'a Path,
    store: &mut Store,
) -> Result<()> {
    let login = match first_login(store)? {
        None => renew_first_login(store)?,
        made => made,
    };
    let api = free_port()?;
    let user = &settings.user;
    let key = Rc::new(made_key());
    let web_key = key.clone();
    children.keep("api", move || {
        let state_dir = state_dir.display().to_string();
        start_role("api", api, user, &key, &["--state-dir".to_owned(), state_dir])
    })?;
    await_answer(children, "api", api)?;
    children.keep("web", move || {
        let more = ["--api-url".to_owned(), format!("http://{api}")];
        start_role("web", settings.web, user, &web_key, &more)
    })?;
    await_answer(children, "web", settings.web)?;
    say(&format!("dashboard: http://{}/", settings.web));
    match login {
        Some((name, password)) => say(&format!("login:     {name}  password: {password}")),
        None => say("login:     as you have chosen it"),
    }
    Ok(())
}

/// A port of this machine alone that nobody has.
fn free_port() -> Result<SocketAddr> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let found = TcpListener::bind(any).and_then(|listener| listener.local_addr());
    found.context("there is no free port on 127.0.0.1 for the api")
}

fn start_role(
    role: &str,
    address: SocketAddr,
    user: &Option<String>,
    key: &WebKey,
    more: &[String],
) -> Result<Child> {
    let mut args = vec![
        "--host".to_owned(),
        address.ip().to_string(),
        "--port".to_owned(),
        address.port().to_string(),
        // What the agent says is news; that these listen is said below.
        "--log-level=warn".to_owned(),
        "--web-key=-".to_owned(),
    ];
    args.extend(user.iter().flat_map(|user| ["--user".to_owned(), user.clone()]));
    args.extend(more.iter().cloned());
    Ok(child::start(role, &args, Some(said(key)?), None)?)
}

/// What api and web share as long as this runs: on no disk, and in no environment.
fn made_key() -> WebKey {
    let mut bytes = [0; 32];
    random::fill(&mut bytes);
    WebKey::new(bytes)
}

/// A standard input that says the key.
fn said(key: &WebKey) -> Result<OwnedFd> {
    let (reader, mut writer) = std::io::pipe().context("cannot make a pipe")?;
    // It has room for far more.
    writer.write_all(key.digits().as_bytes()).context("cannot write to a pipe")?;
    Ok(reader.into())
}

fn await_answer(children: &mut Children<'_>, role: &'static str, at: SocketAddr) -> Result<()> {
    let began = Instant::now();
    // Who listens everywhere answers here.
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    loop {
        if TcpStream::connect_timeout(&SocketAddr::new(ip, at.port()), PATIENCE).is_ok() {
            return Ok(());
        }
        if let Some(status) = children.ended(role) {
            bail!("`decnet {role}` ended before it answered on {at}: {status}");
        }
        if began.elapsed() >= PATIENCE {
            bail!("`decnet {role}` does not answer on {at} after {} s", PATIENCE.as_secs());
        }
        if stop::is_asked() {
            return Ok(());
        }
        clock::pause(PAUSE);
    }
}
