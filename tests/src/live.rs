//! A connection that stays open: OpenSSL with somebody's papers, which asks when it is told to.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::papers::Papers;
use crate::world::wait_for;

/// It is closed with this value.
#[derive(Debug)]
pub struct Live {
    process: Child,
    input: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Live {
    /// Connects to a place, by a command line that begins like this and is started so.
    #[must_use]
    pub fn open(
        by: &[&str],
        place: &str,
        papers: &Papers,
        start: impl FnOnce(Command) -> Child,
    ) -> Self {
        let (cert, key) = (papers.cert(), papers.key());
        let line =
            ["openssl", "s_client", "-quiet", "-connect", place, "-cert", &cert, "-key", &key];
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(by).args(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = start(command);
        let input = process.stdin.take().expect("it is piped");
        let mut output = process.stdout.take().expect("it is piped");
        let said = Arc::new(Mutex::new(String::new()));
        let heard = said.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                heard.lock().expect("no panic").push_str(&text);
            }
        });
        Self { process, input, said }
    }

    /// Asks once more: the status of the answer; none when the connection has ended.
    pub fn ask(&mut self, path: &str) -> Option<u16> {
        let before = self.statuses().len();
        let request = format!("GET {path} HTTP/1.1\r\nhost: live\r\n\r\n");
        self.input.write_all(request.as_bytes()).ok()?;
        let answer = wait_for(|| {
            let status = self.statuses().get(before).copied();
            let has_ended = matches!(self.process.try_wait(), Ok(Some(_)));
            // What came before the end is read once more.
            (status.is_some() || has_ended).then(|| self.statuses().get(before).copied())
        });
        answer.expect("neither an answer nor an end comes")
    }

    fn statuses(&self) -> Vec<u16> {
        let said = self.said.lock().expect("no panic");
        let of = |(at, found): (usize, &str)| said.get(at + found.len()..)?.get(..3)?.parse().ok();
        said.match_indices("HTTP/1.1 ").filter_map(of).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
