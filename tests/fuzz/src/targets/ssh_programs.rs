//! Secure shell behind the login: channels, sftp, scp, whole messages at a time.

use decnet::logic::services::ssh::fuzzing::{Depth, speak};

use crate::visit;

pub(crate) fn run(data: &[u8]) {
    speak(Depth::LoggedIn, data).iter().for_each(visit::check);
}
