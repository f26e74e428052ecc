//! What is reported of a line beyond the line itself: the files it left, the addresses it named.

use super::Unix;
use crate::logic::services::{Context, Reply};
use crate::logic::shell::report;
use crate::logic::shell::run::{Typed, World};

/// Most files whose end is waited for.
const MAX_GROWING: usize = 16;
/// Most web addresses that a report names.
const MAX_URLS: usize = 16;

/// Which files are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grown {
    All,
    Rested,
}

impl Unix {
    /// Reports the command that we were started for, unless that was done.
    pub(super) fn tell(&mut self, reply: &mut Reply) {
        if std::mem::take(&mut self.untold) {
            reply.report(report(&self.line, &self.user, &self.urls));
        }
    }

    /// Remembers that something was added to a file, which may not be all of it.
    pub(super) fn grows(&mut self, path: String) {
        let room = self.growing.len() < MAX_GROWING;
        match self.growing.iter_mut().find(|(known, _)| *known == path) {
            Some((_, touched)) => *touched = true,
            None if room => self.growing.push((path, true)),
            None => {}
        }
    }

    /// Reports the files that the last line has not added to, or all of them.
    pub(super) fn report_growing(
        &mut self,
        which: Grown,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) {
        let mut world = World::new(context, Typed::default());
        self.growing.retain_mut(|(path, touched)| {
            let grows = std::mem::replace(touched, false) && which == Grown::Rested;
            if !grows {
                world.report_file(path, &self.user);
            }
            grows
        });
        reply.reports.append(&mut world.reports);
    }

    /// Adds web addresses to the line's report that were not to be seen in the line itself.
    pub(super) fn report_urls(&mut self, urls: Vec<String>, reply: &mut Reply) {
        let before = self.urls.len();
        for url in urls {
            let bare = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let known = self
                .urls
                .iter()
                .any(|known| known.trim_end_matches('/').ends_with(bare.trim_end_matches('/')));
            if !known && self.urls.len() < MAX_URLS {
                self.urls.push(url);
            }
        }
        if self.urls.len() == before || self.untold {
            return;
        }
        let report = report(&self.line, &self.user, &self.urls);
        match self.reported_at.and_then(|at| reply.reports.get_mut(at)) {
            Some(known) => *known = report,
            None => reply.report(report),
        }
    }
}
