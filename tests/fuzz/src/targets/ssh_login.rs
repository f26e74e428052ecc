//! Secure shell behind the exchange of keys: logins, whole messages at a time.

use decnet::logic::services::ssh::fuzzing::{Depth, speak};

use crate::visit;

pub(crate) fn run(data: &[u8]) {
    speak(Depth::Encrypted, data).iter().for_each(visit::check);
}
