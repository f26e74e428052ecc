//! Files that are made anew each time they are read: what the kernel says, and logs that grow.

use crate::logic::decky::Identity;
use crate::logic::machine::{Hardware, Lan};
use crate::logic::time::Timestamp;

type Maker = fn(&Identity, Timestamp) -> String;

/// Lines that a log shows at most.
const LOG_LINES: u64 = 60;
const HOUR: u64 = 3_600_000_000_000;

/// What makes the file at `path`.
pub(super) fn find(path: &str) -> Option<Maker> {
    Some(match path {
        "/proc/cpuinfo" => cpuinfo,
        "/proc/loadavg" => |decky, now| {
            let [one, five, quarter] = load(decky, now);
            format!("{one} {five} {quarter} 1/187 {}\n", 21_874 + now.millis() / 1000 % 4096)
        },
        "/proc/meminfo" => meminfo,
        "/proc/net/dev" => net_dev,
        "/proc/net/route" => net_route,
        "/proc/net/tcp" => net_tcp,
        "/proc/partitions" => partitions,
        "/proc/stat" => stat,
        "/proc/swaps" => |_, _| {
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n\
             /dev/sda5                               partition\t999420\t\t0\t\t-2\n"
                .to_owned()
        },
        "/proc/uptime" => |decky, now| {
            let up = now.since(decky.booted).as_millis() / 10;
            let idle = up * u128::from(Hardware::of(decky.persona).cores) * 97 / 100;
            format!("{}.{:02} {}.{:02}\n", up / 100, up % 100, idle / 100, idle % 100)
        },
        "/var/log/auth.log" => auth_log,
        "/var/log/syslog" => syslog,
        _ => return None,
    })
}

/// The load of the last minute, five and fifteen minutes: small, and moving slowly.
pub(in crate::logic) fn load(decky: &Identity, now: Timestamp) -> [String; 3] {
    let [seed, ..] = decky.secret.derive("files: load").0;
    [60, 300, 900].map(|window| {
        let step = now.millis() / 1000 / window + u64::from(seed);
        format!("0.{:02}", step.wrapping_mul(2_654_435_761) / 65_536 % 19)
    })
}

fn cpuinfo(decky: &Identity, _now: Timestamp) -> String {
    let hardware = Hardware::of(decky.persona);
    let (model, stepping) = hardware.model;
    let guest = if hardware.hypervisor.is_some() { " hypervisor" } else { "" };
    let mut text = String::new();
    for core in 0..hardware.cores {
        text += &format!(
            "processor\t: {core}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: {model}\n\
             model name\t: {}\nstepping\t: {stepping}\nmicrocode\t: 0xf4\ncpu MHz\t\t: {}.{:03}\n\
             cache size\t: 8192 KB\nphysical id\t: 0\nsiblings\t: {cores}\ncore id\t\t: {core}\n\
             cpu cores\t: {cores}\napicid\t\t: {}\ninitial apicid\t: {}\nfpu\t\t: yes\n\
             fpu_exception\t: yes\ncpuid level\t: 22\nwp\t\t: yes\nflags\t\t: fpu vme de pse tsc \
             msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht \
             syscall nx pdpe1gb rdtscp lm constant_tsc arch_perfmon rep_good nopl xtopology \
             nonstop_tsc cpuid pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt \
             aes xsave avx f16c rdrand{guest} lahf_lm abm 3dnowprefetch cpuid_fault pti ssbd ibrs \
             ibpb stibp fsgsbase bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap clflushopt \
             xsaveopt xsavec xgetbv1 xsaves arat md_clear flush_l1d arch_capabilities\nbugs\t\t: \
             spectre_v1 spectre_v2 spec_store_bypass mds swapgs itlb_multihit srbds \
             mmio_stale_data \
             retbleed gds\nbogomips\t: {}.00\nclflush size\t: 64\ncache_alignment\t: 64\naddress \
             sizes\t: 39 bits physical, 48 bits virtual\npower management:\n\n",
            hardware.processor,
            hardware.mhz,
            u32::from(core) * 137 % 1000,
            core * 2,
            core * 2,
            hardware.mhz * 2,
            cores = hardware.cores,
        );
    }
    text
}

fn meminfo(decky: &Identity, now: Timestamp) -> String {
    let total = Hardware::of(decky.persona).memory_kib;
    // The cache moves a little, so that two looks differ.
    let moved = now.millis() / 1000 % 997 * 4;
    let (cached, buffers) = (total / 9 + moved, total / 71);
    let free = total - total / 8 - cached - buffers;
    let rows = [
        ("MemTotal:", total),
        ("MemFree:", free),
        ("MemAvailable:", free + cached - total / 40),
        ("Buffers:", buffers),
        ("Cached:", cached),
        ("SwapCached:", 0),
        ("Active:", total / 11),
        ("Inactive:", total / 13),
        ("Unevictable:", 0),
        ("Mlocked:", 0),
        ("SwapTotal:", 999_420),
        ("SwapFree:", 999_420),
        ("Dirty:", 48 + moved % 60),
        ("Writeback:", 0),
        ("AnonPages:", total / 30),
        ("Mapped:", total / 60),
        ("Shmem:", 1_564),
        ("KReclaimable:", total / 150),
        ("Slab:", total / 100),
        ("SReclaimable:", total / 150),
        ("SUnreclaim:", total / 300),
        ("KernelStack:", 3_104),
        ("PageTables:", 4_212),
        ("CommitLimit:", total / 2 + 999_420),
        ("Committed_AS:", total / 14),
        ("VmallocTotal:", 34_359_738_367),
        ("VmallocUsed:", 21_812),
        ("VmallocChunk:", 0),
        ("Percpu:", 4_352),
    ];
    let mut text = String::new();
    for (name, kib) in rows {
        text += &format!("{name:<16}{kib:>8} kB\n");
    }
    text + "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n\
            HugePages_Surp:        0\nHugepagesize:       2048 kB\nHugetlb:               0 kB\n"
}

/// Bytes and packets that the interface has received and sent.
pub(in crate::logic) fn traffic(decky: &Identity, now: Timestamp) -> [u64; 4] {
    let seconds = now.since(decky.booted).as_secs();
    let [a, b, ..] = decky.secret.derive("files: traffic").0;
    let received = seconds * (900 + u64::from(a) * 8) + 48_213;
    let sent = seconds * (140 + u64::from(b) * 3) + 9_120;
    [received, received / 412 + 31, sent, sent / 201 + 17]
}

fn net_dev(decky: &Identity, now: Timestamp) -> String {
    let [received, packets_in, sent, packets_out] = traffic(decky, now);
    let name = Hardware::of(decky.persona).interface;
    format!(
        "Inter-|   Receive                                                |  Transmit\n face \
         |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop \
         fifo colls carrier compressed\n    lo:  124876    1318    0    0    0     0          0    \
         \x20    0   124876    1318    0    0    0     0       0          0\n{name:>6}: \
         {received:>7} {packets_in:>7}    0    0    0     0          0      {:>4} {sent:>8} \
         {packets_out:>7}    0    0    0     0       0          0\n",
        packets_in / 40,
    )
}

fn net_route(decky: &Identity, _now: Timestamp) -> String {
    let lan = Lan::of(decky);
    let name = Hardware::of(decky.persona).interface;
    // The kernel prints the bytes in memory as one number, here on a little-endian machine.
    let hex = |address: std::net::Ipv4Addr| format!("{:08X}", u32::from(address).swap_bytes());
    format!(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
         {name}\t00000000\t{}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
         {name}\t{}\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
        hex(lan.gateway),
        hex(lan.network),
    )
}

fn net_tcp(_decky: &Identity, _now: Timestamp) -> String {
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout \
     inode\n   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0      \
     \x20 0 15842 1 0000000000000000 100 0 0 10 0\n"
        .to_owned()
}

fn partitions(decky: &Identity, _now: Timestamp) -> String {
    let all = Hardware::of(decky.persona).disk_gib * 1_048_576;
    format!(
        "major minor  #blocks  name\n\n   8        0 {all:>10} sda\n   8        1 {:>10} sda1\n   \
         8        2          1 sda2\n   8        5     999424 sda5\n",
        all - 1_001_472,
    )
}

fn stat(decky: &Identity, now: Timestamp) -> String {
    let cores = u64::from(Hardware::of(decky.persona).cores);
    let ticks = u64::try_from(now.since(decky.booted).as_millis() / 10).unwrap_or(u64::MAX);
    let row = |ticks: u64| {
        let (user, system, wait) = (ticks / 170, ticks / 260, ticks / 2100);
        format!("{user} 11 {system} {} {wait} 0 {} 0 0 0", ticks - user - system - wait, user / 90)
    };
    let mut text = format!("cpu  {}\n", row(ticks.saturating_mul(cores)));
    for core in 0..cores {
        text += &format!("cpu{core} {}\n", row(ticks - core));
    }
    let booted = decky.booted.0 / 1_000_000_000;
    text += &format!(
        "intr {}\nctxt {}\nbtime {booted}\nprocesses {}\nprocs_running 1\nprocs_blocked 0\n",
        ticks.saturating_mul(3),
        ticks.saturating_mul(5),
        21_874 + ticks / 100 % 4096,
    );
    text
}

/// The ends of the hours that a log still shows, the last ones since the start.
fn hours(decky: &Identity, now: Timestamp, lines_each: u64) -> impl Iterator<Item = u64> {
    let last = now.0 / HOUR;
    let first = (decky.booted.0 / HOUR + 1).max(last.saturating_sub(LOG_LINES / lines_each));
    first..=last
}

fn auth_log(decky: &Identity, now: Timestamp) -> String {
    let mut text = String::new();
    let host = &decky.hostname;
    for hour in hours(decky, now, 2) {
        let at = Timestamp(hour * HOUR + 17 * 60_000_000_000 + 1_000_000_000);
        if at > now {
            break;
        }
        let (stamp, pid) = (stamp(at), 2000 + hour % 20_000);
        text += &format!(
            "{stamp} {host} CRON[{pid}]: pam_unix(cron:session): session opened for user \
             root(uid=0) by (uid=0)\n{stamp} {host} CRON[{pid}]: pam_unix(cron:session): session \
             closed for user root\n",
        );
    }
    text
}

fn syslog(decky: &Identity, now: Timestamp) -> String {
    let mut text = String::new();
    let host = &decky.hostname;
    for hour in hours(decky, now, 1) {
        let at = Timestamp(hour * HOUR + 17 * 60_000_000_000 + 1_000_000_000);
        if at > now {
            break;
        }
        text += &format!(
            "{} {host} CRON[{}]: (root) CMD (cd / && run-parts --report /etc/cron.hourly)\n",
            stamp(at),
            2001 + hour % 20_000,
        );
    }
    text
}

/// The time as rsyslog writes it.
fn stamp(at: Timestamp) -> String {
    at.format("%Y-%m-%dT%H:%M:%S.417264+00:00")
}
