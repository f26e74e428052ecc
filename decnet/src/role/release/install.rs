//! `decnet release install`: the first release of a machine. From then on its updater installs.

use std::io::{Seek as _, SeekFrom};

use anyhow::{Context as _, Result, bail, ensure};

use super::open;
use super::show::kernel_here;
use crate::cli::InstallArgs;
use crate::edge::log::say;
use crate::edge::release::{peek, read_root, unpack, verify};
use crate::edge::update::{self, Place, RealFs, Runner, self_check};
use crate::edge::{clock, files, privileges};
use crate::logic::release::{Arch, Component, Digest, Floor, Gate, Identity, Machine, Trust};
use crate::logic::update::{AttemptId, Caller, Effect, Journal, Slot};

/// Who installs from then on.
const UPDATER: &str = "updater";

/// Installs a bundle where there is no release yet.
pub(super) fn install(args: &InstallArgs) -> Result<()> {
    let root = &args.root;
    let trust = Trust::first(read_root(root)?).with_context(|| format!("`{}`", root.display()))?;
    let mut bundle = open(&args.file)?;
    let places = [Component::Updater, Component::Agent]
        .map(|component| Place::of(component, &args.install_dir, &args.state_dir));
    for place in &places {
        let link = place.link(Slot::Current);
        if link.is_dir() && !link.is_symlink() {
            let link = link.display();
            bail!("`{link}` was put there by hand: move it away (`mv {link} {link}.old`)");
        }
    }
    let state = args.state_dir.join(UPDATER);
    if privileges::is_root() {
        let account = privileges::daemon(UPDATER, None)?;
        // These two are root's to make and to give; what is in them is for its owner to make.
        for dir in [&args.install_dir, &args.state_dir] {
            files::make_open_dir(dir)?;
        }
        files::give(&args.install_dir, account)?;
        files::make_room(&args.state_dir, UPDATER, account)?;
        privileges::become_user(account, &[])?;
    }
    files::make_dir(&state)?;
    let lock = state.join("lock");
    let held = files::lock(&lock)?;
    let _held = held.with_context(|| {
        format!("the updater is running here (it holds `{}`): let it install", lock.display())
    })?;
    let kernel = kernel_here()?;
    let arch = Arch::find(std::env::consts::ARCH).context("this processor is not known")?;
    for place in places {
        let machine = Machine { arch, kernel, component: place.component };
        let gate =
            Gate { trust: trust.clone(), floor: Floor::default(), machine, now: clock::now() };
        bundle.seek(SeekFrom::Start(0)).context("cannot read the bundle")?;
        let digest = put(&place, &mut bundle, &gate)
            .with_context(|| format!("cannot install into `{}`", place.install.display()))?;
        say(&format!("{} {} {digest}", place.component.as_str(), place.install.display()));
    }
    Ok(())
}

fn put(place: &Place, bundle: &mut std::fs::File, gate: &Gate) -> Result<Digest> {
    let attempt = AttemptId("first-install".parse().map_err(anyhow::Error::msg)?);
    let found = update::open(&RealFs, place, attempt, Caller::Daemon, None)?;
    if let Some(current) = &found.journal.current {
        let (wanted, _) = peek(bundle, |_, _| Ok(()))?;
        let current = current.digest;
        let why = "there is a release already, and the updater installs others";
        ensure!(wanted.digest() == current, "{why}: {}", current.short());
        return Ok(current);
    }
    let staging = place.staging();
    if staging.exists() {
        crate::edge::release::Tree::open(&staging)?.remove()?;
    }
    let unpacked = unpack(bundle, &staging, |envelope, release| {
        gate.check(envelope, release).map(|_accepted| ())
    });
    let mut unpacked = unpacked?;
    let release = verify(&staging)?;
    ensure!(release.digest() == unpacked.release.digest(), "it has changed while it was unpacked");
    unpacked.tree.keep();
    let digest = release.digest();
    self_check(&staging, digest).map_err(|why| anyhow::anyhow!("its self-check failed: {why}"))?;
    let identity = Identity::of(&release);
    let floor = Floor::default().raised(&identity);
    let journal = Journal { current: Some(identity), floor, ..found.journal };
    let effects = [
        Effect::SyncTree,
        Effect::NameRelease(digest),
        Effect::SyncReleases,
        Effect::MakeLink(Slot::Current, digest),
        Effect::NameLink(Slot::Current, digest),
        Effect::SyncInstall,
        Effect::WriteJournal(Box::new(journal.clone())),
        Effect::SyncJournal,
        Effect::NameJournal,
        Effect::SyncState,
    ];
    let runner = Runner::new(RealFs, place.clone(), journal);
    for effect in &effects {
        runner.on_disk(effect).map_err(|fault| anyhow::anyhow!("{}", fault.what))?;
    }
    Ok(digest)
}
