//! What the machine calls itself: `uname`, `hostname`, `arch`, release files.

use super::Command;
use crate::logic::machine::{Hardware, Lan};
use crate::logic::persona::Family;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "arch" => |call| {
            let machine = machine(call);
            call.say(machine);
            Ok(0)
        },
        "dnsdomainname" | "domainname" | "nisdomainname" | "ypdomainname" => |_| Ok(0),
        "freebsd-version" => |call| {
            let kernel = call.world.context.decky.persona.kernel;
            call.say(kernel);
            Ok(0)
        },
        "hostid" => |call| {
            let [a, b, c, d] = call.world.context.decky.ip.octets();
            call.say(format!("{b:02x}{a:02x}{d:02x}{c:02x}"));
            Ok(0)
        },
        "hostname" => hostname,
        "hostnamectl" => hostnamectl,
        "lsb_release" => lsb_release,
        "uname" => uname,
        _ => return None,
    })
}

fn machine(call: &Call<'_, '_, '_>) -> &'static str {
    match call.world.context.decky.persona.family {
        Family::Bsd => "amd64",
        _ => "x86_64",
    }
}

fn uname(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [
        ("all", 'a'),
        ("kernel-name", 's'),
        ("kernel-release", 'r'),
        ("kernel-version", 'v'),
        ("machine", 'm'),
        ("nodename", 'n'),
        ("operating-system", 'o'),
        ("processor", 'p'),
        ("hardware-platform", 'i'),
        ("help", 'H'),
        ("version", 'V'),
    ];
    let options = call.options("asnrvmpiobKUHV", &long)?;
    if options.has('V') {
        call.say("uname (GNU coreutils) 9.1");
        return Ok(0);
    }
    if let Some(extra) = options.operands.first() {
        let line = format!("extra operand ‘{extra}’");
        call.fail(line);
        call.complain("Try 'uname --help' for more information.");
        return Ok(1);
    }
    let decky = call.world.context.decky;
    let bsd = decky.persona.family == Family::Bsd;
    let all = options.has('a');
    let none = !"asnrvmpioKU".chars().any(|flag| options.has(flag));
    let system = if bsd { "FreeBSD" } else { "Linux" };
    let hardware = machine(call);
    let known = if bsd { hardware } else { "unknown" };
    let operating = if bsd { "FreeBSD" } else { "GNU/Linux" };
    let parts = [
        (all || none || options.has('s'), system),
        (all || options.has('n'), decky.hostname.as_str()),
        (all || options.has('r'), decky.persona.kernel),
        (all || options.has('v'), decky.persona.kernel_build),
        (all || options.has('m'), hardware),
        (options.has('p') && !all, known),
        (options.has('i') && !all, known),
        ((all && !bsd) || options.has('o'), operating),
    ];
    let shown: Vec<&str> =
        parts.iter().filter(|(wanted, _)| *wanted).map(|(_, text)| *text).collect();
    call.say(shown.join(" "));
    Ok(0)
}

fn hostname(call: &mut Call<'_, '_, '_>) -> Done {
    let decky = call.world.context.decky;
    let text = match call.arg(0) {
        Some("-I" | "--all-ip-addresses") => format!("{} ", decky.ip),
        Some("-i" | "--ip-address") => "127.0.1.1".to_owned(),
        Some("-d" | "--domain") => String::new(),
        Some(name) if !name.starts_with('-') => {
            let fault = if call.shell.account.uid == 0 {
                return Ok(0);
            } else {
                "hostname: you must be root to change the host name"
            };
            call.complain(fault);
            return Ok(1);
        }
        _ => decky.hostname.clone(),
    };
    call.say(text);
    Ok(0)
}

fn hostnamectl(call: &mut Call<'_, '_, '_>) -> Done {
    let decky = call.world.context.decky;
    let hardware = Hardware::of(decky.persona);
    let files = call.files();
    let machine_id = files.read("/etc/machine-id").unwrap_or_default();
    let machine_id = String::from_utf8_lossy(&machine_id).trim().to_owned();
    let (icon, chassis) = match hardware.hypervisor {
        Some(_) => ("computer-vm", "vm"),
        None => ("computer-server", "server"),
    };
    let guest = hardware
        .hypervisor
        .map(|name| format!("    Virtualization: {}\n", name.to_lowercase()))
        .unwrap_or_default();
    call.out(format!(
        " Static hostname: {}\n       Icon name: {icon}\n         Chassis: {chassis}\n      \
         Machine ID: {machine_id}\n{guest}Operating System: {}\n          Kernel: Linux {}\n    \
         Architecture: x86-64\n Hardware Vendor: {}\n  Hardware Model: {}\n",
        decky.hostname,
        decky.persona.system,
        decky.persona.kernel,
        hardware.maker,
        hardware.product,
    ));
    Ok(0)
}

fn lsb_release(call: &mut Call<'_, '_, '_>) -> Done {
    let persona = call.world.context.decky.persona;
    let (id, release, codename) = if persona.is_ubuntu() {
        ("Ubuntu", "24.04", "noble")
    } else {
        ("Debian", "12", "bookworm")
    };
    let flags: String = call.args.concat();
    if flags.contains('a') {
        call.complain("No LSB modules are available.");
    }
    let all = flags.contains('a') || flags.contains("--all");
    let bare = flags.contains('s');
    for (flag, label, value) in [
        ('i', "Distributor ID", id),
        ('d', "Description", persona.system),
        ('r', "Release", release),
        ('c', "Codename", codename),
    ] {
        if all || flags.contains(flag) {
            call.say(if bare { value.to_owned() } else { format!("{label}:\t{value}") });
        }
    }
    Ok(0)
}

/// The LAN that the decky says it is on.
pub(super) fn lan(call: &Call<'_, '_, '_>) -> Lan {
    Lan::of(call.world.context.decky)
}
