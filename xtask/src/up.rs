//! The main job: build decnet and run it.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::apt;
use crate::run::{self, cargo, say, top};

/// What the lab's visitor uses.
const CLIENTS: [(&str, &str); 3] =
    [("ssh", "openssh-client"), ("curl", "curl"), ("redis-cli", "redis-tools")];

/// Runs `decnet up` with `args`, in place of this process.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    apt::programs(&[("cc", "gcc")])?;
    if !args.iter().any(|arg| arg.starts_with("--interface") || *arg == "--no-visitor") {
        apt::programs(&CLIENTS)?;
    }
    say("building decnet");
    run::run(&mut cargo(&["build", "--quiet", "--package", "decnet"]))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| top().join("target"), Into::into);
    let decnet = target.join("debug/decnet");
    let error = Command::new(&decnet).arg("up").args(args).exec();
    Err(error).with_context(|| format!("cannot run `{}`", decnet.display()))
}
