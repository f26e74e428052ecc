//! The dashboard in a real browser, over the real `api` and `web`.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use decnet::edge::clock;
use decnet::edge::store::{Store, path};
use decnet::logic::event::{
    Creds, Data, DeckyPart, Event, Kind, Outcome, Raw, SCHEMA, SessionId, Source, Target, Transport,
};
use decnet::logic::mac::Mac;
use decnet::logic::status::{CaptureStatus, DeckyState, DeckyStatus};
use decnet::role::{api, web};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use crate::browser::Browser;

const PASSWORD: &str = "correct horse battery";

/// What a visitor would write to get into the page.
const SCRIPT: &str = "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>";
/// Turns the direction of writing.
const TURNED: &str = "\u{202e}gnp.exe\u{2066}\u{200b}";

/// An `api` and a `web` of their own over a store of their own.
struct Dashboard {
    dir: TempDir,
    store: Store,
    url: String,
    stop: watch::Sender<()>,
    serving: Option<JoinHandle<Result<()>>>,
}

impl Dashboard {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let store = Store::create(&path(dir.path()))?;
        let (stop, stopped) = watch::channel(());
        let (tell, told) = std::sync::mpsc::channel();
        let state_dir = dir.path().to_owned();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let api_port = TcpListener::bind("127.0.0.1:0").await?;
                let web_port = TcpListener::bind("127.0.0.1:0").await?;
                let api_url = format!("http://{}", api_port.local_addr()?);
                tell.send(format!("http://{}", web_port.local_addr()?))?;
                let host = IpAddr::from([127, 0, 0, 1]);
                let web_key = "/nowhere".into();
                let api = api::Settings { host, port: 0, state_dir, user: None, web_key };
                let web_key = "/nowhere".into();
                let web = web::Settings { host, port: 0, api_url, user: None, web_key };
                tokio::try_join!(
                    api::serve(&api, None, api_port, asked(stopped.clone())),
                    web::serve(&web, None, web_port, asked(stopped)),
                )?;
                Ok(())
            })
        });
        let url = told.recv().context("the servers do not start")?;
        Ok(Self { dir, store, url, stop, serving: Some(serving) })
    }

    /// The first login, which the api leaves in a file before it serves.
    fn first_login(&self) -> Result<(String, String)> {
        let text = std::fs::read_to_string(self.dir.path().join("api/first-login"))?;
        let (name, password) = text.trim_end().split_once(' ').context("name and password")?;
        Ok((name.to_owned(), password.to_owned()))
    }

    /// Opens the page, logs in with the first login and chooses [`PASSWORD`].
    fn log_in(&self, browser: &Browser) -> Result<()> {
        let (name, password) = self.first_login()?;
        log_in(browser, &self.url, &name, &password)
    }

    /// Appends an event of now.
    fn append(&mut self, event: Event) -> Result<()> {
        let seq = self.store.newest()?.unsigned_abs() + 1;
        let id = Uuid::from_u128(seq.into());
        self.store.append(&[Event { seq, id, ts: clock::now(), ..event }])?;
        Ok(())
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.stop.send(()).ok();
        if let Some(serving) = self.serving.take() {
            serving.join().ok();
        }
    }
}

/// Opens the page, logs in with a first login and chooses [`PASSWORD`].
pub(crate) fn log_in(browser: &Browser, url: &str, name: &str, password: &str) -> Result<()> {
    browser.open(url)?;
    browser.wait("document.querySelector('input[name=username]')")?;
    browser.type_into("input[name=username]", name)?;
    browser.type_into("input[name=password]", password)?;
    browser.click("button[type=submit]")?;
    browser.wait("document.querySelector('input[name=again]')")?;
    browser.type_into("input[name=old]", password)?;
    browser.type_into("input[name=new]", PASSWORD)?;
    browser.type_into("input[name=again]", PASSWORD)?;
    browser.click("button[type=submit]")?;
    browser.wait("document.querySelector('.connection[data-state=live]')")
}

async fn asked(mut stopped: watch::Receiver<()>) {
    stopped.changed().await.ok();
}

/// A login attempt from 10.0.0.7 on `files-01`, in session 5.
fn login(user: &str, password: &str) -> Event {
    let creds = Creds { user: Some(user.into()), password: Some(password.into()), key: None };
    let decky = DeckyPart {
        name: "files-01".parse().expect("a name"),
        ip: [192, 168, 1, 110].into(),
        ip6: None,
        mac: Mac([0, 0x15, 0x5d, 1, 2, 3]),
        hostname: "FILES01".to_owned(),
        persona: "windows-server-2022".into(),
    };
    let visitor =
        Source { ip: Some([10, 0, 0, 7].into()), port: Some(40_000), ..Source::default() };
    Event {
        schema: SCHEMA.into(),
        id: Uuid::nil(),
        ts: clock::now(),
        node: "n1".into(),
        boot_id: Uuid::from_u128(7),
        seq: 0,
        decky: Some(Arc::new(decky)),
        src: Some(Source { mac: Some(Mac([0, 0x1b, 0x21, 0, 0, 1])), ..visitor }),
        dst: Some(Target { ip: [192, 168, 1, 110].into(), port: Some(22) }),
        transport: Some(Transport::Tcp),
        service: Some("ssh".into()),
        session: Some(SessionId(5)),
        event: Kind::AuthAttempt,
        outcome: Some(Outcome::Success),
        creds: Some(creds),
        data: Data::new(),
        raw: None,
    }
}

/// One of each kind of event, full of what strangers may write.
fn hostile(dashboard: &mut Dashboard) -> Result<()> {
    let long = "A".repeat(4_096);
    let texts = [SCRIPT, TURNED, long.as_str()];
    for text in texts {
        dashboard.append(login(text, text))?;
        for kind in Kind::ALL {
            let data =
                ["command", "path", "method", "user_agent", "signature", "hassh", "client", "name"]
                    .into_iter()
                    .fold(Data::new(), |data, key| data.with(key, text.to_owned()));
            let raw = Some(Raw::of(text.as_bytes()));
            dashboard.append(Event {
                event: *kind,
                creds: None,
                outcome: None,
                data,
                raw,
                ..login("", "")
            })?;
        }
    }
    let part = login("", "").decky.context("a decky")?;
    let decky = DeckyStatus {
        name: part.name.clone(),
        ip: part.ip,
        ip6: Some("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse()?),
        mac: part.mac,
        hostname: part.hostname.clone(),
        persona: part.persona.to_string(),
        services: ["ftp", "http", "redis", "ssh", "tcp", "telnet", "udp"].map(String::from).into(),
        state: DeckyState::Failed,
        error: Some(long.clone()),
        conflict: None,
    };
    dashboard.store.save_deckies(&[decky], clock::now())?;
    let drops = [(long, u64::MAX / 4), ("ring_full".to_owned(), 1)].into();
    let counters = CaptureStatus { seen: u64::MAX, drops, ..CaptureStatus::default() };
    dashboard.store.save_counters(&counters)?;
    Ok(())
}

#[test]
fn a_login_at_a_decky_appears_without_a_reload() -> Result<()> {
    let mut dashboard = Dashboard::start()?;
    let browser = Browser::start()?;
    browser.resize(1280, 800)?;
    dashboard.log_in(&browser)?;
    browser.wait("document.body.innerText.includes('Nobody has come yet.')")?;
    browser.run("window.sameDocument = true")?;
    dashboard.append(login("root", "toor"))?;
    browser.wait("document.querySelector('.feed li .what')?.innerText.includes('root / toor')")?;
    browser.wait("document.querySelector('.feed li .outcome')?.innerText === 'let in'")?;
    browser.wait("document.querySelector('.tile .value').innerText === '1'")?;
    assert_eq!(browser.run("return window.sameDocument")?, json!(true));
    browser.click(".feed li a.what")?;
    browser.wait("document.querySelector('.timeline .what')?.innerText.includes('root / toor')")?;
    let command = Data::new().with("command", "uname -a");
    let event = login("", "");
    dashboard.append(Event {
        event: Kind::CmdInput,
        data: command,
        creds: None,
        outcome: None,
        ..event
    })?;
    browser.wait("document.querySelector('.timeline').innerText.includes('$ uname -a')")?;
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

#[test]
fn every_view_fits_and_nothing_that_strangers_wrote_is_more_than_text() -> Result<()> {
    let mut dashboard = Dashboard::start()?;
    hostile(&mut dashboard)?;
    let browser = Browser::start()?;
    browser.resize(1280, 800)?;
    dashboard.log_in(&browser)?;
    let views = [
        "",
        "deckies",
        "attackers",
        "attackers/10.0.0.7",
        "sessions",
        "sessions/0000000000000005",
        "events",
        "credentials",
        "capture",
        "users",
    ];
    for (width, height) in [(1280, 800), (390, 844)] {
        browser.resize(width, height)?;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme)?;
            for view in views {
                look(&browser, view).with_context(|| format!("{view} at {width}, {scheme}"))?;
                keep_picture(&browser, &format!("{}-{width}-{scheme}", view.replace('/', "-")))?;
            }
            let page = browser.run("return getComputedStyle(document.body).backgroundColor")?;
            let expected = if scheme == "dark" { "rgb(13, 16, 18)" } else { "rgb(244, 245, 246)" };
            assert_eq!(page, json!(expected));
        }
    }
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}

/// Opens a view and looks at what must hold in each of them.
fn look(browser: &Browser, view: &str) -> Result<()> {
    browser.run(&format!("location.hash = '#/{view}'"))?;
    let shown = view.split_once('/').map_or(view.to_owned(), |(part, _)| format!("{part}/…"));
    browser.wait(&format!(
        "document.querySelector('.view[data-view=\"{shown}\"]')?.children.length"
    ))?;
    browser.wait("!document.querySelector('.trouble')")?;
    if ["attackers/10.0.0.7", "credentials"].contains(&view) {
        browser.wait("document.body.innerText.includes('<script>window.pwned=1</script>')")?;
        browser.wait("document.body.innerText.includes('\\\\u{202e}')")?;
    }
    if view.starts_with("sessions/") || view == "events" {
        browser.wait("document.querySelector('.events li, .timeline li')")?;
        browser.run("document.querySelectorAll('button[aria-expanded=false]:not(.menu)').forEach((b) => b.click())")?;
        browser.wait("document.querySelector('.json')?.innerText.includes('decnet.event/1')")?;
    }
    browser.wait("document.documentElement.scrollWidth <= innerWidth")?;
    browser.wait(
        "![...document.querySelectorAll('main *')].some((e) => {
            const box = e.getBoundingClientRect();
            return box.right > innerWidth + 1 && !e.closest('.bytes, .json, .feed, .table');
        })",
    )?;
    let alien =
        "return window.pwned ?? document.querySelectorAll('img, body script, iframe').length";
    assert_eq!(browser.run(alien)?, json!(0));
    Ok(())
}

/// Keeps a picture where `DECNET_PICTURES` names a folder.
fn keep_picture(browser: &Browser, name: &str) -> Result<()> {
    let Some(folder) = std::env::var_os("DECNET_PICTURES") else { return Ok(()) };
    Ok(std::fs::write(Path::new(&folder).join(format!("{name}.png")), browser.picture()?)?)
}

#[test]
fn the_page_says_when_the_servers_are_gone_and_when_a_login_is_wrong() -> Result<()> {
    let mut dashboard = Dashboard::start()?;
    let browser = Browser::start()?;
    browser.open(&dashboard.url)?;
    browser.wait("document.querySelector('input[name=username]')")?;
    browser.type_into("input[name=username]", "admin")?;
    browser.type_into("input[name=password]", "not the password")?;
    browser.click("button[type=submit]")?;
    browser.wait(
        "document.querySelector('.problem').innerText === 'user name or password is wrong'",
    )?;
    dashboard.log_in(&browser)?;
    dashboard.stop.send(()).ok();
    if let Some(serving) = dashboard.serving.take() {
        serving.join().ok().context("the servers panicked")??;
    }
    browser.wait("document.querySelector('.connection').innerText === 'Not connected'")?;
    browser.run("location.hash = '#/attackers'")?;
    browser.wait("document.querySelector('.trouble')?.innerText.includes('cannot be reached')")
}

#[test]
fn the_page_is_used_with_the_keyboard_and_keeps_a_chosen_theme() -> Result<()> {
    let dashboard = Dashboard::start()?;
    let browser = Browser::start()?;
    browser.resize(390, 844)?;
    browser.prefer("light")?;
    dashboard.log_in(&browser)?;
    let enter = "\u{e007}";
    browser.type_into("button.menu", enter)?;
    browser.wait("document.querySelector('.menu[aria-expanded=true]')")?;
    browser.type_into(".account button", enter)?;
    browser.wait("document.documentElement.dataset.theme === 'dark'")?;
    browser.type_into("nav a[href='#/capture']", enter)?;
    browser.wait("document.querySelector('.view[data-view=capture]')?.children.length > 0")?;
    browser.wait("document.activeElement === document.querySelector('h1')")?;
    browser.wait("document.querySelector('.menu[aria-expanded=false]')")?;
    browser.wait("document.title === 'Capture · decnet'")?;
    browser.open(&format!("{}/#/events", dashboard.url))?;
    browser.wait("document.documentElement.dataset.theme === 'dark'")?;
    browser.wait("document.querySelector('.view[data-view=events]')?.children.length > 0")?;
    browser.click("button.menu")?;
    browser.click(".account button:last-child")?;
    browser.wait("document.querySelector('input[name=username]')")?;
    assert_eq!(browser.run("return sessionStorage.length")?, json!(0));
    assert_eq!(browser.complaints()?, [""; 0]);
    Ok(())
}
