//! Measures in release builds, beside peers.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::apt;
use crate::run::{cargo, run, say, top};

/// Peers and tools from Debian.
const PROGRAMS: [(&str, &str); 5] = [
    ("cc", "gcc"),
    ("curl", "curl"),
    ("ip", "iproute2"),
    ("python3", "python3"),
    ("tcpdump", "tcpdump"),
];
/// Peers from PyPI, in a virtual environment of their own.
const PEERS: [&str; 2] = ["opencanary", "scapy"];

/// Runs the measurements whose names contain one of `names`, or all.
pub(crate) fn bench(names: &[&str]) -> Result<()> {
    apt::programs(&PROGRAMS)?;
    apt::packages(&["python3-venv"])?;
    let python = peers()?;
    say("building for release");
    let packages = ["--package", "decnet", "--package", "decnet-tests"];
    run(cargo(&["build", "--quiet", "--profile", "shipped", "--bins"]).args(packages))?;
    let mut bench = Command::new(top().join("target/shipped/bench"));
    run(bench.args(names).env("DECNET_BENCH_PYTHON", python))
}

/// The Python that has the peers.
fn peers() -> Result<PathBuf> {
    let venv = top().join("target/bench-peers");
    let python = venv.join("bin/python");
    if venv.join("bin/opencanaryd").is_file() {
        return Ok(python);
    }
    say(&format!("installing from PyPI: {}", PEERS.join(" ")));
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(Command::new(&python).args(["-m", "pip", "--quiet", "install"]).args(PEERS))?;
    Ok(python)
}
