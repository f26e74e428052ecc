//! Who may log in.

use std::fmt;
use std::str::FromStr;

use rusqlite::{OptionalExtension as _, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::append::signed;
use super::{Result, Store, doing, time};
use crate::logic::time::Timestamp;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Look.
    Viewer,
}

impl Role {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no role: there are admin and viewer")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> std::result::Result<Self, NotARole> {
        match text {
            "admin" => Ok(Self::Admin),
            "viewer" => Ok(Self::Viewer),
            _ => Err(NotARole),
        }
    }
}

/// Someone who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password's hash, as PHC writes it.
    pub password: String,
    /// Whether the password must be changed first.
    pub must_change: bool,
    /// When the password was last set.
    pub changed: Timestamp,
}

const COLUMNS: &str = "name, role, password, must_change, changed";

impl Store {
    /// Everybody, by name.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn users(&self) -> Result<Vec<User>> {
        self.db
            .prepare_cached(&format!("SELECT {COLUMNS} FROM users ORDER BY name"))
            .and_then(|mut find| find.query_map([], user)?.collect())
            .map_err(doing("read users"))
    }

    /// The user `name`.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn user(&self, name: &str) -> Result<Option<User>> {
        self.db
            .prepare_cached(&format!("SELECT {COLUMNS} FROM users WHERE name = ?1"))
            .and_then(|mut find| find.query_row([name], user).optional())
            .map_err(doing("read user"))
    }

    /// Adds `user`; answers whether the name was free.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be written.
    pub fn add_user(&self, user: &User) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO users (name, role, password, must_change, changed)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let changed = signed(user.changed.0);
        let row = params![user.name, user.role.as_str(), user.password, user.must_change, changed];
        let added = self.db.prepare_cached(sql).and_then(|mut add| add.execute(row));
        added.map(|added| added == 1).map_err(doing("add user"))
    }

    /// Replaces role and password of the user that has `user`'s name and ends every login of
    /// theirs; answers whether there was one. Whoever loses the role of admin must not be the last
    /// who has it, else nothing is changed and the answer is no.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be written.
    pub fn save_user(&mut self, user: &User) -> Result<bool> {
        let sql = "UPDATE users SET role = ?2, password = ?3, must_change = ?4, changed = ?5
                   WHERE name = ?1 AND (?2 = 'admin' OR role != 'admin' OR
                       (SELECT count(*) FROM users WHERE role = 'admin') > 1)";
        let changed = signed(user.changed.0);
        let row = params![user.name, user.role.as_str(), user.password, user.must_change, changed];
        self.change_user(sql, &user.name, row)
    }

    /// Removes the user `name` and ends every login of theirs; answers whether there was one. The
    /// last admin stays, and then the answer is no.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be written.
    pub fn remove_user(&mut self, name: &str) -> Result<bool> {
        let sql = "DELETE FROM users WHERE name = ?1 AND (role != 'admin' OR
                       (SELECT count(*) FROM users WHERE role = 'admin') > 1)";
        self.change_user(sql, name, params![name])
    }

    fn change_user(&mut self, sql: &str, name: &str, row: &[&dyn rusqlite::ToSql]) -> Result<bool> {
        let step = self.step()?;
        let changed = step.execute(sql, row).map_err(doing("change user"))?;
        if changed == 1 {
            step.execute("DELETE FROM tokens WHERE user = ?1", [name])
                .map_err(doing("end logins"))?;
        }
        step.commit().map_err(doing("change user"))?;
        Ok(changed == 1)
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(1)?;
    Ok(User {
        name: row.get(0)?,
        // A role that this program does not know may do least.
        role: role.parse().unwrap_or(Role::Viewer),
        password: row.get(2)?,
        must_change: row.get(3)?,
        changed: time(4)(row)?,
    })
}
