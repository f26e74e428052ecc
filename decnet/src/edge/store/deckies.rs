//! The deckies as they are, with what happened to them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Result, Store, StoreError, doing, maybe_time};
use crate::logic::time::Timestamp;

/// A decky and how often it was touched.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TouchedDecky {
    /// The decky as the node describes it.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub decky: Box<RawValue>,
    /// Events that happened to it.
    pub events: i64,
    /// Visitors that touched it.
    pub sources: i64,
    /// When it was first touched.
    #[schemars(with = "Option<String>")]
    pub first: Option<Timestamp>,
    /// When it was last touched.
    #[schemars(with = "Option<String>")]
    pub last: Option<Timestamp>,
}

impl Store {
    /// The deckies by name.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read or what is in it is damaged.
    pub fn deckies(&self) -> Result<Vec<TouchedDecky>> {
        let sql = "SELECT body, coalesce(events, 0), coalesce(sources, 0), first, last
                   FROM deckies LEFT JOIN touched ON touched.decky = deckies.name ORDER BY name";
        let mut find = self.db.prepare_cached(sql).map_err(doing("read deckies"))?;
        let rows = find
            .query_map([], |row| {
                let (first, last) = (maybe_time(3)(row)?, maybe_time(4)(row)?);
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?, first, last))
            })
            .map_err(doing("read deckies"))?;
        let mut deckies = Vec::new();
        for row in rows {
            let (body, events, sources, first, last) = row.map_err(doing("read deckies"))?;
            let decky = RawValue::from_string(body).map_err(StoreError::Json)?;
            deckies.push(TouchedDecky { decky, events, sources, first, last });
        }
        Ok(deckies)
    }
}
