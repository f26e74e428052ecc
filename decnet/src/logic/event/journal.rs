//! An event as journald fields, so that `journalctl DECNET_EVENT=auth.attempt` finds it.

use super::fields::{each, summary};
use super::{Event, Kind};

/// Longest field name that journald takes.
const MAX_NAME: usize = 64;

/// The name and value of each field of `event`.
///
/// **Shape**: names of `A-Z`, `0-9` and `_`, beginning with a letter. `MESSAGE` comes first, then
/// `MESSAGE_ID`, by which `journalctl -x` finds the catalogue entry of the kind.
pub fn fields(event: &Event) -> Vec<(String, String)> {
    let mut fields = vec![
        ("MESSAGE".to_owned(), summary(event)),
        ("MESSAGE_ID".to_owned(), event.event.message_id().to_owned()),
        ("PRIORITY".to_owned(), event.event.severity().to_string()),
        ("DECNET_EVENT".to_owned(), event.event.to_string()),
        ("DECNET_TIME".to_owned(), event.ts.to_string()),
    ];
    if let Some(decky) = &event.decky {
        fields.push(("DECNET_DECKY".to_owned(), decky.name.to_string()));
    }
    if let Some(service) = &event.service {
        fields.push(("DECNET_SERVICE".to_owned(), service.to_string()));
    }
    if let Some(session) = event.session {
        fields.push(("DECNET_SESSION".to_owned(), session.to_string()));
    }
    each(event, &mut |key, value| fields.push((name(key), value.to_owned())));
    fields
}

/// The catalogue that `journalctl -x` explains events from: an entry for each kind, in the format
/// of systemd's catalog files.
pub fn catalogue() -> String {
    let mut text = "# Made by `cargo xtask generate` from the kinds of events.\n".to_owned();
    for kind in Kind::ALL {
        let subject = kind.meaning().trim_end_matches('.');
        let of_node = matches!(
            kind,
            Kind::AgentGap
                | Kind::AgentStart
                | Kind::AgentStop
                | Kind::CaptureDrops
                | Kind::CredentialExpiring
                | Kind::FaceEnded
                | Kind::SourceNew
                | Kind::UpdateDone
                | Kind::UpdateRolledBack
                | Kind::UpdateStart
        );
        let place = if of_node { "node @DECNET_NODE@" } else { "decky @DECNET_DECKY@" };
        text.push_str(&format!(
            "\n-- {}\nSubject: {subject}\nDefined-By: decnet\n\n{}\nIt happened on {place}; the \
             journal has all that is known of it in fields:\n  journalctl -o verbose \
             DECNET_ID=@DECNET_ID@\nand all of its kind:\n  journalctl DECNET_EVENT={kind}\n",
            kind.message_id(),
            kind.meaning(),
        ));
    }
    text
}

/// What other tools call so already keeps its name; the rest is ours.
fn name(key: &str) -> String {
    let upper: String = key
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    let known = ["SRC_", "DST_"].iter().any(|prefix| upper.starts_with(prefix));
    let full = if known { upper } else { format!("DECNET_{upper}") };
    full.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests;
