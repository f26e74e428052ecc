//! Certificates of updaters, which only answer: they are brought another before theirs ends, or when
//! an operator has said that their node is to be taken back. And what is told of certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use futures_util::{StreamExt as _, stream};
use rustls::ClientConfig;
use uuid::Uuid;

use super::app::App;
use super::nodes::{self, DEADLINE, HEALTH, Question};
use super::problem::Problem;
use super::succession::{self, Holder};
use crate::edge::pki::{self, Authorize, Certified, PkiError, Wish};
use crate::edge::sinks::{Sinks, ToJournal};
use crate::edge::{clock, random};
use crate::logic::credential::{Credential, Reminder, Standing, Validity};
use crate::logic::event::{Kind, Stamp};
use crate::logic::metrics::{self, Gauge};
use crate::logic::swarm::{
    AUTHORITIES, Certificate, Certificates, Checked, Enroll, Host, HostStatus, MASTER, Part, Renew,
    Renewed, Shown,
};
use crate::logic::time::Timestamp;
use crate::logic::trust::{Caller, CertRole, Fingerprint};
use crate::role::credentials;

/// How often it is looked whose certificate is to be renewed.
const LOOK: Duration = Duration::from_secs(10);
/// After how long one that could not be renewed is tried again: it may just be starting.
const SOON: Duration = Duration::from_secs(10);
/// And after how long at most, for each time it waits twice as long.
const LATE: Duration = Duration::from_secs(3_600);
/// Updaters asked at a time.
const AT_ONCE: usize = 16;
/// Most bytes of an answer.
const MOST: usize = 64 * 1024;

const SHOW: Question =
    Question { method: "GET", path: "/identity", deadline: DEADLINE, most: MOST };
const REQUEST: Question =
    Question { method: "POST", path: "/identity/request", deadline: DEADLINE, most: MOST };
const BRING: Question =
    Question { method: "PUT", path: "/identity", deadline: DEADLINE, most: MOST };

/// Does so from now on.
pub(super) async fn watch(app: Arc<App>) {
    let (mut tried, mut said) = (BTreeMap::new(), BTreeMap::new());
    let mut teller = Teller::new();
    loop {
        match known(&app) {
            Ok(all) => {
                teller.tell(&app, &all);
                let asked = succession::to_visit(&app).unwrap_or_default();
                show_itself(&app, &all).await;
                let due: Vec<Host> = due(all, &asked, &tried);
                let visits = stream::iter(due).map(|host| visit(&app, host));
                let ended: Vec<Ended> = visits.buffer_unordered(AT_ONCE).collect().await;
                take_note(ended, &mut tried, &mut said);
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "cannot look whose certificate ends");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows the master to agents that may come back: they renew what has ended themselves, and one that was
/// enrolled by hand may not know where.
async fn show_itself(app: &App, all: &[(Host, Certificates)]) {
    let now = clock::now();
    let is_open =
        |(host, known): &(Host, Certificates)| known.agent.is_open(now).then(|| host.clone());
    let open: Vec<Host> = all.iter().filter_map(is_open).collect();
    let asked = stream::iter(open).map(|host| async move {
        let answer = nodes::ask::<serde_json::Value>(app, &host, HEALTH, None::<&()>).await;
        (host, answer)
    });
    let mut asked = asked.buffer_unordered(AT_ONCE);
    while let Some((host, answer)) = asked.next().await {
        if let Err(error) = answer {
            let error = format!("{error:#}");
            tracing::debug!(name = %host.name, error, "a node that may come back is away");
        }
    }
}

/// The nodes that are part of the fleet, and what is known of their certificates.
fn known(app: &App) -> Result<Vec<(Host, Certificates)>> {
    let all = app.hosts().list(None)?;
    let mut certificates = app.hosts().certificates()?;
    let in_fleet = all.into_iter().filter(|host| host.status != HostStatus::Decommissioned);
    let with = |host: Host| {
        let known = certificates.remove(&host.host_uuid).unwrap_or_default();
        (host, known)
    };
    Ok(in_fleet.map(with).collect())
}

/// Whose updater is to be visited now.
fn due(
    all: Vec<(Host, Certificates)>,
    asked: &BTreeSet<Uuid>,
    tried: &BTreeMap<Uuid, Tried>,
) -> Vec<Host> {
    let now = clock::now();
    let is_due = |(host, known): (Host, Certificates)| {
        host.updater_cert_fingerprint?;
        let certificate = known.updater;
        let open = certificate.is_open(now);
        let wanted = open || wants_another(&certificate, now) || asked.contains(&host.host_uuid);
        let waits = |tried: &Tried| !open && tried.at.elapsed() < tried.wait;
        (wanted && !tried.get(&host.host_uuid).is_some_and(waits)).then_some(host)
    };
    all.into_iter().filter_map(is_due).collect()
}

/// Whether it is not known when a certificate ends, or it ends soon, or its successor was brought and
/// not seen. One that has ended waits for an operator.
fn wants_another(certificate: &Certificate, now: Timestamp) -> bool {
    match certificate.standing(now) {
        None => true,
        Some(Standing::Ended { .. }) => false,
        Some(standing) => {
            certificate.next.is_some()
                || standing.days_left() <= crate::logic::credential::RENEW_DAYS
        }
    }
}

/// When a node was visited in vain, and how long the next visit waits.
struct Tried {
    at: Instant,
    wait: Duration,
}

/// Which node was visited, and why its certificate could not be looked after if it could not.
type Ended = (Uuid, Option<String>);

async fn visit(app: &App, host: Host) -> Ended {
    let renewed = renew(app, &host, app.updater_port).await;
    (host.host_uuid, renewed.err().map(|error| format!("{error:#}")))
}

/// Notes whom to try again later, and says why where that is another reason than the last time.
fn take_note(
    ended: Vec<Ended>,
    tried: &mut BTreeMap<Uuid, Tried>,
    said: &mut BTreeMap<Uuid, String>,
) {
    for (host, why) in ended {
        let Some(error) = why else {
            tried.remove(&host);
            said.remove(&host);
            continue;
        };
        let wait = tried.get(&host).map_or(SOON, |before| (2 * before.wait).min(LATE));
        tried.insert(host, Tried { at: Instant::now(), wait });
        if said.get(&host) != Some(&error) {
            tracing::warn!(node = %host, error, "cannot look after an updater's certificate");
            said.insert(host, error);
        }
    }
}

/// Renews an updater's certificate where it is time for that, before it is asked something else. What
/// goes wrong is found out by what follows.
pub(super) async fn before_asking(app: &App, host: &Host, port: u16) {
    let certificate = app.hosts().certificate(host.host_uuid, Part::Updater).unwrap_or_default();
    let now = clock::now();
    let is_due = certificate.until.is_some() && wants_another(&certificate, now);
    if (certificate.is_open(now) || is_due)
        && let Err(error) = renew(app, host, port).await
    {
        let (node, error) = (host.name.as_str(), format!("{error:#}"));
        tracing::debug!(node, error, "the updater's certificate cannot be looked after");
    }
}

/// Looks which certificate an updater shows, and brings it another when that is due. It may be done
/// again at any moment: the updater is taken for who it is by either, and the one that it was brought
/// counts when it was shown.
async fn renew(app: &App, host: &Host, port: u16) -> Result<()> {
    let id = host.host_uuid;
    let current = host.updater_cert_fingerprint.context("it has no updater")?;
    let known = app.hosts().certificate(id, Part::Updater)?;
    let both: Vec<Fingerprint> = [Some(current), known.next].into_iter().flatten().collect();
    let ask = async |question, body: Option<&Renewed>, known: &[Fingerprint]| {
        let config = config(app, known)?;
        nodes::ask_at::<serde_json::Value>(app, host, port, config, question, body).await
    };
    let shown: Shown = read(ask(SHOW, None, &both).await?)?;
    if Some(shown.fingerprint) == known.next {
        app.hosts().updater_renewed(id, shown.fingerprint, shown.until)?;
    } else {
        app.hosts().ends(id, Part::Updater, shown.until)?;
    }
    succession::heard(app, id, Part::Updater, &few(shown.trusts))?;
    let now = clock::now();
    let validity = Validity { from: Timestamp(0), until: shown.until };
    if !validity.is_due(now) && !succession::wants_another(app, id, Part::Updater)? {
        if known.is_open(now) {
            app.hosts().close_window(id, Part::Updater)?;
        }
        return Ok(());
    }
    if !validity.standing(now).is_good() && !known.is_open(now) {
        bail!("it has ended: `decnet swarm token --name {} --rejoin` takes it back", host.name);
    }
    let request: Renew = read(ask(REQUEST, None, &both).await?)?;
    let holder = (CertRole::Updater, Holder::Known(id));
    let signed =
        sign(app, host, holder, &request.csr_pem).map_err(|problem| anyhow!("{problem}"))?;
    app.hosts().updater_next(id, signed.fingerprint)?;
    let renewed = Renewed { cert_pem: signed.cert_pem };
    ask(BRING, Some(&renewed), &both).await?;
    // By this certificate alone it is known from now on.
    ask(SHOW, None, &[signed.fingerprint]).await?;
    app.hosts().updater_renewed(id, signed.fingerprint, signed.not_after)?;
    tracing::info!(name = %host.name, until = %signed.not_after, "renewed an updater's certificate");
    Ok(())
}

/// As many as a daemon can trust.
fn few(trusts: BTreeSet<Fingerprint>) -> BTreeSet<Fingerprint> {
    trusts.into_iter().take(AUTHORITIES).collect()
}

/// The updater of a node, by whichever of its certificates it has shown last or was brought.
pub(super) struct UpdaterOf {
    pub(super) app: Arc<App>,
    pub(super) host: Uuid,
}

impl fmt::Debug for UpdaterOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpdaterOf").field(&self.host).finish()
    }
}

impl Authorize for UpdaterOf {
    fn authorizes(&self, caller: &Caller) -> bool {
        let known = {
            let hosts = self.app.hosts();
            let host = hosts.host(self.host).ok().flatten();
            let next = hosts.certificate(self.host, Part::Updater).ok();
            [host.and_then(|host| host.updater_cert_fingerprint), next.and_then(|it| it.next)]
        };
        caller.role == CertRole::Updater && known.contains(&Some(caller.fingerprint))
    }
}

fn config(app: &App, known: &[Fingerprint]) -> pki::Result<ClientConfig> {
    pki::renewing_config(&app.master(), CertRole::Updater, known)
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).context("it answers what this release cannot read")
}

/// Signs another certificate for a node, with the names that are on record.
pub(super) fn sign(
    app: &App,
    host: &Host,
    (role, holder): (CertRole, Holder),
    csr_pem: &str,
) -> Result<Certified, Problem> {
    let wish = Enroll {
        name: host.name.to_string(),
        address: host.address.clone(),
        sans: host.sans.clone(),
        agent_port: host.agent_port,
        notes: String::new(),
        issue_updater_bundle: false,
    };
    let checked = wish.check();
    let Checked { name, addresses, names } =
        checked.map_err(|error| PkiError::Request(format!("of `{}`: {error}", host.name)))?;
    let wish = Wish { host: &name, role, addresses: &addresses, names: &names };
    succession::sign(app, holder, csr_pem, &wish)
}

/// When everything ends that the master keeps track of.
pub(super) fn gauge(app: &App) -> Gauge {
    let nodes = known(app).unwrap_or_default().into_iter().flat_map(|(host, known)| {
        let parts = [(Credential::Agent, known.agent), (Credential::Updater, known.updater)];
        let name = host.name.to_string();
        parts.map(|(which, it)| it.until.map(|until| (which, name.clone(), until)))
    });
    let own = [
        (Credential::Master, MASTER.to_owned(), app.master().validity.until),
        (Credential::Authority, MASTER.to_owned(), app.authorities().current().validity().until),
    ];
    metrics::ends(own.into_iter().chain(nodes.flatten()))
}

/// Tells of certificates that end, once a day each.
struct Teller {
    stamp: Stamp,
    sinks: Sinks,
    reminders: BTreeMap<(Option<Uuid>, &'static str), Reminder>,
}

impl Teller {
    fn new() -> Self {
        // Only a file of lines can fail to open.
        let sinks = Sinks::open(ToJournal::default(), None, "").unwrap_or_default();
        Self { stamp: Stamp::new(MASTER, random::uuid()), sinks, reminders: BTreeMap::new() }
    }

    fn tell(&mut self, app: &App, all: &[(Host, Certificates)]) {
        self.one(Credential::Master, None, MASTER, app.master().validity);
        let authority = app.authorities().current().validity();
        self.one(Credential::Authority, None, MASTER, authority);
        for (host, known) in all {
            let parts = [(Credential::Agent, known.agent), (Credential::Updater, known.updater)];
            for (credential, certificate) in parts {
                let Some(until) = certificate.until else { continue };
                let validity = Validity { from: Timestamp(0), until };
                self.one(credential, Some(host.host_uuid), host.name.as_str(), validity);
            }
        }
    }

    fn one(&mut self, which: Credential, host: Option<Uuid>, node: &str, validity: Validity) {
        let now = clock::now();
        let standing = validity.standing(now);
        let reminder = self.reminders.entry((host, which.row().name)).or_default();
        let Some(urgency) = reminder.ask(standing) else { return };
        credentials::warn(which, urgency, standing, node);
        let mut event = self.stamp.event(Kind::CredentialExpiring, now);
        event.data = which.data(validity, standing).with("of", node.to_owned());
        self.sinks.write(&event);
    }
}
