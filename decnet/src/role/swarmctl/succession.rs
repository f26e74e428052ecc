//! Another authority takes the place of this one: `logic::swarm::succession` decides, and it is
//! carried out here. Agents and updaters hear of it by notices and get their certificates by the
//! renewals that there are anyway; until the end the master shows the certificate that all know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use uuid::Uuid;

use super::app::App;
use super::problem::Problem;
use crate::edge::clock;
use crate::edge::hosts::HostsError;
use crate::edge::pki::{Authorities, Authority, Certified, Issued, Wish};
use crate::logic::swarm::succession::{
    Effect, Event, Member, Phase, Progress, Rotate, Standing, Succession,
};
use crate::logic::swarm::{Certificates, Host, HostStatus, Part};
use crate::logic::trust::Fingerprint;

/// How often it is looked whether anybody is waited for.
const LOOK: Duration = Duration::from_secs(1);

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/swarm/ca", get(look)).route("/swarm/ca/rotate", post(rotate))
}

async fn look(State(app): State<Arc<App>>) -> Result<Json<Standing>, Problem> {
    Ok(Json(standing(&app)?))
}

fn standing(app: &App) -> Result<Standing, HostsError> {
    let succession = app.hosts().succession()?;
    let nodes = match &succession {
        Some(succession) => app.hosts().members(succession, None)?,
        None => Vec::new(),
    };
    let authorities = app.authorities();
    let (authority, until) =
        (authorities.current().fingerprint(), authorities.current().validity().until);
    Ok(Standing { authority, until, succession, nodes })
}

/// Begins, or says whom not to wait for; ends it at once where that is asked for and nobody is behind.
async fn rotate(
    State(app): State<Arc<App>>,
    body: Result<Json<Rotate>, JsonRejection>,
) -> Result<Json<Standing>, Problem> {
    let Json(Rotate { leave, finish }) = body?;
    let left = leave.iter().map(|name| find(&app, name)).collect::<Result<BTreeSet<_>, _>>()?;
    let under_way = |it: &Succession| it.phase != Phase::Ended;
    let is_under_way = app.hosts().succession()?.is_some_and(|now| under_way(&now));
    if !is_under_way && !finish {
        begin(&app)?;
    }
    if !left.is_empty() {
        happen(&app, Event::Leave(left))?;
    }
    if finish {
        let behind = if is_under_way { behind(&app)? } else { Vec::new() };
        if !behind.is_empty() {
            let detail = format!(
                "these nodes have no certificate of the new authority yet: {}; \
                                  --leave NAME leaves one behind",
                behind.join(", ")
            );
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
        happen(&app, Event::Complete)?;
    }
    Ok(Json(standing(&app)?))
}

fn find(app: &App, name: &str) -> Result<Uuid, Problem> {
    let hosts = app.hosts().list(None)?;
    let is_it = |host: &&Host| {
        host.status != HostStatus::Decommissioned
            && (host.name.as_str() == name || host.host_uuid.to_string() == name)
    };
    let unknown = || {
        let shown: String = name.chars().flat_map(char::escape_default).take(80).collect();
        let detail = format!("there is no node `{shown}`: see `decnet swarm list`");
        Problem::new(StatusCode::NOT_FOUND, detail)
    };
    hosts.iter().find(is_it).map(|host| host.host_uuid).ok_or_else(unknown)
}

/// The names of those that keep it from ending.
fn behind(app: &App) -> Result<Vec<String>, HostsError> {
    let Some(now) = app.hosts().succession()? else { return Ok(Vec::new()) };
    let members = app.hosts().members(&now, None)?;
    Ok(now.behind(&members).into_iter().map(|member| member.name.to_string()).collect())
}

/// Makes another authority and has both trusted.
fn begin(app: &App) -> Result<(), Problem> {
    let before = app.authorities();
    let both = before.with_next(app.ca_dir(), clock::now())?;
    let new = both.newest().fingerprint();
    app.take_on(both)?;
    let old = before.current().fingerprint();
    let begun = happen(app, Event::Begin { old, new, at: clock::now() });
    if begun.is_err()
        && !app.hosts().succession().is_ok_and(|now| now.is_some_and(|it| it.new == new))
    {
        // Nobody has heard of it.
        app.take_on(before.without_next(app.ca_dir())?)?;
    }
    begun?;
    tracing::warn!(%old, %new, "the authority is being replaced: both are trusted");
    Ok(())
}

/// Something happens: it is written down, then carried out.
fn happen(app: &App, event: Event) -> Result<(), Problem> {
    let effects = write(app, event)?;
    carry_out(app, effects)
}

fn write(app: &App, event: Event) -> Result<Vec<Effect>, Problem> {
    let now = app.hosts().succession()?;
    let (next, effects) = Succession::step(now.as_ref(), event)
        .map_err(|error| Problem::new(StatusCode::CONFLICT, error.to_string()))?;
    app.hosts().write_succession(&next, clock::now())?;
    Ok(effects)
}

fn carry_out(app: &App, mut effects: Vec<Effect>) -> Result<(), Problem> {
    effects.reverse();
    while let Some(effect) = effects.pop() {
        match effect {
            Effect::Announce => app.give_notice()?,
            Effect::Promote => {
                app.take_on(Authorities::promoted(app.ca_dir(), clock::now())?)?;
                let next = write(app, Event::Promoted(clock::now()))?;
                effects.extend(next.into_iter().rev());
                let authority = app.authorities().current().fingerprint();
                tracing::warn!(%authority, "another authority is in the place of the old one");
            }
        }
    }
    Ok(())
}

/// Goes on at a start where the one before was when it ended.
pub(super) fn resume(app: &App) -> Result<()> {
    let failed = |problem: Problem| anyhow!("{problem}");
    let authorities = app.authorities();
    let new = authorities.next().map(|next| next.fingerprint());
    let now = app.hosts().succession()?;
    match now {
        Some(now) if now.phase == Phase::Ending => carry_out(app, now.resume()).map_err(failed)?,
        Some(now) if now.phase == Phase::Spreading && new != Some(now.new) => {
            let is_placed = authorities.current().fingerprint() == now.new;
            let event = if is_placed { Event::Complete } else { Event::Lost(clock::now()) };
            let new = now.new;
            tracing::error!(%new, is_placed, "the authority is who has its key, not who is written down");
            app.take_on(authorities.without_next(app.ca_dir())?)?;
            happen(app, event).map_err(failed)?;
        }
        Some(now) if now.phase == Phase::Spreading => {}
        // It was made, and nobody was told of it.
        _ if new.is_some() => app.take_on(authorities.without_next(app.ca_dir())?)?,
        _ => {}
    }
    Ok(())
}

/// Ends it when nobody is waited for any more.
pub(super) async fn watch(app: Arc<App>) {
    let mut said = String::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let ended = end(&app);
        let why = ended.err().map(|problem| problem.to_string()).unwrap_or_default();
        if !why.is_empty() && why != said {
            tracing::error!(error = why, "the authority cannot be replaced: it is tried again");
        }
        said = why;
    }
}

fn end(app: &App) -> Result<(), Problem> {
    let now = app.hosts().succession()?;
    match now {
        Some(now) if now.phase == Phase::Ending => carry_out(app, now.resume()),
        Some(now) if now.phase == Phase::Spreading && behind(app)?.is_empty() => {
            happen(app, Event::Complete)
        }
        _ => Ok(()),
    }
}

/// Marks certificates that are not of the newest authority, where another is that of before.
pub(super) fn mark(app: &App, known: &mut BTreeMap<Uuid, Certificates>) -> Result<(), HostsError> {
    let Some(now) = app.hosts().succession()? else { return Ok(()) };
    for member in app.hosts().members(&now, None)? {
        for (part, progress) in [(Part::Agent, Some(member.agent)), (Part::Updater, member.updater)]
        {
            let behind = progress.filter(|it| *it < Progress::Renewed);
            known.entry(member.host).or_default().of_mut(part).behind = behind;
        }
    }
    Ok(())
}

/// A daemon of a node says which authorities it trusts.
pub(super) fn heard(
    app: &App,
    host: Uuid,
    part: Part,
    trusts: &BTreeSet<Fingerprint>,
) -> Result<(), HostsError> {
    if trusts.is_empty() || app.hosts().succession()?.is_none() {
        return Ok(());
    }
    app.hosts().trusts(host, part, trusts)
}

/// Whether a daemon of a node is to have another certificate now, though its own is good.
pub(super) fn wants_another(app: &App, host: Uuid, part: Part) -> Result<bool, HostsError> {
    let Some((now, member)) = member(app, host)? else { return Ok(false) };
    let progress = match part {
        Part::Agent => Some(member.agent),
        Part::Updater => member.updater,
    };
    Ok(progress.is_some_and(|it| it < Progress::Renewed) && now.may_renew(&member))
}

/// The nodes whose updaters are to be looked at for it.
pub(super) fn to_visit(app: &App) -> Result<BTreeSet<Uuid>, HostsError> {
    let Some(now) = app.hosts().succession()? else { return Ok(BTreeSet::new()) };
    let last = if now.phase == Phase::Ended { Progress::Settled } else { Progress::Renewed };
    let members = app.hosts().members(&now, None)?.into_iter();
    let waits = |member: &Member| member.updater.is_some_and(|it| it < last);
    Ok(members.filter(waits).map(|member| member.host).collect())
}

fn member(app: &App, host: Uuid) -> Result<Option<(Succession, Member)>, HostsError> {
    let Some(now) = app.hosts().succession()? else { return Ok(None) };
    let mut members = app.hosts().members(&now, Some(host))?;
    Ok(members.pop().map(|member| (now, member)))
}

/// For whom a certificate is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holder {
    /// Somebody who is given all authorities with it.
    Given,
    /// A node that trusts whom it has heard of.
    Known(Uuid),
}

/// Whoever signs for a node: for one that is given all authorities the newest, for one that has an
/// identity the newest that all of its daemons trust.
fn signer(app: &App, holder: Holder) -> Result<Arc<Authority>, HostsError> {
    let authorities = app.authorities();
    let may = match holder {
        Holder::Given => true,
        Holder::Known(_) if authorities.next().is_none() => true,
        Holder::Known(host) => member(app, host)?.is_some_and(|(now, it)| now.may_renew(&it)),
    };
    Ok(if may { authorities.newest().clone() } else { authorities.current().clone() })
}

/// Makes a key and a certificate for a new node.
pub(super) fn issue(app: &App, wish: &Wish<'_>) -> Result<Issued, Problem> {
    let (authority, now) = (signer(app, Holder::Given)?, clock::now());
    let issued = authority.issue(wish, now)?;
    app.hosts().issued(issued.certified.fingerprint, authority.fingerprint(), now)?;
    Ok(issued)
}

/// Makes a certificate for a key that its holder has made.
pub(super) fn sign(
    app: &App,
    holder: Holder,
    csr_pem: &str,
    wish: &Wish<'_>,
) -> Result<Certified, Problem> {
    let (authority, now) = (signer(app, holder)?, clock::now());
    let certified = authority.sign(csr_pem, wish, now)?;
    app.hosts().issued(certified.fingerprint, authority.fingerprint(), now)?;
    Ok(certified)
}
