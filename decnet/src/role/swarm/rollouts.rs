//! `decnet swarm update`, `rollback` and `rollouts`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use axum::http::Method;

use super::Source;
use super::bundle::{Packed, packed};
use super::controller::Controller;
use crate::cli::WrongUse;
use crate::edge::log::{say, say_aside, say_json, show_progress};
use crate::logic::rollout::{
    Brief, Counts, DryRun, Forgive, NodeReport, NodeState, Offer, Phase, Quarantined,
    QuarantinedThere, Report, Revert, Reverted, Skip, Started, Wish,
};
use crate::logic::table::Table;
use crate::role::operator::Show;

/// What to do with rollouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Follow one until it rests.
    Follow,
    /// Show how it is.
    Look,
    /// Have it do something: by this word the controller knows what.
    Tell(&'static str),
}

/// Brings nodes a release.
pub(super) fn update(
    controller: &Controller,
    wish: &Wish,
    source: &Source,
    show: Show,
) -> Result<ExitCode> {
    let made: Packed;
    let path = match source {
        Source::Bundle(path) => path,
        Source::Root { root, exclude, keys } => {
            if !root.is_dir() {
                let message = format!("`{}` is no directory: name one with --root", root.display());
                return Err(WrongUse(message).into());
            }
            show_progress("packing");
            made = packed(root, exclude, keys)?;
            &made.path
        }
    };
    if !path.is_file() {
        let message = format!("there is no bundle `{}`: name one with --bundle", path.display());
        return Err(WrongUse(message).into());
    }
    show_progress("sending the bundle to the controller");
    let policy = serde_json::to_string(wish)?;
    let (field, file) = (("policy", policy.as_str()), ("bundle", path.as_path()));
    if wish.dry_run {
        let dry: DryRun = controller.send_file("/swarm/rollouts", field, file)?;
        show_progress("");
        return dry_run(&dry, show);
    }
    let started: Started =
        controller.send_file("/swarm/rollouts", field, file).context("no rollout was begun")?;
    follow(controller, &started.id.to_string(), show)
}

/// Follows a rollout until it rests, or until the operator has seen enough.
fn follow(controller: &Controller, id: &str, show: Show) -> Result<ExitCode> {
    let path = format!("/swarm/rollouts/{id}");
    let found = controller.follow(&path, |report: &Report| {
        show_progress(&progress(&report.brief.counts));
        report.rests()
    });
    show_progress("");
    match found.with_context(|| how_to_follow(id))? {
        Some(report) => shown(&report, show),
        None => {
            say_aside(&how_to_follow(id));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn how_to_follow(id: &str) -> String {
    format!("the rollout goes on without this terminal: `decnet swarm rollouts {id} --follow`")
}

fn progress(counts: &Counts) -> String {
    let Counts { well, bad, offline, under_way, soaking, waiting, skipped } = counts;
    let done = well + bad + offline + skipped;
    let all = done + under_way + soaking + waiting;
    let width = 20;
    let bar = "#".repeat(done * width / all.max(1));
    format!(
        "[{bar:width$}] {done} of {all}: {well} well, {bad} failed, {offline} away, {soaking} \
         asked again, {under_way} under way"
    )
}

/// Shows rollouts, or does something with one.
pub(super) fn look(
    controller: &Controller,
    id: Option<&str>,
    act: Act,
    show: Show,
) -> Result<ExitCode> {
    let Some(id) = id else { return list(controller, show) };
    if !id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Err(WrongUse(format!("`{id}` is no rollout: see `decnet swarm rollouts`")).into());
    }
    let path = format!("/swarm/rollouts/{id}");
    match act {
        Act::Follow => follow(controller, id, show),
        Act::Look => shown(&controller.ask(Method::GET, &path, None)?, show),
        Act::Tell(word) => {
            let path = format!("{path}/{word}");
            let report: Report = controller.ask(Method::POST, &path, None)?;
            match show {
                Show::Json => say_json(&report)?,
                Show::Table => say(&format!("rollout {id} is {}", report.brief.state.as_str())),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(controller: &Controller, show: Show) -> Result<ExitCode> {
    let all: Vec<Brief> = controller.ask(Method::GET, "/swarm/rollouts", None)?;
    if show == Show::Json {
        say_json(&all)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        "ID", "BEGUN", "STATE", "VERSION", "RELEASE", "WELL", "FAILED", "AWAY", "LEFT",
    ]);
    for Brief { id, created_at, state, release, counts } in &all {
        table.row([
            id.to_string(),
            created_at.to_string(),
            state.as_str().to_owned(),
            release.version.to_string(),
            release.digest.short(),
            counts.well.to_string(),
            counts.bad.to_string(),
            counts.offline.to_string(),
            (counts.waiting + counts.under_way + counts.soaking).to_string(),
        ]);
    }
    say(&table.to_string());
    Ok(ExitCode::SUCCESS)
}

/// Shows what became of each node; it failed when one of them is not as it was wished.
fn shown(report: &Report, show: Show) -> Result<ExitCode> {
    let failed = report.has_failed();
    if show == Show::Json {
        say_json(report)?;
    } else {
        say(&table(&report.nodes).to_string());
    }
    remarks(report).iter().for_each(|remark| say_aside(remark));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn table(nodes: &[NodeReport]) -> Table {
    let mut table = Table::new(["HOST", "ADDRESS", "AGENT", "SELF", "DETAIL"]);
    for node in nodes {
        table.row([
            node.host_name.to_string(),
            node.address.clone(),
            node.agent.clone(),
            node.own.clone(),
            node.detail.clone(),
        ]);
    }
    table
}

/// Which nodes nobody can reach since they were told, and whose updaters failed.
fn failures(nodes: &[NodeReport]) -> Vec<String> {
    let named = |is: fn(&NodeState) -> bool| {
        let names = nodes.iter().filter(|node| is(&node.state));
        names.map(|node| node.host_name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let silent = named(|state| matches!(state, NodeState::Silent { .. }));
    let own = named(|state| matches!(state, NodeState::SelfFailed { .. }));
    let mut told = Vec::new();
    if !silent.is_empty() {
        told.push(format!(
            "told, and silent since: {silent}; the release is not promised to them again"
        ));
    }
    if !own.is_empty() {
        told.push(format!("with the release, but without an updater that is it: {own}"));
    }
    told
}

/// What is to be known beside the table.
fn remarks(report: &Report) -> Vec<String> {
    let id = report.brief.id;
    let mut remarks = Vec::new();
    let without = NodeState::Skipped { skip: Skip::NoUpdater };
    let without = report.nodes.iter().filter(|node| node.state == without);
    let names: Vec<&str> = without.map(|node| node.host_name.as_str()).collect();
    if !names.is_empty() {
        remarks.push(format!("without an updater: {}", names.join(", ")));
    }
    remarks.extend(failures(&report.nodes));
    let counts = &report.brief.counts;
    if counts.offline > 0 && report.brief.state != Phase::Aborted {
        let away = counts.offline;
        remarks.push(format!("{away} nodes are away and get the release when they are back"));
    }
    let left = counts.waiting;
    let go_on = format!("`decnet swarm rollouts {id} --resume`, or --abort");
    match report.brief.state {
        Phase::Halted => remarks.push(format!(
            "the rollout has halted, for too many nodes failed; {left} have not begun: {go_on}"
        )),
        Phase::Paused => {
            remarks.push(format!("the rollout is paused; {left} nodes have not begun: {go_on}"));
        }
        Phase::Aborted => remarks.push("the rollout was aborted".to_owned()),
        Phase::Done | Phase::Running => {}
    }
    remarks
}

fn dry_run(dry: &DryRun, show: Show) -> Result<ExitCode> {
    let failed = dry.results.iter().any(|node| !node.ok);
    if show == Show::Json {
        say_json(dry)?;
    } else {
        let Offer { digest, .. } = dry.release;
        let mut table = Table::new([
            "HOST",
            "ADDRESS",
            "CURRENT",
            "TARGET",
            "SEND BYTES",
            "FREE BYTES",
            "DETAIL",
        ]);
        let number = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |it| it.to_string());
        for node in &dry.results {
            table.row([
                node.host_name.to_string(),
                node.address.clone(),
                node.current.map_or_else(|| "-".to_owned(), |current| current.short()),
                digest.short(),
                number(node.send_bytes),
                number(node.free_bytes),
                node.detail.clone(),
            ]);
        }
        say(&table.to_string());
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Has nodes go back to the release that they had before.
pub(super) fn roll_back(controller: &Controller, wish: &Revert, show: Show) -> Result<ExitCode> {
    let body = serde_json::to_value(wish)?;
    told(controller.tell_patiently("/swarm/rollback", &body)?, show)
}

/// Has nodes take a release again that failed there.
pub(super) fn forgive(controller: &Controller, wish: &Forgive, show: Show) -> Result<ExitCode> {
    let body = serde_json::to_value(wish)?;
    told(controller.tell_patiently("/swarm/releases/forgive", &body)?, show)
}

/// Says which releases nodes do not take again, and why.
pub(super) fn quarantined(controller: &Controller) -> Result<()> {
    let all: Vec<QuarantinedThere> = controller.ask(Method::GET, "/swarm/quarantines", None)?;
    for QuarantinedThere { host_name, release: Quarantined { component, digest, why }, .. } in all {
        let (component, digest) = (component.as_str(), digest.short());
        say_aside(&format!(
            "{host_name} does not take release {digest} as {component}: {why} (`decnet swarm \
             release forgive --host {host_name} {digest}`)"
        ));
    }
    Ok(())
}

fn told(reverted: Reverted, show: Show) -> Result<ExitCode> {
    let failed = reverted.results.iter().any(|node| !node.ok);
    if show == Show::Json {
        say_json(&reverted)?;
    } else {
        let mut table = Table::new(["HOST", "ADDRESS", "AGENT", "DETAIL"]);
        for node in reverted.results {
            table.row([node.host_name.to_string(), node.address, node.agent, node.detail]);
        }
        say(&table.to_string());
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
