//! One command line without a terminal.

use std::time::Duration;

use super::{MAX_URLS, SCREEN, enter};
use crate::logic::services::{Context, Reply};
use crate::logic::shell::run::{Manner, Shell, Source, Step, Stop, Streams, Typed, World, Written};
use crate::logic::shell::text::encode;
use crate::logic::shell::{report, urls};

/// Runs one command line without a terminal.
pub(in crate::logic::shell) fn exec(
    user: &str,
    command: &[u8],
    context: &mut Context<'_>,
    reply: &mut Reply,
) -> u8 {
    let line = encode(command);
    let mut urls = urls(&line);
    let account = enter(user, context);
    let name = if account.shell.ends_with("bash") { "bash" } else { "sh" };
    let mut shell = Shell::new(account, name, Manner::Script);
    let mut world = World::new(context, Typed::default());
    let streams = Streams { input: Source::Empty, ..SCREEN };
    let status = match world.run_text(&mut shell, &line, streams) {
        Ok(status) | Err(Stop::Exit(status) | Stop::Return(status) | Stop::Status(status)) => {
            status
        }
        Err(Stop::Spent) => 137,
        Err(Stop::Break(_) | Stop::Continue(_) | Stop::Enter(_) | Stop::Need(_)) => shell.status,
    };
    for url in std::mem::take(&mut world.urls) {
        if !urls.contains(&url) && urls.len() < MAX_URLS {
            urls.push(url);
        }
    }
    reply.report(report(&line, user, &urls));
    for Written { path, .. } in std::mem::take(&mut world.written) {
        world.report_file(&path, user);
    }
    reply.reports.append(&mut world.reports);
    let mut waited = Duration::ZERO;
    for step in world.take_timeline() {
        match step {
            Step::Show(bytes) => reply.send(bytes),
            Step::Wait(span) => waited += span,
        }
    }
    if !waited.is_zero() {
        reply.wait = Some(waited);
    }
    status
}
