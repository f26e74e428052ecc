//! What the operator and the master want the deckies to be: one wish after the other.

use std::collections::{BTreeSet, VecDeque};

use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use super::control::Reply;
use super::engine::{Done, Engine, refuse};
use super::placing::{self, Mode, Placed};
use crate::logic::config::{self, DeckyWish};
use crate::logic::control::Answer;
use crate::logic::name::DeckyName;
use crate::logic::services::ServiceKind;
use crate::logic::swarm::{ADDRESSES, Count, Deployment, NodeNetwork, NodeReport, Order};

/// Wishes that have their turn one after the other: each is placed among what the last one left.
#[derive(Default)]
pub(super) struct Orders {
    /// The number of the master's last order; 0 before the first.
    pub(super) generation: Count,
    /// One is being placed.
    busy: bool,
    waiting: VecDeque<Wish>,
}

impl Orders {
    /// Those of an agent that has taken this order already.
    pub(super) fn after(generation: Count) -> Self {
        Self { generation, ..Self::default() }
    }
}

/// Deckies that are wanted, and who waits for them.
pub(super) struct Wish {
    deckies: Vec<DeckyWish>,
    /// The number of the order, when it is the master's.
    generation: Option<Count>,
    mode: Mode,
    reply: oneshot::Sender<Reply>,
}

impl Engine {
    /// Makes the deckies what a configuration says; `keep` says that the master wants it.
    pub(super) fn deploy(&mut self, text: &str, keep: bool, reply: oneshot::Sender<Reply>) {
        let fleet = match config::parse(text) {
            Ok(config) => config.fleet,
            Err(error) => return refuse(reply, &error.into()),
        };
        if let Some(other) = &fleet.network.interface
            && *other != self.node.network.interface
        {
            let ours = &self.node.network.interface;
            let message =
                format!("the agent serves `{ours}`: it cannot change to `{other}` while it runs");
            return refuse(reply, &anyhow!(message));
        }
        let generation = keep.then_some(self.orders.generation.next());
        let deckies = fleet.deckies;
        self.wish(Wish { deckies, generation, mode: Mode::AllOrNone, reply });
    }

    /// Does what the master orders.
    pub(super) fn order(&mut self, order: Order, reply: oneshot::Sender<Reply>) {
        if let Err(error) = order.check() {
            return refuse(reply, &error.into());
        }
        let deckies = order.deckies.into_iter().map(DeckyWish::from).collect();
        let generation = Some(order.generation);
        self.wish(Wish { deckies, generation, mode: Mode::EachByItself, reply });
    }

    fn wish(&mut self, wish: Wish) {
        self.orders.waiting.push_back(wish);
        self.next_wish();
    }

    /// Begins with the next wish when none is being placed.
    fn next_wish(&mut self) {
        while !self.orders.busy {
            let Some(mut wish) = self.orders.waiting.pop_front() else { return };
            let last = self.orders.generation;
            if wish.generation.is_some_and(|generation| generation < last) {
                let stale = Answer::Stale { generation: last };
                // Whoever asked may have gone.
                drop(wish.reply.send(Reply::Answer(stale)));
                continue;
            }
            self.orders.busy = true;
            let (node, link, results) = (self.node.clone(), self.parent, self.results.clone());
            let (standing, deckies) = (self.fleet.standing(), std::mem::take(&mut wish.deckies));
            tokio::spawn(async move {
                let placed = placing::place(node, link, deckies, standing, wish.mode).await;
                // The loop may have ended.
                drop(results.send(Done::Placed(placed, wish)).await);
            });
        }
    }

    /// Wants what was placed.
    pub(super) fn take_places(&mut self, placed: Result<Placed>, wish: Wish) {
        self.orders.busy = false;
        match placed {
            Ok(placed) => {
                self.fleet.want(placed);
                self.orders.generation = wish.generation.unwrap_or(self.orders.generation);
                self.waiting.push(wish.reply);
                self.save();
            }
            Err(error) => refuse(wish.reply, &error),
        }
        self.next_wish();
    }

    /// Takes a decky away, or all.
    pub(super) fn teardown(&mut self, decky: Option<DeckyName>, reply: oneshot::Sender<Reply>) {
        match decky {
            None => self.fleet.want(Placed::default()),
            Some(name) if self.fleet.unwant(&name) => {}
            Some(name) => return refuse(reply, &anyhow!("there is no decky `{name}`")),
        }
        self.changed(reply);
    }

    /// Gives a decky other services; those it has keep their settings.
    pub(super) fn mutate(
        &mut self,
        decky: &DeckyName,
        services: &[String],
        reply: oneshot::Sender<Reply>,
    ) {
        let kinds: Result<Vec<ServiceKind>, _> =
            services.iter().map(|name| name.parse::<ServiceKind>()).collect();
        let changed = kinds
            .map_err(|error| anyhow!("services: {error}"))
            .and_then(|kinds| self.fleet.change(decky, &kinds));
        match changed {
            Ok(()) => self.changed(reply),
            Err(error) => refuse(reply, &error),
        }
    }

    /// What is wanted has changed: `reply` is answered when it is so.
    fn changed(&mut self, reply: oneshot::Sender<Reply>) {
        self.save();
        self.waiting.push(reply);
        if let Err(error) = self.reconcile() {
            tracing::error!(
                error = format!("{error:#}"),
                "cannot bring the deckies to what is wanted"
            );
        }
    }

    /// Keeps what is wanted for the next start.
    pub(super) fn save(&self) {
        let saved = self.node.save(self.fleet.wanted()).and_then(|()| {
            let generation = self.orders.generation;
            if generation == Count::default() {
                return Ok(());
            }
            let deckies = self.fleet.ordered();
            self.node.save_deployment(&Deployment { generation, deckies })
        });
        if let Err(error) = saved.context("cannot keep the deckies for the next start") {
            tracing::error!("{error:#}");
        }
    }

    /// How the node is.
    pub(super) fn report(&self) -> NodeReport {
        let status = self.status();
        let network = &self.node.network;
        let text = serde_json::to_vec(&status.deckies).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(text).into();
        NodeReport {
            release: crate::edge::release::name(),
            boot_id: self.stamp.boot_id(),
            generation: self.orders.generation,
            network: NodeNetwork {
                interface: network.interface.clone(),
                subnet: network.subnet,
                subnet6: network.subnet6,
                gateway: network.gateway,
                own: network.own.iter().copied().take(ADDRESSES).collect(),
            },
            lag: Count::capped(self.writer.lag()),
            revision: digest.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)),
            deckies: Some(status.deckies),
            capture: status.capture,
            // Whoever tells the master knows it.
            notice: Count::default(),
            trusts: BTreeSet::new(),
        }
    }
}
