//! The deckies of an `up` that is not told which.

use anyhow::{Context as _, Result};
use ipnet::{Ipv4Net, Ipv6Net};

use crate::logic::config::DeckyWish;
use crate::logic::persona;
use crate::logic::services::{ServiceKind, ServiceSpec};

use ServiceKind::{Ftp, Http, Redis, Ssh, Telnet};

/// Machines as a company has them: what each is called and is, and what it offers.
const MACHINES: &[(&str, &str, &[ServiceKind])] = &[
    ("web", "debian-12", &[Ssh, Http]),
    ("cache", "ubuntu-24.04", &[Ssh, Redis]),
    ("files", "windows-server-2022", &[Http, Ftp]),
    ("backup", "freebsd-14", &[Ssh, Ftp, Telnet]),
    ("printer", "printer", &[Http, Ftp, Telnet]),
    ("desk", "windows-10", &[Http]),
];

/// `count` deckies, of these services when any are named.
pub(super) fn deckies(count: u32, services: &[ServiceKind]) -> Result<Vec<DeckyWish>> {
    let kinds = u32::try_from(MACHINES.len()).context("few machines")?;
    let digits = (count / kinds + 1).to_string().len().max(2);
    let all = (0..count).zip(MACHINES.iter().cycle());
    all.map(|(n, (name, persona, offers))| {
        let offers = if services.is_empty() { offers } else { services };
        Ok(DeckyWish {
            name: format!("{name}-{:0digits$}", n / kinds + 1).parse()?,
            ip: None,
            ip6: None,
            persona: persona::find(persona).context("a machine's persona is in the table")?,
            services: offers.iter().map(|kind| ServiceSpec::plain(*kind)).collect(),
            line: 0,
        })
    })
    .collect()
}

/// Deckies as a configuration file has them.
pub(super) fn write(
    subnet: Option<Ipv4Net>,
    subnet6: Option<Ipv6Net>,
    deckies: &[DeckyWish],
) -> String {
    let mut text = String::from("[network]\n");
    if let Some(subnet) = subnet {
        text.push_str(&format!("subnet = \"{subnet}\"\n"));
    }
    if let Some(subnet6) = subnet6 {
        text.push_str(&format!("subnet6 = \"{subnet6}\"\n"));
    }
    for decky in deckies {
        let services: Vec<String> =
            decky.services.iter().map(|service| format!("\"{}\"", service.kind())).collect();
        let (name, persona) = (&decky.name, decky.persona.id);
        text.push_str(&format!(
            "\n[[decky]]\nname = \"{name}\"\npersona = \"{persona}\"\nservices = [{}]\n",
            services.join(", ")
        ));
    }
    text
}
