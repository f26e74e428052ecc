//! `decnet up`, as a newcomer runs it, and the dashboard over real deckies in a real browser.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

use anyhow::{Context as _, Result};
use decnet::edge::namespace;
use decnet_tests::world::{NODE, World, children, decnet, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::dashboard::log_in;

/// A running `decnet up` in a directory of its own.
struct Up {
    dir: TempDir,
    port: u16,
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Up {
    fn start(args: &[&str]) -> Result<Self> {
        Self::start_by(args, |command| command.spawn())
    }

    fn start_by(
        args: &[&str],
        spawn: impl FnOnce(&mut Command) -> std::io::Result<Child>,
    ) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = command(dir.path(), port);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = spawn(&mut command)?;
        let output = BufReader::new(process.stdout.take().context("it is piped")?);
        Ok(Self { dir, port, process, output })
    }

    fn pid(&self) -> Result<i32> {
        Ok(self.process.id().try_into()?)
    }

    /// What it prints up to and with the first line that contains `last`.
    fn read_until(&mut self, last: &str) -> Result<String> {
        let mut text = String::new();
        for line in (&mut self.output).lines() {
            let line = line?;
            text.push_str(&line);
            text.push('\n');
            if line.contains(last) {
                return Ok(text);
            }
        }
        anyhow::bail!("it ended before it said `{last}`:\n{text}")
    }

    fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        kill(Pid::from_raw(self.pid()?), signal)?;
        Ok(self.process.wait()?)
    }

    /// Everybody who descends from it.
    fn family(&self) -> Result<Vec<i32>> {
        let mut found = vec![self.pid()?];
        let mut next = 0;
        while let Some(pid) = found.get(next) {
            found.extend(children(*pid));
            next += 1;
        }
        Ok(found)
    }

    /// The temporary state directory that it has noted.
    fn state_dir(&self) -> Result<PathBuf> {
        Ok(std::fs::read_to_string(self.dir.path().join("up.state"))?.into())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.end(Signal::SIGTERM).ok();
        }
    }
}

fn command(run_dir: &Path, port: u16) -> Command {
    let mut command = Command::new(decnet());
    command.arg("up").arg("--run-dir").arg(run_dir).arg("--port").arg(port.to_string());
    // It ends with this test, also when that is killed.
    command.env("DECNET_PARENT", std::process::id().to_string());
    command.stdin(Stdio::null());
    command
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn is_running(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// What a process that should be gone is doing.
fn doing(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default()
}

#[test]
fn one_pass_sees_everything_that_its_visitor_does() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let output = command(dir.path(), free_port()?).arg("--once").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    assert_eq!(complained, "");
    assert!(said.contains("dashboard: http://127.0.0.1:"), "{said}");
    assert!(said.contains("login:     admin  password: "), "{said}");
    assert_eq!(said.matches("decky up: ").count(), 5, "{said}");
    for what in ["ssh login", "ssh command", "http request", "http login", "redis command", "ping"]
    {
        assert!(said.contains(&format!("\n{what} at ")), "no {what}:\n{said}");
    }
    assert!(!said.contains("MISSING"), "{said}");
    assert!(said.contains(" 0 dropped\n"), "{said}");
    let left: Vec<_> = std::fs::read_dir(dir.path())?.flatten().map(|left| left.path()).collect();
    assert!(!left.iter().any(|path| path.ends_with("up.state")), "{left:?}");
    Ok(())
}

#[test]
fn on_a_lan_that_is_there_its_deckies_answer_whoever_comes() -> Result<()> {
    let world = World::make();
    let state = world.state_dir().display().to_string();
    let args = ["--interface", NODE, "--deckies", "2", "--state-dir", &state];
    // Tied to the thread that starts it, which must outlive it: this one enters the LAN.
    let home = namespace::current()?;
    world.enter_node();
    let started = Up::start_by(&args, |command| command.spawn());
    namespace::enter(&home)?;
    let mut up = started?;
    let said = up.read_until("decky up: ")? + &up.read_until("decky up: ")?;
    let ips: Vec<&str> =
        said.split_whitespace().filter(|word| word.parse::<std::net::Ipv4Addr>().is_ok()).collect();
    assert_eq!(ips.len(), 2, "{said}");
    for ip in &ips {
        let ping = world.visit("ping", &["-c1", "-W2", ip]);
        assert!(ping.status.success(), "{ip}: {ping:?}");
    }
    let page = world.on_node(&["curl", "-s", &format!("http://127.0.0.1:{}/", up.port)]);
    assert!(String::from_utf8_lossy(&page.stdout).contains("<title>decnet</title>"), "{page:?}");
    assert!(up.end(Signal::SIGTERM)?.success());
    assert!(Path::new(&state).join("store/events.db").is_file(), "what was named is kept");
    let ping = world.visit("ping", &["-c1", "-W1", ips[0]]);
    assert!(!ping.status.success(), "{ping:?}");
    Ok(())
}

#[test]
fn it_cleans_up_when_it_is_asked_to_end() -> Result<()> {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut up = Up::start(&["--deckies", "2", "--no-visitor"])?;
        up.read_until("decky up: cache-01")?;
        let (family, state_dir) = (up.family()?, up.state_dir()?);
        assert!(family.len() >= 6, "up, agent, keeper, face, api and web: {family:?}");
        assert!(state_dir.is_dir());
        let status = up.end(signal)?;
        assert!(status.success(), "{signal}: {status}");
        assert!(!state_dir.exists(), "{}", state_dir.display());
        let left: Vec<String> =
            family.into_iter().filter(|pid| is_running(*pid)).map(doing).collect();
        assert_eq!(left, [""; 0]);
    }
    Ok(())
}

/// Whatever whoever starts it has in the environment and has left open is no business of those who
/// talk to strangers.
#[test]
fn children_get_neither_environment_nor_descriptors() -> Result<()> {
    let secret = tempfile::NamedTempFile::new()?;
    let open = secret.reopen()?;
    nix::fcntl::fcntl(&open, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
    let mut up = Up::start_by(&["--deckies", "1", "--no-visitor"], |command| {
        command.env("SECRET_OF_THE_OPERATOR", "hush").spawn()
    })?;
    drop(open);
    up.read_until("decky up: web-01")?;
    let holds = |pid: &i32| {
        let all = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let targets = all.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        targets.into_iter().any(|target| target == secret.path())
    };
    let family = up.family()?;
    let (first, children) = family.split_first().context("it lives")?;
    assert!(holds(first), "it was not passed on to begin with");
    assert!(children.len() >= 5, "agent, keeper, face, api and web: {children:?}");
    for pid in children {
        let environment = std::fs::read(format!("/proc/{pid}/environ"))?;
        let environment = String::from_utf8_lossy(&environment).into_owned();
        assert!(!environment.contains("hush"), "{pid}: {environment}");
        let named = environment.split('\0').filter_map(|pair| pair.split_once('='));
        let names: Vec<&str> = named.map(|(name, _)| name).collect();
        assert!(names.len() <= 6 && names.contains(&"DECNET_PARENT"), "{pid}: {names:?}");
        assert!(!holds(pid), "{pid} holds {}", secret.path().display());
    }
    Ok(())
}

#[test]
fn what_a_killed_one_has_left_the_next_one_clears_away() -> Result<()> {
    let mut up = Up::start(&["--deckies", "2", "--no-visitor"])?;
    up.read_until("decky up: cache-01")?;
    let (family, state_dir) = (up.family()?, up.state_dir()?);
    up.end(Signal::SIGKILL)?;
    wait_for(|| (!family.iter().any(|pid| is_running(*pid))).then_some(()))
        .with_context(|| format!("some of {family:?} outlive it"))?;
    let again = command(up.dir.path(), up.port).args(["--once", "--deckies", "1"]).output()?;
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
    assert!(!state_dir.exists(), "{}", state_dir.display());
    Ok(())
}

/// Runs `decnet lab shell` with a command.
fn lab_shell(run_dir: &Path, command: &[&str]) -> Result<Output> {
    let mut shell = Command::new(decnet());
    shell.args(["lab", "shell", "--run-dir"]).arg(run_dir).arg("--").args(command);
    Ok(shell.output()?)
}

#[test]
fn people_come_to_the_visitors_place_while_the_lab_is_there() -> Result<()> {
    let mut up = Up::start(&["--deckies", "2", "--no-visitor"])?;
    let said = up.read_until("visitor's place: ")?;
    let decky = said.lines().find(|line| line.starts_with("decky up: web-01")).context("web-01")?;
    let ip = decky.split_whitespace().nth(3).context("its address")?;
    let way = said.lines().last().context("the way there")?;
    let wanted = format!("{} lab shell --run-dir {}", decnet().display(), up.dir.path().display());
    assert_eq!(way, format!("visitor's place: {wanted}"));
    let ping = lab_shell(up.dir.path(), &["ping", "-c1", "-W5", ip])?;
    assert!(ping.status.success(), "{ping:?}");
    let links = lab_shell(up.dir.path(), &["ls", "/proc/self/net/dev_snmp6"])?;
    assert_eq!(String::from_utf8_lossy(&links.stdout), "eth0\nlo\n", "{links:?}");

    // The run directory is the service's: what stands there leads nobody to a process of its own.
    let stranger =
        Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "sleep", "60"]).spawn()?;
    let stranger = Served(stranger);
    let forged = format!(r#"{{"pid":{},"descriptor":0}}"#, stranger.0.id());
    wait_for(|| {
        let owner = std::fs::metadata(format!("/proc/{}", stranger.0.id())).ok()?;
        (std::os::unix::fs::MetadataExt::uid(&owner) == 65_534).then_some(())
    })
    .context("it becomes another user")?;
    std::fs::write(up.dir.path().join("lab.json"), forged)?;
    let refused = lab_shell(up.dir.path(), &["true"])?;
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    assert!(up.end(Signal::SIGTERM)?.success());
    let none = lab_shell(up.dir.path(), &["true"])?;
    assert_eq!(none.status.code(), Some(2), "{none:?}");
    assert!(String::from_utf8_lossy(&none.stderr).contains("no lab is running at"), "{none:?}");
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_said_and_nothing_is_begun() -> Result<()> {
    let other = TcpListener::bind("127.0.0.1:0")?;
    let dir = tempfile::tempdir()?;
    let output = command(dir.path(), other.local_addr()?.port()).output()?;
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    let port = other.local_addr()?.port();
    assert!(said.contains(&format!("cannot listen on 127.0.0.1 port {port}")), "{said}");
    assert!(said.contains("choose another with --host and --port"), "{said}");
    assert_eq!(std::fs::read_dir(dir.path())?.count(), 0);
    Ok(())
}

/// A process that ends with the test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

#[test]
fn a_real_login_at_a_decky_appears_in_the_browser_without_a_reload() -> Result<()> {
    let world = World::make();
    let agent = world.agent("[[decky]]\nname = \"web-01\"\nservices = [\"ssh\"]\n");
    let (api, web) = (free_port()?, free_port()?);
    let start = |role: &str, port: u16, more: [&str; 2]| {
        let mut command = Command::new(decnet());
        command.args([role, "--port", &port.to_string()]).args(more).stdin(Stdio::null());
        command.env("DECNET_PARENT", std::process::id().to_string());
        command.spawn().map(Served)
    };
    let state_dir = world.state_dir();
    let _api = start("api", api, ["--state-dir", &state_dir.display().to_string()])?;
    let _web = start("web", web, ["--api-url", &format!("http://127.0.0.1:{api}")])?;
    let login = wait_for(|| std::fs::read_to_string(state_dir.join("api/first-login")).ok());
    let login = login.context("the api makes a first login")?;
    let (name, password) = login.trim_end().split_once(' ').context("name and password")?;
    wait_for(|| std::net::TcpStream::connect(("127.0.0.1", web)).ok()).context("web answers")?;
    let browser = Browser::start()?;
    browser.resize(1280, 800)?;
    log_in(&browser, &format!("http://127.0.0.1:{web}"), name, password)?;
    browser.run("window.sameDocument = true")?;
    let ip = agent.decky("web-01").ip.to_string();
    let askpass = world.dir.join("askpass");
    std::fs::write(&askpass, "#!/bin/sh\necho hunter2\n")?;
    std::fs::set_permissions(&askpass, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let helper = format!("SSH_ASKPASS={}", askpass.display());
    let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"];
    let output = world.visit(
        "env",
        &[
            &helper,
            "SSH_ASKPASS_REQUIRE=force",
            "ssh",
            "-F",
            "none",
            "-o",
            options[0],
            "-o",
            options[1],
            "-l",
            "oracle",
            &ip,
            "id",
        ],
    );
    assert!(output.status.success(), "{output:?}");
    let shown = ".feed')?.innerText.includes('oracle / hunter2')";
    browser.wait(&format!("document.querySelector('{shown}"))?;
    assert_eq!(browser.run("return window.sameDocument")?, serde_json::json!(true));
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}
