//! Whether what was sent may be installed here.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use nix::sys::utsname::uname;

use super::Settings;
use crate::cli::WrongUse;
use crate::edge::release::{UnpackError, read_root};
use crate::edge::{clock, files};
use crate::logic::kernel;
use crate::logic::release::bundle::BundleError;
use crate::logic::release::parcel::ParcelError;
use crate::logic::release::{
    Accepted, Arch, Component, Envelope, Floor, Gate, Machine, Refusal, Release, Trust,
};
use crate::logic::update::{Fault, Reason};

/// Name of the root of trust.
const ROOT: &str = "root.json";

/// Where a root is kept that has come in a bundle.
fn newer(settings: &Settings) -> PathBuf {
    settings.state_dir.join("updater").join(ROOT)
}

/// The root of trust: the operator's, or one that followed from it.
pub(super) fn trust(settings: &Settings) -> Result<Trust> {
    let path = settings.updater_dir.join(ROOT);
    if !path.exists() {
        let path = path.display();
        let why = format!(
            "there is no `{path}`: `decnet release root` makes it, and says whose signatures count"
        );
        return Err(WrongUse(why).into());
    }
    let read = |path: &PathBuf| -> Result<Trust> {
        let tried = || format!("`{}`", path.display());
        Trust::first(read_root(path)?).with_context(tried)
    };
    let first = read(&path)?;
    let newer = newer(settings);
    if !newer.exists() {
        return Ok(first);
    }
    match read(&newer) {
        Ok(kept) if kept.root().version >= first.root().version => Ok(kept),
        Ok(_) => Ok(first),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(error, "a newer root of trust cannot be used: the operator's counts");
            Ok(first)
        }
    }
}

/// Keeps a root that has come in a bundle.
pub(super) fn keep(settings: &Settings, trust: &Trust) -> Result<()> {
    Ok(files::replace(&newer(settings), &trust.signed().bytes())?)
}

/// The gate of a component, above a floor.
pub(super) fn gate(settings: &Settings, component: Component, floor: Floor) -> Result<Gate> {
    let trust = trust(settings)?;
    Ok(Gate { trust, floor, machine: machine(component)?, now: clock::now() })
}

/// This machine.
pub(super) fn machine(component: Component) -> Result<Machine> {
    let name = uname().context("the kernel does not say its version")?;
    let kernel = kernel::Version::of(&name.release().to_string_lossy());
    let arch = Arch::find(std::env::consts::ARCH).context("this processor is not known")?;
    Ok(Machine { arch, kernel, component })
}

/// Asks a gate, and keeps what it has said.
pub(super) struct Asked {
    gate: Gate,
    accepted: RefCell<Option<Accepted>>,
}

impl Asked {
    /// Nothing is asked yet.
    pub(super) fn new(gate: Gate) -> Self {
        Self { gate, accepted: RefCell::new(None) }
    }

    /// Asks.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub(super) fn check(&self, envelope: &Envelope, release: &Release) -> Result<(), Refusal> {
        *self.accepted.borrow_mut() = Some(self.gate.check(envelope, release)?);
        Ok(())
    }

    /// What was accepted.
    pub(super) fn accepted(self) -> Option<Accepted> {
        self.accepted.into_inner()
    }
}

/// Why what was sent is not installed; a disk that fails is no fault of it.
pub(super) fn reason(error: UnpackError) -> Result<Reason, Fault> {
    match error {
        UnpackError::Base(error) => {
            Ok(Reason::Base(format!("{:#}", anyhow::Error::from(error)).into()))
        }
        UnpackError::Bundle(BundleError::Refused(refusal))
        | UnpackError::Parcel(ParcelError::Refused(refusal)) => Ok(Reason::Refused(refusal)),
        UnpackError::Disk(error) => {
            let is_full = error.is_full();
            Err(Fault { what: format!("{:#}", anyhow::Error::from(error)).into(), is_full })
        }
        other => Ok(Reason::Bundle(format!("{:#}", anyhow::Error::from(other)).into())),
    }
}
