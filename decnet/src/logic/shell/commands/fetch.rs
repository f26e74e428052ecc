//! Fetching from elsewhere: `wget`, `curl`, `tftp`, `ftpget`. Nothing is ever fetched: names do
//! not resolve and addresses do not answer. What was asked for is what is worth knowing.

use std::net::IpAddr;
use std::time::Duration;

use super::Command;
use crate::logic::shell::run::{Call, Done, Sink};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "aria2c" | "axel" | "lwp-download" | "fetch" | "GET" => fetch,
        "curl" => curl,
        "ftpget" | "ftpput" => ftpget,
        "tftp" | "atftp" => tftp,
        "wget" => wget,
        _ => return None,
    })
}

/// A web address in its parts.
struct Address {
    scheme: String,
    host: String,
    port: u16,
    path: String,
}

impl Address {
    /// Reads `[scheme://][user@]host[:port][/path]`.
    fn parse(text: &str) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let at = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let scheme = scheme.to_ascii_lowercase();
        let usual = match scheme.as_str() {
            "ftp" => 21,
            "https" => 443,
            "tftp" => 69,
            _ => 80,
        };
        let host = host.trim_matches(['[', ']']).chars().take(255).collect();
        let path = if path.is_empty() { "/" } else { path };
        Self { scheme, host, port: port.unwrap_or(usual), path: path.chars().take(2048).collect() }
    }

    fn full(&self) -> String {
        let usual = matches!(
            (self.scheme.as_str(), self.port),
            ("http", 80) | ("https", 443) | ("ftp", 21) | ("tftp", 69)
        );
        let port = if usual { String::new() } else { format!(":{}", self.port) };
        format!("{}://{}{port}{}", self.scheme, self.host, self.path)
    }

    /// Its address, when it is a number and not a name.
    fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// How long a name server, or an address, is waited for.
const LOOKUP: Duration = Duration::from_millis(5_010);
const CONNECT: Duration = Duration::from_millis(3_070);

fn wget(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [
        ("no-check-certificate", '?'),
        ("output-document", 'O'),
        ("quiet", 'q'),
        ("timeout", 'T'),
        ("tries", 't'),
        ("user-agent", 'U'),
        ("directory-prefix", 'P'),
        ("version", 'V'),
        ("header", 'H'),
        ("post-data", 'H'),
        ("spider", '?'),
        ("continue", 'c'),
        ("background", 'b'),
        ("recursive", 'r'),
        ("no-verbose", '?'),
        ("user", 'H'),
        ("password", 'H'),
        ("ftp-user", 'H'),
        ("ftp-password", 'H'),
        ("limit-rate", 'H'),
    ];
    let takes = "qvbcdrkmNxpLKESVn:O:P:T:t:U:o:a:e:i:l:A:R:H:4630?";
    let options = call.options(takes, &long)?;
    if options.has('V') {
        call.say("GNU Wget 1.21.3 built on linux-gnu.");
        return Ok(0);
    }
    if options.operands.is_empty() {
        call.complain(
            "wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' \
            for more options.",
        );
        return Ok(1);
    }
    let mut status = 0;
    for operand in &options.operands {
        call.world.step()?;
        let address = Address::parse(operand);
        let full = address.full();
        call.world.fetched(&full);
        let errors = call.streams.errors;
        if options.has('q') {
            call.streams.errors = Sink::Null;
        }
        get(call, &address);
        call.streams.errors = errors;
        status = 4;
    }
    Ok(status)
}

/// Says what `wget` says while it gets nothing.
fn get(call: &mut Call<'_, '_, '_>, address: &Address) {
    let clock = call.world.now().format("%Y-%m-%d %H:%M:%S");
    let (first, wait, last) = match address.ip() {
        Some(ip) => (
            format!("Connecting to {ip}:{}... ", address.port),
            CONNECT,
            "failed: No route to host.\n".to_owned(),
        ),
        None => (
            format!("Resolving {} ({})... ", address.host, address.host),
            LOOKUP,
            format!(
                "failed: Temporary failure in name resolution.\nwget: unable to resolve host \
                 address ‘{}’\n",
                address.host,
            ),
        ),
    };
    call.err(format!("--{clock}--  {}\n{first}", address.full()));
    call.world.wait(wait);
    call.err(last);
}

fn curl(call: &mut Call<'_, '_, '_>) -> Done {
    let (mut urls, mut quiet, mut loud) = (Vec::new(), false, false);
    let mut args = std::mem::take(&mut call.args).into_iter();
    while let Some(arg) = args.next() {
        let valued = "AbcCdDeEFhHKmoPQrtTuUwxXYyz";
        match arg.as_str() {
            "--version" | "-V" => {
                call.say(
                    "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.16 zlib/1.2.13",
                );
                return Ok(0);
            }
            "--url" => urls.extend(args.next()),
            "--silent" => quiet = true,
            "--show-error" => loud = true,
            "--output" | "--user-agent" | "--header" | "--data" | "--request" | "--user"
            | "--connect-timeout" | "--max-time" | "--proxy" | "--retry" | "--upload-file"
            | "--data-binary" | "--form" | "--resolve" | "--interface" | "--cookie" => {
                args.next();
            }
            long if long.starts_with("--") => {}
            flags if flags.len() > 1 && flags.starts_with('-') => {
                quiet |= flags.contains('s');
                loud |= flags.contains('S');
                if flags.chars().last().is_some_and(|flag| valued.contains(flag)) {
                    args.next();
                }
            }
            _ => urls.push(arg),
        }
    }
    if urls.is_empty() {
        call.complain("curl: try 'curl --help' or 'curl --manual' for more information");
        return Ok(2);
    }
    let mut status = 0;
    for url in urls {
        call.world.step()?;
        let address = Address::parse(&url);
        call.world.fetched(&address.full());
        let (fault, wait) = match address.ip() {
            Some(ip) => (
                format!(
                    "curl: (7) Failed to connect to {ip} port {} after {} ms: Couldn't connect \
                     to server",
                    address.port,
                    CONNECT.as_millis(),
                ),
                CONNECT,
            ),
            None => (format!("curl: (6) Could not resolve host: {}", address.host), LOOKUP),
        };
        status = if address.ip().is_some() { 7 } else { 6 };
        call.world.wait(wait);
        if !quiet || loud {
            call.complain(fault);
        }
    }
    Ok(status)
}

fn fetch(call: &mut Call<'_, '_, '_>) -> Done {
    let urls: Vec<String> = call.args.iter().filter(|arg| arg.contains('.')).cloned().collect();
    for url in urls {
        let address = Address::parse(&url);
        call.world.fetched(&address.full());
        call.world.wait(LOOKUP);
        call.fail(format!("{}: Host does not resolve", address.full()));
    }
    Ok(1)
}

fn ftpget(call: &mut Call<'_, '_, '_>) -> Done {
    let operands: Vec<String> = {
        let mut kept = Vec::new();
        let mut args = call.args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-u" | "-p" | "-P" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => kept.push(arg.clone()),
            }
        }
        kept
    };
    let Some(host) = operands.first() else {
        call.complain(
            "BusyBox v1.35.0 (Debian 1:1.35.0-4+b3) multi-call binary.\n\nUsage: \
            ftpget [OPTIONS] HOST [LOCAL_FILE] REMOTE_FILE",
        );
        return Ok(1);
    };
    let remote = operands.last().filter(|_| operands.len() > 1).map_or("", String::as_str);
    let address = Address::parse(&format!("ftp://{host}/{}", remote.trim_start_matches('/')));
    call.world.fetched(&address.full());
    call.world.wait(CONNECT);
    let fault = match address.ip() {
        Some(ip) => format!("can't connect to remote host ({ip}): No route to host"),
        None => format!("bad address '{host}'"),
    };
    Ok(call.fail(fault))
}

fn tftp(call: &mut Call<'_, '_, '_>) -> Done {
    let args = call.args.clone();
    let after = |flags: &[&str]| {
        let at = args.iter().position(|arg| flags.contains(&arg.as_str()))?;
        args.get(at + 1).cloned()
    };
    // `tftp -g -r file host` (busybox), `tftp host -c get file` (tftp-hpa).
    let file = after(&["-r", "--remote-file"]).or_else(|| after(&["get"])).unwrap_or_default();
    let plain =
        |arg: &&String| !arg.starts_with('-') && **arg != file && *arg != "get" && *arg != "put";
    let local = after(&["-l"]);
    let host = args
        .iter()
        .filter(plain)
        .find(|arg| Some(*arg) != local.as_ref() && arg.parse::<u16>().is_err());
    let Some(host) = host.cloned() else {
        call.complain("usage: tftp [-v][-l][-m mode] [host [port]] [-c command]");
        return Ok(1);
    };
    let address = Address::parse(&format!("tftp://{host}/{}", file.trim_start_matches('/')));
    call.world.fetched(&address.full());
    call.world.wait(CONNECT);
    match address.ip() {
        Some(_) => call.say("Transfer timed out.\n"),
        None => call.complain(format!("tftp: {host}: Temporary failure in name resolution")),
    }
    Ok(1)
}
