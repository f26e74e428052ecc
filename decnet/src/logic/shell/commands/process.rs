//! Processes: `ps`, `top`, `kill` and the like.

use super::Command;
use crate::logic::machine::Hardware;
use crate::logic::persona::Family;
use crate::logic::shell::process::pid;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "kill" => kill,
        "killall" | "pkill" | "skill" => killall,
        "pgrep" | "pidof" => pgrep,
        "ps" => ps,
        "pstree" => |call| {
            call.say(
                "systemd─┬─agetty\n        ├─cron\n        ├─dbus-daemon\n        \
                ├─rsyslogd───3*[{rsyslogd}]\n        ├─sshd───sshd───bash───pstree\n        \
                ├─systemd───(sd-pam)\n        ├─systemd-journal\n        \
                ├─systemd-logind\n        ├─systemd-timesyn───{systemd-timesyn}\n        \
                └─systemd-udevd",
            );
            Ok(0)
        },
        "renice" => super::quiet,
        "top" | "htop" => top,
        "vmstat" => |call| {
            call.say(
                "procs -----------memory---------- ---swap-- -----io---- -system-- \
                ------cpu-----\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   \
                cs us sy id wa st\n 1  0      0 12031844 228796 1804968    0    0     1     4   \
                17   24  0  0 99  0  0",
            );
            Ok(0)
        },
        _ => return None,
    })
}

/// A process: number, parent, user, memory in KiB, terminal and command.
struct Process {
    pid: u32,
    parent: u32,
    user: String,
    memory: u32,
    terminal: &'static str,
    command: String,
    fresh: bool,
}

const LINUX: [(u32, u32, &str, u32, &str); 20] = [
    (1, 0, "root", 12_384, "/sbin/init"),
    (2, 0, "root", 0, "[kthreadd]"),
    (3, 2, "root", 0, "[rcu_gp]"),
    (4, 2, "root", 0, "[rcu_par_gp]"),
    (8, 2, "root", 0, "[kworker/0:1H-events_highpri]"),
    (11, 2, "root", 0, "[ksoftirqd/0]"),
    (12, 2, "root", 0, "[rcu_preempt]"),
    (13, 2, "root", 0, "[migration/0]"),
    (41, 2, "root", 0, "[kcompactd0]"),
    (57, 2, "root", 0, "[kswapd0]"),
    (214, 2, "root", 0, "[jbd2/sda1-8]"),
    (256, 1, "root", 14_112, "/lib/systemd/systemd-journald"),
    (279, 1, "root", 7_064, "/lib/systemd/systemd-udevd"),
    (401, 1, "systemd+", 6_820, "/lib/systemd/systemd-timesyncd"),
    (
        583,
        1,
        "message+",
        4_712,
        "/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile",
    ),
    (585, 1, "root", 5_916, "/usr/sbin/rsyslogd -n -iNONE"),
    (586, 1, "root", 7_432, "/lib/systemd/systemd-logind"),
    (602, 1, "root", 2_644, "/usr/sbin/cron -f"),
    (655, 1, "root", 1_068, "/sbin/agetty -o -p -- \\u --noclear - linux"),
    (712, 1, "root", 9_212, "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"),
];

const BSD: [(u32, u32, &str, u32, &str); 9] = [
    (0, 0, "root", 1_456, "[kernel]"),
    (1, 0, "root", 1_264, "/sbin/init"),
    (2, 0, "root", 16, "[clock]"),
    (11, 0, "root", 64, "[idle]"),
    (504, 1, "root", 1_620, "/sbin/devd"),
    (701, 1, "root", 2_836, "/usr/sbin/syslogd -s"),
    (
        789,
        1,
        "ntpd",
        6_480,
        "/usr/sbin/ntpd -p /var/db/ntp/ntpd.pid -c /etc/ntp.conf -f /var/db/ntp/ntpd.drift",
    ),
    (812, 1, "root", 9_364, "sshd: /usr/sbin/sshd [listener] 0 of 10-100 startups (sshd)"),
    (816, 1, "root", 2_584, "/usr/sbin/cron -s"),
];

fn processes(call: &Call<'_, '_, '_>) -> Vec<Process> {
    let table: &[_] = match call.world.context.decky.persona.family {
        Family::Bsd => &BSD,
        _ => &LINUX,
    };
    let mut all: Vec<Process> = table
        .iter()
        .map(|(pid, parent, user, memory, command)| Process {
            pid: *pid,
            parent: *parent,
            user: (*user).to_owned(),
            memory: *memory,
            terminal: if command.contains("agetty") { "tty1" } else { "?" },
            command: (*command).to_owned(),
            fresh: false,
        })
        .collect();
    let shell = pid(call.world, 0);
    let user = call.shell.account.name.clone();
    let line = std::iter::once(call.name.as_str()).chain(call.args.iter().map(String::as_str));
    let line = line.collect::<Vec<_>>().join(" ");
    for (pid, parent, owner, memory, terminal, command) in [
        (shell - 8, 712, "root".to_owned(), 10_992, "?", format!("sshd: {user}@pts/0")),
        (shell, shell - 8, user.clone(), 4_836, "pts/0", call.shell.name.clone()),
        (shell + 11, shell, user, 4_112, "pts/0", line),
    ] {
        all.push(Process { pid, parent, user: owner, memory, terminal, command, fresh: true });
    }
    all
}

fn ps(call: &mut Call<'_, '_, '_>) -> Done {
    let flags: String =
        call.args.iter().flat_map(|arg| arg.trim_start_matches('-').chars()).collect();
    let dashed = call.args.iter().any(|arg| arg.starts_with('-'));
    let all = flags.contains(['a', 'x', 'A', 'e']);
    let mut shown = processes(call);
    if !all {
        shown.retain(|process| process.terminal == "pts/0");
    }
    call.world.spend(2);
    if flags.contains('u') && !dashed || flags.contains("aux") {
        return long(call, &shown);
    }
    if flags.contains('f') {
        return full(call, &shown);
    }
    call.say("    PID TTY          TIME CMD");
    for process in &shown {
        let name = short_name(&process.command);
        call.say(format!("{:>7} {:<8} 00:00:00 {name}", process.pid, process.terminal));
    }
    Ok(0)
}

/// `ps aux`.
fn long(call: &mut Call<'_, '_, '_>, shown: &[Process]) -> Done {
    let memory = Hardware::of(call.world.context.decky.persona).memory_kib;
    let (now, booted) = (call.world.now(), call.world.context.decky.booted);
    let day = booted.format("%b%d");
    let clock = now.format("%H:%M");
    call.say("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND");
    for process in shown {
        let share = u64::from(process.memory) * 1000 / memory;
        let virtual_size = if process.memory == 0 { 0 } else { process.memory * 4 + 3_120 };
        let state = match process.terminal {
            "pts/0" if process.command.starts_with("ps") => "R+",
            "pts/0" => "Ss",
            "tty1" => "Ss+",
            _ if process.memory == 0 => "I<",
            _ => "Ss",
        };
        let start = if process.fresh { &clock } else { &day };
        call.say(format!(
            "{:<8} {:>7}  0.0  {}.{} {virtual_size:>6} {:>5} {:<8} {state:<4} {start:<5}   0:0{} \
             {}",
            process.user,
            process.pid,
            share / 10,
            share % 10,
            process.memory,
            process.terminal,
            process.pid % 7 / 4,
            process.command,
        ));
    }
    Ok(0)
}

/// `ps -ef`.
fn full(call: &mut Call<'_, '_, '_>, shown: &[Process]) -> Done {
    let (now, booted) = (call.world.now(), call.world.context.decky.booted);
    let (day, clock) = (booted.format("%b%d"), now.format("%H:%M"));
    call.say("UID          PID    PPID  C STIME TTY          TIME CMD");
    for process in shown {
        let start = if process.fresh { &clock } else { &day };
        call.say(format!(
            "{:<8} {:>7} {:>7}  0 {start:<5} {:<8} 00:00:00 {}",
            process.user, process.pid, process.parent, process.terminal, process.command,
        ));
    }
    Ok(0)
}

fn short_name(command: &str) -> String {
    let first = command.split_whitespace().next().unwrap_or_default();
    let first = first.trim_start_matches('-').trim_end_matches(':');
    let name = first.trim_matches(['[', ']']).rsplit('/').next().unwrap_or(first);
    name.chars().take(15).collect()
}

fn top(call: &mut Call<'_, '_, '_>) -> Done {
    let now = call.world.now();
    let decky = call.world.context.decky;
    let [one, five, quarter] = crate::logic::files::load(decky, now);
    let up = now.since(decky.booted).as_secs();
    let shown = processes(call);
    let total = Hardware::of(decky.persona).memory_kib;
    let mib = |kib: u64| format!("{}.{}", kib / 1024, kib % 1024 * 10 / 1024);
    call.out(format!(
        "top - {} up {} days, {:>2}:{:02},  1 user,  load average: {one}, {five}, \
         {quarter}\nTasks: \
         {:>3} total,   1 running, {:>3} sleeping,   0 stopped,   0 zombie\n%Cpu(s):  0.3 us,  0.2 \
         sy,  0.0 ni, 99.5 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st \nMiB Mem : {:>8} total, {:>8} \
         free, {:>8} used, {:>8} buff/cache     \nMiB Swap:    976.0 total,    976.0 free,      \
         0.0 \
         used. {:>8} avail Mem \n\n    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  \
         %MEM     \
         TIME+ COMMAND\n",
        now.format("%H:%M:%S"),
        up / 86_400,
        up / 3600 % 24,
        up / 60 % 60,
        shown.len(),
        shown.len() - 1,
        mib(total),
        mib(total / 4 * 3),
        mib(total / 12),
        mib(total / 6),
        mib(total / 10 * 9),
    ));
    for process in shown.iter().take(17) {
        call.say(format!(
            "{:>7} {:<8}  20   0 {:>7} {:>6} {:>6} S   0.0   {}.{}   0:00.{:02} {}",
            process.pid,
            process.user,
            process.memory * 4,
            process.memory,
            process.memory / 3 * 2,
            u64::from(process.memory) * 100 / total,
            u64::from(process.memory) * 1000 / total % 10,
            process.pid % 89,
            short_name(&process.command),
        ));
    }
    Ok(0)
}

fn kill(call: &mut Call<'_, '_, '_>) -> Done {
    let known: Vec<u32> = processes(call).iter().map(|process| process.pid).collect();
    let root = call.shell.account.uid == 0;
    let mut status = 0;
    let targets: Vec<String> =
        call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    if targets.is_empty() {
        call.complain(
            "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... \
            or kill -l [sigspec]",
        );
        return Ok(2);
    }
    for target in targets {
        let fault = match target.parse::<u32>() {
            Ok(pid) if !known.contains(&pid) => format!("({pid}) - No such process"),
            Ok(pid) if !root => format!("({pid}) - Operation not permitted"),
            Ok(_) => continue,
            Err(_) if target.starts_with('%') => continue,
            Err(_) => format!("{target}: arguments must be process or job IDs"),
        };
        let line = format!("{}: kill: {fault}", call.shell.complaint());
        call.complain(line);
        status = 1;
    }
    Ok(status)
}

fn killall(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(name) = call.args.iter().rfind(|arg| !arg.starts_with('-')).cloned() else {
        return Ok(1);
    };
    let found = processes(call).iter().any(|process| short_name(&process.command) == name);
    if found {
        return Ok(0);
    }
    if call.name == "killall" && !call.args.iter().any(|arg| arg == "-q") {
        call.complain(format!("{name}: no process found"));
    }
    Ok(1)
}

fn pgrep(call: &mut Call<'_, '_, '_>) -> Done {
    let Some(name) = call.args.iter().rfind(|arg| !arg.starts_with('-')).cloned() else {
        return Ok(1);
    };
    let exact = call.name == "pidof";
    let found: Vec<String> = processes(call)
        .iter()
        .filter(|process| {
            let short = short_name(&process.command);
            if exact { short == name } else { short.contains(&name) }
        })
        .map(|process| process.pid.to_string())
        .collect();
    if found.is_empty() {
        return Ok(1);
    }
    call.say(found.join(if exact { " " } else { "\n" }));
    Ok(0)
}
