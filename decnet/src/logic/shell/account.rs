//! The accounts of a decky, as its `/etc/passwd` has them.
//!
//! A visitor may be let in under any name, so a name that is not there is entered when it logs in
//! first, as if it had always been: `whoami`, `id` and `cat /etc/passwd` then agree.

use crate::logic::files::{Access, Owner};
use crate::logic::persona::Family;

/// Most accounts that logins may add.
const MAX_ADDED: usize = 20;
/// First number of an ordinary user that an installation leaves free.
const FIRST_FREE: u32 = 1001;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
    pub(super) shell: String,
}

impl Account {
    /// An account that is in no file.
    pub(super) fn unlisted(name: &str) -> Self {
        Self {
            name: name.chars().take(64).collect(),
            uid: FIRST_FREE,
            gid: FIRST_FREE,
            home: "/".to_owned(),
            shell: "/bin/sh".to_owned(),
        }
    }

    /// A line of `/etc/passwd`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let (_, home, shell) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.to_owned(),
            shell: if shell.is_empty() { "/bin/sh" } else { shell }.to_owned(),
        })
    }
}

/// Every account, in the order of the file.
pub(super) fn all(files: &Access<'_>) -> Vec<Account> {
    let text = files.read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(Account::parse).collect()
}

/// The account of this name.
pub(super) fn find(files: &Access<'_>, name: &str) -> Option<Account> {
    all(files).into_iter().find(|account| account.name == name)
}

/// The name of a user number, or the number.
pub(super) fn user_name(accounts: &[Account], uid: u32) -> String {
    let found = accounts.iter().find(|account| account.uid == uid);
    found.map_or_else(|| uid.to_string(), |account| account.name.clone())
}

/// Every group: its name, its number and its members.
pub(super) fn groups(files: &Access<'_>) -> Vec<(String, u32, Vec<String>)> {
    let text = files.read("/etc/group").unwrap_or_default();
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
        let members = fields.next().unwrap_or_default().split(',');
        let members = members.filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some((name.to_owned(), gid, members))
    };
    String::from_utf8_lossy(&text).lines().filter_map(parse).collect()
}

/// The name of a group number, or the number.
pub(super) fn group_name(groups: &[(String, u32, Vec<String>)], gid: u32) -> String {
    let found = groups.iter().find(|(_, number, _)| *number == gid);
    found.map_or_else(|| gid.to_string(), |(name, ..)| name.clone())
}

/// The account that a visitor logs in to. `files` must be the superuser's.
pub(super) fn enter(files: &mut Access<'_>, family: Family, name: &str) -> Account {
    if !matches!(family, Family::Bsd | Family::Linux) {
        return Account { home: "/".to_owned(), ..Account::unlisted(name) };
    }
    let known = find(files, name);
    known.or_else(|| add(files, family, name)).unwrap_or_else(|| Account::unlisted(name))
}

/// Adds an account with a home; none when the name is odd or there are too many.
pub(super) fn add(files: &mut Access<'_>, family: Family, name: &str) -> Option<Account> {
    let accounts = all(files);
    let added = accounts.iter().filter(|account| (FIRST_FREE..60_000).contains(&account.uid));
    if !is_sound(name) || added.count() >= MAX_ADDED {
        return None;
    }
    let used = |uid: &u32| !accounts.iter().any(|account| account.uid == *uid);
    let uid = (FIRST_FREE..60_000).find(used)?;
    let home = format!("/home/{name}");
    let (mark, shell) = if family == Family::Bsd { ("*", "/bin/sh") } else { ("x", "/bin/bash") };
    let line = format!("{name}:{mark}:{uid}:{uid}::{home}:{shell}\n");
    files.append("/etc/passwd", line.as_bytes()).ok()?;
    files.append("/etc/group", format!("{name}:{mark}:{uid}:\n").as_bytes()).ok()?;
    let owner = Owner { uid, gid: uid };
    if files.make_directory(&home).is_ok() {
        files.set_owner(&home, owner).ok()?;
    }
    Some(Account { name: name.to_owned(), uid, gid: uid, home, shell: shell.to_owned() })
}

/// Whether a name is one that a system would take.
fn is_sound(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (1..=32).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}
