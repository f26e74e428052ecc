//! Which logins to the api are in force.

use rusqlite::{OptionalExtension as _, params};

use super::append::signed;
use super::users::Role;
use super::{Result, Store, doing};
use crate::logic::time::Timestamp;

/// Most logins of one user that are in force at once; a further one ends the oldest.
const MAX_TOKENS: u32 = 32;

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUser {
    /// The user's name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Whether they must change the password first.
    pub must_change: bool,
}

impl Store {
    /// Puts the token `id` of `user` in force until `expires`; forgets those that are no more.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be written.
    pub fn add_token(
        &mut self,
        id: &str,
        user: &str,
        now: Timestamp,
        expires: Timestamp,
    ) -> Result<()> {
        let step = self.step()?;
        step.execute("DELETE FROM tokens WHERE expires <= ?1", [signed(now.0)])
            .and_then(|_| {
                step.execute(
                    "INSERT INTO tokens (id, user, expires) VALUES (?1, ?2, ?3)",
                    params![id, user, signed(expires.0)],
                )
            })
            .and_then(|_| {
                step.execute(
                    "DELETE FROM tokens WHERE id IN (SELECT id FROM tokens WHERE user = ?1
                         ORDER BY expires DESC, id LIMIT -1 OFFSET ?2)",
                    params![user, MAX_TOKENS],
                )
            })
            .map_err(doing("add token"))?;
        step.commit().map_err(doing("add token"))
    }

    /// Whose the token `id` is, when it is in force at `now`.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be read.
    pub fn token_user(&self, id: &str, now: Timestamp) -> Result<Option<TokenUser>> {
        let sql =
            "SELECT name, role, must_change FROM tokens JOIN users ON users.name = tokens.user
                   WHERE tokens.id = ?1 AND tokens.expires > ?2";
        self.db
            .prepare_cached(sql)
            .and_then(|mut find| {
                find.query_row(params![id, signed(now.0)], |row| {
                    let role: String = row.get(1)?;
                    Ok(TokenUser {
                        name: row.get(0)?,
                        role: role.parse().unwrap_or(Role::Viewer),
                        must_change: row.get(2)?,
                    })
                })
                .optional()
            })
            .map_err(doing("read token"))
    }

    /// Ends the token `id`.
    ///
    /// # Errors
    ///
    /// [`super::StoreError::Query`] when the store cannot be written.
    pub fn remove_token(&self, id: &str) -> Result<()> {
        self.db
            .prepare_cached("DELETE FROM tokens WHERE id = ?1")
            .and_then(|mut remove| remove.execute([id]))
            .map_err(doing("end token"))?;
        Ok(())
    }
}
