//! Deckies outlive the agent: what systemd keeps of them while none runs. How the next takes them
//! over is [`super::adoption`]'s.
//!
//! Each decky that answers is a message in a [`Vault`] whose ends systemd stores: what it was made
//! as, and its namespace, its sockets and its steering. Why one vault and not a descriptor each, and
//! what that costs: docs/decisions/0006.
//!
//! **Invariant**: a decky that answers is in the vault before anybody is told that it does, unless
//! the vault cannot take it; one that is gone is not in it any more when anybody is told so.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use anyhow::{Result, bail};

use super::engine::Engine;
use crate::edge::channel::Message;
use crate::edge::limits;
use crate::edge::systemd::{self, Passed};
use crate::edge::vault::{Keep, Vault};
use crate::logic::decky::{Decky, DeckyId};
use crate::logic::kept::Kept;
use crate::logic::name::DeckyName;
use crate::logic::stack;
use crate::logic::wire::{Adopted, Socket};

/// What systemd calls the ends.
const ENDS: [&str; 2] = ["vault-mouth", "vault-tap"];

/// What is kept of the deckies. Not under systemd, nothing is.
pub(super) struct Keeping {
    vault: Option<Vault>,
    /// Descriptors that may rest in it: half of what the user may have under way, so that the agent,
    /// the keeper and the face can still pass on others.
    room: usize,
    /// Descriptors that do.
    resting: usize,
    /// Those that are in it, and with how many descriptors.
    stored: HashMap<DeckyId, (u64, usize)>,
    /// Namespaces of which the first message is to go, for another has come after it.
    pub(super) replaced: HashSet<u64>,
    /// Something is in it that is not to stay.
    stale: bool,
    /// For the keeper, when it has room.
    pub(super) waiting: VecDeque<(Adopted, Vec<OwnedFd>)>,
    /// Those of which the keeper has yet to say that they answer.
    pub(super) adopting: HashSet<DeckyId>,
    /// It was said that something cannot be kept.
    complained: bool,
}

/// A decky that another agent has kept.
pub(super) struct Found {
    pub(super) kept: Kept,
    /// Its namespace, its sockets, and its steering if it has one.
    pub(super) fds: Vec<OwnedFd>,
}

/// Those that were found, by name.
pub(super) type AllFound = BTreeMap<DeckyName, Found>;

impl Keeping {
    /// Opens the vault whose ends are among `passed`, or a new one where systemd can store it.
    pub(super) fn open(passed: &mut Vec<Passed>) -> Self {
        Self {
            vault: systemd::listens().then(|| open(passed)).flatten(),
            room: limits::files() / 2,
            resting: 0,
            stored: HashMap::new(),
            replaced: HashSet::new(),
            stale: false,
            waiting: VecDeque::new(),
            adopting: HashSet::new(),
            complained: false,
        }
    }

    /// Whether the deckies outlive the agent.
    pub(super) fn is_open(&self) -> bool {
        self.vault.is_some()
    }

    /// What is kept; of two of one name the later. It stays where it is.
    pub(super) fn find(&mut self) -> AllFound {
        let (mut found, mut cookies, mut refused) = (BTreeMap::new(), HashSet::new(), 0_usize);
        self.sift(|message| match Kept::decode(&message.bytes, message.fds.len()) {
            // An agent was killed while it put it in again.
            Ok(kept) if !cookies.insert(kept.cookie) => Keep::No,
            Ok(kept) => match message.fds.iter().map(OwnedFd::try_clone).collect() {
                Ok(fds) => {
                    found.insert(kept.placed.decky.identity.name.clone(), Found { kept, fds });
                    Keep::Yes(message)
                }
                Err(error) => {
                    let error: std::io::Error = error;
                    tracing::debug!(%error, "cannot take over what was kept");
                    refused += 1;
                    Keep::No
                }
            },
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::debug!(error, "cannot take over what was kept");
                refused += 1;
                Keep::No
            }
        });
        if refused > 0 {
            tracing::warn!(refused, "what was kept is not ours or damaged, and goes");
        }
        found
    }

    /// Sifts the vault, and gives it up when it cannot be.
    pub(super) fn sift(&mut self, keep: impl FnMut(Message) -> Keep) {
        let Some(vault) = &self.vault else { return };
        match vault.sift(keep) {
            Ok(0) => {}
            Ok(broken) => tracing::warn!(broken, "what was kept is damaged, and goes"),
            Err(error) => {
                tracing::warn!(%error, "what is kept cannot be used: the next start begins anew");
                // Nothing that it holds may live on unseen.
                ENDS.iter().for_each(|name| systemd::remove(name));
                self.vault = make();
                self.stored.clear();
                self.resting = 0;
            }
        }
    }

    /// Takes note that a decky is in the vault.
    pub(super) fn note(&mut self, id: DeckyId, kept: &Kept) {
        let fds = kept.descriptors();
        self.resting += fds;
        self.stored.insert(id, (kept.cookie, fds));
    }

    /// Knows of nothing in it any more.
    pub(super) fn begin_again(&mut self) {
        self.waiting.clear();
        self.adopting.clear();
        self.stored.clear();
        self.replaced.clear();
        self.resting = 0;
    }

    /// Takes note that a decky is gone.
    pub(super) fn forget(&mut self, id: DeckyId) {
        if let Some((_, fds)) = self.stored.remove(&id) {
            self.resting = self.resting.saturating_sub(fds);
            self.stale = true;
        }
        self.adopting.remove(&id);
    }

    /// Whether something gone is still in it.
    pub(super) fn is_stale(&self) -> bool {
        self.stale && self.vault.is_some()
    }

    /// Puts a decky in.
    fn put(&mut self, id: DeckyId, kept: &Kept, fds: &[BorrowedFd<'_>]) -> Result<()> {
        let Some(vault) = &self.vault else { return Ok(()) };
        if kept.cookie == 0 {
            bail!("the kernel does not number namespaces");
        }
        if self.resting + fds.len() > self.room {
            bail!("{} descriptors are as many as may rest: see LimitNOFILE", self.resting);
        }
        vault.put(&kept.encode()?, fds)?;
        self.note(id, kept);
        Ok(())
    }
}

fn open(passed: &mut Vec<Passed>) -> Option<Vault> {
    let [mouth, tap] = ENDS.map(|name| {
        let of_name = passed.extract_if(.., |passed| passed.name == name);
        let fds: Vec<OwnedFd> = of_name.map(|passed| passed.fd).collect();
        <[OwnedFd; 1]>::try_from(fds)
    });
    let vault = match (mouth, tap) {
        (Ok([mouth]), Ok([tap])) => Vault::of_ends(mouth, tap),
        (Err(none), Err(nor)) if none.is_empty() && nor.is_empty() => return make(),
        _ => None,
    };
    vault.or_else(|| {
        tracing::warn!("what systemd has stored is no vault, and goes");
        ENDS.iter().for_each(|name| systemd::remove(name));
        make()
    })
}

fn make() -> Option<Vault> {
    match Vault::make() {
        Ok(vault) => {
            ENDS.iter().zip(vault.ends()).for_each(|(name, end)| systemd::store(name, end));
            Some(vault)
        }
        Err(error) => {
            tracing::warn!(%error, "a restart of the agent will interrupt the deckies");
            None
        }
    }
}

impl Engine {
    /// Keeps a decky that answers; says whether it has answered before, under another agent.
    pub(super) fn keep(&mut self, id: DeckyId, sockets: Vec<Socket>, fds: &[OwnedFd]) -> Before {
        let before =
            if self.keeping.adopting.remove(&id) { Before::Answered } else { Before::Nothing };
        let (Some(decky), Some(namespace)) = (self.fleet.decky(id), self.fleet.namespace(id))
        else {
            return before;
        };
        let cookie = self.fleet.cookie(id).unwrap_or(0);
        let replaces = self.keeping.replaced.contains(&cookie);
        if self.keeping.stored.contains_key(&id) && !replaces {
            return before;
        }
        let steering = self.fleet.steering(id);
        let steered_by = steering.and_then(|_| self.steered_by(decky));
        let mark = stack::mark(decky.identity.persona);
        let kept = Kept::new(cookie, mark, steered_by, self.placed(decky), sockets);
        let steering = steering.filter(|_| steered_by.is_some());
        let fds: Vec<BorrowedFd<'_>> =
            [namespace].into_iter().chain(fds).chain(steering).map(|fd| fd.as_fd()).collect();
        match self.keeping.put(id, &kept, &fds) {
            Ok(()) => self.keeping.stale |= replaces,
            Err(error) => {
                // What is there already is better than nothing.
                self.keeping.replaced.remove(&cookie);
                if !std::mem::replace(&mut self.keeping.complained, true) {
                    let (name, error) = (&decky.identity.name, format!("{error:#}"));
                    tracing::warn!(decoy = %name, error, "a restart will interrupt this decky");
                }
            }
        }
        before
    }

    /// Takes out of the vault what is not to stay, once nothing is on its way any more.
    pub(super) fn tidy_vault(&mut self) {
        let Keeping { stale, adopting, .. } = &self.keeping;
        if !*stale || !adopting.is_empty() || self.fleet.is_leaving() {
            return;
        }
        let cookies: HashSet<u64> =
            self.keeping.stored.values().map(|(cookie, _)| *cookie).collect();
        let mut replaced = std::mem::take(&mut self.keeping.replaced);
        self.keeping.sift(|message| match Kept::decode(&message.bytes, message.fds.len()) {
            Ok(kept) if replaced.remove(&kept.cookie) => Keep::No,
            Ok(kept) if cookies.contains(&kept.cookie) => Keep::Yes(message),
            _ => Keep::No,
        });
        self.keeping.stale = false;
        self.keeping.resting = self.keeping.stored.values().map(|(_, fds)| fds).sum();
    }

    /// The program that steers connections to a decky's catch-all, if it has one.
    pub(super) fn steered_by(&self, decky: &Decky) -> Option<u32> {
        let catches = decky.services.iter().any(|service| service.kind().is_catchall());
        if catches { self.programs.steered_by().ok() } else { None }
    }
}

/// What a decky did under another agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// It answered already.
    Answered,
    /// It was not there.
    Nothing,
}
