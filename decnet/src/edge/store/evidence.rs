//! What visitors sent, whole: each once, by the digest of its bytes.
//!
//! It comes in pieces, of something that has no digest until all have come.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::append::signed;
use super::{Result, Store, doing};
use crate::logic::time::Timestamp;

/// Something that is kept whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many they are.
    pub bytes: u64,
    /// When it was last sent.
    pub last: Timestamp,
}

/// Something that is arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EvidenceId(i64);

/// A piece of that, from 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of what.
    pub of: EvidenceId,
    /// The how many-th.
    pub number: u32,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Store {
    /// Something begins to arrive.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn begin_evidence(&self, now: Timestamp) -> Result<EvidenceId> {
        let new = "INSERT INTO evidence (bytes, last) VALUES (0, ?1) RETURNING id";
        let id = self.db.query_row(new, [signed(now.0)], |row| row.get(0));
        id.map(EvidenceId).map_err(doing("begin evidence"))
    }

    /// Keeps pieces, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Crowded`](super::StoreError::Crowded) when too little of the disk would be left
    /// to events, [`StoreError::Query`](super::StoreError::Query) when SQLite refuses; none is kept
    /// then.
    pub fn save_parts(&mut self, parts: &[Part]) -> Result<()> {
        self.ensure_room(parts.iter().map(|part| part.body.len() as u64).sum())?;
        let step = self.step()?;
        for part in parts {
            step.prepare_cached(
                "INSERT INTO evidence_parts (evidence, part, body) VALUES (?1, ?2, ?3)",
            )
            .and_then(|mut save| save.execute(params![part.of.0, part.number, part.body]))
            .map_err(doing("keep evidence"))?;
        }
        step.commit().map_err(doing("keep evidence"))
    }

    /// All of something has come: keeps it as what has this digest and length, once.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn end_evidence(
        &mut self,
        id: EvidenceId,
        sha256: &str,
        bytes: u64,
        now: Timestamp,
    ) -> Result<()> {
        let step = self.step()?;
        let known = "UPDATE evidence SET last = ?2 WHERE sha256 = ?1";
        let known = step.execute(known, params![sha256, signed(now.0)]);
        if known.map_err(doing("keep evidence"))? > 0 {
            forget(&step, id.0)?;
        } else {
            let new = "UPDATE evidence SET sha256 = ?2, bytes = ?3, last = ?4 WHERE id = ?1";
            step.execute(new, params![id.0, sha256, signed(bytes), signed(now.0)])
                .map_err(doing("keep evidence"))?;
        }
        step.commit().map_err(doing("keep evidence"))
    }

    /// Forgets something that will not be whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn forget_evidence(&mut self, id: EvidenceId) -> Result<()> {
        let step = self.step()?;
        forget(&step, id.0)?;
        step.commit().map_err(doing("forget evidence"))
    }

    /// Forgets everything that was arriving: whoever sent it is gone.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses.
    pub fn forget_arriving(&mut self) -> Result<()> {
        let step = self.step()?;
        for forget in [
            "DELETE FROM evidence_parts WHERE evidence IN
                (SELECT id FROM evidence WHERE sha256 IS NULL)",
            "DELETE FROM evidence WHERE sha256 IS NULL",
        ] {
            step.execute(forget, []).map_err(doing("forget evidence"))?;
        }
        step.commit().map_err(doing("forget evidence"))
    }

    /// What is kept whole, what was sent last first, at most `most` of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when it cannot be read.
    pub fn evidence(&self, most: u32) -> Result<Vec<Evidence>> {
        let find = "SELECT sha256, bytes, last FROM evidence WHERE sha256 IS NOT NULL
            ORDER BY last DESC, id DESC LIMIT ?1";
        let mut find = self.db.prepare_cached(find).map_err(doing("list evidence"))?;
        let rows = find.query_map([most], |row| {
            let (bytes, last): (i64, i64) = (row.get(1)?, row.get(2)?);
            let (bytes, last) = (bytes.cast_unsigned(), Timestamp(last.cast_unsigned()));
            Ok(Evidence { sha256: row.get(0)?, bytes, last })
        });
        let rows = rows.map_err(doing("list evidence"))?;
        rows.collect::<rusqlite::Result<_>>().map_err(doing("list evidence"))
    }

    /// How many bytes have this digest, if they are kept.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when that cannot be read.
    pub fn evidence_len(&self, sha256: &str) -> Result<Option<u64>> {
        let find = "SELECT bytes FROM evidence WHERE sha256 = ?1";
        let found = self.db.query_row(find, [sha256], |row| row.get::<_, i64>(0)).optional();
        found.map(|bytes| bytes.map(i64::cast_unsigned)).map_err(doing("look for evidence"))
    }

    /// At most `most` pieces of what has this digest, from the piece `first` on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when they cannot be read.
    pub fn evidence_parts(&self, sha256: &str, first: u32, most: u32) -> Result<Vec<Vec<u8>>> {
        let find = "SELECT body FROM evidence_parts
            WHERE evidence = (SELECT id FROM evidence WHERE sha256 = ?1) AND part >= ?2
            ORDER BY part LIMIT ?3";
        let mut find = self.db.prepare_cached(find).map_err(doing("read evidence"))?;
        let rows = find.query_map(params![sha256, first, most], |row| row.get(0));
        let rows = rows.map_err(doing("read evidence"))?;
        rows.collect::<rusqlite::Result<_>>().map_err(doing("read evidence"))
    }

    /// Forgets what was sent longest ago while more than `limit` bytes are kept whole, at most
    /// `most` of it. Says how many bytes it forgot.
    ///
    /// # Errors
    ///
    /// [`StoreError::Query`](super::StoreError::Query) when SQLite refuses; nothing is forgotten
    /// then.
    pub fn prune_evidence(&mut self, limit: u64, most: u32) -> Result<u64> {
        let sum = "SELECT coalesce(sum(bytes), 0) FROM evidence";
        let sum: i64 =
            self.db.query_row(sum, [], |row| row.get(0)).map_err(doing("count evidence"))?;
        let over = sum.saturating_sub(signed(limit));
        if over <= 0 {
            return Ok(0);
        }
        let step = self.step()?;
        let mut forgotten = 0_i64;
        for (id, bytes) in oldest(&step, most)? {
            if forgotten >= over {
                break;
            }
            forget(&step, id)?;
            forgotten = forgotten.saturating_add(bytes);
        }
        step.commit().map_err(doing("forget evidence"))?;
        Ok(forgotten.cast_unsigned())
    }
}

/// What was sent longest ago, and how many bytes each is.
fn oldest(step: &Transaction<'_>, most: u32) -> Result<Vec<(i64, i64)>> {
    let find = "SELECT id, bytes FROM evidence WHERE sha256 IS NOT NULL ORDER BY last LIMIT ?1";
    let mut find = step.prepare_cached(find).map_err(doing("look for evidence"))?;
    let rows = find.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows = rows.map_err(doing("look for evidence"))?;
    rows.collect::<rusqlite::Result<_>>().map_err(doing("look for evidence"))
}

fn forget(step: &Transaction<'_>, id: i64) -> Result<()> {
    for forget in
        ["DELETE FROM evidence_parts WHERE evidence = ?1", "DELETE FROM evidence WHERE id = ?1"]
    {
        step.execute(forget, [id]).map_err(doing("forget evidence"))?;
    }
    Ok(())
}
