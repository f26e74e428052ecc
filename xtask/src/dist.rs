//! Makes a release of this workspace: its tree, and the bundle that a node is sent.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run::{cargo, run, say, target_dir, top};

/// What is in a release beside the program, and nothing else: whatever lies about stays here.
const SHARE: [(&str, &str); 20] = [
    ("LICENSE-APACHE", "share/doc/LICENSE-APACHE"),
    ("LICENSE-MIT", "share/doc/LICENSE-MIT"),
    ("README.md", "share/doc/README.md"),
    ("deploy/50-decnet.rules", "share/polkit/50-decnet.rules"),
    ("deploy/decnet-agent.service", "share/systemd/decnet-agent.service"),
    ("deploy/decnet-agent.socket", "share/systemd/decnet-agent.socket"),
    ("deploy/decnet-api.service", "share/systemd/decnet-api.service"),
    ("deploy/decnet-bpf.service", "share/systemd/decnet-bpf.service"),
    ("deploy/decnet-rescue.service", "share/systemd/decnet-rescue.service"),
    ("deploy/decnet-rescue.timer", "share/systemd/decnet-rescue.timer"),
    ("deploy/decnet-rooms.service", "share/systemd/decnet-rooms.service"),
    ("deploy/decnet-rooms.sh", "share/systemd/decnet-rooms.sh"),
    ("deploy/decnet-swarmctl.service", "share/systemd/decnet-swarmctl.service"),
    ("deploy/decnet-units.socket", "share/systemd/decnet-units.socket"),
    ("deploy/decnet-units@.service", "share/systemd/decnet-units@.service"),
    ("deploy/decnet-updater.service", "share/systemd/decnet-updater.service"),
    ("deploy/decnet-web.service", "share/systemd/decnet-web.service"),
    ("deploy/decnet.catalog", "share/systemd/decnet.catalog"),
    ("deploy/decnet.sysusers", "share/systemd/decnet.sysusers"),
    ("deploy/run-decnet-bpf.mount", "share/systemd/run-decnet-bpf.mount"),
];

/// `[--key FILE]… [options of decnet release pack]`: the keys sign the bundle.
pub(crate) fn make(args: &[&str]) -> Result<()> {
    let (keys, options) = split(args)?;
    say("building decnet for release");
    run(&mut cargo(&["build", "--profile", "shipped", "--quiet", "--package", "decnet"]))?;
    let program = target_dir().join("shipped/decnet");
    let dist = target_dir().join("dist");
    let tree = dist.join("tree");
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot empty `{}`", tree.display()))?;
    }
    say(&format!("release tree in {}", tree.display()));
    put(&program, &tree.join("bin/decnet"), 0o555)?;
    // What only a debugger reads is two thirds of it.
    run(Command::new("strip").arg("--strip-debug").arg(tree.join("bin/decnet")))?;
    for (from, to) in SHARE {
        put(&top().join(from), &tree.join(to), 0o444)?;
    }
    let bundle = dist.join("decnet.tar");
    let mut pack = Command::new(&program);
    pack.args(["release", "pack"]).arg(&tree).arg("--out").arg(&bundle).args(options);
    run(&mut pack)?;
    if !keys.is_empty() {
        let mut sign = Command::new(&program);
        sign.args(["release", "sign"]).arg(&bundle);
        for key in &keys {
            sign.args(["--key", key]);
        }
        run(&mut sign)?;
    }
    let size = fs::metadata(&bundle).map(|found| found.len()).unwrap_or_default();
    let signed = if keys.is_empty() { "nobody has signed it" } else { "signed" };
    say(&format!("{size} bytes in {}: {signed}", bundle.display()));
    Ok(())
}

/// The keys, and everything else.
fn split<'a>(args: &[&'a str]) -> Result<(Vec<&'a str>, Vec<&'a str>)> {
    let (mut keys, mut options) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--key" => keys.push(*args.next().context("`--key` needs a file")?),
            other => options.push(other),
        }
    }
    Ok((keys, options))
}

fn put(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let tried = || format!("cannot copy `{}` to `{}`", from.display(), to.display());
    fs::create_dir_all(to.parent().unwrap_or(to)).with_context(tried)?;
    fs::copy(from, to).with_context(tried)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(tried)
}
