//! `decnet join`: makes this machine a node of a master's fleet. Its keys are made here and stay.

mod clock;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::body::Body;
use axum::http::{Request, header};
use nix::unistd::Gid;

use crate::cli::WrongUse;
use crate::edge::fresh::Fresh;
use crate::edge::http::AskError;
use crate::edge::log::say;
use crate::edge::pki::{self, KeyRequest, Time};
use crate::edge::privileges::{Account, USER};
use crate::edge::{files, privileges};
use crate::logic::swarm::{Join, JoinToken, Joined, MasterUrl};
use crate::role::agent::remote::{MASTER_FILE, NAME};

/// How long the master may take.
const DEADLINE: Duration = Duration::from_secs(20);
/// Most bytes of its answer.
const MAX_ANSWER: usize = 256 * 1024;
/// Name of the updater's certificate and key.
const UPDATER: &str = "updater";

/// What `decnet join` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the master is.
    pub master: MasterUrl,
    /// What lets this machine in.
    pub token: JoinToken,
    /// Where the agent's identity goes.
    pub agent_dir: PathBuf,
    /// Where the updater's goes.
    pub updater_dir: PathBuf,
    /// Whether this machine is a node already, and comes back with new keys.
    pub rejoin: bool,
    /// Whose it is to be, when started as root.
    pub user: Option<String>,
}

impl Settings {
    /// Where a key is while its certificate is asked for: one that is in use stays where it is.
    fn key(&self, dir: &Path, name: &str) -> PathBuf {
        if self.rejoin { pki::next_key(dir, name) } else { dir.join(format!("{name}.key")) }
    }
}

/// Joins.
///
/// # Errors
///
/// When there is an identity already, or the master does not take the token: then nothing is left
/// of what was made. Where it is not known whether it did, the next try uses the same keys.
pub fn run(settings: &Settings) -> Result<()> {
    let certificate = settings.agent_dir.join(format!("{NAME}.crt"));
    if !settings.rejoin && files::read(&certificate)?.is_some() {
        let dir = settings.agent_dir.display();
        let message = format!(
            "this machine is a node already: its identity is in `{dir}`; to join \
                               anew, remove that first"
        );
        return Err(WrongUse(message).into());
    }
    let reader = |role| reader(role, settings.user.as_deref());
    let (of_agent, of_updater) = (reader("agent")?, reader(UPDATER)?);
    let mut fresh = Fresh::default();
    take(&mut fresh, &settings.agent_dir, of_agent)?;
    take(&mut fresh, &settings.updater_dir, of_updater)?;
    let agent = key(&mut fresh, &settings.key(&settings.agent_dir, NAME))?;
    let updater = key(&mut fresh, &settings.key(&settings.updater_dir, UPDATER))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let joined = match runtime.block_on(ask(settings, &agent, &updater)) {
        Err(Unjoined::Refused(error)) => return Err(error),
        Err(Unjoined::Unknown(error)) => {
            fresh.keep();
            return Err(error);
        }
        Ok(joined) => {
            fresh.keep();
            joined
        }
    };
    let ca = &joined.ca_cert_pem;
    match &joined.updater_cert_pem {
        Some(certificate) => {
            pki::write(&settings.updater_dir, UPDATER, ca, certificate, &updater.key_pem)?;
        }
        None if settings.rejoin => {}
        None => {
            files::remove(&settings.updater_dir.join(format!("{UPDATER}.key")))?;
            // It may have been there before, with something in it.
            drop(std::fs::remove_dir(&settings.updater_dir));
        }
    }
    let master = settings.master.to_string();
    files::replace(&settings.agent_dir.join(MASTER_FILE), master.as_bytes())?;
    // The certificate last: with it, the machine is a node.
    pki::write(&settings.agent_dir, NAME, ca, &joined.worker_cert_pem, &agent.key_pem)?;
    if settings.rejoin {
        // They are no longer waited for.
        for (dir, name) in [(&settings.agent_dir, NAME), (&settings.updater_dir, UPDATER)] {
            files::remove(&pki::next_key(dir, name))?;
        }
    }
    give(&settings.agent_dir, of_agent)?;
    if joined.updater_cert_pem.is_some() {
        give(&settings.updater_dir, of_updater)?;
    }
    let Joined { name, address, agent_port, .. } = joined;
    say(&format!(
        "this machine is the node {name}: the master reaches it at {address}:{agent_port}"
    ));
    say("start its agent with `systemctl enable --now decnet-agent`, or with `decnet agent`");
    Ok(())
}

/// The key of a try before this, or a new one.
fn key(fresh: &mut Fresh, path: &Path) -> Result<KeyRequest> {
    if let Some(bytes) = files::read_of_owner(path)? {
        let text = String::from_utf8(bytes).unwrap_or_default();
        return KeyRequest::with_key(&text)
            .with_context(|| format!("`{}` is no key: remove it", path.display()));
    }
    let request = KeyRequest::make()?;
    fresh.write(path, request.key_pem.as_bytes())?;
    Ok(request)
}

/// What came of asking to join, when this machine did not.
enum Unjoined {
    /// The master does not know the keys.
    Refused(anyhow::Error),
    /// It may: the next try is to use them.
    Unknown(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Unjoined {
    fn from(error: E) -> Self {
        Self::Unknown(error.into())
    }
}

async fn ask(
    settings: &Settings,
    agent: &KeyRequest,
    updater: &KeyRequest,
) -> Result<Joined, Unjoined> {
    let master = &settings.master;
    let server = clock::server(settings, Time::Now)?;
    let join = Join {
        token: settings.token.to_string(),
        agent_csr_pem: agent.csr_pem.clone(),
        updater_csr_pem: Some(updater.csr_pem.clone()),
    };
    let request = Request::post("/join")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(serde_json::to_vec(&join)?))?;
    let asked = tokio::time::timeout(DEADLINE, server.ask(request, MAX_ANSWER)).await;
    let asked = asked.ok().with_context(|| format!("{master} takes too long"))?;
    if let Err(AskError::Stranger { source, .. }) = &asked
        && pki::is_of_time(source)
    {
        return Err(Unjoined::Refused(anyhow!(clock::wrong(settings).await?)));
    }
    let (status, bytes) = asked.map_err(|error| match error {
        AskError::Connect { .. } | AskError::Late { .. } => Unjoined::Refused(
            WrongUse(format!(
                "cannot reach the master at {master} ({:#}): is `decnet swarmctl` running there, \
                 and is its node port open?",
                anyhow::Error::from(error)
            ))
            .into(),
        ),
        AskError::Stranger { source, .. } => {
            Unjoined::Refused(anyhow::Error::from(source).context(format!(
                "{master} is not the master that the token is of, nothing was told to it"
            )))
        }
        other => other.into(),
    })?;
    if !status.is_success() {
        let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let detail = body.get("detail").and_then(serde_json::Value::as_str);
        let error = anyhow!("{master}: {}", detail.unwrap_or(status.as_str()));
        let refused = status.is_client_error();
        return Err(if refused { Unjoined::Refused(error) } else { Unjoined::Unknown(error) });
    }
    Ok(serde_json::from_slice(&bytes)
        .context("the master answers what this release cannot read")?)
}

/// Whoever serves with an identity of this role, and whether he may write it; `None` when it stays
/// root's.
fn reader(role: &str, user: Option<&str>) -> Result<Option<Reader>> {
    if !privileges::is_root() {
        return Ok(None);
    }
    match (privileges::daemon(role, Some(user.unwrap_or(USER))), user) {
        (Ok(account), _) => {
            let group = privileges::group_of(role).filter(|group| *group == account.gid);
            Ok(Some(group.map_or(Reader::User(account), Reader::Group)))
        }
        (Err(_), None) => Ok(None),
        (Err(error), Some(_)) => Err(error.into()),
    }
}

/// Whoever serves with an identity.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// A daemon with a group of its own: it reads what is root's.
    Group(Gid),
    /// A user: it is his.
    User(Account),
}

/// Makes the directory of an identity root's until it is given, so that nobody leads root elsewhere.
fn take(fresh: &mut Fresh, dir: &Path, reader: Option<Reader>) -> Result<()> {
    let above = dir.parent().filter(|above| reader.is_some() && !above.as_os_str().is_empty());
    let is_ours = |above: &&Path| {
        !above.exists() || files::is_owned_by(above, privileges::account(Some(USER)).ok())
    };
    let above = above.filter(is_ours);
    if let Some(above) = above.filter(|above| above.exists()) {
        files::take_dir(above)?;
    }
    fresh.make_dir(dir)?;
    if let Some(above) = above {
        files::take_dir(above)?;
    }
    if reader.is_some() {
        files::take_dir(dir)?;
    }
    Ok(())
}

/// Gives what was made to whoever serves with it.
fn give(dir: &Path, reader: Option<Reader>) -> Result<()> {
    let Some(reader) = reader else { return Ok(()) };
    let mut entries = Vec::new();
    for entry in
        std::fs::read_dir(dir).with_context(|| format!("cannot read `{}`", dir.display()))?
    {
        entries.push(entry?.path());
    }
    match reader {
        Reader::Group(group) => {
            entries.iter().try_for_each(|path| files::show(path, group, 0o640))?;
            files::show(dir, group, 0o750)?;
        }
        Reader::User(account) => {
            entries.iter().try_for_each(|path| files::give(path, account))?;
            files::show(dir, account.gid, 0o700)?;
            files::give(dir, account)?;
        }
    }
    Ok(())
}
