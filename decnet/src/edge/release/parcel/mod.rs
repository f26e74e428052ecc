//! Parcels: releases on their way to a node that has another one.
//!
//! The format is in [`crate::logic::release::parcel`]. It is made of two bundles, as the master
//! keeps them, and becomes a directory with the help of another, as a node keeps it.

mod base;
mod pack;
mod unpack;

pub use base::BaseError;
pub use pack::{NotMade, PackedParcel, pack};
pub use unpack::{read, unpack};

pub(super) use unpack::{peek, unpack_on};

#[cfg(test)]
mod tests;
