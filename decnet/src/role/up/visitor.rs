//! The lab's visitor: a scan by hand, then real clients: OpenSSH, curl and redis-cli.
//!
//! Runs as a process of its own in the visitor's namespace, told by standard input whom to visit.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use caps::Capability;
use nix::net::if_::if_nametoindex;
use serde::{Deserialize, Serialize};

use super::lab::VISITOR_LINK;
use crate::edge::frames::Frames;
use crate::edge::log::say;
use crate::edge::privileges;
use crate::edge::{child, files, links};
use crate::logic::craft::{LINUX_OPTIONS, Route, tcp};
use crate::logic::mac::Mac;
use crate::logic::probe;
use crate::logic::status::DeckyStatus;

/// What the visitor logs in with.
pub(super) const LOGIN: (&str, &str) = ("root", "toor");
/// A port that the visitor tries and no decky serves.
pub(super) const SCANNED: u16 = 445;
/// Ports that the visitor tries.
const PORTS: [u16; 9] = [21, 22, 23, 80, 443, SCANNED, 3389, 6379, 8080];
/// How long a decky may take to tell its MAC.
const ARP_PATIENCE: Duration = Duration::from_secs(2);
/// How long a client may take.
const CLIENT_SECONDS: &str = "20";
/// The programs that the visitor uses, and their Debian packages.
pub(in crate::role) const CLIENTS: [(&str, &str); 4] = [
    ("ssh", "openssh-client"),
    ("curl", "curl"),
    ("redis-cli", "redis-tools"),
    ("timeout", "coreutils"),
];

/// Whom to visit, as standard input says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Errand {
    /// The visitor's IPv4 address.
    pub(super) from: IpAddr,
    /// Whom.
    pub(super) deckies: Vec<DeckyStatus>,
    /// A directory of its own.
    pub(super) scratch: std::path::PathBuf,
    /// Whom to be.
    pub(super) user: Option<String>,
}

/// `decnet visitor`.
///
/// # Errors
///
/// When a client cannot be run; what a decky answers is for `up` to judge.
pub fn run() -> Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("no errand")?;
    let errand: Errand = serde_json::from_str(&text).context("no errand")?;
    privileges::become_user(
        privileges::account(errand.user.as_deref())?,
        &[Capability::CAP_NET_RAW],
    )?;
    child::die_with_parent().context("cannot be tied to its parent")?;
    scan(&errand)?;
    // The clients need no capability.
    privileges::keep_to_ourselves()?;
    for decky in &errand.deckies {
        for service in &decky.services {
            match service.as_str() {
                "ssh" => ssh(decky, &errand.scratch)?,
                "http" => http(decky)?,
                "redis" => redis(decky)?,
                _ => {}
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn scan(errand: &Errand) -> Result<()> {
    let link = if_nametoindex(VISITOR_LINK).context("cannot find the visitor's link")?;
    let frames = Frames::open(link).context("cannot send frames by hand")?;
    let own = links::mac_of(VISITOR_LINK)?;
    let macs = resolve(&frames, own, errand)?;
    for decky in &errand.deckies {
        let Some(mac) = macs.get(&decky.ip) else { bail!("{} does not say its MAC", decky.name) };
        say(&format!("visitor: scans {} ({})", decky.name, decky.ip));
        let route =
            Route { src_mac: own, dst_mac: *mac, src: errand.from, dst: decky.ip, vlan: None };
        let flags = tcp::FIN | tcp::PSH | tcp::URG;
        let probes = PORTS.iter().zip(40_000u16..).flat_map(|(port, from)| {
            [
                route.tcp(from, *port, tcp::SYN, &LINUX_OPTIONS, b""),
                route.tcp(from + 100, *port, tcp::FIN, &[], b""),
                route.tcp(from + 200, *port, 0, &[], b""),
                route.tcp(from + 300, *port, flags, &[], b""),
            ]
        });
        let others = [route.udp(40_900, 161, b"public"), route.echo(1)];
        for frame in probes.chain(others) {
            frames.send(&frame).context("cannot send a frame")?;
        }
    }
    Ok(())
}

/// Asks for the MAC of each decky, as any machine does before it sends anything.
fn resolve(frames: &Frames, own: Mac, errand: &Errand) -> Result<BTreeMap<IpAddr, Mac>> {
    let IpAddr::V4(from) = errand.from else { bail!("the visitor has no IPv4 address") };
    let mut macs = BTreeMap::new();
    for decky in &errand.deckies {
        let mut question = probe::question(own, decky.ip);
        // A probe with the sender's address filled in is a plain request.
        if let Some(sender) = question.get_mut(28..32) {
            sender.copy_from_slice(&from.octets());
        }
        frames.send(&question).context("cannot ask for a MAC")?;
    }
    let until = Instant::now() + ARP_PATIENCE;
    while macs.len() < errand.deckies.len()
        && let Some(frame) = frames.receive(until)?
    {
        macs.extend(probe::answer(&frame).filter(|(_, mac)| *mac != own));
    }
    Ok(macs)
}

fn ssh(decky: &DeckyStatus, scratch: &Path) -> Result<()> {
    say(&format!("visitor: logs in to {} by ssh as {}", decky.name, LOGIN.0));
    files::make_dir(scratch)?;
    let askpass = scratch.join("askpass");
    files::replace(&askpass, format!("#!/bin/sh\necho '{}'\n", LOGIN.1).as_bytes())?;
    std::fs::set_permissions(&askpass, std::fs::Permissions::from_mode(0o700))
        .context("cannot make the password helper")?;
    let mut command = client("ssh");
    command.env("SSH_ASKPASS", &askpass).env("SSH_ASKPASS_REQUIRE", "force");
    command.args([
        "-F",
        "none",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ]);
    command.args([
        "-o",
        "LogLevel=ERROR",
        "-o",
        "PreferredAuthentications=password,keyboard-interactive",
    ]);
    command.args(["-o", "NumberOfPasswordPrompts=1", "-l", LOGIN.0]);
    command.arg(decky.ip.to_string()).arg("uname -a; id; cat /etc/passwd; ls -la /root");
    run_client(command, "ssh")
}

fn http(decky: &DeckyStatus) -> Result<()> {
    say(&format!("visitor: asks {} for its web page, and tries a login", decky.name));
    let mut command = client("curl");
    command.args(["--silent", "--output", "/dev/null", &format!("http://{}/", decky.ip)]);
    run_client(command, "curl")?;
    let mut command = client("curl");
    let form = format!("username={}&password={}", LOGIN.0, LOGIN.1);
    command.args(["--silent", "--output", "/dev/null", "--data", &form]);
    command.arg(format!("http://{}/login", decky.ip));
    run_client(command, "curl")
}

fn redis(decky: &DeckyStatus) -> Result<()> {
    say(&format!("visitor: talks to the redis of {}", decky.name));
    for words in [&["info"][..], &["keys", "*"], &["config", "set", "dir", "/var/spool/cron"]] {
        let mut command = client("redis-cli");
        command.args(["-h", &decky.ip.to_string()]).args(words);
        run_client(command, "redis-cli")?;
    }
    Ok(())
}

/// A client that is ended when it takes too long, and whose output nobody needs.
fn client(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args([CLIENT_SECONDS, program]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a client. How it fares is for `up` to judge by what was seen.
fn run_client(mut command: Command, program: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run `{program}`"))?;
    tracing::debug!(program, %status, "a client has ended");
    Ok(())
}
