//! Tokens that let nodes join.

use rusqlite::{OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::rows::{column, insert, json, time};
use super::{Hosts, HostsError, Result};
use crate::logic::swarm::{Host, TokenWish};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

/// A token as it is kept: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// For which node.
    pub wish: TokenWish,
    /// Until when it is good.
    pub expires: Timestamp,
    /// The key that has used it, and the node that it became.
    pub used: Option<(String, Option<Uuid>)>,
    /// The node that it takes back.
    pub back: Option<Uuid>,
}

impl Hosts {
    /// Keeps a token, and forgets those that ended before `now`.
    ///
    /// # Errors
    ///
    /// [`HostsError::Duplicate`] when a node has the name already.
    pub fn add_token(
        &mut self,
        id: Fingerprint,
        wish: &TokenWish,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        let step = self.db.transaction()?;
        let sql = "SELECT 1 FROM hosts WHERE name = ?1 AND status <> 'decommissioned'";
        if step.query_row(sql, [&wish.name], |_| Ok(())).optional()?.is_some() {
            return Err(HostsError::Duplicate(wish.name.clone()));
        }
        insert_token(&step, id, wish, expires, now, None)?;
        Ok(step.commit()?)
    }

    /// Keeps a token with which a node comes back that is there already.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn add_way_back(
        &mut self,
        id: Fingerprint,
        wish: &TokenWish,
        host: Uuid,
        (expires, now): (Timestamp, Timestamp),
    ) -> Result<()> {
        let step = self.db.transaction()?;
        insert_token(&step, id, wish, expires, now, Some(host))?;
        Ok(step.commit()?)
    }

    /// A node has come back by hand, with other keys; it stays the node that it was.
    ///
    /// # Errors
    ///
    /// [`HostsError::TokenUsed`] when another key has used the token, or the node was let go.
    pub fn take_back(&mut self, id: Fingerprint, key: &str, host: &Host) -> Result<()> {
        let step = self.db.transaction()?;
        let sql = "UPDATE tokens SET key = ?2 WHERE id = ?1 AND (key IS NULL OR key = ?2)";
        let taken = step.execute(sql, [&id.to_string(), key])?;
        let sql = "UPDATE hosts SET fingerprint = ?2, next = NULL, updater = coalesce(?3, updater)
                   WHERE uuid = ?1 AND status <> 'decommissioned'";
        let updater = host.updater_cert_fingerprint.map(|print| print.to_string());
        let print = host.client_cert_fingerprint.to_string();
        let known = step.execute(sql, params![host.host_uuid.to_string(), print, updater])?;
        if taken == 0 || known == 0 {
            return Err(HostsError::TokenUsed);
        }
        let sql = "UPDATE credentials SET next = NULL, window = NULL WHERE host = ?1";
        step.execute(sql, [host.host_uuid.to_string()])?;
        Ok(step.commit()?)
    }

    /// The token `id`.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn token(&self, id: Fingerprint) -> Result<Option<StoredToken>> {
        let sql = "SELECT wish, expires, key, host FROM tokens WHERE id = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| {
            let (key, host): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
            let host = host.and_then(|host| host.parse().ok());
            let wish: TokenWish = json(row, 0)?;
            Ok(StoredToken {
                expires: time(row.get(1)?),
                used: key.map(|key| (key, host)),
                back: host.filter(|_| wish.rejoin),
                wish,
            })
        });
        Ok(found.optional()?)
    }

    /// Makes the holder of a token a node: both or neither.
    ///
    /// # Errors
    ///
    /// [`HostsError::TokenUsed`], or [`HostsError::Duplicate`].
    pub fn join(&mut self, id: Fingerprint, key: &str, host: &Host) -> Result<()> {
        let step = self.db.transaction()?;
        let sql = "UPDATE tokens SET key = ?2, host = ?3 WHERE id = ?1 AND key IS NULL";
        if step.execute(sql, [&id.to_string(), key, &host.host_uuid.to_string()])? == 0 {
            return Err(HostsError::TokenUsed);
        }
        insert(&step, host)?;
        Ok(step.commit()?)
    }

    /// A node that did not hear what it got has joined again with the same key.
    ///
    /// # Errors
    ///
    /// [`HostsError::Query`].
    pub fn rejoin(&self, host: &Host) -> Result<()> {
        let sql = "UPDATE hosts SET fingerprint = ?2, updater = ?3
                   WHERE uuid = ?1 AND status <> 'decommissioned'";
        let updater = host.updater_cert_fingerprint.map(|print| print.to_string());
        let print = host.client_cert_fingerprint.to_string();
        self.db.execute(sql, params![host.host_uuid.to_string(), print, updater])?;
        Ok(())
    }
}

/// Keeps a token, and forgets those that ended before `now`.
fn insert_token(
    step: &Transaction<'_>,
    id: Fingerprint,
    wish: &TokenWish,
    expires: Timestamp,
    now: Timestamp,
    host: Option<Uuid>,
) -> Result<()> {
    step.execute("DELETE FROM tokens WHERE expires < ?1", [column(now)])?;
    let text = serde_json::to_string(wish).expect("a wish is JSON");
    let sql = "INSERT INTO tokens (id, wish, expires, host) VALUES (?1, ?2, ?3, ?4)";
    let host = host.map(|host| host.to_string());
    step.execute(sql, params![id.to_string(), text, column(expires), host])?;
    Ok(())
}
