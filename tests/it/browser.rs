//! A real browser: headless Chromium, driven by chromedriver over the WebDriver protocol (W3C
//! WebDriver 2), which is JSON over HTTP. Nothing it does leaves loopback.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take to show.
const LIMIT_MS: u64 = 20_000;

/// A browser of its own, closed when the value is dropped.
#[derive(Debug)]
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Who it is, until it is closed.
    profile: TempDir,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When chromium or chromedriver is not installed or does not start.
    pub(crate) fn start() -> Result<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start chromedriver: apt-get install chromium chromium-driver")?;
        let port = port_of(&mut driver)?;
        let profile = tempfile::tempdir()?;
        let mut browser = Self { driver, port, session: String::new(), profile };
        let options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ];
        let profile = format!("--user-data-dir={}", browser.profile.path().display());
        let args: Vec<&str> = options.into_iter().chain([profile.as_str()]).collect();
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
            "timeouts": { "script": LIMIT_MS + 10_000 },
        } } });
        let session = browser.call("POST", "/session", &wanted)?;
        let id = session["sessionId"].as_str().context("the driver names no session")?;
        browser.session = format!("/session/{id}");
        Ok(browser)
    }

    /// Opens an address.
    pub(crate) fn open(&self, url: &str) -> Result<()> {
        self.ask("/url", &json!({ "url": url })).map(drop)
    }

    /// Sets the size of the page, in CSS pixels.
    pub(crate) fn resize(&self, width: u32, height: u32) -> Result<()> {
        let mobile = width < 600;
        self.control(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile,
            }),
        )
    }

    /// Sets what the system prefers: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) -> Result<()> {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.control("Emulation.setEmulatedMedia", &json!({ "features": [feature] }))
    }

    /// What a script in the page returns.
    pub(crate) fn run(&self, script: &str) -> Result<Value> {
        self.ask("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression in the page is true.
    ///
    /// # Errors
    ///
    /// When it does not become so, with what the page shows instead.
    pub(crate) fn wait(&self, expression: &str) -> Result<()> {
        let script = format!(
            "const done = arguments[0], end = Date.now() + {LIMIT_MS};
             (function look() {{
                 let is = false;
                 try {{ is = Boolean({expression}); }} catch {{ /* not yet */ }}
                 if (is || Date.now() > end) done(is);
                 else setTimeout(look, 20);
             }})();"
        );
        let is = self.ask("/execute/async", &json!({ "script": script, "args": [] }))?;
        if is == json!(true) {
            return Ok(());
        }
        let text = self.run("return document.body.innerText")?;
        bail!("`{expression}` did not become true; the page says:\n{}", text.as_str().unwrap_or(""))
    }

    /// Types into the element that a CSS selector finds, as a person would.
    pub(crate) fn type_into(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.find(selector)?;
        self.ask(&format!("/element/{element}/value"), &json!({ "text": text })).map(drop)
    }

    /// Clicks on the element that a CSS selector finds; fails when something covers it.
    pub(crate) fn click(&self, selector: &str) -> Result<()> {
        let element = self.find(selector)?;
        self.ask(&format!("/element/{element}/click"), &json!({})).map(drop)
    }

    /// What the browser complained about since it was last asked.
    pub(crate) fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.ask("/se/log", &json!({ "type": "browser" }))?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let bad = entries.iter().filter(|entry| {
            let level = entry["level"].as_str().unwrap_or_default();
            level != "DEBUG" && level != "INFO"
        });
        Ok(bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// What the page looks like, as PNG.
    pub(crate) fn picture(&self) -> Result<Vec<u8>> {
        let answer = self.call("GET", &format!("{}/screenshot", self.session), &Value::Null)?;
        Ok(STANDARD.decode(answer.as_str().context("the picture is no text")?)?)
    }

    fn find(&self, selector: &str) -> Result<String> {
        let query = json!({ "using": "css selector", "value": selector });
        let found = self.ask("/element", &query)?;
        let id = found.as_object().and_then(|object| object.values().next());
        Ok(id.and_then(Value::as_str).context("the driver found nothing")?.to_owned())
    }

    fn control(&self, command: &str, params: &Value) -> Result<()> {
        self.ask("/goog/cdp/execute", &json!({ "cmd": command, "params": params })).map(drop)
    }

    fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    /// One request to the driver; answers the `value` of what it says.
    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_millis(LIMIT_MS + 20_000)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )?;
        let (good, json) = read_answer(stream).with_context(|| format!("{method} {path}"))?;
        let json: Value = serde_json::from_slice(&json)?;
        ensure!(good, "{method} {path}: {}", json["value"]["message"]);
        Ok(json["value"].clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser ends with its session; then its driver may.
        if !self.session.is_empty() {
            self.call("DELETE", &self.session, &Value::Null).ok();
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
        // A driver that was killed at a bad time leaves its browser; nobody else has this profile.
        end_users_of(&self.profile.path().display().to_string());
    }
}

/// Kills every process in whose command line `profile` is.
fn end_users_of(profile: &str) {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(id) = id.filter(|_| String::from_utf8_lossy(&line).contains(profile)) {
            // It may have ended by itself.
            kill(Pid::from_raw(id), Signal::SIGKILL).ok();
        }
    }
}

/// Whether the driver did it, and what it says. It does not close the connection.
fn read_answer(stream: TcpStream) -> Result<(bool, Vec<u8>)> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((first.split(' ').nth(1) == Some("200"), body))
}

/// The port that the driver chose, which it says when it is ready.
fn port_of(driver: &mut Child) -> Result<u16> {
    let output = driver.stdout.take().context("the driver's output is not ours")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        if let Some((_, port)) = line.split_once("successfully on port ") {
            return Ok(port.trim_end_matches('.').parse()?);
        }
    }
    bail!("chromedriver ended without a word")
}
