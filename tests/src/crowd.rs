//! Many connections at once, which Python holds.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Holds four connections of each of forty addresses, and opens another where one has ended. It is
/// told host, port and the first three numbers of the addresses.
pub const SILENT: &str = "
import socket, sys, threading, time
host, port, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def hold(source, begun):
    while True:
        try:
            s = socket.create_connection((host, port), 10, (source, 0))
            begun.set()
            s.settimeout(60)
            s.recv(1)
        except OSError:
            time.sleep(0.05)
all = []
for n in range(1, 41):
    for _ in range(4):
        begun = threading.Event()
        all.append(begun)
        threading.Thread(target=hold, args=(f'{prefix}.{n}', begun), daemon=True).start()
for begun in all:
    begun.wait(60)
print('ready', flush=True)
sys.stdin.read()
";

/// Gives the only link but the loopback forty more addresses, or the loopback where there is no
/// other; it is told the first three numbers of them.
pub const ADDRESSES: &str = "
link=$(ip -o link | awk -F': |@' '$2 != \"lo\" { print $2; exit }')
for n in $(seq 1 40); do ip addr add \"$1.$n/16\" dev \"${link:-lo}\"; done";

/// Python that is killed with the test, and says when it is ready.
#[derive(Debug)]
pub struct Crowd(Child);

impl Crowd {
    /// By a command line that begins like this and is started so.
    #[must_use]
    pub fn begin(
        by: &[&str],
        script: &str,
        args: &[&str],
        start: impl FnOnce(Command) -> Child,
    ) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(by).args(["python3", "-c", script]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut crowd = Self(start(command));
        let mut line = String::new();
        let out = crowd.0.stdout.take().expect("it is a pipe");
        BufReader::new(out).read_line(&mut line).expect("it is a pipe");
        assert_eq!(line, "ready\n");
        crowd
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
