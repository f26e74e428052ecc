//! The transaction, tried on a disk that forgets.

mod asked;
mod deeds;
mod disk;
mod files;
mod health;
mod life;
mod model;
mod mutants;
mod world;

use std::time::Duration;

use super::audit::{Log, Record};
use super::*;
use crate::logic::release::{Component, Digest, Identity, samples};

/// What a world says of what must not be.
type Tried<T> = Result<T, String>;
