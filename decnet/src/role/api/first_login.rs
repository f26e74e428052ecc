//! The first login of a new machine: made, not configured, and good only to choose another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::edge::store::{Role, Store, User};
use crate::edge::{clock, files, random};
use crate::logic::password;

/// The name of the first user.
const NAME: &str = "admin";

/// Where `decnet api` leaves a first login that it made itself.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    files::place(state_dir, super::DIR, "first-login")
}

/// Makes the user `admin` when there is no user yet; answers their name and password, which must be
/// changed before anything else is answered.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn first_login(store: &Store) -> Result<Option<(String, String)>> {
    if !store.users()?.is_empty() {
        return Ok(None);
    }
    let (user, password) = make();
    Ok(store.add_user(&user)?.then_some((user.name, password)))
}

/// Makes a new password for `admin`, when the first one was never changed; answers the name and the
/// password. The old one is good no more.
///
/// # Errors
///
/// When the store cannot be read or written.
pub fn renew_first_login(store: &mut Store) -> Result<Option<(String, String)>> {
    if !store.user(NAME)?.is_some_and(|user| user.must_change) {
        return Ok(None);
    }
    let (user, password) = make();
    Ok(store.save_user(&user)?.then_some((user.name, password)))
}

/// Makes the first login if there must be one, and leaves it in a file for its owner alone.
pub(super) fn offer(store: &Store, state_dir: &Path) -> Result<()> {
    let Some((name, password)) = first_login(store)? else { return Ok(()) };
    let path = path(state_dir);
    files::make_dir(path.parent().unwrap_or(state_dir))?;
    files::replace(&path, format!("{name} {password}\n").as_bytes())
        .with_context(|| format!("cannot write the first login to `{}`", path.display()))?;
    tracing::info!(path = %path.display(), "the first login is in this file");
    Ok(())
}

fn make() -> (User, String) {
    let (mut letters, mut salt) = ([0; 16], [0; 16]);
    random::fill(&mut letters);
    random::fill(&mut salt);
    let password = password::readable(letters);
    let user = User {
        name: NAME.to_owned(),
        role: Role::Admin,
        password: password::hash(&password, salt),
        must_change: true,
        changed: clock::now(),
    };
    (user, password)
}
