//! The option that every daemon with metrics has.

use std::net::SocketAddr;

use clap::Args;

/// Where metrics are.
#[derive(Args, Clone, Copy, Debug)]
pub struct MetricsArgs {
    /// Address of this machine alone at which `GET /metrics` answers, such as 127.0.0.1:9101; nowhere
    /// when not said
    #[arg(long, env = "DECNET_METRICS", value_parser = loopback)]
    pub metrics: Option<SocketAddr>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let wrong = || "it takes an address and a port, such as 127.0.0.1:9101".to_owned();
    let address: SocketAddr = text.parse().ok().ok_or_else(wrong)?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("it takes a loopback address: anybody could read it elsewhere".to_owned())
    }
}
