//! Programs that a task needs, from Debian's packages where they are missing.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run::{is_installed, output, run, say};

/// Makes sure of each program, from the package named with it.
pub(crate) fn programs(needed: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| !is_installed(program))
        .map(|(_, package)| *package)
        .collect();
    install(&missing)
}

/// Makes sure of packages that are not programs.
pub(crate) fn packages(needed: &[&str]) -> Result<()> {
    let is_there = |package: &&&str| {
        let mut query = Command::new("dpkg-query");
        query.args(["--show", "--showformat=${db:Status-Status}", package]);
        output(&mut query).as_deref() == Some("installed")
    };
    let missing: Vec<&str> = needed.iter().filter(|package| !is_there(package)).copied().collect();
    install(&missing)
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !is_installed("apt-get") {
        bail!("missing: {list} (their names in Debian); install them with this system's own tools");
    }
    say(&format!("installing with apt-get: {list}"));
    let failed = || format!("cannot install {list}: as root, run `apt-get install {list}`");
    let mut update = apt();
    update.args(["-q", "update"]);
    // An old list may still do.
    drop(update.status());
    let mut install = apt();
    install.args(["-q", "-y", "--no-install-recommends", "install"]).args(packages);
    run(&mut install).with_context(failed)
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").stdout(std::process::Stdio::null());
    command
}
