//! `decnet release root`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use super::replace;
use crate::cli::{RootArgs, WrongUse};
use crate::edge::clock;
use crate::edge::log::say;
use crate::edge::release::{read_public, read_root};
use crate::logic::release::{Keyring, PublicKey, Root, SignedRoot};

const DAY: Duration = Duration::from_hours(24);

/// Makes the first root of a fleet, or the next one. Nobody has signed it.
pub(super) fn make(args: &RootArgs) -> Result<()> {
    let before = args.from.as_deref().map(read_root).transpose()?.map(|root| root.signed);
    if args.out.exists() {
        let why =
            format!("`{}` is there already: a root is never written over", args.out.display());
        return Err(WrongUse(why).into());
    }
    let old = before.as_ref();
    let fleet = args.fleet.clone().or_else(|| Some(old?.fleet.clone()));
    let fleet = fleet.map_or_else(|| "decnet".parse(), Ok).map_err(WrongUse)?;
    let version = old.map_or(1, |root| root.version.saturating_add(1));
    let epoch = old.map_or(1, |root| root.epoch.saturating_add(u64::from(args.new_epoch)));
    let days = u32::try_from(args.days).unwrap_or(u32::MAX);
    let root_ring = ring("root", &args.root_key, args.root_threshold, old.map(|root| &root.root))?;
    let release_ring =
        ring("release", &args.release_key, args.release_threshold, old.map(|root| &root.release))?;
    let expires = clock::now().plus(DAY.saturating_mul(days));
    let root = Root::new(fleet, (version, epoch), expires, (root_ring, release_ring))
        .map_err(|error| WrongUse(error.to_string()))?;
    let root = SignedRoot { signed: root, signatures: Vec::new() };
    replace(&args.out, |file| Ok(file.write_all(&root.bytes())?))?;
    let signers =
        if version == 1 { "its own root keys" } else { "the root keys before and its own" };
    say(&format!("root {version}, to be signed by {signers}"));
    Ok(())
}

fn ring(
    name: &str,
    keys: &[PathBuf],
    threshold: Option<usize>,
    before: Option<&Keyring>,
) -> Result<Keyring> {
    let mut keys: Vec<PublicKey> =
        keys.iter().map(|key| read_public(key)).collect::<Result<_, _>>()?;
    if let (true, Some(before)) = (keys.is_empty(), before) {
        keys.clone_from(&before.keys);
    }
    let threshold = threshold.or_else(|| Some(before?.threshold));
    match threshold {
        Some(threshold) if !keys.is_empty() => Ok(Keyring { threshold, keys }),
        _ => {
            let why = format!("the first root needs `--{name}-key` and `--{name}-threshold`");
            Err(WrongUse(why).into())
        }
    }
}
