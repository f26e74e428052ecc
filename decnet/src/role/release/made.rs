//! `decnet release pack`.

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::replace;
use super::show::warn_if_ahead;
use crate::cli::PackArgs;
use crate::edge::clock;
use crate::edge::log::say;
use crate::edge::release::{pack as write_bundle, survey};
use crate::logic::release::{Envelope, MANIFEST, Manifest, Release};

const DAY: Duration = Duration::from_hours(24);

/// Makes `release.json` in a directory, and a bundle of both.
pub(super) fn pack(args: &PackArgs) -> Result<()> {
    let release = release(args).with_context(|| format!("`{}`", args.dir.display()))?;
    replace(&args.dir.join(MANIFEST), |file| Ok(file.write_all(release.bytes())?))?;
    replace(&args.out, |file| {
        let packed = write_bundle(&args.dir, (&release, &Envelope::default()), file);
        packed.with_context(|| format!("cannot pack `{}`", args.dir.display()))
    })?;
    say(&release.digest().to_string());
    warn_if_ahead(&release);
    Ok(())
}

fn release(args: &PackArgs) -> Result<Release> {
    let created = args.created.unwrap_or_else(clock::now);
    let mut components = args.component.clone();
    components.sort_unstable();
    components.dedup();
    let days = u32::try_from(args.days).unwrap_or(u32::MAX);
    Ok(Release::seal(Manifest {
        schema: Manifest::schema(),
        fleet: args.fleet.clone(),
        components,
        version: args.release_version.clone(),
        epoch: args.epoch,
        number: args.number.unwrap_or_else(|| created.millis() / 1_000),
        downgrade_from: args.downgrade_from,
        arch: args.arch,
        min_kernel: args.min_kernel,
        created,
        expires: created.plus(DAY.saturating_mul(days)),
        files: survey(&args.dir)?,
    })?)
}
