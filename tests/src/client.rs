//! Real clients, run where the visitor is.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::world::{World, wait_for};

/// A client that is about to be run.
pub struct Client<'a> {
    world: &'a World,
    command: Command,
    input: Vec<u8>,
}

impl World {
    /// A program to be run as the visitor, for at most 20 s.
    pub fn client(&self, program: &str) -> Client<'_> {
        self.client_for(program, 20)
    }

    /// The same for so many seconds at most.
    pub fn client_for(&self, program: &str, seconds: u32) -> Client<'_> {
        let mut command = Command::new("timeout");
        command.args([&seconds.to_string(), program]).current_dir(&self.dir).env("HOME", &self.dir);
        Client { world: self, command, input: Vec::new() }
    }

    /// A client of OpenSSH's that answers every question with `password`.
    pub fn openssh(&self, program: &str, password: &str) -> Client<'_> {
        self.openssh_for(program, password, 20)
    }

    /// The same for so many seconds at most.
    pub fn openssh_for(&self, program: &str, password: &str, seconds: u32) -> Client<'_> {
        let asked = self.dir.join("askpass");
        if !asked.exists() {
            let text = "#!/bin/sh\necho \"$TEST_PASSWORD\"\n";
            std::fs::write(&asked, text).expect("the directory is ours");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&asked, mode).expect("it is ours");
        }
        let client = self.client_for(program, seconds).args(&OPENSSH);
        let client = client.env("SSH_ASKPASS", &asked.display().to_string());
        client.env("SSH_ASKPASS_REQUIRE", "force").env("TEST_PASSWORD", password)
    }
}

/// What keeps OpenSSH's clients from this machine's settings, and from asking twice.
const OPENSSH: [&str; 10] = [
    "-F",
    "none",
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "NumberOfPasswordPrompts=1",
    "-o",
    "IdentityFile=none",
];

impl Client<'_> {
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads; then its input ends.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Starts it, and leaves it to the caller.
    pub fn start(mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.world.as_visitor(|| self.command.spawn().expect("it is installed"))
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Output {
        let input = std::mem::take(&mut self.input);
        let mut child = self.start();
        let mut pipe = child.stdin.take().expect("it is a pipe");
        // A client that ends early does not read it all.
        let writer = thread::spawn(move || drop(pipe.write_all(&input)));
        let output = child.wait_with_output().expect("it is ours");
        writer.join().expect("it does not panic");
        output
    }

    /// Runs it to its end, which must be a good one, and gives what it printed.
    pub fn good(self) -> String {
        let what = format!("{:?}", self.command);
        let output = self.run();
        assert!(output.status.success(), "{what}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// A program on a terminal of its own, and somebody who types.
#[derive(Debug)]
pub struct Terminal {
    process: Child,
    keyboard: Option<ChildStdin>,
    screen: Arc<Mutex<Vec<u8>>>,
    seen: usize,
}

impl World {
    /// Starts a command line on a terminal, as the visitor.
    pub fn terminal(&self, command: &str) -> Terminal {
        let client = self.client("script").args(&["-qfec", command, "/dev/null"]);
        let mut process = client.env("TERM", "xterm").start();
        let screen = Arc::new(Mutex::new(Vec::new()));
        let mut output = process.stdout.take().expect("it is a pipe");
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                shown.lock().expect("nobody panics").extend_from_slice(&piece[..count]);
            }
        });
        let keyboard = process.stdin.take();
        Terminal { process, keyboard, screen, seen: 0 }
    }
}

impl Terminal {
    /// Waits until this is shown, behind what was waited for before, and gives what came before
    /// it.
    pub fn wait(&mut self, text: &str) -> String {
        let look = || {
            let screen = self.screen.lock().expect("nobody panics");
            let new = screen.get(self.seen..).unwrap_or_default();
            let at = new.windows(text.len()).position(|part| part == text.as_bytes())?;
            Some((String::from_utf8_lossy(&new[..at]).into_owned(), at + text.len()))
        };
        let Some((before, length)) = wait_for(look) else {
            panic!("no {text:?} on the screen: {}", self.shown());
        };
        self.seen += length;
        before
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        let keyboard = self.keyboard.as_mut().expect("it is there until the end");
        keyboard.write_all(format!("{text}\r").as_bytes()).expect("the program reads");
    }

    /// All that was shown.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("nobody panics")).into_owned()
    }

    /// Waits for its end.
    pub fn end(mut self) -> ExitStatus {
        let ended = wait_for(|| self.process.try_wait().expect("it is ours"));
        ended.unwrap_or_else(|| panic!("it does not end: {}", self.shown()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// Ends what [`Client::start`] started.
pub fn stop(process: &mut Child) {
    let pid = i32::try_from(process.id()).expect("a process number");
    if let Ok(None) = process.try_wait() {
        // `timeout` passes it on.
        kill(Pid::from_raw(pid), Signal::SIGTERM).expect("it is ours");
        process.wait().expect("it is ours");
    }
}
