//! Measures what the project promises, beside peers in the same run: `cargo xtask bench`.
//!
//! Machines are noisy: each figure is a median of several rounds, and where there is a peer the
//! rounds alternate. Nothing here passes or fails.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line tool")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod agent;
mod connections;
mod cost;
mod deploy;
mod fleet;
mod flood;
mod latency;
mod machine;
mod parcel;
mod peers;
mod report;
mod swarm;
mod tls;
mod traffic;
mod updater;

use report::Report;

/// Measures something and reports it.
type Measure = fn(&mut Report);

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(wanted));
    let mut report = Report::default();
    let all: [(&str, Measure); 10] = [
        ("agent", agent::run),
        ("capture-cost", cost::run),
        ("connections", connections::run),
        ("deploy", deploy::run),
        ("fleet", fleet::run),
        ("flood", flood::run),
        ("latency", latency::run),
        ("parcel", parcel::run),
        ("swarm", swarm::run),
        ("updater", updater::run),
    ];
    for (name, run) in all {
        if wanted(name) {
            eprintln!("==> {name}");
            run(&mut report);
        }
    }
    println!("{report}");
}
