//! Which releases the nodes do not take again, as they said when they were asked last.

use rusqlite::params;
use uuid::Uuid;

use super::rows::json;
use super::{Hosts, Result};
use crate::logic::rollout::{Quarantined, QuarantinedThere};
use crate::logic::trust::NodeName;

impl Hosts {
    /// A node says that it does not take these.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn quarantine(&self, host: Uuid, releases: &[Quarantined]) -> Result<()> {
        let text = serde_json::to_string(releases).expect("texts are JSON");
        let known: Option<String> = {
            use rusqlite::OptionalExtension as _;
            let sql = "SELECT releases FROM quarantines WHERE host = ?1";
            self.db.query_row(sql, [host.to_string()], |row| row.get(0)).optional()?
        };
        if known.as_deref().unwrap_or("[]") == text {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO quarantines (host, releases) VALUES (?1, ?2)";
        self.db.execute(sql, params![host.to_string(), text])?;
        Ok(())
    }

    /// What all nodes do not take, by their names.
    ///
    /// # Errors
    ///
    /// [`super::HostsError::Query`].
    pub fn quarantines(&self) -> Result<Vec<QuarantinedThere>> {
        let sql = "SELECT uuid, name, releases FROM quarantines JOIN hosts ON uuid = host
                   WHERE status <> 'decommissioned' ORDER BY name";
        let mut find = self.db.prepare_cached(sql)?;
        let rows = find.query_map([], |row| {
            let (uuid, name): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((uuid, name, json::<Vec<Quarantined>>(row, 2)))
        })?;
        let mut all = Vec::new();
        for row in rows {
            let (uuid, name, releases) = row?;
            // A row that cannot be read hides no other.
            let (Ok(host_uuid), Ok(host_name), Ok(releases)) =
                (uuid.parse(), name.parse::<NodeName>(), releases)
            else {
                continue;
            };
            all.extend(releases.into_iter().map(|release| QuarantinedThere {
                host_uuid,
                host_name: host_name.clone(),
                release,
            }));
        }
        Ok(all)
    }
}
