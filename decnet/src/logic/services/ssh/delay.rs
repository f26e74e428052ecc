//! How long things take on a real server.
//!
//! A decoy that answers at once is told apart by that alone. These are the times that OpenSSH with
//! PAM was measured to take on a small machine; each decky has its own.

use std::time::Duration;

use super::profile::{Maker, Profile, Refusal};
use super::random::Random;
use crate::logic::decky::Secret;

/// What an attempt to log in came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// A password that was let in.
    Accepted,
    /// Something that no one had to think about.
    Refused,
    /// A password that was not let in.
    WrongPassword,
}

/// How long it takes until the server introduces itself: OpenSSH starts a process for that.
pub(super) fn greeting(secret: &Secret, random: &mut Random<'_>) -> Duration {
    let [own, ..] = secret.derive("ssh.greeting").0;
    let [a, b] = random.bytes();
    // Most are near the decky's own time, few far above it.
    let extra = u64::from(a) * u64::from(b) / 6;
    Duration::from_micros(7_000 + u64::from(own) * 30 + extra)
}

/// How long it takes until the server answers a client's introduction with its offer.
pub(super) fn offer(secret: &Secret, random: &mut Random<'_>) -> Duration {
    let [_, own, ..] = secret.derive("ssh.greeting").0;
    let [a, b] = random.bytes();
    Duration::from_micros(900 + u64::from(own) * 5 + u64::from(a) * u64::from(b) / 20)
}

/// How long an attempt takes.
pub(super) fn attempt(
    attempt: Attempt,
    profile: &Profile,
    user: &[u8],
    secret: &Secret,
    random: &mut Random<'_>,
) -> Duration {
    let spent = match (attempt, profile.refusal) {
        // A slow hash and a session.
        (Attempt::Accepted, _) => return between(65, 95, random),
        (Attempt::Refused, _) => Duration::ZERO,
        (Attempt::WrongPassword, Refusal::Pam) => pam(random),
        (Attempt::WrongPassword, Refusal::Prompt) => between(4, 30, random),
    };
    match profile.maker {
        // Its random 250 to 350 milliseconds, for whatever was wrong.
        Maker::Dropbear => between(250, 350, random),
        Maker::OpenSsh => padded(spent, user, secret),
    }
}

/// libpam's delay: the two seconds that `pam_unix` asks for, varied by the mean of three throws.
fn pam(random: &mut Random<'_>) -> Duration {
    let throws: [u8; 6] = random.bytes();
    let mut sum = 0_u64;
    for pair in throws.as_chunks::<2>().0 {
        sum += u64::from(u16::from_be_bytes(*pair));
    }
    // Half of 2 s, and up to all of it again.
    Duration::from_micros(1_000_000 + sum * 2_000_000 / (3 * 65_536))
}

/// OpenSSH's ensure_minimum_time_since: a time of the user's own, from 5 to 9.2 ms, doubled until
/// it is not below what was spent.
fn padded(spent: Duration, user: &[u8], secret: &Secret) -> Duration {
    let user = String::from_utf8_lossy(user.get(..256).unwrap_or(user));
    let [a, b, c, ..] = secret.derive(&format!("ssh.delay.{user}")).0;
    let own = u64::from(u32::from_be_bytes([0, a, b, c]) >> 2);
    let mut total = Duration::from_nanos(5_000_000 + own);
    while total < spent {
        total = total.saturating_mul(2);
    }
    total
}

fn between(least: u64, most: u64, random: &mut Random<'_>) -> Duration {
    let share = u64::from(u16::from_be_bytes(random.bytes()));
    Duration::from_micros(least * 1000 + (most - least) * 1000 * share / 65_536)
}

#[cfg(test)]
mod tests;
