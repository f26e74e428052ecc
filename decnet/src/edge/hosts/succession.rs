//! Which authority takes the place of which, which certificates are of which, and whom daemons trust.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::notices::announce;
use super::rows::{column, time};
use super::{Hosts, Result};
use crate::logic::swarm::Part;
use crate::logic::swarm::succession::{Member, Phase, Progress, Succession};
use crate::logic::time::Timestamp;
use crate::logic::trust::Fingerprint;

impl Hosts {
    /// The succession that is under way or was last. One that cannot be read is as if there were none.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn succession(&self) -> Result<Option<Succession>> {
        let sql = "SELECT phase, old, new, began, ended, behind FROM succession";
        let mut find = self.db.prepare_cached(sql)?;
        let found = find.query_row([], |row| {
            let [phase, old, new, left]: [String; 4] =
                [row.get(0)?, row.get(1)?, row.get(2)?, row.get(5)?];
            let read = |text: String| text.parse::<Fingerprint>().ok();
            let (phase, old, new) = (Phase::find(&phase), read(old), read(new));
            let (Some(phase), Some(old), Some(new)) = (phase, old, new) else { return Ok(None) };
            let left = serde_json::from_str(&left).unwrap_or_default();
            let (began, ended) = (time(row.get(3)?), row.get::<_, Option<i64>>(4)?.map(time));
            Ok(Some(Succession { phase, old, new, began, ended, left }))
        });
        Ok(found.optional()?.flatten())
    }

    /// Writes down how far it is, with a later notice that says so.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn write_succession(&mut self, now: &Succession, at: Timestamp) -> Result<()> {
        let step = self.db.transaction()?;
        let sql = "INSERT OR REPLACE INTO succession (one, phase, old, new, began, ended, behind)
                   VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";
        let left = serde_json::to_string(&now.left).expect("numbers are JSON");
        let (phase, old, new) = (now.phase.as_str(), now.old.to_string(), now.new.to_string());
        let (began, ended) = (column(now.began), now.ended.map(column));
        step.execute(sql, params![phase, old, new, began, ended, left])?;
        // Of what nobody has any more nothing needs to be known.
        let sql = "DELETE FROM issued WHERE fingerprint NOT IN (
                   SELECT fingerprint FROM hosts UNION SELECT next FROM hosts WHERE next NOTNULL
                   UNION SELECT updater FROM hosts WHERE updater NOTNULL
                   UNION SELECT next FROM credentials WHERE next NOTNULL) AND at < ?1";
        step.execute(sql, [column(at)])?;
        announce(&step, at)?;
        Ok(step.commit()?)
    }

    /// A certificate was signed by this authority.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn issued(&self, print: Fingerprint, authority: Fingerprint, at: Timestamp) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO issued (fingerprint, authority, at) VALUES (?1, ?2, ?3)";
        let values = params![print.to_string(), authority.to_string(), column(at)];
        self.db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// A daemon says which authorities it trusts.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn trusts(&self, host: Uuid, part: Part, all: &BTreeSet<Fingerprint>) -> Result<()> {
        let sql = "INSERT INTO credentials (host, part, trusts) VALUES (?1, ?2, ?3)
                   ON CONFLICT (host, part) DO UPDATE SET trusts = excluded.trusts
                   WHERE trusts IS NOT excluded.trusts";
        let text = serde_json::to_string(all).expect("fingerprints are JSON");
        let values = params![host.to_string(), part.as_str(), text];
        self.db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// How far each node is with a succession, in the order of their names; or one of them.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn members(&self, succession: &Succession, which: Option<Uuid>) -> Result<Vec<Member>> {
        let trusts = self.all_trusts(which)?;
        let sql = "SELECT h.uuid, h.name, h.updater NOTNULL, a.authority, u.authority FROM hosts h
                   LEFT JOIN issued a ON a.fingerprint = h.fingerprint
                   LEFT JOIN issued u ON u.fingerprint = h.updater
                   WHERE h.status <> 'decommissioned' AND (?1 IS NULL OR h.uuid = ?1)
                   ORDER BY h.name";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([which.map(|host| host.to_string())], |row| {
            let [agent, updater]: [Option<String>; 2] = [row.get(3)?, row.get(4)?];
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, bool>(2)?,
                agent,
                updater,
            ))
        })?;
        let mut members = Vec::new();
        for row in rows {
            let (host, name, has_updater, agent, updater) = row?;
            // A row that is none of ours hides no other.
            let (Ok(host), Ok(name)) = (host.parse(), name.parse()) else { continue };
            let progress = |part: Part, of: Option<String>| -> Progress {
                let none = BTreeSet::new();
                let trusts = trusts.get(&(host, part.as_str())).unwrap_or(&none);
                succession.progress(trusts, of.and_then(|of| of.parse().ok()))
            };
            let updater = has_updater.then(|| progress(Part::Updater, updater));
            members.push(Member { host, name, agent: progress(Part::Agent, agent), updater });
        }
        Ok(members)
    }

    fn all_trusts(
        &self,
        which: Option<Uuid>,
    ) -> Result<BTreeMap<(Uuid, &'static str), BTreeSet<Fingerprint>>> {
        let sql = "SELECT host, part, trusts FROM credentials
                   WHERE trusts NOTNULL AND (?1 IS NULL OR host = ?1)";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([which.map(|host| host.to_string())], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })?;
        let mut all = BTreeMap::new();
        for row in rows {
            let (host, part, trusts) = row?;
            let (Ok(host), Some(part)) = (host.parse(), Part::find(&part)) else { continue };
            all.insert((host, part.as_str()), serde_json::from_str(&trusts).unwrap_or_default());
        }
        Ok(all)
    }
}
