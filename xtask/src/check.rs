//! What must hold before anything is tested.

use anyhow::{Result, bail};

use crate::run::{self, cargo, say, top};
use crate::{layers, licences};

/// Checks format, lints, layers and licences.
pub(crate) fn run() -> Result<()> {
    say("format");
    run_cargo(&["fmt", "--all", "--check"])?;
    say("layers and lengths");
    let found = layers::check(&top());
    if !found.is_empty() {
        bail!("{}", found.join("\n"));
    }
    say("licences and sources of dependencies");
    licences::check()?;
    say("lints");
    run_cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
}

fn run_cargo(args: &[&str]) -> Result<()> {
    run::run(&mut cargo(args))
}
