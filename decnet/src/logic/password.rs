//! Passwords of the people who use the dashboard.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};

/// Fewest characters of a password that a person chooses.
pub const MIN_CHARS: usize = 10;

/// Most bytes of a password.
pub const MAX_BYTES: usize = 256;

/// Memory that one hash takes, in KiB.
///
/// Source: one of the settings of equal strength in the OWASP Password Storage Cheat Sheet
/// (argon2id, 12 MiB, 3 passes, 1 lane).
const MEMORY_KIB: u32 = 12_288;
const PASSES: u32 = 3;

/// A hash that is nobody's: comparing with it takes as long as with anybody's.
pub const NOBODY: &str = "$argon2id$v=19$m=12288,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
    ZAxI6F85TVULahi+nCzfewRiwmLLlNefhknXrsuEEbw";

/// Letters of a password that is made up: none that looks like another.
const LETTERS: &[u8; 24] = b"abcdefghjkmnpqrstuvwxyz2";

/// A password that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too long.
    #[error("the password is longer than {MAX_BYTES} bytes")]
    Long,
    /// The same as the user's name.
    #[error("the password is the user's name")]
    Name,
    /// Too short.
    #[error("the password is shorter than {MIN_CHARS} characters")]
    Short,
    /// The same as before.
    #[error("the new password is the old one")]
    Unchanged,
}

/// Checks a password that the user `name` chooses in place of `old`.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn check(new: &str, old: &str, name: &str) -> Result<(), Refused> {
    if new.len() > MAX_BYTES {
        return Err(Refused::Long);
    }
    if new.chars().count() < MIN_CHARS {
        return Err(Refused::Short);
    }
    if new == old {
        return Err(Refused::Unchanged);
    }
    if new.eq_ignore_ascii_case(name) { Err(Refused::Name) } else { Ok(()) }
}

/// The hash of `password`. Takes some 20 ms and [`MEMORY_KIB`] KiB.
///
/// **Shape**: a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
pub fn hash(password: &str, salt: [u8; 16]) -> String {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).expect("within argon2's limits");
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon.hash_password_with_salt(password.as_bytes(), &salt);
    hash.expect("argon2 takes every password and a salt of 16 bytes").to_string()
}

/// Whether `hash` is that of `password`; no when it is no hash. Takes as long as [`hash`].
pub fn matches(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// A password made of random bytes, easy to read and to type: `abcd-efgh-jkmn-pqrs`.
pub fn readable(random: [u8; 16]) -> String {
    let letters = random.map(|byte| {
        let index = usize::from(byte) * LETTERS.len() / 256;
        char::from(LETTERS.get(index).copied().unwrap_or(b'a'))
    });
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests;
