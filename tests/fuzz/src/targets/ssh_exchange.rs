//! Secure shell before there is a key: offers and exchanges, whole messages at a time.

use decnet::logic::services::ssh::fuzzing::{Depth, speak};

use crate::visit;

pub(crate) fn run(data: &[u8]) {
    speak(Depth::Met, data).iter().for_each(visit::check);
}
