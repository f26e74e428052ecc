//! The files that are made from the code: a unit test holds each against what it should be, and
//! writes it anew when it is asked to.

use anyhow::Result;

use crate::run::{self, cargo, say};

/// Makes them anew.
pub(crate) fn run() -> Result<()> {
    say("deploy/decnet.catalog");
    let mut test = cargo(&["test", "--quiet", "--package", "decnet", "--lib", "--", "is_current"]);
    run::run(test.env("UPDATE_GOLDEN", "1"))
}
