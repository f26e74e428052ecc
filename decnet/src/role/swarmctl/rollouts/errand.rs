//! Bringing a release to one node, from the first byte to what came of it.
//!
//! Every step may be done again: what was sent is asked for before more is sent, and whoever may
//! have been told is asked what came of it before it is told again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use super::updater::{Answer, Attempt, Part, SILENCE, TELL_DEADLINE, Trouble, Updater};
use super::{engine, forgive, parcel};
use crate::edge::bundles::Sent;
use crate::edge::hosts::{NodeRow, RolloutRow};
use crate::logic::release::Digest;
use crate::logic::rollout::{NodeState, Offer, OwnState, Policy, Skip, Well};
use crate::logic::swarm::Host;
use crate::role::swarmctl::app::App;

/// How long an updater has to become the release itself, and to prove that from outside; or to be
/// put back by the release before.
const OWN_DEADLINE: Duration = Duration::from_secs(240);
/// How long is waited before something is asked again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often something is tried that makes no headway.
const TRIES: usize = 5;
/// The same of an upload that the updater answers about.
const HEADWAY: usize = 60;

/// In which ways a release is sent, in this order.
const WAYS: [Way; 2] = [Way::Parcel, Way::Whole];

/// How a release is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// What the node has not.
    Parcel,
    /// All of it, to a node that cannot build on what it has.
    Whole,
}

/// What becomes of an updater itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// It is the release, or is becoming it.
    Is,
    /// The rollout was given up before it was told.
    NotTold,
}

/// What is to be done with one node.
pub(super) struct Errand {
    app: Arc<App>,
    rollout: Uuid,
    offer: Offer,
    policy: Policy,
    host: Uuid,
    attempt: String,
    updater: Updater,
    whole: Sent,
}

/// What its place in the rollout says of a node before it is asked anything.
pub(super) fn errand(
    app: &Arc<App>,
    row: &RolloutRow,
    node: &NodeRow,
    host: &Host,
) -> Result<Errand, NodeState> {
    if host.updater_cert_fingerprint.is_none() {
        return Err(NodeState::Skipped { skip: Skip::NoUpdater });
    }
    let policy = row.rollout.policy;
    let whole = app.rolling.bundles.whole(row.offer.sha256).ok_or_else(|| {
        let why = "the master has not kept the bundle: begin another rollout of it".to_owned();
        NodeState::Failed { why, status: None }
    })?;
    Ok(Errand {
        app: app.clone(),
        rollout: row.id,
        offer: row.offer.clone(),
        policy,
        host: host.host_uuid,
        attempt: node.attempt.clone(),
        updater: Updater::of(app, host, policy.updater_port)?,
        whole,
    })
}

impl Errand {
    /// Brings it to the agent, and to the updater where that is wanted and the agent is well.
    pub(super) async fn run(&self, node: &NodeRow) -> NodeState {
        let (rollout, host) = (self.rollout, self.host);
        let agent = match &node.agent {
            Some(agent) => agent.clone(),
            None => self.agent(node.told).await.unwrap_or_else(NodeState::from),
        };
        if !self.policy.include_self || matches!(agent, NodeState::Offline { .. }) {
            return agent;
        }
        let own = if agent.is_well() {
            engine::note(self.app.hosts().agent_ended(rollout, host, &agent));
            self.own().await
        } else {
            OwnState::Skipped
        };
        engine::note(self.app.hosts().own_ended(rollout, host, &own));
        match (own, Well::of(&agent)) {
            // A node whose updater is not well cannot be updated again: that is no less a failure.
            (OwnState::Failed { why, .. }, Some(then)) => NodeState::SelfFailed { then, why },
            _ => agent,
        }
    }

    async fn agent(&self, told: bool) -> Result<NodeState, Trouble> {
        let target = self.offer.digest;
        let mut last = None;
        for way in WAYS {
            let attempt = self.attempt(way, Part::Agent);
            let before = if told { self.outcome(&attempt).await? } else { None };
            let answer = match before {
                Some(answer) => answer,
                None => {
                    let current = self.current().await?;
                    if current == Some(target) && !self.is_busy().await? {
                        let was_told = told || last.is_some();
                        return Ok(if was_told {
                            NodeState::Updated
                        } else {
                            NodeState::Unchanged
                        });
                    }
                    let sent = self.send(way, current).await?;
                    if !engine::may_try(&self.app, self.rollout, self.host).await {
                        return Ok(NodeState::Skipped { skip: Skip::Aborted });
                    }
                    self.tell(Part::Agent, sent, &attempt).await?
                }
            };
            if !answer.lacks_base() {
                return Ok(state(&answer));
            }
            last = Some(answer);
        }
        Err(last.map_or_else(|| Trouble::Wrong("it was told nothing".into()), |it| it.declined()))
    }

    /// What an attempt is called. The updater takes each name once.
    fn attempt(&self, way: Way, part: Part) -> String {
        let part = if part == Part::Updater { "-self" } else { "" };
        let way = if way == Way::Whole { "-whole" } else { "" };
        format!("{}{part}{way}", self.attempt)
    }

    /// What the agent is.
    async fn current(&self) -> Result<Option<Digest>, Trouble> {
        let releases = self.updater.releases().await?;
        forgive::remember(&self.app, self.host, &releases);
        Ok(releases.agent.current.map(|slot| slot.digest))
    }

    async fn is_busy(&self) -> Result<bool, Trouble> {
        Ok(self.updater.health().await?.is_busy())
    }

    async fn own(&self) -> OwnState {
        match self.own_steps().await {
            Ok(Own::Is) => OwnState::Done,
            Ok(Own::NotTold) => OwnState::Skipped,
            Err(Trouble::Declined { status, detail }) => {
                OwnState::Failed { why: detail, status: Some(status) }
            }
            Err(Trouble::Away(why) | Trouble::Wrong(why)) => OwnState::Failed { why, status: None },
        }
    }

    async fn own_steps(&self) -> Result<Own, Trouble> {
        let target = self.offer.digest;
        let health = self.updater.health().await?;
        if health.release == Some(target) {
            if !health.is_busy() {
                return Ok(Own::Is);
            }
        } else if self.tell_own().await? == Own::NotTold {
            return Ok(Own::NotTold);
        }
        let until = Instant::now() + OWN_DEADLINE;
        while Instant::now() < until {
            // As long as it is on trial it may still go back.
            let health = timeout_at(until, self.updater.health()).await;
            if let Ok(Ok(health)) = health
                && !health.is_busy()
            {
                if health.release == Some(target) {
                    return Ok(Own::Is);
                }
                self.own_was_taken_back().await?;
            }
            sleep(PAUSE).await;
        }
        let (short, seconds) = (target.short(), OWN_DEADLINE.as_secs());
        Err(Trouble::Wrong(format!("it did not become release {short} within {seconds} s")))
    }

    /// Asks an updater that is another release what became of this one: an error when it was tried
    /// and has failed.
    async fn own_was_taken_back(&self) -> Result<(), Trouble> {
        for way in WAYS {
            let attempt = self.attempt(way, Part::Updater);
            let found = match self.updater.attempt(&attempt).await {
                Ok(found) => found.and_then(Attempt::answer),
                // It is asked again.
                Err(_) => None,
            };
            match found {
                Some(answer) if !answer.lacks_base() && answer.status >= 400 => {
                    return Err(answer.declined());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has the updater become what the agent is: it builds on that.
    async fn tell_own(&self) -> Result<Own, Trouble> {
        let mut last = None;
        for way in WAYS {
            let sent = self.send(way, Some(self.offer.digest)).await?;
            let attempt = self.attempt(way, Part::Updater);
            if !engine::may_try(&self.app, self.rollout, self.host).await {
                return Ok(Own::NotTold);
            }
            match self.tell(Part::Updater, sent, &attempt).await {
                Ok(Answer { status: 200..300, .. }) | Err(Trouble::Away(_)) => return Ok(Own::Is),
                Ok(answer) if answer.lacks_base() => last = Some(answer),
                Ok(answer) => return Err(answer.declined()),
                Err(error) => return Err(error),
            }
        }
        Err(last.map_or_else(|| Trouble::Wrong("it was told nothing".into()), |it| it.declined()))
    }

    /// What is sent to a node that has the release `base`.
    async fn sent(&self, way: Way, base: Option<Digest>) -> Sent {
        match way {
            Way::Parcel => parcel::sent(&self.app, &self.whole, base).await,
            Way::Whole => self.whole.clone(),
        }
    }

    /// Sends what the updater does not have; what that is called.
    async fn send(&self, way: Way, base: Option<Digest>) -> Result<Digest, Trouble> {
        let sent = self.sent(way, base).await;
        let (mut most, mut tries) = (None, 0);
        let mut last = Trouble::Wrong("it takes bytes and does not keep them".to_owned());
        while tries < HEADWAY {
            let offset = match self.updater.offset(sent.sha256).await {
                Err(error @ Trouble::Away(_)) if most.is_some() => {
                    (last, tries) = (error, tries + HEADWAY / TRIES);
                    sleep(PAUSE).await;
                    continue;
                }
                offset => offset?,
            };
            if offset == sent.bytes {
                return Ok(sent.sha256);
            }
            if most.is_none_or(|most| offset > most) {
                // Headway begins the count anew.
                tries = 0;
            } else {
                // What broke off may still be held there.
                tries += 1;
                sleep(PAUSE).await;
            }
            most = most.max(Some(offset));
            match self.updater.append(&sent, offset).await {
                Ok(()) => {}
                Err(error @ Trouble::Away(_)) => {
                    last = error;
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Tells it what to install, and waits for what comes of it. When the connection breaks, that
    /// is looked up; when it never heard, it is told again.
    async fn tell(&self, part: Part, sha256: Digest, attempt: &str) -> Result<Answer, Trouble> {
        let until = Instant::now() + TELL_DEADLINE;
        let mut tries = 0;
        loop {
            let last = match self.updater.tell(part, sha256, attempt).await {
                Ok(answer) => match answer.busy() {
                    Some(other) if other == attempt => None,
                    Some(_) if Instant::now() < until => {
                        sleep(4 * PAUSE).await;
                        continue;
                    }
                    // It may know this very attempt, or still hold what was sent before.
                    None if answer.status == 409 && !answer.rolled_back() => {
                        Some(Trouble::Declined { status: 409, detail: answer.detail() })
                    }
                    _ => return Ok(answer),
                },
                Err(error @ Trouble::Away(_)) => Some(error),
                Err(error) => return Err(error),
            };
            if let Some(answer) = self.outcome(attempt).await? {
                return Ok(answer);
            }
            tries += 1;
            if tries >= TRIES || Instant::now() >= until {
                let never = || Trouble::Wrong("it forgets what it was told".to_owned());
                return Err(last.unwrap_or_else(never));
            }
            sleep(PAUSE).await;
        }
    }

    /// What came of an attempt, once it has ended; `None` when the updater knows of none.
    async fn outcome(&self, attempt: &str) -> Result<Option<Answer>, Trouble> {
        let until = Instant::now() + TELL_DEADLINE;
        // A node that is away is not waited for as long as one that is busy.
        let mut away = None;
        loop {
            match self.updater.attempt(attempt).await {
                Ok(None) => return Ok(None),
                Ok(Some(found)) => match found.answer() {
                    Some(answer) => return Ok(Some(answer)),
                    None => away = None,
                },
                Err(error @ Trouble::Away(_)) => {
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() >= SILENCE {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
            if Instant::now() >= until {
                let seconds = TELL_DEADLINE.as_secs();
                return Err(Trouble::Wrong(format!("it has not ended after {seconds} s")));
            }
            sleep(PAUSE).await;
        }
    }
}

/// What an answer says of the node.
fn state(answer: &Answer) -> NodeState {
    let word = answer.body.get("status").and_then(Value::as_str);
    match answer.status {
        200 if word == Some("unchanged") => NodeState::Unchanged,
        200 => NodeState::Updated,
        _ if answer.rolled_back() => NodeState::RolledBack { why: answer.detail() },
        status => NodeState::Failed { why: answer.detail(), status: Some(status) },
    }
}
