//! systemd, asked through systemctl, or through the socket of a helper where there is no polkit.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{SuperviseError, on_path, strays};
use crate::edge::clock;
use crate::logic::unit::{self, FOLLOWERS, SHOWN, Verb, main_pid};

/// Where the helper listens.
pub const HELPER_SOCKET: &str = "/run/decnet-units.sock";
/// How long systemctl may take: it is never told to wait for a unit.
const TIME: Duration = Duration::from_secs(20);
/// Most bytes of what the helper answers.
const MOST: u64 = 4 * 1024;

/// systemctl, where it is on this path.
pub fn systemctl(path: Option<OsString>) -> Option<PathBuf> {
    on_path("systemctl", path)
}

/// systemd.
#[derive(Debug)]
pub struct Systemd {
    systemctl: PathBuf,
    /// The lock that an agent holds.
    lock: PathBuf,
}

/// How the first process of a unit is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Which it is, while there is one.
    pub pid: Option<u32>,
    /// What of the machine hinders it, as far as systemd knows.
    pub hindrance: Option<String>,
}

impl Systemd {
    /// systemd, where it has started this process and can be asked, on a machine where an agent holds
    /// this lock.
    pub fn find(lock: &Path) -> Option<Self> {
        let variable = |name| std::env::var(name).ok();
        let (id, exec) = (variable("INVOCATION_ID"), variable("SYSTEMD_EXEC_PID"));
        let is_unit = unit::is_first(id.as_deref(), exec.as_deref(), std::process::id());
        let systemctl = systemctl(std::env::var_os("PATH")).filter(|_| is_unit)?;
        Some(Self { systemctl, lock: lock.into() })
    }

    /// Restarts the agent's unit. An agent that somebody has started beside it is ended before: the
    /// unit's could not begin.
    ///
    /// # Errors
    ///
    /// [`SuperviseError`].
    pub fn restart_agent(&self) -> Result<(), SuperviseError> {
        let shown = self.run(&["show", "--property=MainPID,ControlGroup", unit::AGENT]);
        let shown = shown.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned());
        let ended = shown.and_then(|shown| strays::end(&self.lock, &shown));
        ended.map_err(|why| SuperviseError::Hindered {
            what: "end an agent that is not of its unit".into(),
            why,
        })?;
        self.restart(unit::AGENT)
    }

    /// Has every unit that runs beside the agent run what the agent does.
    ///
    /// # Errors
    ///
    /// Why some do not.
    pub fn follow(&self) -> Result<(), Vec<SuperviseError>> {
        let told = FOLLOWERS.into_iter().map(|unit| self.tell(Verb::TryRestart, unit));
        let failed: Vec<SuperviseError> = told.filter_map(Result::err).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// How the first process of a unit is.
    pub fn state(&self, unit: &'static str) -> State {
        let Ok(shown) = self.run(&["show", &format!("--property={SHOWN}"), unit]) else {
            return State::default();
        };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        State { pid: main_pid(&shown), hindrance: unit::hindrance(&shown) }
    }

    /// Restarts a unit, which has its own user and capabilities, whatever this process has.
    ///
    /// # Errors
    ///
    /// [`SuperviseError`].
    pub fn restart(&self, unit: &'static str) -> Result<(), SuperviseError> {
        self.tell(Verb::ResetFailed, unit)?;
        self.tell(Verb::Restart, unit)
    }

    /// Stops a unit.
    ///
    /// # Errors
    ///
    /// [`SuperviseError`].
    pub fn stop(&self, unit: &'static str) -> Result<(), SuperviseError> {
        self.tell(Verb::Stop, unit)
    }

    /// The first process of a unit, while there is one.
    pub fn process(&self, unit: &'static str) -> Option<u32> {
        let shown = self.run(&["show", "--property=MainPID", unit]).ok()?;
        main_pid(&String::from_utf8_lossy(&shown.stdout))
    }

    /// Whether somebody has stopped a unit, or is about to: one that has ended by itself is started
    /// again.
    pub fn is_stopped(&self, unit: &'static str) -> bool {
        let shown = self.run(&["show", "--property=ActiveState", "--value", unit]);
        let state = shown.map(|shown| String::from_utf8_lossy(&shown.stdout).trim().to_owned());
        state.is_ok_and(|state| matches!(state.as_str(), "inactive" | "deactivating"))
    }

    fn tell(&self, verb: Verb, unit: &'static str) -> Result<(), SuperviseError> {
        let name = verb.as_str();
        // It is not told to wait for the unit: whatever it says is of systemd, not of the release.
        let failed =
            |why: String| SuperviseError::Hindered { what: format!("{name} `{unit}`"), why };
        let told = self
            .run(&["--no-ask-password", "--no-block", name, unit])
            .map_err(|why| SuperviseError::Hindered { what: format!("{name} `{unit}`"), why })?;
        if told.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&told.stderr).trim().to_owned();
        let is_needless = match verb {
            // It has never failed.
            Verb::ResetFailed => why.contains("not loaded"),
            // There is none on this machine.
            Verb::TryRestart => why.contains("not found") || why.contains("not loaded"),
            Verb::Restart | Verb::Stop => false,
        };
        if is_needless {
            return Ok(());
        }
        // Whether it is not allowed, or there is nobody to ask whether it is: the helper knows.
        match ask_helper(Path::new(HELPER_SOCKET), verb, unit) {
            Some(Ok(())) => Ok(()),
            Some(Err(why)) => Err(failed(why)),
            None if is_denied(told.status.code(), &why) => {
                Err(SuperviseError::Denied { verb: name, unit, why })
            }
            None => Err(failed(why)),
        }
    }

    fn run(&self, args: &[&str]) -> Result<Output, String> {
        let mut child = Command::new(&self.systemctl)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot run `{}`: {error}", self.systemctl.display()))?;
        let begun = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(_)) => return child.wait_with_output().map_err(|error| error.to_string()),
                Ok(None) if begun.elapsed() < TIME => {
                    clock::pause(Duration::from_millis(2));
                }
                _ => {
                    drop(child.kill());
                    drop(child.wait());
                    return Err(format!("systemctl does not end within {} s", TIME.as_secs()));
                }
            }
        }
    }
}

fn is_denied(code: Option<i32>, why: &str) -> bool {
    let signs = ["Access denied", "authentication required", "connect to bus", "authorized"];
    code == Some(4) || signs.iter().any(|sign| why.contains(sign))
}

/// Asks the helper; `None` when there is none.
fn ask_helper(socket: &Path, verb: Verb, unit: &str) -> Option<Result<(), String>> {
    let mut stream = UnixStream::connect(socket).ok()?;
    let asked = (|| {
        stream.set_read_timeout(Some(TIME))?;
        stream.set_write_timeout(Some(TIME))?;
        stream.write_all(format!("{} {unit}\n", verb.as_str()).as_bytes())?;
        let mut answer = String::new();
        (&stream).take(MOST).read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    })();
    Some(match asked {
        Ok(answer) => match answer.trim_end().split_once(' ').unwrap_or((answer.trim_end(), "")) {
            ("0", _) => Ok(()),
            (_, why) => Err(format!("the helper at `{}` says: {why}", socket.display())),
        },
        Err(error) => Err(format!("the helper at `{}` does not answer: {error}", socket.display())),
    })
}
