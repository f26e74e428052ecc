//! What systemd says of a unit: `systemctl show --property=…`.

/// The unit of the agent.
pub const AGENT: &str = "decnet-agent.service";
/// The unit of the updater.
pub const UPDATER: &str = "decnet-updater.service";

/// The units that run from the agent's releases beside it.
pub const FOLLOWERS: [&str; 5] = [
    "decnet-api.service",
    "decnet-forwarder.service",
    "decnet-listener.service",
    "decnet-swarmctl.service",
    "decnet-web.service",
];

/// Something that the updater may ask for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Forget that it has failed: after too many failures a start would be refused.
    ResetFailed,
    /// Stop it, if it runs, and start it.
    Restart,
    /// Stop it.
    Stop,
    /// Stop it and start it, if it runs.
    TryRestart,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 4] = [Self::ResetFailed, Self::Restart, Self::Stop, Self::TryRestart];

    /// As systemctl names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResetFailed => "reset-failed",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::TryRestart => "try-restart",
        }
    }

    /// Reads `VERB UNIT`, when it is a verb that the updater may say of that unit.
    pub fn parse(line: &str) -> Option<(Self, &'static str)> {
        let (verb, unit) = line.split_once(' ')?;
        let verb = Self::ALL.into_iter().find(|known| known.as_str() == verb)?;
        let units: &[&'static str] =
            if verb == Self::TryRestart { &FOLLOWERS } else { &[AGENT, UPDATER] };
        let unit = units.iter().find(|known| **known == unit)?;
        Some((verb, *unit))
    }
}

/// What of a unit tells a machine that hinders it from a release that is bad.
pub const SHOWN: &str = "MainPID,Result,ExecMainStatus,StatusErrno,StatusText";

/// Exit codes of systemd's own, when it cannot make for a unit what the unit asks for
/// (`systemd.exec(5)`), but 203: that is a program which cannot be run.
const SET_UP: std::ops::RangeInclusive<u32> = 200..=245;

/// Numbers of errors that a machine is the cause of: what is taken, used up, not allowed or broken.
const OF_MACHINE: [(u32, &str); 14] = [
    (1, "something is not permitted"),
    (5, "a disk does not answer"),
    (11, "there are no resources"),
    (12, "there is no memory"),
    (13, "something may not be opened"),
    (16, "something is in use"),
    (23, "the machine has too many files open"),
    (24, "too many files are open"),
    (28, "the disk is full"),
    (30, "a file system takes nothing"),
    (98, "the port is in use"),
    (99, "the address is not there"),
    (105, "there is no memory for a socket"),
    (122, "the user's part of the disk is full"),
];

/// Why a unit does not come up, when that is the machine's fault and none of what it runs.
pub fn hindrance(shown: &str) -> Option<String> {
    let value = |name: &str| {
        let mut lines = shown.lines();
        lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))
    };
    let number = |name| value(name).and_then(|text| text.parse::<u32>().ok());
    match value("Result") {
        Some("oom-kill") => return Some("the machine has run out of memory".into()),
        Some("resources") => return Some("systemd has no resources to start it".into()),
        _ => {}
    }
    let errno = number("StatusErrno");
    if let Some((_, what)) = OF_MACHINE.into_iter().find(|(known, _)| Some(*known) == errno) {
        let said = value("StatusText").filter(|text| !text.is_empty());
        return Some(said.map_or_else(|| what.to_owned(), |said| format!("{what}: {said}")));
    }
    let status = number("ExecMainStatus").filter(|code| SET_UP.contains(code) && *code != 203)?;
    Some(format!("systemd cannot make what its unit asks for (exit code {status})"))
}

/// The process of a unit, from a line such as `MainPID=42`; `None` when there is none.
pub fn main_pid(shown: &str) -> Option<u32> {
    let mut values = shown.lines().filter_map(|line| line.trim().strip_prefix("MainPID="));
    let pid = values.next()?.parse().ok()?;
    (pid != 0).then_some(pid)
}

/// Whether the process with these variables is the first one of a systemd unit. The first
/// variable is passed on to everything that a unit starts, so it must be this process that the
/// second names, where systemd says it (since version 248).
pub fn is_first(invocation_id: Option<&str>, exec_pid: Option<&str>, pid: u32) -> bool {
    invocation_id.is_some_and(|id| !id.is_empty())
        && exec_pid.is_none_or(|named| named.parse() == Ok(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_of_a_unit_is_read_from_what_systemd_says() {
        for (shown, pid) in [
            ("MainPID=42\n", Some(42)),
            ("ActiveState=active\nMainPID=7\nSubState=running\n", Some(7)),
            ("MainPID=0\n", None),
            ("MainPID=\n", None),
            ("MainPID=-3\n", None),
            ("MainPID=99999999999\n", None),
            ("ExecMainPID=9\n", None),
            ("42\n", None),
            ("", None),
        ] {
            assert_eq!(main_pid(shown), pid, "{shown:?}");
        }
    }

    #[test]
    fn systemd_is_told_from_a_shell_that_it_started() {
        for (id, exec, expected) in [
            (Some("9e3d"), Some("10"), true),
            (Some("9e3d"), None, true),
            // A shell in a unit passes both on.
            (Some("9e3d"), Some("9"), false),
            (Some("9e3d"), Some("x"), false),
            (Some(""), None, false),
            (None, Some("10"), false),
            (None, None, false),
        ] {
            assert_eq!(is_first(id, exec, 10), expected, "{id:?} {exec:?}");
        }
    }

    #[test]
    fn a_machine_that_hinders_is_told_from_a_program_that_is_bad() {
        for (shown, expected) in [
            ("Result=success\nExecMainStatus=0\nStatusErrno=0\nStatusText=ok\n", None),
            ("Result=exit-code\nExecMainStatus=3\nStatusErrno=0\n", None),
            ("Result=signal\nExecMainStatus=6\n", None),
            ("Result=exit-code\nExecMainStatus=203\n", None),
            ("Result=exit-code\nExecMainStatus=1\nStatusErrno=2\nStatusText=no file\n", None),
            ("", None),
            ("Result=oom-kill\nExecMainStatus=9\n", Some("run out of memory")),
            ("Result=resources\n", Some("no resources")),
            ("Result=exit-code\nExecMainStatus=226\n", Some("exit code 226")),
            ("StatusErrno=98\nStatusText=port 8765\n", Some("the port is in use: port 8765")),
            ("StatusErrno=28\nStatusText=\n", Some("the disk is full")),
            ("StatusErrno=24\nResult=exit-code\n", Some("too many files are open")),
        ] {
            let found = hindrance(shown);
            let is_right = match (&found, expected) {
                (Some(found), Some(part)) => found.contains(part),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(is_right, "{shown:?}: {found:?}");
        }
    }

    #[test]
    fn exactly_these_verbs_and_units_are_known() {
        assert_eq!(Verb::parse("restart decnet-agent.service"), Some((Verb::Restart, AGENT)));
        assert_eq!(
            Verb::parse("reset-failed decnet-updater.service"),
            Some((Verb::ResetFailed, UPDATER))
        );
        for unit in FOLLOWERS {
            let line = format!("try-restart {unit}");
            assert_eq!(Verb::parse(&line), Some((Verb::TryRestart, unit)));
        }
        for line in [
            "restart ssh.service",
            "restart decnet-agent.service ssh.service",
            "restart  decnet-agent.service",
            "start decnet-agent.service",
            "restart decnet-agent",
            "restart decnet-*.service",
            "restart",
            "",
            "restart\tdecnet-agent.service",
            "RESTART decnet-agent.service",
            "try-restart decnet-agent.service",
            "restart decnet-api.service",
            "try-restart decnet-rescue.service",
        ] {
            assert_eq!(Verb::parse(line), None, "{line:?}");
        }
    }
}
