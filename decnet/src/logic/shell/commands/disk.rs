//! Disks: `df`, `du`, `mount`, `lsblk`, `fdisk`.

use super::Command;
use super::list::{blocks, human};
use crate::logic::files::{Kind, traffic};
use crate::logic::machine::Hardware;
use crate::logic::persona::Family;
use crate::logic::shell::run::{Call, Done, Stop};

/// Most entries that one `du` adds up.
const MAX_ENTRIES: usize = 3_000;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "blkid" => blkid,
        "df" => df,
        "du" => du,
        "fdisk" | "sfdisk" | "parted" => fdisk,
        "findmnt" | "mount" => mount,
        "lsblk" => lsblk,
        "swapoff" | "swapon" | "umount" => umount,
        _ => return None,
    })
}

fn df(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("ahHiklmPTt:x:B:", &[("human-readable", 'h')])?;
    let decky = call.world.context.decky;
    let hardware = Hardware::of(decky.persona);
    let disk = hardware.disk_gib * 1_048_576 * 98 / 100;
    // The logs grow with the traffic.
    let [received, ..] = traffic(decky, call.world.now());
    let used = disk / 11 + received / 65_536;
    let memory = hardware.memory_kib;
    let rows = [
        ("udev", memory / 2, 0, "/dev"),
        ("tmpfs", memory / 10, 1_244, "/run"),
        ("/dev/sda1", disk, used, "/"),
        ("tmpfs", memory / 2, 0, "/dev/shm"),
        ("tmpfs", 5_120, 0, "/run/lock"),
        ("tmpfs", memory / 10, 0, "/run/user/0"),
    ];
    let bsd = [("zroot/ROOT/default", disk, used, "/"), ("devfs", 1, 0, "/dev")];
    let rows: &[_] = if decky.persona.family == Family::Bsd { &bsd } else { &rows };
    let show = |kib: u64| if options.has('h') { human(kib * 1024) } else { kib.to_string() };
    call.say(match (options.has('h'), options.has('P')) {
        (true, _) => "Filesystem      Size  Used Avail Use% Mounted on",
        (_, true) => "Filesystem     1024-blocks    Used Available Capacity Mounted on",
        _ => "Filesystem     1K-blocks     Used Available Use% Mounted on",
    });
    let wanted = options.operands.first().map(String::as_str);
    for (device, all, used, place) in rows {
        if wanted.is_some() && *place != "/" {
            continue;
        }
        let reserve = if *place == "/" { all / 20 } else { 0 };
        let left = all - used - reserve;
        let share = (used * 100).div_ceil(all - reserve);
        let [all, used, left] = [*all, *used, left].map(show);
        call.say(if options.has('h') {
            format!("{device:<15} {all:>4}  {used:>4}  {left:>4} {share:>3}% {place}")
        } else {
            format!("{device:<14} {all:>9} {used:>8} {left:>9} {share:>3}% {place}")
        });
    }
    Ok(0)
}

fn du(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("human-readable", 'h'), ("summarize", 's'), ("max-depth", 'd'), ("all", 'a')];
    let options = call.options("abchkmsxd:L", &long)?;
    let depth = match options.value('d').and_then(|text| text.parse().ok()) {
        Some(depth) => depth,
        None if options.has('s') => 0,
        None => usize::MAX,
    };
    let mut operands = options.operands.clone();
    if operands.is_empty() {
        operands.push(".".to_owned());
    }
    let (mut status, mut left) = (0, MAX_ENTRIES);
    for operand in operands {
        let path = call.path(&operand);
        if let Err(fault) = call.files().stat(&path) {
            status = call.fail(format!("cannot access '{operand}': {fault}"));
            continue;
        }
        let mut sums = Vec::new();
        add_up(call, &operand, &path, 0, &mut left, &mut sums)?;
        for (shown, kib, _) in sums.iter().filter(|(_, _, at)| *at <= depth) {
            let size = if options.has('h') { human(kib * 1024) } else { kib.to_string() };
            call.say(format!("{size}\t{shown}"));
        }
    }
    Ok(status)
}

/// Sums of a directory and of all below it, the deepest first.
fn add_up(
    call: &mut Call<'_, '_, '_>,
    shown: &str,
    path: &str,
    depth: usize,
    left: &mut usize,
    sums: &mut Vec<(String, u64, usize)>,
) -> Result<u64, Stop> {
    call.world.step()?;
    let entries = call.files().list(path).unwrap_or_default();
    let mut kib = 4;
    for (name, stat) in entries {
        *left = left.saturating_sub(1);
        if *left == 0 || depth > 32 {
            break;
        }
        let join = |base: &str| format!("{}/{name}", base.trim_end_matches('/'));
        kib += match stat.kind {
            Kind::Directory => add_up(call, &join(shown), &join(path), depth + 1, left, sums)?,
            _ => blocks(&stat),
        };
    }
    sums.push((shown.to_owned(), kib, depth));
    Ok(kib)
}

fn mount(call: &mut Call<'_, '_, '_>) -> Done {
    if call.args.iter().any(|arg| !arg.starts_with('-')) && call.name == "mount" {
        if call.shell.account.uid != 0 {
            return Ok(call.fail("only root can do that"));
        }
        return Ok(0);
    }
    if call.world.context.decky.persona.family == Family::Bsd {
        call.say("zroot/ROOT/default on / (zfs, local, noatime, nfsv4acls)\ndevfs on /dev (devfs)");
        return Ok(0);
    }
    let text = call.files().read("/proc/mounts").unwrap_or_default();
    for line in String::from_utf8_lossy(&text).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [device, place, kind, how, ..] = words.as_slice() {
            call.say(format!("{device} on {place} type {kind} ({how})"));
        }
    }
    Ok(0)
}

fn umount(call: &mut Call<'_, '_, '_>) -> Done {
    match call.args.iter().rfind(|arg| !arg.starts_with('-')).cloned() {
        Some(place) if call.name == "umount" => {
            Ok(call.fail(format!("{place}: target is busy.")).max(32))
        }
        _ => Ok(0),
    }
}

fn lsblk(call: &mut Call<'_, '_, '_>) -> Done {
    let gib = Hardware::of(call.world.context.decky.persona).disk_gib;
    call.out(format!(
        "NAME   MAJ:MIN RM   SIZE RO TYPE MOUNTPOINTS\nsda      8:0    0 {gib:>4}.0G  0 disk \n\
         ├─sda1   8:1    0 {:>4}.0G  0 part /\n├─sda2   8:2    0     1K  0 part \n└─sda5   8:5   \
         \x200   976M  0 part [SWAP]\nsr0     11:0    1  1024M  0 rom  \n",
        gib - 1,
    ));
    Ok(0)
}

fn fdisk(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        return Ok(call.fail("cannot open /dev/sda: Permission denied"));
    }
    let gib = Hardware::of(call.world.context.decky.persona).disk_gib;
    let bytes = gib * 1_073_741_824;
    call.out(format!(
        "Disk /dev/sda: {gib} GiB, {bytes} bytes, {} sectors\nUnits: sectors of 1 * 512 = 512 \
         bytes\nSector size (logical/physical): 512 bytes / 4096 bytes\nDisklabel type: dos\n\n\
         Device     Boot Start        End    Sectors  Size Id Type\n/dev/sda1  *     2048 {:>10} \
         {:>10}  {:>3}G 83 Linux\n",
        bytes / 512,
        bytes / 512 - 2_001_921,
        bytes / 512 - 2_003_968,
        gib - 1,
    ));
    Ok(0)
}

fn blkid(call: &mut Call<'_, '_, '_>) -> Done {
    let text = call.files().read("/etc/fstab").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let uuid = text.lines().find_map(|line| line.strip_prefix("UUID=")).unwrap_or_default();
    let uuid = uuid.split_whitespace().next().unwrap_or_default();
    call.say(format!("/dev/sda1: UUID=\"{uuid}\" BLOCK_SIZE=\"4096\" TYPE=\"ext4\""));
    Ok(0)
}
