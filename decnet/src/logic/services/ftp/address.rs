//! Addresses as `PORT` and `EPRT` write them (RFC 959 section 4.1.2, RFC 2428 section 2).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What `PORT` asks for: `h1,h2,h3,h4,p1,p2`.
pub(super) fn port(argument: &str) -> Option<SocketAddr> {
    let mut numbers = [0; 6];
    let mut words = argument.trim().split(',');
    for number in &mut numbers {
        *number = words.next()?.trim().parse().ok()?;
    }
    if words.next().is_some() {
        return None;
    }
    let [a, b, c, d, high, low] = numbers;
    Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([high, low]))))
}

/// Why `EPRT` asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadAddress {
    Malformed,
    Protocol,
}

/// What `EPRT` asks for: `|1|132.235.1.2|6275|`, with any character for the `|`.
///
/// # Errors
///
/// It is none, or its number is not that of a protocol.
pub(super) fn extended(argument: &str) -> Result<SocketAddr, BadAddress> {
    let mark = argument.chars().next().ok_or(BadAddress::Malformed)?;
    let mut words = argument.split(mark).skip(1);
    let mut next = || words.next().ok_or(BadAddress::Malformed);
    let (protocol, ip, port) = (next()?, next()?, next()?);
    let ip = match protocol {
        "1" => ip.parse().ok().map(IpAddr::V4),
        "2" => ip.parse().ok().map(IpAddr::V6),
        _ => return Err(BadAddress::Protocol),
    };
    let address = ip.zip(port.parse().ok()).map(SocketAddr::from);
    address.ok_or(BadAddress::Malformed)
}

/// Host and port as `227` tells them.
pub(super) fn told(ip: Ipv4Addr, port: u16) -> String {
    let [a, b, c, d] = ip.octets();
    format!("{a},{b},{c},{d},{}", told_port(port))
}

/// A port as `227` tells it.
pub(super) fn told_port(port: u16) -> String {
    let [high, low] = port.to_be_bytes();
    format!("{high},{low}")
}
