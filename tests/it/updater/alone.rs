//! A node without systemd: an updater that starts the agent itself, alone among its processes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use decnet::logic::update::audit::Log;
use decnet_tests::papers::{Papers, authority};
use decnet_tests::releases::{Bundle, Workshop};
use decnet_tests::shell::Shell;
use decnet_tests::world::decnet;
use serde_json::Value;

use super::stand_in;

const CONFIG: &str = r#"
[network]
interface = "lan0"
"#;

/// A node without systemd, and its master.
pub(super) struct Alone {
    pub(super) shell: Shell,
    pub(super) shop: Workshop,
    /// How long a release is on trial in what is started next.
    pub(super) soak: u32,
    number: u64,
    updater: u32,
    dir: tempfile::TempDir,
}

impl Alone {
    /// Makes one without any release.
    pub(super) fn make() -> Self {
        let shop = Workshop::open();
        let dir = tempfile::tempdir().expect("a directory");
        let etc = dir.path().join("etc");
        Papers::issue_fleet(&etc, &authority(&shop.path().join("ca")));
        for (from, to) in [("worker.crt", "updater.crt"), ("worker.key", "updater.key")] {
            let updater = etc.join("updater");
            fs::rename(updater.join(from), updater.join(to)).expect("it is ours");
        }
        fs::copy(shop.path().join("root.json"), etc.join("updater/root.json")).expect("it is ours");
        fs::create_dir(dir.path().join("run")).expect("it is ours");
        // The agent serves as nobody.
        let all = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), all).expect("it is ours");
        fs::write(etc.join("decnet.toml"), CONFIG).expect("it is ours");
        Self { shell: Shell::apart(), shop, soak: 0, number: 0, updater: 0, dir }
    }

    /// The same that runs a first release of scripts, and an updater.
    pub(super) fn of_scripts() -> Self {
        let mut node = Self::make();
        node.begin();
        node
    }

    /// Runs a first release of scripts, and an updater.
    pub(super) fn begin(&mut self) {
        let first = self.next();
        self.install(&first);
        self.start_agent(&self.path("opt/current/bin/decnet"), "");
        self.start("");
        self.up();
    }

    /// Something of it as it is seen from within: it may be on a disk that is there alone.
    fn within(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let root = format!("/proc/{}/root", self.shell.pid());
        Path::new(&root).join(path.strip_prefix("/").unwrap_or(&path))
    }

    /// Where something of it is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Makes the next release of nothing but a script.
    pub(super) fn next(&mut self) -> Bundle {
        self.number += 1;
        self.shop.script(self.number, &stand_in::script(self.dir.path()))
    }

    /// The next one, whose agent says that it is another.
    pub(super) fn next_liar(&mut self) -> Bundle {
        self.next_liar_after("true")
    }

    /// The same that does something first.
    pub(super) fn next_liar_after(&mut self, first: &str) -> Bundle {
        self.number += 1;
        self.shop.script(self.number, &stand_in::liar(self.dir.path(), first))
    }

    /// Installs a first release, as an operator does.
    pub(super) fn install(&mut self, bundle: &Bundle) {
        self.shell.ok(&format!(
            "{} release install {} --root {} --install-dir {} --state-dir {}",
            decnet().display(),
            bundle.path.display(),
            self.path("etc/updater/root.json").display(),
            self.path("opt").display(),
            self.path("state").display()
        ));
    }

    /// The options of whatever runs here.
    fn options(&self) -> String {
        let option = |name: &str, at: &str| format!(" --{name}={}", self.path(at).display());
        [
            ("config", "etc/decnet.toml"),
            ("agent-dir", "etc/agent"),
            ("state-dir", "state"),
            ("run-dir", "run"),
        ]
        .map(|(name, at)| option(name, at))
        .concat()
    }

    /// Starts an agent by hand, with more words, and waits until it answers. Whoever started it
    /// never asks what became of it.
    pub(super) fn start_agent(&mut self, program: &Path, more: &str) {
        let (options, log) = (self.options(), self.path("agent.log"));
        let (program, log) = (program.display(), log.display());
        self.shell.ok(&format!(
            "bash -c '{program} agent{options} {more} & exec sleep infinity' >{log} 2>&1 & true"
        ));
        let asked = self.curl("https://127.0.0.1:8765/health");
        self.shell.ok(&format!(
            "for i in $(seq 400); do {asked} >{log}.health && exit; sleep .05; done; cat {log}; exit 1"
        ));
    }

    /// Starts the updater by another program, which becomes it.
    pub(super) fn start(&mut self, by: &str) {
        self.start_program(&format!("{by} {}", decnet().display()));
    }

    /// Starts the updater that is installed.
    pub(super) fn start_installed(&mut self) {
        self.start_program(&self.path("opt/updater/current/bin/decnet").display().to_string());
    }

    fn start_program(&mut self, program: &str) {
        let line = format!(
            "{program} updater --host=127.0.0.1 --port=8766 --agent=127.0.0.1:8765 --reserve=0 \
             --soak={} --updater-dir={} --install-dir={}{} >>{} 2>&1 & echo $!",
            self.soak,
            self.path("etc/updater").display(),
            self.path("opt").display(),
            self.options(),
            self.path("updater.log").display()
        );
        self.updater = self.shell.ok(&line).trim().parse().expect("a number");
    }

    /// The updater's process.
    pub(super) fn updater(&self) -> u32 {
        self.updater
    }

    /// Waits until the updater answers, or has ended: whether it answers.
    pub(super) fn answers(&mut self) -> bool {
        let asked = self.curl("https://127.0.0.1:8766/health");
        let pid = self.updater;
        let line = format!(
            "for i in $(seq 1200); do {asked} >/dev/null && exit; kill -0 {pid} || exit 3; \
             sleep .03; done 2>/dev/null; exit 4"
        );
        match self.shell.run(&line).0 {
            0 => true,
            3 => false,
            _ => panic!("the updater does not come up: {}", self.log()),
        }
    }

    /// Waits until the updater answers.
    pub(super) fn up(&mut self) {
        assert!(self.answers(), "the updater has ended: {}", self.log());
    }

    /// Ends the updater, if it runs.
    pub(super) fn kill(&mut self) {
        let pid = self.updater;
        self.shell.run(&format!("kill -KILL {pid} 2>/dev/null"));
        self.wait();
    }

    /// Waits until the updater has ended.
    pub(super) fn wait(&mut self) {
        let pid = self.updater;
        self.shell.ok(&format!(
            "for i in $(seq 3000); do kill -0 {pid} 2>/dev/null || exit 0; sleep .01; done; exit 1"
        ));
    }

    /// Whether the updater runs.
    pub(super) fn is_up(&mut self) -> bool {
        let pid = self.updater;
        self.shell.run(&format!("kill -0 {pid} 2>/dev/null")).0 == 0
    }

    /// The thread of the updater that carries out the updates, and its process.
    pub(super) fn threads(&mut self) -> (u32, u32) {
        let pid = self.updater;
        let found = self.shell.ok(&format!("grep -lx updates /proc/{pid}/task/*/comm"));
        let thread = found.trim().split('/').nth(4).and_then(|tid| tid.parse().ok());
        (thread.expect("a number"), pid)
    }

    /// Asks the updater with other papers: the answer and its status, 0 when there is none.
    pub(super) fn asked_with(&mut self, papers: &str, line: &str) -> (String, u16) {
        let line = self.curl_with(papers, &format!("-w '\\n%{{http_code}}' {line}"));
        said(&self.shell.run(&line).1)
    }

    /// A command line that asks as the master.
    fn curl(&self, line: &str) -> String {
        self.curl_with("etc/master", line)
    }

    fn curl_with(&self, papers: &str, line: &str) -> String {
        let dir = self.path(papers);
        let dir = dir.display();
        format!(
            "curl -sS -m 60 --cacert {dir}/ca.crt --cert {dir}/worker.crt --key {dir}/worker.key \
             {line}"
        )
    }

    /// A command line that sends a bundle.
    pub(super) fn push_line(&self, bundle: &Bundle) -> String {
        self.push_line_to("update", bundle)
    }

    /// Sends the updater another release of itself.
    pub(super) fn push_self(&mut self, bundle: &Bundle, attempt: &str) -> (String, u16) {
        let line = self.push_line_to("update-self", bundle);
        let line =
            line.replacen("-F ", &format!("-F confirm_self=true -F attempt={attempt} -F "), 1);
        said(&self.shell.run(&line).1)
    }

    /// What the updater says.
    pub(super) fn ask(&mut self, path: &str) -> Option<Value> {
        let asked = self.curl(&format!("https://127.0.0.1:8766{path} 2>/dev/null"));
        serde_json::from_str(&self.shell.run(&asked).1).ok()
    }

    fn push_line_to(&self, route: &str, bundle: &Bundle) -> String {
        let file = bundle.path.display();
        self.curl(&format!(
            "-w '\\n%{{http_code}}' -F sha256=$(sha256sum {file} | cut -c 1-64) -F tarball=@{file} \
             https://127.0.0.1:8766/{route}"
        ))
    }

    /// Sends a bundle: the answer and its status, 0 when there is none.
    pub(super) fn push(&mut self, bundle: &Bundle) -> (String, u16) {
        let line = self.push_line(bundle);
        said(&self.shell.run(&line).1)
    }

    /// Asks the updater as the master, with a body in JSON when there is one: the answer and its
    /// status.
    pub(super) fn asked(&mut self, route: &str, body: Option<&Value>) -> (Value, u16) {
        let sent = body.map_or_else(String::new, |body| {
            let path = self.path("asked.json");
            fs::write(&path, body.to_string()).expect("it is ours");
            format!("--data-binary @{}", path.display())
        });
        let line = format!("-w '\\n%{{http_code}}' {sent} https://127.0.0.1:8766/{route}");
        let line = self.curl(&line);
        let (text, status) = said(&self.shell.run(&line).1);
        (serde_json::from_str(&text).unwrap_or(Value::String(text)), status)
    }

    /// A command line that has it go back.
    pub(super) fn roll_back_line(&self) -> String {
        self.curl("-w '\\n%{http_code}' -X POST https://127.0.0.1:8766/rollback")
    }

    /// Has it go back: the answer and its status.
    pub(super) fn roll_back(&mut self) -> (String, u16) {
        let line = self.roll_back_line();
        said(&self.shell.run(&line).1)
    }

    /// What the updater says of itself.
    pub(super) fn health(&mut self) -> Value {
        let asked = self.curl("https://127.0.0.1:8766/health 2>/dev/null");
        serde_json::from_str(&self.shell.run(&asked).1).unwrap_or_default()
    }

    /// What the agent says of itself.
    pub(super) fn agent(&mut self) -> Option<Value> {
        let asked = self.curl("https://127.0.0.1:8765/health 2>/dev/null");
        serde_json::from_str(&self.shell.run(&asked).1).ok()
    }

    /// What `current` names.
    pub(super) fn current(&self) -> String {
        self.slot("current").digest
    }

    /// The release that a link names.
    pub(super) fn slot(&self, name: &str) -> Bundle {
        let link = fs::read_link(self.within("opt").join(name)).expect("there is always one");
        let digest = link.file_name().expect("it names a release").to_string_lossy().into_owned();
        Bundle { digest, path: PathBuf::new() }
    }

    /// Checks everything that must hold whenever nothing is under way.
    pub(super) fn is_sound(&mut self, allowed: &[&Bundle]) -> Result<String, String> {
        let current = self.current();
        if !allowed.iter().any(|bundle| bundle.digest == current) {
            return Err(format!("`current` names {current}"));
        }
        let releases = self.path("opt/releases");
        let verified =
            format!("{} release verify {}/{current}", decnet().display(), releases.display());
        let (code, text) = self.shell.run(&verified);
        if code != 0 {
            return Err(format!("it is not whole: {text}"));
        }
        let runs = self.agent().map(|health| health["release"].clone());
        if runs != Some(Value::from(current.as_str())) {
            return Err(format!("{current} is current, and {runs:?} runs"));
        }
        let log = fs::read(self.within("state/updater/agent/audit.log")).unwrap_or_default();
        if Log::read(&log, |_| ()).whole != log.len() {
            return Err(format!("the audit log is torn: {}", String::from_utf8_lossy(&log)));
        }
        Ok(current)
    }

    /// Checks that there is nothing but what two releases need.
    pub(super) fn is_tidy(&mut self) -> Result<(), String> {
        // Links that are at hand for the next attempt are no clutter.
        let line = "export LC_ALL=C; cd PLACE; \
                    ls -A opt state/updater/agent state/updater/spool | grep -v '^[.][a-z]*[.]new$'; \
                    ls -A opt/releases | sort; echo --; \
                    for link in opt/current opt/prev; do readlink $link; done | sort; \
                    find opt/releases -name '*.new'";
        let found = self.shell.ok(&line.replace("PLACE", &self.dir.path().display().to_string()));
        let (found, links) = found.split_once("--\n").unwrap_or((&found, ""));
        let releases: String =
            links.lines().map(|link| link.replace("releases/", "") + "\n").collect();
        let expected = format!(
            "opt:\n.spare\ncurrent\nprev\nreleases\nupdater\n\n\
             state/updater/agent:\naudit.log\njournal\njournal.new\nspare\n\nstate/updater/spool:\n{releases}"
        );
        if found.trim_end() == expected.trim_end() {
            Ok(())
        } else {
            Err(format!("there is clutter: {found}where there should be {expected}"))
        }
    }

    /// What the updater has logged.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.path("updater.log")).unwrap_or_default()
    }

    /// Forgets it.
    pub(super) fn clear_log(&self) {
        fs::write(self.path("updater.log"), "").expect("it is ours");
    }
}

/// What curl says: the answer and its status.
pub(super) fn said(text: &str) -> (String, u16) {
    let (body, status) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim()));
    (body.to_owned(), status.trim().parse().unwrap_or(0))
}
