//! Going elsewhere: `ssh`, `scp`, `telnet`, `nc`, `ping`, `git`. Nobody ever gets there.

use std::net::IpAddr;
use std::time::Duration;

use super::Command;
use crate::logic::shell::run::{Call, Done};

const WAIT: Duration = Duration::from_millis(3_050);

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "dig" | "host" | "nslookup" => lookup,
        "ftp" | "lftp" | "telnet" => dial,
        "git" => git,
        "nc" | "ncat" | "netcat" => netcat,
        "nmap" | "masscan" | "zmap" => super::broken,
        "ping" | "ping6" => ping,
        "rsync" | "scp" | "sftp" | "ssh" | "ssh-copy-id" => secure,
        "ssh-keygen" => keygen,
        "traceroute" | "tracepath" => traceroute,
        _ => return None,
    })
}

/// The arguments that are no options, of which some letters take a value.
fn operands(call: &Call<'_, '_, '_>, valued: &str) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = call.args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix('-') {
            Some(flags) if flags.len() == 1 && valued.contains(flags) => drop(args.next()),
            Some(_) => {}
            None => kept.push(arg.clone()),
        }
    }
    kept
}

fn secure(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.iter().any(|arg| arg == "-V") {
        let version = call.world.context.decky.persona.ssh.trim_start_matches("SSH-2.0-");
        let text = format!("{}, OpenSSL 3.0.16 11 Feb 2025", version);
        call.complain(text);
        return Ok(0);
    }
    let operands = operands(call, "bcDEeFIiJLlmOopQRSWwP");
    let remote = operands.iter().find(|text| text.contains(['@', ':'])).or(operands.first());
    let Some(remote) = remote else {
        call.complain(format!(
            "usage: {} [-46AaCfGgKkMNnqsTtVvXxYy] destination [command [argument ...]]",
            call.name
        ));
        return Ok(255);
    };
    let target = remote.split(':').next().unwrap_or_default();
    let host = target.rsplit_once('@').map_or(target, |(_, host)| host).to_owned();
    call.world.fetched(&format!("ssh://{target}"));
    call.world.wait(WAIT);
    let fault = match host.parse::<IpAddr>() {
        Ok(ip) => format!("ssh: connect to host {ip} port 22: No route to host"),
        Err(_) => {
            format!("ssh: Could not resolve hostname {host}: Temporary failure in name resolution")
        }
    };
    call.complain(fault);
    if call.name == "scp" {
        call.complain("scp: Connection closed");
    }
    Ok(255)
}

fn dial(call: &mut Call<'_, '_, '_>) -> Done {
    let operands = operands(call, "lnu");
    let Some(host) = operands.first() else { return Ok(1) };
    let port = operands.get(1).cloned();
    let scheme = if call.name == "telnet" { "telnet" } else { "ftp" };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    call.world.fetched(&format!("{scheme}://{host}{port}"));
    let text = match host.parse::<IpAddr>() {
        Ok(ip) => {
            call.say(format!("Trying {ip}..."));
            call.world.wait(WAIT);
            format!("{}: Unable to connect to remote host: No route to host", call.name)
        }
        Err(_) => {
            call.world.wait(WAIT);
            format!("{}: could not resolve {host}: Temporary failure in name resolution", call.name)
        }
    };
    call.complain(text);
    Ok(1)
}

fn netcat(call: &mut Call<'_, '_, '_>) -> Done {
    let listens = call.args.iter().any(|arg| arg.starts_with('-') && arg.contains('l'));
    let operands = operands(call, "eiIMmOPpqsTVWwXxc");
    if listens {
        call.world.wait(WAIT);
        return Ok(1);
    }
    let [host, port, ..] = operands.as_slice() else {
        call.complain(
            "usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]\n\t  \
            [-p source_port] [destination] [port]",
        );
        return Ok(1);
    };
    call.world.fetched(&format!("tcp://{host}:{port}"));
    call.world.wait(WAIT);
    let loud = call.args.iter().any(|arg| arg.starts_with('-') && arg.contains('v'));
    let text = match host.parse::<IpAddr>() {
        Ok(ip) => format!("nc: connect to {ip} port {port} (tcp) failed: No route to host"),
        Err(_) => format!(
            "nc: getaddrinfo for host \"{host}\" port {port}: Temporary failure in name resolution"
        ),
    };
    if loud || host.parse::<IpAddr>().is_err() {
        call.complain(text);
    }
    Ok(1)
}

fn ping(call: &mut Call<'_, '_, '_>) -> Done {
    let count = call
        .args
        .windows(2)
        .find_map(|pair| match pair {
            [flag, count] if flag == "-c" => count.parse::<u32>().ok(),
            _ => None,
        })
        .unwrap_or(4)
        .clamp(1, 10);
    let Some(host) = operands(call, "cIiMmpQSstTWwF").pop() else {
        call.complain("ping: usage error: Destination address required");
        return Ok(1);
    };
    let Ok(ip) = host.parse::<IpAddr>() else {
        call.world.wait(WAIT);
        call.complain(format!("ping: {host}: Temporary failure in name resolution"));
        return Ok(2);
    };
    let decky = call.world.context.decky;
    if ip == IpAddr::V4(decky.ip) || ip.is_loopback() {
        return echoes(call, ip, count);
    }
    call.say(format!("PING {ip} ({ip}) 56(84) bytes of data."));
    let own = decky.ip;
    for number in 1..=count {
        call.world.wait(Duration::from_millis(1_020));
        call.say(format!("From {own} icmp_seq={number} Destination Host Unreachable"));
    }
    call.say(format!(
        "\n--- {ip} ping statistics ---\n{count} packets transmitted, 0 received, +{count} \
         errors, 100% packet loss, time {}ms\n",
        count * 1_019 - 1_000,
    ));
    Ok(1)
}

fn echoes(call: &mut Call<'_, '_, '_>, ip: IpAddr, count: u32) -> Done {
    call.say(format!("PING {ip} ({ip}) 56(84) bytes of data."));
    for number in 1..=count {
        let micros = 31 + number * 7 % 13;
        call.say(format!("64 bytes from {ip}: icmp_seq={number} ttl=64 time=0.0{micros} ms"));
        if number < count {
            call.world.wait(Duration::from_millis(1_010));
        }
    }
    call.say(format!(
        "\n--- {ip} ping statistics ---\n{count} packets transmitted, {count} received, 0% \
         packet loss, time {}ms\nrtt min/avg/max/mdev = 0.031/0.037/0.043/0.004 ms",
        (count - 1) * 1_013,
    ));
    Ok(0)
}

fn traceroute(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(host) = operands(call, "fgimNpqstwz").first().cloned() else { return Ok(2) };
    call.world.wait(WAIT);
    if host.parse::<IpAddr>().is_err() {
        return Ok(call.fail(format!("{host}: Temporary failure in name resolution")));
    }
    call.say(format!("traceroute to {host} ({host}), 30 hops max, 60 byte packets\n 1  * * *"));
    Ok(0)
}

fn lookup(call: &mut Call<'_, '_, '_>) -> Done {
    let server = super::host::lan(call).gateway;
    call.world.wait(Duration::from_secs(10));
    call.say(format!(
        ";; communications error to {server}#53: timed out\n;; no servers could be reached"
    ));
    Ok(9)
}

fn git(call: &mut Call<'_, '_, '_>) -> Done {
    match call.arg(0).map(str::to_owned).as_deref() {
        Some("--version" | "version") => call.say("git version 2.39.5"),
        Some("clone") => {
            let Some(url) = call.args.iter().skip(1).find(|arg| !arg.starts_with('-')).cloned()
            else {
                call.complain("fatal: You must specify a repository to clone.");
                return Ok(129);
            };
            call.world.fetched(&url);
            let name = crate::logic::files::file_name(&url).trim_end_matches(".git").to_owned();
            let host = url
                .split("://")
                .nth(1)
                .unwrap_or(&url)
                .split(['/', ':'])
                .next()
                .unwrap_or_default();
            let host = host.to_owned();
            call.complain(format!("Cloning into '{name}'..."));
            call.world.wait(WAIT);
            call.complain(format!(
                "fatal: unable to access '{url}': Could not resolve host: {host}"
            ));
            return Ok(128);
        }
        _ => {
            call.complain("fatal: not a git repository (or any of the parent directories): .git");
            return Ok(128);
        }
    }
    Ok(0)
}

fn keygen(call: &mut Call<'_, '_, '_>) -> Done {
    let path = call.args.windows(2).find_map(|pair| match pair {
        [flag, path] if flag == "-f" => Some(path.clone()),
        _ => None,
    });
    let home = call.shell.account.home.clone();
    let path = path.unwrap_or_else(|| format!("{home}/.ssh/id_rsa"));
    call.world.wait(Duration::from_millis(600));
    call.say(format!(
        "Generating public/private rsa key pair.\nSaving key \"{path}\" failed: No space left on \
         device"
    ));
    Ok(1)
}
