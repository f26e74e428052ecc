//! The master's own key, and where it is.

use std::process::ExitCode;

use anyhow::Result;
use axum::http::Method;
use serde_json::Value;

use super::controller::Controller;
use crate::edge::log::say;
use crate::logic::swarm::{MasterRenewal, MoveMaster};
use crate::role::operator::Show;

/// Gives the master another key.
pub(super) fn renew(controller: &Controller, wish: MasterRenewal, show: Show) -> Result<ExitCode> {
    let body = serde_json::to_value(wish)?;
    let answer: Value = controller.ask(Method::POST, "/swarm/master/renew", Some(&body))?;
    if show == Show::Json {
        say(&answer.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let print = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
    say(&format!("the master has another key: {}", print("fingerprint")));
    let what = if wish.revoke { "is revoked: nodes hear it now" } else { "is old" };
    say(&format!("the one before {what}: {}", print("before")));
    Ok(ExitCode::SUCCESS)
}

/// Tells the nodes where the master is.
pub(super) fn relocate(controller: &Controller, wish: &MoveMaster, show: Show) -> Result<ExitCode> {
    let body = serde_json::to_value(wish)?;
    let answer: Value = controller.ask(Method::POST, "/swarm/master/move", Some(&body))?;
    if show == Show::Json {
        say(&answer.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let places: Vec<String> = wish.places.iter().map(ToString::to_string).collect();
    say(&format!("nodes are told to look for the master at {}", places.join(", ")));
    Ok(ExitCode::SUCCESS)
}
