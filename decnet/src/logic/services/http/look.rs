//! How the site of one decky looks: the same at every visit, and unlike any other decky's.
//!
//! A login page that all deckies shared would be known by its digest. So its colour, its words,
//! the names of its fields and the age of its files follow from the decky's secret.

use super::flavor::Flavor;
use super::settings::Settings;
use crate::logic::decky::Identity;
use crate::logic::services::template::{escaped, page};

/// When the first of all pages was made, in seconds since 1970: later than what the personas run.
const OLDEST: u64 = 1_750_000_000;

/// How much later the last may have been made, in seconds.
const SPREAD: u64 = 25_000_000;

const ACCENTS: [&str; 12] = [
    "#1f4e79", "#0b5345", "#283593", "#4a235a", "#7b241c", "#1b2631", "#00695c", "#0277bd",
    "#37474f", "#33691e", "#5d4037", "#ad1457",
];
const TITLES: [&str; 10] = [
    "Intranet",
    "Employee Portal",
    "Staff Portal",
    "Document Center",
    "Service Desk",
    "Management Console",
    "Internal Tools",
    "Asset Management",
    "Backup Console",
    "Operations Portal",
];
const BUTTONS: [&str; 4] = ["Sign in", "Log in", "Login", "Sign In"];
const USERS: [(&str, &str); 6] = [
    ("username", "User name"),
    ("user", "User"),
    ("login", "Login"),
    ("email", "E-mail"),
    ("username", "Username"),
    ("user", "Account"),
];
const PASSWORDS: [&str; 4] = ["password", "passwd", "pass", "pwd"];
const ERROR: &str = "Invalid user name or password.";

/// What tells the site of a decky from all others.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// When its files were written, in microseconds since 1970.
    pub(super) written: u64,
    bits: [u8; 32],
}

/// What the login page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// Nothing has been tried.
    Nothing,
    /// That was no user and password.
    Refused,
}

/// What only some pages show.
#[derive(Debug, Default)]
struct Oddities {
    ip: String,
    state: String,
    toner: String,
}

impl Look {
    /// The look of this decky's site.
    pub(super) fn of(decky: &Identity) -> Self {
        let bits = decky.secret.derive("http look").0;
        let mut age = [0; 8];
        age.copy_from_slice(bits.get(..8).unwrap_or(&[0; 8]));
        let micros = u64::from_le_bytes(age) % (SPREAD * 1_000_000);
        Self { written: OLDEST * 1_000_000 + micros, bits }
    }

    /// The login page.
    pub(super) fn login(
        &self,
        flavor: Flavor,
        settings: &Settings,
        decky: &Identity,
        notice: Notice,
    ) -> Vec<u8> {
        let template = match flavor {
            Flavor::Iis => include_str!("pages/windows.html"),
            Flavor::Plain => include_str!("pages/printer.html"),
            _ => include_str!("pages/login.html"),
        };
        let title = escaped(self.title(flavor, settings, decky));
        let host = escaped(&decky.hostname);
        let (user, label) = self.pick(4, USERS);
        let words = self.words();
        let class = words.get(..4).unwrap_or_default();
        let error = Self::error(flavor, class, notice);
        let odd = self.oddities(flavor, decky);
        page(template, &|name| {
            Some(match name {
                "accent" if flavor == Flavor::Plain => "#0096d6",
                "accent" => self.pick(1, ACCENTS),
                "action" => settings.login.as_str(),
                "button" => self.pick(3, BUTTONS),
                "c" => class,
                "error" => &error,
                "generator" => words.get(4..12)?,
                "host" => &host,
                "ip" => &odd.ip,
                "label" => label,
                "pass" => self.pick(5, PASSWORDS),
                "serial" => words.get(12..22)?,
                "state" => &odd.state,
                "title" => &title,
                "toner" => &odd.toner,
                "user" => user,
                _ => return None,
            })
        })
    }

    fn error(flavor: Flavor, class: &str, notice: Notice) -> String {
        match (notice, flavor) {
            (Notice::Nothing, _) => String::new(),
            (Notice::Refused, Flavor::Iis) => format!("<p class=\"{class}Err\">{ERROR}</p>\n"),
            (Notice::Refused, Flavor::Plain) => format!("<p class=\"err\">{ERROR}</p>\n"),
            (Notice::Refused, _) => format!("<p class=\"{class}-err\">{ERROR}</p>\n"),
        }
    }

    fn oddities(&self, flavor: Flavor, decky: &Identity) -> Oddities {
        let mut odd = Oddities::default();
        match flavor {
            Flavor::Iis => odd.state = self.view_state(),
            Flavor::Plain => {
                odd.ip = decky.ip.to_string();
                odd.toner = (20 + u32::from(self.bit(7)) % 75).to_string();
            }
            _ => {}
        }
        odd
    }

    fn title<'a>(&self, flavor: Flavor, settings: &'a Settings, decky: &Identity) -> &'a str {
        match (&settings.title, flavor) {
            (Some(title), _) => title,
            (None, Flavor::Plain) => decky.persona.system,
            (None, _) => self.pick(2, TITLES),
        }
    }

    fn bit(&self, index: usize) -> u8 {
        self.bits.get(8 + index).copied().unwrap_or_default()
    }

    /// One of a list, the same each time.
    pub(super) fn pick<T: Copy, const N: usize>(&self, index: usize, list: [T; N]) -> T {
        let chosen = list.get(usize::from(self.bit(index)) % N.max(1));
        chosen.or(list.first()).copied().expect("no list here is empty")
    }

    /// Letters for class names, then digits and letters for numbers.
    fn words(&self) -> String {
        let letter = |byte: &u8| char::from(b'a' + byte % 26);
        let digit = |byte: &u8| char::from_digit(u32::from(byte % 16), 16).unwrap_or('0');
        let bits = self.bits.get(10..).unwrap_or_default();
        let letters = bits.iter().take(4).map(letter);
        let digits = bits.iter().skip(4).map(|byte| digit(byte).to_ascii_uppercase());
        letters.chain(digits).collect()
    }

    /// What ASP.NET keeps in a page: base64 that begins as it always does.
    fn view_state(&self) -> String {
        use base64::Engine as _;
        let tail = base64::engine::general_purpose::STANDARD
            .encode(self.bits.get(8..).unwrap_or_default());
        format!("/wEPDwUK{tail}")
    }
}
