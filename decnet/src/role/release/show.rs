//! `decnet release inspect` and `decnet release verify`.

use std::io::BufReader;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{is_root, open};
use crate::cli::{VerifyArgs, WrongUse};
use crate::edge::release::{is_parcel, parcel, read, read_root, verify as verify_tree};
use crate::edge::{clock, log};
use crate::logic::kernel;
use crate::logic::release::{
    Envelope, Floor, Gate, Identity, Keyring, Machine, Release, SignedRoot, Trust, ahead,
};
use crate::logic::table::Table;
use crate::logic::time::Timestamp;
use crate::role::operator::Show;

/// Shows what is in a bundle, a parcel, a directory or a root. The bytes of every file are checked,
/// but not of a parcel's; nothing is said of whether the signatures are good.
pub(super) fn inspect(path: &Path, show: Show) -> Result<()> {
    let context = || format!("`{}`", path.display());
    if path.is_dir() {
        let release = verify_tree(path).with_context(context)?;
        return shown(&release, &Envelope::default(), show);
    }
    if is_root(path)? {
        return shown_root(&read_root(path)?, show);
    }
    let mut bundle = BufReader::new(open(path)?);
    let read = if is_parcel(&mut bundle)? {
        parcel::read(&mut bundle, |_, _| Ok(()))
    } else {
        read(&mut bundle, |_, _| Ok(()))
    };
    let (release, envelope) = read.with_context(context)?;
    shown(&release, &envelope, show)
}

fn shown(release: &Release, envelope: &Envelope, show: Show) -> Result<()> {
    let manifest = release.manifest();
    if show == Show::Json {
        let signers: Vec<String> =
            envelope.signatures.iter().map(|signature| signature.key.to_string()).collect();
        let all = json!({ "digest": release.digest(), "manifest": manifest, "signed_by": signers });
        log::say_json(&all)?;
        return Ok(());
    }
    let components: Vec<&str> = manifest.components.iter().map(|c| c.as_str()).collect();
    let mut about = Table::new(["release", &release.digest().to_string()]);
    about.row(["version".into(), manifest.version.to_string()]);
    about.row(["fleet".into(), manifest.fleet.to_string()]);
    about.row(["epoch, number".into(), format!("{}, {}", manifest.epoch, manifest.number)]);
    about.row(["for".into(), components.join(", ")]);
    let needs = format!("{}, Linux {}", manifest.arch.as_str(), manifest.min_kernel);
    about.row(["needs".into(), needs]);
    about.row(["created".into(), manifest.created.to_string()]);
    about.row(["expires".into(), manifest.expires.to_string()]);
    for signature in &envelope.signatures {
        about.row(["signed by (not checked)".into(), signature.key.to_string()]);
    }
    log::say(&about.to_string());
    let mut files = Table::new(["file", "bytes", "mode", "sha256"]);
    for file in release.files() {
        files.row([
            file.path.to_string(),
            file.size.to_string(),
            format!("{:o}", file.mode.bits()),
            file.sha256.to_string(),
        ]);
    }
    log::say(&files.to_string());
    Ok(())
}

fn shown_root(root: &SignedRoot, show: Show) -> Result<()> {
    if show == Show::Json {
        log::say_json(root)?;
        return Ok(());
    }
    let signed = &root.signed;
    let ring = |ring: &Keyring| format!("{} of {}", ring.threshold, ring.keys.len());
    let mut about = Table::new(["root of", signed.fleet.as_str()]);
    about.row(["version, epoch".into(), format!("{}, {}", signed.version, signed.epoch)]);
    about.row(["expires".into(), signed.expires.to_string()]);
    about.row(["the next root takes".into(), ring(&signed.root)]);
    about.row(["a release takes".into(), ring(&signed.release)]);
    for key in &signed.root.keys {
        about.row(["root key".into(), key.to_string()]);
    }
    for key in &signed.release.keys {
        about.row(["release key".into(), key.to_string()]);
    }
    for signature in &root.signatures {
        about.row(["signed by (not checked)".into(), signature.key.to_string()]);
    }
    log::say(&about.to_string());
    Ok(())
}

/// Says whether a bundle or a parcel could be installed on a machine that has had none, or whether a
/// release's directory is whole.
pub(super) fn verify(args: &VerifyArgs) -> Result<()> {
    let path = &args.file;
    let context = || format!("`{}`", path.display());
    if path.is_dir() {
        let release = verify_tree(path).with_context(context)?;
        log::say(&format!("{} is whole", release.digest()));
        return Ok(());
    }
    let Some(root) = &args.root else {
        let why = "a bundle is checked against a root of trust: name it with --root";
        return Err(WrongUse(why.into()).into());
    };
    let trust = Trust::first(read_root(root)?).with_context(|| format!("`{}`", root.display()))?;
    let kernel = match args.kernel {
        Some(kernel) => kernel,
        None => kernel_here()?,
    };
    let machine = Machine { arch: args.arch, kernel, component: args.component };
    let gate = Gate { trust, floor: Floor::default(), machine, now: clock::now() };
    let mut accepted = None;
    let mut bundle = BufReader::new(open(path)?);
    let check = |envelope: &Envelope, release: &Release| {
        accepted = Some(gate.check_but_future(envelope, release)?);
        Ok(())
    };
    let (read, state) = if is_parcel(&mut bundle)? {
        let state = "; its files are checked where the release is that it builds on";
        (parcel::read(&mut bundle, check), state)
    } else {
        (read(&mut bundle, check), " and whole")
    };
    let (release, _) = read.with_context(context)?;
    let signers = accepted.map_or(0, |accepted| accepted.signers);
    log::say(&format!("{} is signed by {signers} keys{state}", release.digest()));
    warn_if_ahead(&release);
    Ok(())
}

/// Warns of a release that nodes refuse until its time has come.
pub(super) fn warn_if_ahead(release: &Release) {
    let now = clock::now();
    if let Some(ahead) = ahead(&Identity::of(release), now, Timestamp(0)) {
        log::say_aside(&format!(
            "warning: {ahead}, and the clock of this machine says {now}: nodes refuse it until \
             then, and one that took it would take none after it"
        ));
    }
}

pub(super) fn kernel_here() -> Result<kernel::Version> {
    let name = nix::sys::utsname::uname().context("cannot ask for the kernel's version")?;
    Ok(kernel::Version::of(&name.release().to_string_lossy()))
}
