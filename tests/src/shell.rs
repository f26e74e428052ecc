//! A shell that runs one command line after another, in whatever it was started in.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::world::Machine;

/// What is said after each command, with its exit code.
const MARK: &str = "--- done";

/// A shell. It ends with this value, and when this process does.
pub struct Shell {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts a command that becomes one.
    pub fn start(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        Self::of(started.expect("the program is installed"))
    }

    fn of(mut process: Child) -> Self {
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        Self { process, input, output }
    }

    /// A shell that is the first process of namespaces of its own: whatever it starts sees no
    /// other process and no other network, and ends with it, which ends with this thread.
    pub fn apart() -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--net", "--pid", "--mount", "--fork"]);
        command.args(["--kill-child", "--mount-proc", "bash", "-s"]);
        let mut shell = Self::start(command.env_remove("INVOCATION_ID"));
        shell.ok("ip link set lo up");
        shell
    }

    /// The same in the network of a machine.
    pub fn on(machine: &Machine) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--pid", "--mount", "--fork"]);
        command.args(["--kill-child", "--mount-proc", "bash", "-s"]);
        command.env_remove("INVOCATION_ID").stdin(Stdio::piped()).stdout(Stdio::piped());
        Self::of(machine.spawn(command))
    }

    /// The process that was started.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Runs a command line; its exit code and all it says.
    pub fn run(&mut self, line: &str) -> (i32, String) {
        let input = self.input.as_mut().expect("there until the end");
        let command = format!("( {line}\n) </dev/null 2>&1; echo \"\n{MARK} $?\"\n");
        input.write_all(command.as_bytes()).expect("it runs");
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).expect("it says text");
            assert!(read > 0, "the shell has ended: {text}");
            if let Some(code) = line.strip_prefix(MARK) {
                text.pop();
                return (code.trim().parse().expect("a number"), text);
            }
            text.push_str(&line);
        }
    }

    /// The same where it must succeed.
    pub fn ok(&mut self, line: &str) -> String {
        let (code, text) = self.run(line);
        assert_eq!(code, 0, "{line}\n{text}");
        text
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.process.wait());
    }
}
