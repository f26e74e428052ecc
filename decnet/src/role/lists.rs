//! `decnet personas` and `decnet services`: what a decky can be and offer.

use std::process::ExitCode;

use crate::edge::log::say;
use crate::logic::persona;
use crate::logic::services::ServiceKind;
use crate::logic::table::Table;

/// Lists the personas.
pub fn personas() -> ExitCode {
    let mut table = Table::new(["persona", "system", "network card", "ttl", "ssh", "http"]);
    for persona in persona::ALL {
        table.row([
            persona.id.to_owned(),
            persona.system.to_owned(),
            persona.vendor.to_owned(),
            persona.ttl.to_string(),
            persona.ssh.trim_start_matches("SSH-2.0-").to_owned(),
            persona.http.to_owned(),
        ]);
    }
    say(&table.to_string());
    ExitCode::SUCCESS
}

/// Lists the services.
pub fn services() -> ExitCode {
    let mut table = Table::new(["service", "port", "over", "what it records"]);
    for kind in ServiceKind::ALL {
        let port = if kind.is_catchall() { "others".to_owned() } else { kind.port().to_string() };
        table.row([
            kind.to_string(),
            port,
            kind.transport().as_str().to_owned(),
            kind.description().to_owned(),
        ]);
    }
    say(&table.to_string());
    ExitCode::SUCCESS
}
