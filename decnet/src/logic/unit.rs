//! What systemd says of a unit: `systemctl show --property=…`.

/// The unit of the agent.
pub const AGENT: &str = "decnet-agent.service";
/// The unit of the updater.
pub const UPDATER: &str = "decnet-updater.service";

/// Something that the updater may ask for a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Forget that it has failed: after too many failures a start would be refused.
    ResetFailed,
    /// Stop it, if it runs, and start it.
    Restart,
    /// Stop it.
    Stop,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 3] = [Self::ResetFailed, Self::Restart, Self::Stop];

    /// As systemctl names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResetFailed => "reset-failed",
            Self::Restart => "restart",
            Self::Stop => "stop",
        }
    }

    /// Reads `VERB UNIT`, when it is a verb and a unit that the updater may name.
    pub fn parse(line: &str) -> Option<(Self, &'static str)> {
        let (verb, unit) = line.split_once(' ')?;
        let verb = Self::ALL.into_iter().find(|known| known.as_str() == verb)?;
        let unit = [AGENT, UPDATER].into_iter().find(|known| *known == unit)?;
        Some((verb, unit))
    }
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
    fn exactly_these_verbs_and_units_are_known() {
        assert_eq!(Verb::parse("restart decnet-agent.service"), Some((Verb::Restart, AGENT)));
        assert_eq!(
            Verb::parse("reset-failed decnet-updater.service"),
            Some((Verb::ResetFailed, UPDATER))
        );
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
        ] {
            assert_eq!(Verb::parse(line), None, "{line:?}");
        }
    }
}
