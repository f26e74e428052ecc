//! Who a visitor is once it has logged in, as the files of the decky say, whichever way it came.

use crate::logic::files::{Access, Files, Owner};
use crate::logic::services::Context;
use crate::logic::shell;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) owner: Owner,
    pub(super) home: String,
}

impl Account {
    /// The account of this name.
    pub(super) fn of(name: &str, context: &mut Context<'_>) -> Self {
        let files: &mut Files = &mut context.state.files;
        let files = files.by(context.decky, Owner::ROOT, context.now);
        let known = all(&files).into_iter().find(|account| account.name == name);
        known.unwrap_or_else(|| {
            let owner = Owner { uid: 1001, gid: 1001 };
            Self { name: name.to_owned(), owner, home: "/".to_owned() }
        })
    }

    /// The account of this name, which is entered into the files where it is not there yet, as
    /// the shell does.
    pub(super) fn enter(name: &str, context: &mut Context<'_>) -> Self {
        shell::admit(name, context);
        Self::of(name, context)
    }

    /// The files as this user sees them.
    pub(super) fn files<'a>(&self, context: &'a mut Context<'_>) -> Access<'a> {
        context.state.files.by(context.decky, self.owner, context.now)
    }
}

/// Every account.
pub(super) fn all(files: &Access<'_>) -> Vec<Account> {
    let parse = |line: &str| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let owner = Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
        let home = fields.nth(1)?.to_owned();
        Some(Account { name: name.to_owned(), owner, home })
    };
    let text = files.read("/etc/passwd").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(parse).collect()
}

/// Every group's name and number.
pub(super) fn groups(files: &Access<'_>) -> Vec<(String, u32)> {
    let parse = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    let text = files.read("/etc/group").unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(parse).collect()
}
