//! Package managers: locked, or without a network.

use std::time::Duration;

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "apt" | "apt-get" | "aptitude" => apt,
        "apt-cache" | "apt-config" | "apt-mark" => super::quiet,
        "dpkg" | "dpkg-query" => dpkg,
        "pip" | "pip3" => pip,
        "pkg" => pkg,
        "snap" => snap,
        _ => return None,
    })
}

fn apt(call: &mut Call<'_, '_, '_>) -> Done {
    let verb = call.args.iter().find(|arg| !arg.starts_with('-')).cloned().unwrap_or_default();
    if matches!(verb.as_str(), "list" | "search" | "show" | "policy") {
        call.say("Listing... Done");
        return Ok(0);
    }
    if call.args.iter().any(|arg| arg == "--version" || arg == "-v") {
        call.say("apt 2.6.1 (amd64)");
        return Ok(0);
    }
    if call.shell.account.uid != 0 {
        let lock = if verb == "update" {
            "/var/lib/apt/lists/lock"
        } else {
            "/var/lib/dpkg/lock-frontend"
        };
        call.complain(format!("E: Could not open lock file {lock} - open (13: Permission denied)"));
        call.complain(
            "E: Unable to acquire the dpkg frontend lock \
            (/var/lib/dpkg/lock-frontend), are you root?",
        );
        return Ok(100);
    }
    match verb.as_str() {
        "update" => update(call),
        "install" | "upgrade" | "dist-upgrade" | "full-upgrade" => install(call),
        "remove" | "purge" | "autoremove" | "clean" | "autoclean" => {
            call.say(
                "Reading package lists... Done\nBuilding dependency tree... Done\nReading \
                state information... Done\n0 upgraded, 0 newly installed, 0 to remove and 0 not \
                upgraded.",
            );
            Ok(0)
        }
        "" => {
            call.say("apt 2.6.1 (amd64)\nUsage: apt [options] command");
            Ok(0)
        }
        verb => {
            call.complain(format!("E: Invalid operation {verb}"));
            Ok(100)
        }
    }
}

fn update(call: &mut Call<'_, '_, '_>) -> Done {
    let ubuntu = call.world.context.decky.persona.is_ubuntu();
    let places: [(&str, &str); 2] = if ubuntu {
        [
            ("archive.ubuntu.com", "http://archive.ubuntu.com/ubuntu noble"),
            ("security.ubuntu.com", "http://security.ubuntu.com/ubuntu noble-security"),
        ]
    } else {
        [
            ("deb.debian.org", "http://deb.debian.org/debian bookworm"),
            ("security.debian.org", "http://security.debian.org/debian-security bookworm-security"),
        ]
    };
    for (index, (host, place)) in places.into_iter().enumerate() {
        call.world.wait(Duration::from_millis(2_400));
        call.say(format!(
            "Err:{} {place} InRelease\n  Temporary failure resolving '{host}'",
            index + 1
        ));
    }
    call.say("Reading package lists... Done");
    for (host, place) in places {
        call.complain(format!(
            "W: Failed to fetch {}/InRelease  Temporary failure resolving '{host}'",
            place.replacen(' ', "/dists/", 1)
        ));
    }
    call.complain(
        "W: Some index files failed to download. They have been ignored, or old ones used instead.",
    );
    Ok(0)
}

fn install(call: &mut Call<'_, '_, '_>) -> Done {
    call.say(
        "Reading package lists... Done\nBuilding dependency tree... Done\nReading state \
        information... Done",
    );
    let wanted: Vec<String> =
        call.args.iter().filter(|arg| !arg.starts_with('-')).skip(1).cloned().collect();
    if wanted.is_empty() {
        call.say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.");
        return Ok(0);
    }
    call.world.wait(Duration::from_millis(900));
    for name in wanted.iter().take(32) {
        call.complain(format!("E: Unable to locate package {name}"));
    }
    Ok(100)
}

fn dpkg(call: &mut Call<'_, '_, '_>) -> Done {
    match call.arg(0) {
        Some("-l" | "--list" | "-W") => {
            call.out(
                "Desired=Unknown/Install/Remove/Purge/Hold\n\
                 | Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n\
                 |/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n\
                 ||/ Name            Version                 Architecture Description\n\
                 +++-===============-=======================-============-=================================\n\
                 ii  bash            5.2.15-2+b8             amd64        GNU Bourne Again SHell\n\
                 ii  coreutils       9.1-1                   amd64        GNU core utilities\n\
                 ii  openssh-server  1:9.2p1-2+deb12u7       amd64        secure shell (SSH) \
                 server\n\
                 ii  sudo            1.9.13p3-1+deb12u1      amd64        Provide limited super \
                 user privileges\n",
            );
            Ok(0)
        }
        Some("--print-architecture") => {
            call.say("amd64");
            Ok(0)
        }
        _ if call.shell.account.uid != 0 => {
            call.complain("dpkg: error: requested operation requires superuser privilege");
            Ok(2)
        }
        _ => {
            call.complain(
                "dpkg: error: dpkg frontend lock was locked by another process with pid 1184",
            );
            Ok(2)
        }
    }
}

fn pip(call: &mut Call<'_, '_, '_>) -> Done {
    call.complain("error: externally-managed-environment");
    Ok(1)
}

fn pkg(call: &mut Call<'_, '_, '_>) -> Done {
    if call.arg(0) == Some("info") {
        call.say(
            "ca_root_nss-3.104_1            Root certificate bundle from the Mozilla \
            Project\npkg-1.21.3                     Package manager",
        );
        return Ok(0);
    }
    call.say("Updating FreeBSD repository catalogue...");
    call.world.wait(Duration::from_secs(5));
    call.complain(
        "pkg: No SRV record found for the repo 'FreeBSD'\npkg: \
        http://pkg.FreeBSD.org/FreeBSD:14:amd64/quarterly/meta.txz: No address record",
    );
    Ok(1)
}

fn snap(call: &mut Call<'_, '_, '_>) -> Done {
    call.say("No snaps are installed yet. Try 'snap install hello-world'.");
    Ok(0)
}
