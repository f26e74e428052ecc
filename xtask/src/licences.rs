//! What we build on: only from the registry, and only under licences that ours can live with.
//!
//! `deny.toml` says the same to `cargo deny`, which knows advisories too and is run when it is
//! there; this takes no download and no minutes.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::run::{cargo, is_installed, output, run};

/// Licences that need no more than a notice.
const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA", // libFuzzer, in tests alone
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks every package that the lock file names.
pub(crate) fn check() -> Result<()> {
    let metadata =
        output(&mut cargo(&["metadata", "--format-version", "1", "--locked", "--quiet"]));
    let metadata =
        metadata.context("`cargo metadata --locked` fails: is Cargo.lock up to date?")?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("no packages in the metadata")?;
    let mut wrong = Vec::new();
    for package in packages {
        let name = format!("{} {}", text(package, "name"), text(package, "version"));
        let source = text(package, "source");
        if !source.is_empty() && !source.starts_with("registry+") {
            wrong.push(format!("{name} does not come from the registry but from {source}"));
        }
        let licence = text(package, "license");
        if !is_allowed(licence) {
            wrong.push(format!("{name} is under `{licence}`"));
        }
    }
    if !wrong.is_empty() {
        bail!("dependencies that do not fit:\n{}", wrong.join("\n"));
    }
    if is_installed("cargo-deny") {
        run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    }
    Ok(())
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// Whether an SPDX expression can be met: each part of an AND by one choice of its OR.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    let choice = |choice: &str| {
        let licence = choice.trim().split(" WITH ").next().unwrap_or_default();
        ALLOWED.contains(&licence)
    };
    plain.split(" AND ").all(|part| part.split(" OR ").any(choice))
}
