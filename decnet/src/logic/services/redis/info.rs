//! `INFO`: what the server tells of itself.
//!
//! The text is that of Redis 7.0 (`info.txt`); what differs from decky to decky and from time to
//! time is filled in: the persona's system, counters that grow with the time since it was switched
//! on, and what visitors did.

use std::fmt::Write as _;

use super::call::Call;
use super::config;
use super::error::Done;
use super::keys::DATABASES;
use crate::logic::persona::Family;
use crate::logic::services::template;

const TEXT: &str = include_str!("info.txt");

/// Sections that must be asked for by name.
const HIDDEN: [&str; 2] = ["commandstats", "latencystats"];

/// How a persona's build of Redis differs from another's.
struct Build {
    system: String,
    polling: &'static str,
    compiler: &'static str,
    allocator: &'static str,
    executable: &'static str,
    config: &'static str,
    supervised: &'static str,
}

/// Answers `INFO`.
pub(super) fn run(call: &mut Call<'_>) -> Done {
    let now = call.now();
    call.keys.sweep(now);
    let asked: Vec<_> = (1..call.words.len()).map(|at| call.lower(at)).collect();
    let all = asked.iter().any(|name| matches!(name.as_str(), "all" | "everything"));
    let default = asked.is_empty() || asked.iter().any(|name| name == "default");
    let values = values(call);
    let mut text = String::new();
    for section in TEXT.split("\n\n") {
        let name = section.strip_prefix("# ").and_then(|rest| rest.lines().next());
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let hidden = HIDDEN.contains(&name.as_str());
        let named = asked.contains(&name);
        if !(named || all || default && !hidden) {
            continue;
        }
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        let value = |name: &str| {
            values.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
        };
        let section = template::page(section, &value);
        for line in String::from_utf8_lossy(&section).lines().filter(|line| !line.is_empty()) {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    call.out.text(&text);
    Ok(())
}

/// What the persona's build of Redis is.
fn build(call: &Call<'_>) -> Build {
    let persona = call.around.decky.persona;
    let linux = Build {
        system: format!("Linux {} x86_64", persona.kernel),
        polling: "epoll",
        compiler: "12.2.0",
        allocator: "jemalloc-5.3.0",
        executable: "/usr/bin/redis-server",
        config: "/etc/redis/redis.conf",
        supervised: "systemd",
    };
    match persona.family {
        Family::Linux if persona.id.starts_with("ubuntu") => Build { compiler: "13.2.0", ..linux },
        Family::Linux => linux,
        Family::Bsd => Build {
            system: format!("FreeBSD {} amd64", persona.kernel),
            polling: "kqueue",
            compiler: "4.2.1",
            allocator: "libc",
            executable: "/usr/local/bin/redis-server",
            config: "/usr/local/etc/redis.conf",
            supervised: "no",
        },
        Family::Printer => Build {
            system: "Linux 4.9.118 armv7l".to_owned(),
            compiler: "7.3.0",
            allocator: "libc",
            supervised: "no",
            ..linux
        },
        Family::WindowsClient | Family::WindowsServer => Build {
            system: "Windows  ".to_owned(),
            polling: "WinSock_IOCP",
            compiler: "0.0.0",
            allocator: "jemalloc-5.2.1-redis",
            executable: "C:\\Program Files\\Redis\\redis-server.exe",
            config: "C:\\Program Files\\Redis\\redis.windows-service.conf",
            supervised: "no",
        },
    }
}

type Values = Vec<(&'static str, String)>;

fn values(call: &Call<'_>) -> Values {
    let around = call.around;
    let secret = around.decky.secret.derive("redis info").0;
    let dice = |at: usize| u64::from(secret.get(at).copied().unwrap_or_default());
    let micros = around.now.0 / 1000;
    // It came up some seconds after the machine did.
    let uptime = (around.now.since(around.decky.booted).as_secs()).saturating_sub(9 + dice(0) % 20);
    let started = around.now.millis() / 1000 - uptime;
    let build = build(call);
    let mut values: Values = vec![
        ("version", around.version_name.to_owned()),
        ("build", hex(&secret, 15)),
        ("os", build.system),
        ("polling", build.polling.to_owned()),
        ("gcc", build.compiler.to_owned()),
        ("allocator", build.allocator.to_owned()),
        ("executable", build.executable.to_owned()),
        ("config_file", build.config.to_owned()),
        ("supervised", build.supervised.to_owned()),
        ("pid", (500 + dice(1) * 2 + dice(2) % 2).to_string()),
        ("run_id", run_id(call)),
        ("port", around.local.port().to_string()),
        ("time_us", micros.to_string()),
        ("uptime", uptime.to_string()),
        ("uptime_days", (uptime / 86_400).to_string()),
        ("lru", ((micros / 1_000_000) & 0x00ff_ffff).to_string()),
        ("cpu_sys", format!("{}.{:06}", uptime / 900, micros % 997_001)),
        ("cpu_user", format!("{}.{:06}", uptime / 1100, micros % 899_981)),
        ("ops", (dice(3) % 3).to_string()),
    ];
    counters(call, uptime, started, &mut values);
    memory(call, dice(4), &mut values);
    replication(call, &mut values);
    values
}

fn counters(call: &Call<'_>, uptime: u64, started: u64, values: &mut Values) {
    let keys = &call.keys;
    let (hits, misses) = keys.looked;
    // An application asks every few seconds, and opens a connection now and then.
    let commands = uptime * 2 / 5 + keys.commands;
    let saved = keys.saved.map_or(started + uptime / 3600 * 3600, |at| at.millis() / 1000);
    values.extend([
        ("clients", "3".to_owned()),
        ("connections", (uptime / 600 + keys.clients).to_string()),
        ("commands", commands.to_string()),
        ("net_in", (commands * 71 + 4096).to_string()),
        ("net_out", (commands * 164 + 90_112).to_string()),
        ("reads", (commands + 40).to_string()),
        ("writes", commands.to_string()),
        ("hits", (uptime * 3 / 10 + hits).to_string()),
        ("misses", (uptime / 90 + misses).to_string()),
        ("expired", (uptime / 3000 + keys.expired).to_string()),
        ("evicted", keys.evicted.to_string()),
        ("errors", (uptime / 40_000).to_string()),
        ("changes", keys.changes.to_string()),
        ("saved", saved.to_string()),
        ("forks", (uptime / 3600).to_string()),
        ("fork", "412".to_owned()),
    ]);
    let mut keyspace = String::new();
    for index in 0..DATABASES {
        let database = keys.database(index);
        let ends = database.values().filter_map(|entry| entry.expires);
        let left: Vec<_> = ends.map(|end| end.saturating_sub(call.now())).collect();
        if !database.is_empty() {
            let average = left.iter().sum::<u64>() / (left.len() as u64).max(1);
            let (all, expires) = (database.len(), left.len());
            // A String never fails to be written to.
            let _written =
                writeln!(keyspace, "db{index}:keys={all},expires={expires},avg_ttl={average}");
        }
    }
    values.push(("keyspace", keyspace));
}

fn memory(call: &Call<'_>, dice: u64, values: &mut Values) {
    let data = call.keys.cost() as u64;
    let used = 920_000 + data + dice * 37;
    let peak = used.max(1_310_000 + dice * 1009);
    let rss = used * 5 / 4 + 9_400_000;
    let total = 8_326_000_000 + dice * 4096;
    let limit = config::value(call, "maxmemory").parse().unwrap_or(0);
    values.extend([
        ("used", used.to_string()),
        ("used_human", human(used)),
        ("rss", rss.to_string()),
        ("rss_human", human(rss)),
        ("peak", peak.to_string()),
        ("peak_human", human(peak)),
        ("peak_share", format!("{}.{:02}", used * 100 / peak, used * 10_000 / peak % 100)),
        ("overhead", "880416".to_owned()),
        ("dataset", used.saturating_sub(880_416).to_string()),
        ("dataset_share", "71.42%".to_owned()),
        ("total", total.to_string()),
        ("total_human", human(total)),
        ("maxmemory", limit.to_string()),
        ("maxmemory_human", human(limit)),
        ("policy", config::value(call, "maxmemory-policy")),
        ("fragmentation", format!("{}.{:02}", rss / used, rss * 100 / used % 100)),
    ]);
}

fn replication(call: &Call<'_>, values: &mut Values) {
    let role = if call.keys.master.is_some() { "slave" } else { "master" };
    let master = call.keys.master.as_ref().map_or(String::new(), |(host, port)| {
        format!(
            "master_host:{host}\nmaster_port:{port}\nmaster_link_status:down\n\
             master_last_io_seconds_ago:-1\nmaster_sync_in_progress:0\nslave_read_repl_offset:0\n\
             slave_repl_offset:0\nmaster_link_down_since_seconds:-1\nslave_priority:100\n\
             slave_read_only:1\nreplica_announced:1\n"
        )
    });
    values.extend([
        ("role", role.to_owned()),
        ("master", master),
        ("replid", replication_id(call)),
    ]);
}

/// What tells this run of the server from any other.
fn run_id(call: &Call<'_>) -> String {
    let purpose = format!("redis run {}", call.around.decky.booted.0);
    hex(&call.around.decky.secret.derive(&purpose).0, 40)
}

/// What tells this history of changes from any other.
pub(super) fn replication_id(call: &Call<'_>) -> String {
    let purpose = format!("redis replication {}", call.around.decky.booted.0);
    hex(&call.around.decky.secret.derive(&purpose).0, 40)
}

fn hex(bytes: &[u8], digits: usize) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.take(digits).filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

/// A number of bytes as people read it.
fn human(bytes: u64) -> String {
    let scaled = |unit: u64, letter: char| {
        format!("{}.{:02}{letter}", bytes / unit, bytes % unit * 100 / unit)
    };
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => scaled(1024, 'K'),
        1_048_576..1_073_741_824 => scaled(1_048_576, 'M'),
        _ => scaled(1_073_741_824, 'G'),
    }
}
