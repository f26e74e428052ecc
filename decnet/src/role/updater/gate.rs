//! Whether what was sent may be installed here.

use std::cell::RefCell;

use anyhow::{Context as _, Result};
use nix::sys::utsname::uname;

use crate::edge::clock;
use crate::edge::release::UnpackError;
use crate::logic::kernel;
use crate::logic::release::bundle::BundleError;
use crate::logic::release::parcel::ParcelError;
use crate::logic::release::{
    Accepted, Arch, Component, Envelope, Floor, Gate, Machine, Refusal, Release, Trust,
};
use crate::logic::update::{Fault, Reason};

/// The gate of a component, above a floor.
pub(super) fn gate(trust: Trust, component: Component, floor: Floor) -> Result<Gate> {
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
