//! Where a visitor stands, and what a path means there.

use super::words::Server;
use crate::logic::files::{Access, Fault};
use crate::logic::services::Context;
use crate::logic::services::account::Account;

/// A visitor that is in.
#[derive(Debug)]
pub(super) struct User {
    pub(super) account: Account,
    /// What it calls `/`; empty where that is the decky's own.
    root: String,
    /// Where `~` is, and where it began.
    home: String,
    /// Where it is; absolute, without `.` and `..`.
    pub(super) cwd: String,
}

impl User {
    /// Lets a user in.
    pub(super) fn enter(
        name: &str,
        guest: bool,
        server: Server,
        context: &mut Context<'_>,
    ) -> Self {
        let account =
            if guest { Account::of("ftp", context) } else { Account::enter(name, context) };
        let root = match server {
            Server::Iis => "/inetpub/ftproot",
            Server::Vsftpd if guest => "/srv/ftp",
            Server::Bsd if guest => "/home/ftp",
            Server::Bsd | Server::Printer | Server::Vsftpd => "",
        };
        let mut user = Self {
            home: if root.is_empty() { account.home.clone() } else { "/".to_owned() },
            account,
            root: root.to_owned(),
            cwd: "/".to_owned(),
        };
        if user.files(context).is_directory(&user.real(&user.home)) {
            user.cwd.clone_from(&user.home);
        }
        user
    }

    /// The files as this visitor sees them.
    pub(super) fn files<'a>(&self, context: &'a mut Context<'_>) -> Access<'a> {
        self.account.files(context)
    }

    /// What a path is as this visitor writes it: absolute, without `.` and `..`, so that it never
    /// leaves the root.
    pub(super) fn path(&self, path: &str, server: Server) -> String {
        let path = if server == Server::Iis { path.replace('\\', "/") } else { path.to_owned() };
        let whole = match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.home)
            }
            _ if path.starts_with('/') => path,
            _ => format!("{}/{path}", self.cwd),
        };
        let mut names: Vec<&str> = Vec::new();
        for name in whole.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        format!("/{}", names.join("/"))
    }

    /// The same on the decky.
    pub(super) fn real(&self, path: &str) -> String {
        if path == "/" && !self.root.is_empty() {
            return self.root.clone();
        }
        format!("{}{path}", self.root)
    }

    /// Goes to a directory.
    ///
    /// # Errors
    ///
    /// It is none, or may not be entered.
    pub(super) fn change(
        &mut self,
        path: &str,
        server: Server,
        context: &mut Context<'_>,
    ) -> Result<(), Fault> {
        if path.is_empty() {
            return Err(Fault::NotFound);
        }
        let path = self.path(path, server);
        let real = self.real(&path);
        let files = self.files(context);
        if files.stat(&real)?.kind != crate::logic::files::Kind::Directory {
            return Err(Fault::NotADirectory);
        }
        if !files.may_enter(&real) {
            return Err(Fault::Denied);
        }
        self.cwd = path;
        Ok(())
    }
}
