//! The deckies as a configuration file asks for them.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, Text};
use crate::logic::name::DeckyName;
use crate::logic::persona::{self, Persona};
use crate::logic::services::{ServiceKind, ServiceSpec, Settings};

/// Most deckies that one entry can ask for.
pub const MAX_COUNT: usize = 1_024;

/// The persona of a decky that asks for none.
const DEFAULT_PERSONA: &str = "debian-12";

/// The network and the deckies that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// What is said of the network.
    pub network: NetworkWish,
    /// The deckies, names unique.
    pub deckies: Vec<DeckyWish>,
}

/// What is said of the network; what is not is found on the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkWish {
    /// The parent NIC.
    pub interface: Option<String>,
    /// Where the deckies' IPv4 addresses are.
    pub subnet: Option<Ipv4Net>,
    /// Where their IPv6 addresses are, beside the link-local ones.
    pub subnet6: Option<Ipv6Net>,
    /// The router for visitors from elsewhere.
    pub gateway: Option<Ipv4Addr>,
}

/// A decky that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeckyWish {
    /// Its name.
    pub name: DeckyName,
    /// Its address; the next free one when it is not said.
    pub ip: Option<Ipv4Addr>,
    /// Its IPv6 address; one of `subnet6` when it is not said.
    pub ip6: Option<Ipv6Addr>,
    /// Its persona.
    pub persona: &'static Persona,
    /// Its services, in the order in which they were named.
    pub services: Vec<ServiceSpec>,
    /// Where it stands in the file; 0 when it does not come from one.
    pub line: usize,
}

/// An entry of the file, without the tables of its services.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    ip: Option<Ipv4Addr>,
    ip6: Option<Ipv6Addr>,
    persona: Option<Spanned<String>>,
    services: Spanned<Vec<Spanned<String>>>,
    count: Option<Spanned<i64>>,
}

pub(super) fn deckies(
    source: Text<'_>,
    value: Spanned<DeValue<'_>>,
) -> Result<Vec<DeckyWish>, ConfigError> {
    let at = value.span().start;
    let DeValue::Array(entries) = value.into_inner() else {
        return Err(source.error(at, "`decky` is written [[decky]], once for each"));
    };
    let mut wishes = Vec::new();
    let mut lines: BTreeMap<DeckyName, usize> = BTreeMap::new();
    let mut addresses: BTreeMap<Ipv4Addr, usize> = BTreeMap::new();
    for value in entries {
        for wish in entry(source, value)? {
            let taken = |what: String, line: usize| ConfigError {
                line: wish.line,
                message: format!("{what} is taken by the decky of line {line}"),
            };
            if let Some(line) = lines.insert(wish.name.clone(), wish.line) {
                return Err(taken(format!("the name `{}`", wish.name), line));
            }
            if let Some(ip) = wish.ip
                && let Some(line) = addresses.insert(ip, wish.line)
            {
                return Err(taken(format!("the address {ip}"), line));
            }
            wishes.push(wish);
        }
    }
    Ok(wishes)
}

fn entry(source: Text<'_>, value: Spanned<DeValue<'_>>) -> Result<Vec<DeckyWish>, ConfigError> {
    let span = value.span();
    let line = source.line(span.start);
    let DeValue::Table(mut table) = value.into_inner() else {
        return Err(source.error(span.start, "`decky` is written [[decky]], once for each"));
    };
    let mut set = settings(source, &mut table)?;
    let entry: Entry = source.read(Spanned::new(span, DeValue::Table(table)))?;
    let persona = match &entry.persona {
        None => persona::find(DEFAULT_PERSONA).expect("the default persona is in the table"),
        Some(id) => persona::find(id.get_ref()).ok_or_else(|| unknown_persona(source, id))?,
    };
    let mut services: Vec<ServiceSpec> = Vec::new();
    for name in entry.services.get_ref() {
        let at = name.span().start;
        let kind: ServiceKind =
            name.get_ref().parse().map_err(|error| source.error(at, format!("{error}")))?;
        if services.iter().any(|service| service.kind() == kind) {
            return Err(source.error(at, format!("`{kind}` is named twice")));
        }
        let service = set.remove(&kind).map_or_else(|| ServiceSpec::plain(kind), |(_, spec)| spec);
        services.push(service);
    }
    if services.is_empty() {
        return Err(source.error(entry.services.span().start, "a decky needs at least one service"));
    }
    if let Some((kind, (at, _))) = set.into_iter().next() {
        let message = format!("`{kind}` has settings and is not among the services");
        return Err(source.error(at, message));
    }
    check_ports(source, &entry, &services)?;
    expand(source, &entry, persona, &services, line)
}

fn unknown_persona(source: Text<'_>, id: &Spanned<String>) -> ConfigError {
    let known: Vec<&str> = persona::ALL.iter().map(|persona| persona.id).collect();
    let message = format!("`{}` is no persona: there are {}", id.get_ref(), known.join(", "));
    source.error(id.span().start, message)
}

fn check_ports(
    source: Text<'_>,
    entry: &Entry,
    services: &[ServiceSpec],
) -> Result<(), ConfigError> {
    for (index, service) in services.iter().enumerate() {
        let same = |other: &&ServiceSpec| {
            other.port == service.port && other.kind().transport() == service.kind().transport()
        };
        if let Some(other) = services.iter().skip(index + 1).find(same) {
            let message =
                format!("`{}` and `{}` share port {}", service.kind(), other.kind(), service.port);
            return Err(source.error(entry.services.span().start, message));
        }
    }
    Ok(())
}

/// One wish for each decky that the entry stands for.
fn expand(
    source: Text<'_>,
    entry: &Entry,
    persona: &'static Persona,
    services: &[ServiceSpec],
    line: usize,
) -> Result<Vec<DeckyWish>, ConfigError> {
    let at = entry.name.span().start;
    let (count, count_at) =
        entry.count.as_ref().map_or((1, at), |c| (*c.get_ref(), c.span().start));
    let count = usize::try_from(count).unwrap_or(0);
    if !(1..=MAX_COUNT).contains(&count) {
        let written = entry.count.as_ref().map_or(0, |c| *c.get_ref());
        return Err(
            source.error(count_at, format!("`count = {written}` is not in 1..={MAX_COUNT}"))
        );
    }
    if count > 1 && (entry.ip.is_some() || entry.ip6.is_some()) {
        return Err(source.error(count_at, "a count above 1 and an address do not go together"));
    }
    let digits = count.to_string().len().max(2);
    let wish = |name: String| {
        let name = name.parse().map_err(|error| source.error(at, format!("{error}")))?;
        let services = services.to_vec();
        Ok(DeckyWish { name, ip: entry.ip, ip6: entry.ip6, persona, services, line })
    };
    if count == 1 {
        return Ok(vec![wish(entry.name.get_ref().clone())?]);
    }
    (1..=count).map(|n| wish(format!("{}-{n:0digits$}", entry.name.get_ref()))).collect()
}

/// Takes the tables of services out of an entry.
fn settings(
    source: Text<'_>,
    table: &mut DeTable<'_>,
) -> Result<BTreeMap<ServiceKind, (usize, ServiceSpec)>, ConfigError> {
    let mut found = BTreeMap::new();
    for kind in ServiceKind::ALL {
        let Some(value) = table.remove(kind.as_str()) else { continue };
        let span = value.span();
        let DeValue::Table(mut inner) = value.into_inner() else {
            return Err(
                source.error(span.start, format!("`{kind}` is no table: write [decky.{kind}]"))
            );
        };
        let mut spec = ServiceSpec::plain(kind);
        if let Some(port) = inner.remove("port") {
            spec.port = port_of(source, kind, port)?;
        }
        let at = span.start;
        let rest = Spanned::new(span, DeValue::Table(inner));
        spec.settings = match kind {
            ServiceKind::Ftp => Settings::Ftp(source.read(rest)?),
            ServiceKind::Http => Settings::Http(source.read(rest)?),
            ServiceKind::Redis => Settings::Redis(source.read(rest)?),
            ServiceKind::Ssh => Settings::Ssh(source.read(rest)?),
            ServiceKind::Telnet => Settings::Telnet(source.read(rest)?),
            ServiceKind::Tcp | ServiceKind::Udp => {
                let Nothing {} = source.read(rest)?;
                spec.settings
            }
        };
        found.insert(kind, (at, spec));
    }
    Ok(found)
}

/// A table without keys.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn port_of(
    source: Text<'_>,
    kind: ServiceKind,
    value: Spanned<DeValue<'_>>,
) -> Result<u16, ConfigError> {
    let at = value.span().start;
    let port: i64 = source.read(value)?;
    let out_of_range = || source.error(at, format!("`port = {port}` is not in 1..=65535"));
    let port = u16::try_from(port).ok().filter(|port| *port != 0).ok_or_else(out_of_range)?;
    if kind.is_catchall() {
        return Err(source.error(at, format!("`{kind}` takes every port and has none of its own")));
    }
    Ok(port)
}
