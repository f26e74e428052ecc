//! `decnet api` and `decnet web` on the node of a world, as processes of their own, and who asks them.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::world::{Machine, NODE_IP, World, command_by, wait_for};

/// The api, which hears the node alone.
pub const API: &str = "127.0.0.1:8000";
/// The password that the administrator has chosen.
pub const PASSWORD: &str = "a password of the tests";

/// Both, over a store of their own.
#[derive(Debug)]
pub struct Served {
    dir: PathBuf,
    api: Child,
    web: Child,
}

impl Served {
    /// Starts both, and waits until they answer.
    #[must_use]
    pub fn start(world: &World) -> Self {
        Self::start_by(world, &[])
    }

    /// The same by a program that takes their command lines and becomes them.
    #[must_use]
    pub fn start_by(world: &World, program: &[&str]) -> Self {
        let dir = world.dir.join("served");
        std::fs::create_dir_all(&dir).expect("the directory is ours");
        // They serve as nobody.
        for open in [&world.dir, &dir] {
            let everybody = Permissions::from_mode(0o755);
            std::fs::set_permissions(open, everybody).expect("the directory is ours");
        }
        std::fs::write(dir.join("key"), "a5".repeat(32)).expect("the directory is ours");
        let start = |role: &str, more: &[&str]| {
            let log = File::create(dir.join(format!("{role}.log")));
            let mut command = command_by(program);
            command.args([role, "--web-key"]).arg(dir.join("key")).args(more);
            command.stdin(Stdio::null()).stderr(log.expect("the directory is ours"));
            world.spawn(command)
        };
        let state = dir.join("state").display().to_string();
        let api = start("api", &["--state-dir", &state]);
        let web = start("web", &["--host", &NODE_IP.to_string()]);
        let served = Self { dir, api, web };
        let url = format!("http://{NODE_IP}:8080/api/v1/health");
        let up = wait_for(|| (ask(world.machine(), &url, &[]).0 == 200).then_some(()));
        assert!(up.is_some(), "{}", served.log());
        served
    }

    /// What both have logged.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |role: &str| std::fs::read_to_string(self.dir.join(role)).unwrap_or_default();
        read("api.log") + &read("web.log")
    }

    /// The administrator logs in for the first time, and chooses [`PASSWORD`]: a token.
    #[must_use]
    pub fn admin(&self, on: &Machine) -> String {
        let made = std::fs::read_to_string(self.dir.join("state/api/first-login"));
        let made = made.expect("the api has left it there");
        let first = made.split_whitespace().nth(1).expect("a password");
        choose_password(on, "admin", first);
        token(on, API, "admin", PASSWORD)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of api and web:\n{}", self.log());
        }
        for process in [&mut self.web, &mut self.api] {
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// Has the administrator add a viewer, who chooses [`PASSWORD`].
pub fn add_user(on: &Machine, admin: &str, name: &str) {
    let body = json!({ "username": name, "role": "viewer" });
    let (status, said) = ask_as(on, &format!("http://{API}/api/v1/users"), Some(admin), &body, &[]);
    assert_eq!(status, 201, "{said}");
    choose_password(on, name, said["password"].as_str().expect("a password"));
}

fn choose_password(on: &Machine, name: &str, first: &str) {
    let token = token(on, API, name, first);
    let body = json!({ "old_password": first, "new_password": PASSWORD });
    let url = format!("http://{API}/api/v1/auth/change-password");
    let (status, said) = ask_as(on, &url, Some(&token), &body, &[]);
    assert!((200..300).contains(&status), "{status} {said}");
}

/// Logs in and gives the token.
#[must_use]
pub fn token(on: &Machine, at: &str, name: &str, password: &str) -> String {
    let (status, said) = log_in(on, at, name, password, &[]);
    assert_eq!(status, 200, "{said}");
    said["access_token"].as_str().expect("a token").to_owned()
}

/// Logs in: the status, and what is said.
#[must_use]
pub fn log_in(on: &Machine, at: &str, name: &str, password: &str, more: &[&str]) -> (u16, Value) {
    let body = json!({ "username": name, "password": password });
    ask_as(on, &format!("http://{at}/api/v1/auth/login"), None, &body, more)
}

/// Posts JSON: the status, and what is said.
#[must_use]
pub fn ask_as(
    on: &Machine,
    url: &str,
    token: Option<&str>,
    body: &Value,
    more: &[&str],
) -> (u16, Value) {
    let body = body.to_string();
    let bearer = token.map(|token| format!("authorization: Bearer {token}"));
    let mut line = vec!["-H", "content-type: application/json", "-d", &body];
    line.extend(bearer.iter().flat_map(|bearer| ["-H", bearer]));
    line.extend(more);
    ask(on, url, &line)
}

/// Asks by curl: the status, 0 where there is none, and what is said.
#[must_use]
pub fn ask(on: &Machine, url: &str, more: &[&str]) -> (u16, Value) {
    let line = [&["curl", "-s", "-m", "20", "-w", "\n%{http_code}", url], more].concat();
    let said = String::from_utf8_lossy(&on.run(&line).stdout).into_owned();
    let (text, status) = said.rsplit_once('\n').unwrap_or(("", "0"));
    (status.parse().unwrap_or(0), serde_json::from_str(text).unwrap_or_default())
}
