//! `decnet doctor`: says what this machine lacks and how to get it.
//!
//! It tries what the agent will do instead of guessing whether it could: it makes a user namespace,
//! a macvlan in a LAN of its own, and loads the capture programs. Nothing of that is left.

mod checks;
pub mod sandbox;

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::edge::log::{say, say_json};
use crate::logic::table::Table;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// Deckies cannot be had like this.
    Fail,
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warn,
}

/// A check and what came of it.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { check, verdict: Verdict::Warn, found: found.into(), advice }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let advice = Some(advice.into());
        Self { check, verdict: Verdict::Fail, found: found.into(), advice }
    }
}

/// Checks this machine, and the interface that is named or has the default route.
///
/// # Errors
///
/// When the result cannot be written; what is lacking is no error, but the exit code says so.
pub fn run(interface: Option<&str>, json: bool) -> Result<ExitCode> {
    let findings = checks::all(interface);
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    if json {
        say_json(&findings)?;
    } else {
        print(&findings);
        say(if failed {
            "\nthis machine cannot carry deckies yet: see what is marked FAIL"
        } else {
            "\nthis machine can carry deckies"
        });
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(findings: &[Finding]) {
    let mut table = Table::new(["", "check", "found"]);
    for finding in findings {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "FAIL",
        };
        table.row([verdict.to_owned(), finding.check.to_owned(), finding.found.clone()]);
    }
    say(&table.to_string());
    for finding in findings {
        if let Some(advice) = &finding.advice {
            say(&format!("\n{}: {advice}", finding.check));
        }
    }
}
