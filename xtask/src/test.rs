//! Everything that is tested, in the order in which it is quickest to fail.

use anyhow::{Result, bail};

use crate::apt;
use crate::bpf::{self, Compared};
use crate::fuzz;
use crate::run::{self, cargo, say};

/// Real clients, and what the tests look with.
const PROGRAMS: [(&str, &str); 23] = [
    ("cc", "gcc"),
    ("chromedriver", "chromium-driver"),
    ("chromium", "chromium"),
    ("curl", "curl"),
    ("dbus-daemon", "dbus"),
    ("faketime", "faketime"),
    ("ip", "iproute2"),
    ("lftp", "lftp"),
    ("mkfs.ext4", "e2fsprogs"),
    ("nsenter", "util-linux"),
    ("openssl", "openssl"),
    ("ping", "iputils-ping"),
    ("ps", "procps"),
    ("python3", "python3"),
    ("redis-cli", "redis-tools"),
    ("rsyslogd", "rsyslog"),
    ("script", "bsdutils"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("strace", "strace"),
    ("systemctl", "systemd"),
    ("tcpdump", "tcpdump"),
    ("telnet", "telnet"),
];

/// How long each parser is fed with nonsense here; `cargo xtask fuzz` does it for longer.
const FUZZ_SECONDS: u64 = 3;

/// Makes the tests try every case where they otherwise try some.
const EXHAUSTIVE: (&str, &str) = ("DECNET_EXHAUSTIVE", "1");

/// Runs all tests, or only the integration tests whose names contain one of those that are said.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let (flags, names): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("--"));
    let is_exhaustive = match flags.as_slice() {
        [] => false,
        ["--exhaustive"] => true,
        _ => bail!("there is no option `{}`", flags.join(" ")),
    };
    apt::programs(&PROGRAMS)?;
    if names.is_empty() {
        say("unit tests");
        run::run(&mut cargo(&["test", "--quiet", "--package", "decnet", "--lib"]))?;
        fuzz::each(FUZZ_SECONDS)?;
    }
    let object = match bpf::compare()? {
        Compared::Same => None,
        Compared::OtherToolchain(object) => Some(object),
    };
    say("integration tests: real kernel, real clients");
    // The tests start the program, and depend on its library alone.
    let mut program = cargo(&["build", "--quiet", "--package", "decnet"]);
    let mut tests = cargo(&["test", "--quiet", "--package", "decnet-tests", "--"]);
    if let Some(object) = object {
        program.env("DECNET_BPF_OBJECT", &object);
        tests.env("DECNET_BPF_OBJECT", &object);
    }
    run::run(&mut program)?;
    if is_exhaustive {
        // One after the other: what they print is the point.
        tests.env(EXHAUSTIVE.0, EXHAUSTIVE.1).args(["--nocapture", "--test-threads=1"]);
    }
    run::run(tests.args(names))
}
