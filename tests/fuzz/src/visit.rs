//! A visit to a service: what a visitor sends in pieces, and what it may cost.

use std::time::Duration;

use decnet::logic::files;
use decnet::logic::services::{Reply, Report, ServiceKind, ServiceSpec, begin};

use crate::decky::{Decky, NOW};
use crate::views;

/// Longest visit; the face ends a connection after an hour too.
const LONGEST: Duration = Duration::from_secs(3_600);
/// Most times that one visit is woken, as a visitor has better things to do.
const MAX_WAKES: usize = 2_000;

/// What a visit may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes that are answered to nothing at all.
    pub base: usize,
    /// Bytes that are answered for each byte, or each time of being woken.
    pub each: usize,
    /// Reports of nothing at all; beyond that there may be one for each byte.
    pub reports: usize,
}

/// What a service of ours may cost.
pub const BOUNDS: Bounds = Bounds { base: 4 << 20, each: 4 << 10, reports: 16 };

/// Visits a service.
///
/// **Shape**: a byte for the persona, a byte for how many bytes come at a time (0 for all at
/// once), then what is sent.
pub fn visit(kind: ServiceKind, data: &[u8]) {
    let [persona, size, sent @ ..] = data else { return };
    let mut decky = Decky::new(*persona);
    let spec = ServiceSpec::plain(kind);
    let mut service = begin(&spec.settings);
    let mut cost = Cost::default();
    let port = if spec.port == 0 { 4444 } else { spec.port };
    let mut turn = |act: &mut dyn FnMut(
        &mut dyn decnet::logic::services::Service,
        &mut decnet::logic::services::Context<'_>,
        &mut Reply,
    )| {
        let mut reply = Reply::default();
        decky.call(port, |context| act(service.as_mut(), context, &mut reply));
        loop {
            cost.add(&reply);
            let Some(wait) =
                reply.wait.or(reply.calculate.then_some(Duration::ZERO)).filter(|_| !reply.close)
            else {
                break;
            };
            decky.now = decky.now.plus(wait);
            if decky.now.since(NOW) > LONGEST || cost.wakes >= MAX_WAKES {
                reply.close = true;
                break;
            }
            reply = Reply::default();
            decky.call(port, |context| service.wake(context, &mut reply));
            cost.wakes += 1;
        }
        reply.close
    };
    let mut closed = turn(&mut |service, context, reply| service.open(context, reply));
    let size = if *size == 0 { sent.len().max(1) } else { usize::from(*size) };
    for piece in sent.chunks(size) {
        if closed {
            break;
        }
        closed = turn(&mut |service, context, reply| service.receive(piece, context, reply));
    }
    turn(&mut |service, context, reply| service.end(context, reply));
    cost.check(BOUNDS, sent.len());
    assert!(
        decky.state.files.bytes() <= files::MAX_BYTES,
        "files of {} bytes",
        decky.state.files.bytes()
    );
}

/// What was answered and reported so far.
#[derive(Debug, Default)]
pub struct Cost {
    bytes: usize,
    reports: usize,
    /// How often a service was woken.
    pub wakes: usize,
}

impl Cost {
    /// Takes note of an answer, whose reports must be fit to be read.
    pub fn add(&mut self, reply: &Reply) {
        self.bytes += reply.bytes.len();
        self.reports += reply.reports.len();
        for report in &reply.reports {
            check(report);
        }
    }

    /// Panics when it was too much for so many bytes.
    pub fn check(&self, bounds: Bounds, sent: usize) {
        let most = bounds.base + (sent + self.wakes) * bounds.each;
        assert!(self.bytes <= most, "{} bytes for {sent}, woken {}", self.bytes, self.wakes);
        let most = bounds.reports + sent;
        assert!(self.reports <= most, "{} reports for {sent} bytes", self.reports);
    }
}

/// Panics when a report is too long for its way to the agent, or cannot be read.
pub fn check(report: &Report) {
    views::check(&views::event(report.clone()));
}
