//! How the machine is: `uptime`, `date`, `lscpu`, `free`, `dmidecode`, `w`, `last`.

use super::Command;
use crate::logic::files::{Owner, load};
use crate::logic::machine::Hardware;
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done};
use crate::logic::time::Timestamp;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "clear" | "tput" => clear,
        "date" => date,
        "dmesg" => dmesg,
        "dmidecode" => dmidecode,
        "free" => free,
        "getconf" => getconf,
        "last" | "lastb" => last,
        "lastlog" => lastlog,
        "lscpu" => lscpu,
        "lspci" => lspci,
        "lsmod" => lsmod,
        "lsusb" => |call| {
            call.say("Bus 001 Device 001: ID 1d6b:0002 Linux Foundation 2.0 root hub");
            Ok(0)
        },
        "mesg" | "reset" | "stty" | "tset" | "setterm" | "ldconfig" | "sync" | "logger"
        | "modprobe" | "insmod" | "rmmod" => super::quiet,
        "nproc" => |call| {
            let cores = Hardware::of(call.world.context.decky.persona).cores;
            call.say(cores.to_string());
            Ok(0)
        },
        "sysctl" => sysctl,
        "systemd-detect-virt" => detect_virt,
        "tty" => |call| {
            let terminal = call.shell.is_interactive();
            call.say(if terminal { "/dev/pts/0" } else { "not a tty" });
            Ok(u8::from(!terminal))
        },
        "uptime" => uptime,
        "users" => |call| {
            let name = call.shell.account.name.clone();
            call.say(name);
            Ok(0)
        },
        "w" => w,
        "who" => who,
        _ => return None,
    })
}

fn clear(call: &mut Call<'_, '_, '_>) -> Done {
    if call.name == "clear" || call.arg(0) == Some("clear") {
        call.out("\u{1b}[H\u{1b}[2J\u{1b}[3J");
    } else if call.arg(0) == Some("cols") {
        call.say("80");
    }
    Ok(0)
}

fn date(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("utc", 'u'), ("date", 'd'), ("iso-8601", 'I'), ("rfc-3339", 'R'), ("set", 's')];
    let options = call.options("uRIjn:d:r:s:f:", &long)?;
    let mut at = call.world.now();
    if let Some(seconds) = options.value('d').and_then(|text| text.strip_prefix('@')) {
        at = Timestamp(seconds.parse::<u64>().unwrap_or(0).saturating_mul(1_000_000_000));
    }
    let format = options.operands.first().and_then(|text| text.strip_prefix('+'));
    let text = match format {
        Some(format) => {
            let format = format.replace("%N", &format!("{:09}", at.0 % 1_000_000_000));
            at.format(&format)
        }
        None if options.has('R') => at.format("%a, %d %b %Y %H:%M:%S +0000"),
        None if options.has('I') => at.format("%Y-%m-%d"),
        None => at.format("%a %b %e %I:%M:%S %p UTC %Y"),
    };
    call.say(text);
    Ok(0)
}

/// The first line of `w`.
fn uptime_line(call: &Call<'_, '_, '_>) -> String {
    let now = call.world.now();
    let decky = call.world.context.decky;
    let minutes = now.since(decky.booted).as_secs() / 60;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let up = match (days, hours) {
        (0, 0) => format!("{rest} min"),
        (0, _) => format!("{hours:>2}:{rest:02}"),
        (1, 0) => format!("1 day, {rest} min"),
        (1, _) => format!("1 day, {hours:>2}:{rest:02}"),
        (_, 0) => format!("{days} days, {rest} min"),
        (_, _) => format!("{days} days, {hours:>2}:{rest:02}"),
    };
    let [one, five, quarter] = load(decky, now);
    let clock = now.format("%H:%M:%S");
    format!(" {clock} up {up},  1 user,  load average: {one}, {five}, {quarter}")
}

fn uptime(call: &mut Call<'_, '_, '_>) -> Done {
    let line = match call.arg(0) {
        Some("-s") => call.world.context.decky.booted.format("%Y-%m-%d %H:%M:%S"),
        Some("-p") => {
            let minutes = call.world.now().since(call.world.context.decky.booted).as_secs() / 60;
            format!(
                "up {} days, {} hours, {} minutes",
                minutes / 1440,
                minutes / 60 % 24,
                minutes % 60
            )
        }
        _ => uptime_line(call),
    };
    call.say(line);
    Ok(0)
}

fn w(call: &mut Call<'_, '_, '_>) -> Done {
    let line = uptime_line(call);
    call.say(line);
    call.say("USER     TTY      FROM             LOGIN@   IDLE   JCPU   PCPU WHAT");
    let (name, from) = (call.shell.account.name.clone(), call.world.context.peer.ip());
    let clock = call.world.context.now.format("%H:%M");
    call.say(format!("{name:<8} pts/0    {from:<16} {clock}    0.00s  0.02s  0.00s w"));
    Ok(0)
}

fn who(call: &mut Call<'_, '_, '_>) -> Done {
    let (name, from) = (call.shell.account.name.clone(), call.world.context.peer.ip());
    let clock = call.world.context.now.format("%Y-%m-%d %H:%M");
    call.say(format!("{name:<8} pts/0        {clock} ({from})"));
    Ok(0)
}

fn last(call: &mut Call<'_, '_, '_>) -> Done {
    let decky = call.world.context.decky;
    let now = call.world.context.now;
    let kernel: String = decky.persona.kernel.chars().take(16).collect();
    if call.name == "lastb" {
        call.say(format!("\nbtmp begins {}", decky.booted.format("%a %b %e %H:%M:%S %Y")));
        return Ok(0);
    }
    let (name, from) = (call.shell.account.name.clone(), call.world.context.peer.ip());
    let user = if decky.persona.is_ubuntu() { "ubuntu" } else { "deploy" };
    let net = crate::logic::machine::Lan::of(decky).prefix();
    let lines = [
        format!(
            "{name:<8} pts/0        {from:<16} {}   still logged in",
            now.format("%a %b %e %H:%M")
        ),
        format!(
            "{user:<8} pts/0        {:<16} {} - {}  (00:12)",
            format!("{net}.12"),
            decky.booted.plus(std::time::Duration::from_secs(5_460)).format("%a %b %e %H:%M"),
            decky.booted.plus(std::time::Duration::from_secs(6_180)).format("%H:%M"),
        ),
        format!(
            "reboot   system boot  {kernel:<16} {}   still running",
            decky.booted.format("%a %b %e %H:%M")
        ),
        String::new(),
        format!("wtmp begins {}", decky.booted.format("%a %b %e %H:%M:%S %Y")),
    ];
    call.say(lines.join("\n"));
    Ok(0)
}

fn lastlog(call: &mut Call<'_, '_, '_>) -> Done {
    let (name, from) = (call.shell.account.name.clone(), call.world.context.peer.ip());
    let now = call.world.context.now.format("%a %b %e %H:%M:%S +0000 %Y");
    let accounts = account::all(&call.world.files(Owner::ROOT));
    call.say("Username         Port     From                                       Latest");
    for account in accounts {
        let line = if account.name == name {
            format!("{name:<16} pts/0    {from:<42} {now}")
        } else {
            format!("{:<52}**Never logged in**", account.name)
        };
        call.say(line);
    }
    Ok(0)
}

fn free(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("bkmghtwls:c:", &[("human", 'h')])?;
    let text = call.files().read("/proc/meminfo").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let kib = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0)
    };
    let (total, unused) = (kib("MemTotal"), kib("MemFree"));
    let cache = kib("Buffers") + kib("Cached") + kib("SReclaimable");
    let available = kib("MemAvailable");
    let show = |kib: u64| match () {
        () if options.has('b') => (kib * 1024).to_string(),
        () if options.has('m') => (kib / 1024).to_string(),
        () if options.has('g') => (kib / 1_048_576).to_string(),
        () if options.has('h') => format!("{}i", super::list::human(kib * 1024)),
        () => kib.to_string(),
    };
    call.say("               total        used        free      shared  buff/cache   available");
    let row = [total, total - available, unused, kib("Shmem"), cache, available].map(show);
    let cells: String = row.iter().map(|cell| format!("{cell:>12}")).collect();
    call.say(format!("Mem:    {cells}"));
    let row = [kib("SwapTotal"), 0, kib("SwapFree")].map(show);
    let cells: String = row.iter().map(|cell| format!("{cell:>12}")).collect();
    call.say(format!("Swap:   {cells}"));
    Ok(0)
}

fn lscpu(call: &mut Call<'_, '_, '_>) -> Done {
    let hardware = Hardware::of(call.world.context.decky.persona);
    let (model, stepping) = hardware.model;
    let mut text = format!(
        "Architecture:            x86_64\n  CPU op-mode(s):        32-bit, 64-bit\n  Address \
         sizes:         39 bits physical, 48 bits virtual\n  Byte Order:            Little \
         Endian\nCPU(s):                  {cores}\n  On-line CPU(s) list:   0-{}\nVendor ID:       \
         \x20       GenuineIntel\n  Model name:            {}\n    CPU family:          6\n    \
         Model:               {model}\n    Thread(s) per core:  1\n    Core(s) per socket:  \
         {cores}\n    Socket(s):           1\n    Stepping:            {stepping}\n    BogoMIPS:  \
         \x20         {}.00\n",
        hardware.cores - 1,
        hardware.processor,
        hardware.mhz * 2,
        cores = hardware.cores,
    );
    match hardware.hypervisor {
        Some(name) => {
            text += &format!(
                "Virtualization features: \n  Hypervisor vendor:     {name}\n  Virtualization \
                 type:   full\n",
            );
        }
        None => text += "Virtualization features: \n  Virtualization:        VT-x\n",
    }
    call.out(text);
    Ok(0)
}

fn lspci(call: &mut Call<'_, '_, '_>) -> Done {
    let guest = Hardware::of(call.world.context.decky.persona).hypervisor.is_some();
    call.out(if guest {
        "00:00.0 Host bridge: Intel Corporation 440BX/ZX/DX - 82443BX/ZX/DX Host bridge (rev 01)\n\
         00:0f.0 VGA compatible controller: VMware SVGA II Adapter\n\
         03:00.0 Serial Attached SCSI controller: VMware PVSCSI SCSI Controller (rev 02)\n\
         0b:00.0 Ethernet controller: VMware VMXNET3 Ethernet Controller (rev 01)\n"
    } else {
        "00:00.0 Host bridge: Intel Corporation 8th Gen Core 4-core Workstation Processor Host \
         Bridge\n\
         00:02.0 VGA compatible controller: Intel Corporation UHD Graphics P630\n\
         00:17.0 SATA controller: Intel Corporation Cannon Lake PCH SATA AHCI Controller (rev 10)\n\
         00:1f.6 Ethernet controller: Intel Corporation Ethernet Connection (7) I219-LM (rev 10)\n"
    });
    Ok(0)
}

fn lsmod(call: &mut Call<'_, '_, '_>) -> Done {
    let text = call.files().read("/proc/modules").unwrap_or_default();
    call.say("Module                  Size  Used by");
    for line in String::from_utf8_lossy(&text).lines() {
        let mut words = line.split_whitespace();
        let (name, size) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (count, by) = (words.next().unwrap_or(""), words.next().unwrap_or("-"));
        let by = by.trim_end_matches(',').trim_start_matches('-');
        call.say(format!("{name:<19} {size:>8}  {count} {by}").trim_end());
    }
    Ok(0)
}

fn dmesg(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        return Ok(call.fail("read kernel buffer failed: Operation not permitted"));
    }
    let decky = call.world.context.decky;
    let hardware = Hardware::of(decky.persona);
    let files = call.files();
    let version = files.read("/proc/version").unwrap_or_default();
    let command = files.read("/proc/cmdline").unwrap_or_default();
    let (version, command) = (String::from_utf8_lossy(&version), String::from_utf8_lossy(&command));
    call.out(format!(
        "[    0.000000] {version}[    0.000000] Command line: {command}[    0.000000] DMI: {} \
         {}, BIOS 1.8.1 06/26/2024\n[    0.000000] tsc: Detected {}.000 MHz processor\n[    \
         0.174305] smpboot: CPU0: {} (family: 0x6, model: 0x{:x}, stepping: 0x{:x})\n[    \
         2.318840] \
         EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.\n[    \
         4.912277] {}: Link is Up - 1Gbps/Full - flow control rx/tx\n",
        hardware.maker,
        hardware.product,
        hardware.mhz,
        hardware.processor,
        hardware.model.0,
        hardware.model.1,
        hardware.interface,
    ));
    Ok(0)
}

fn dmidecode(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        call.complain("/sys/firmware/dmi/tables/smbios_entry_point: Permission denied");
        call.complain("Can't read memory from /dev/mem");
        return Ok(1);
    }
    let decky = call.world.context.decky;
    let hardware = Hardware::of(decky.persona);
    let serial: String =
        decky.secret.derive("dmi").0.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
    if let [flag, keyword] = call.args.as_slice()
        && flag == "-s"
    {
        let text = match keyword.as_str() {
            "system-manufacturer" | "baseboard-manufacturer" => hardware.maker.to_owned(),
            "system-product-name" => hardware.product.to_owned(),
            "system-serial-number" => serial,
            "processor-version" => hardware.processor.to_owned(),
            _ => "Not Specified".to_owned(),
        };
        call.say(text);
        return Ok(0);
    }
    call.out(format!(
        "# dmidecode 3.4\nGetting SMBIOS data from sysfs.\nSMBIOS 3.2.0 present.\n\nHandle \
         0x0001, DMI type 1, 27 bytes\nSystem Information\n\tManufacturer: {}\n\tProduct Name: \
         {}\n\tVersion: Not Specified\n\tSerial Number: {serial}\n\tWake-up Type: Power \
         Switch\n\nHandle 0x0400, DMI type 4, 48 bytes\nProcessor Information\n\tType: Central \
         Processor\n\tManufacturer: Intel(R) Corporation\n\tVersion: {}\n\tCore Count: {}\n\n",
        hardware.maker, hardware.product, hardware.processor, hardware.cores,
    ));
    Ok(0)
}

fn getconf(call: &mut Call<'_, '_, '_>) -> Done {
    let cores = Hardware::of(call.world.context.decky.persona).cores.to_string();
    let text = match call.arg(0) {
        Some("LONG_BIT") => "64",
        Some("PAGE_SIZE" | "PAGESIZE") => "4096",
        Some("_NPROCESSORS_ONLN" | "_NPROCESSORS_CONF") => &cores,
        Some(_) => "undefined",
        None => return Ok(2),
    };
    call.say(text);
    Ok(0)
}

fn sysctl(call: &mut Call<'_, '_, '_>) -> Done {
    let mut status = 0;
    for arg in std::mem::take(&mut call.args) {
        if arg.starts_with('-') {
            continue;
        }
        if let Some((name, value)) = arg.split_once('=') {
            if call.shell.account.uid == 0 {
                call.say(format!("{} = {}", name.trim(), value.trim()));
            } else {
                status = call.fail(format!("permission denied on key \"{}\"", name.trim()));
            }
            continue;
        }
        let path = format!("/proc/sys/{}", arg.replace('.', "/"));
        let content = call.files().read(&path);
        match content {
            Ok(content) => {
                call.say(format!("{arg} = {}", String::from_utf8_lossy(&content).trim()))
            }
            Err(_) => {
                status = call.fail(format!("cannot stat {path}: No such file or directory"));
            }
        }
    }
    Ok(status)
}

fn detect_virt(call: &mut Call<'_, '_, '_>) -> Done {
    let guest = Hardware::of(call.world.context.decky.persona).hypervisor;
    call.say(guest.map_or_else(|| "none".to_owned(), str::to_lowercase));
    Ok(u8::from(guest.is_none()))
}
