//! The machine around a decky that it claims: its hardware, and the LAN it stands on.
//!
//! Apart from the persona, because only those who can look around inside see it. Files and
//! commands both tell from here, so they agree.

use std::net::Ipv4Addr;

use crate::logic::decky::Identity;
use crate::logic::mac::Mac;
use crate::logic::persona::{Family, Persona};

/// What a decky's machine is made of.
#[derive(Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Who made it.
    pub maker: &'static str,
    /// What the maker calls it.
    pub product: &'static str,
    /// Its processor, as the processor says it.
    pub processor: &'static str,
    /// Model and stepping of the processor, of family 6.
    pub model: (u8, u8),
    /// Clock of the processor in MHz.
    pub mhz: u32,
    /// Cores, each with one thread.
    pub cores: u8,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// Disk in GiB.
    pub disk_gib: u64,
    /// Whether it is a virtual machine, and of which kind.
    pub hypervisor: Option<&'static str>,
    /// Name of its network interface.
    pub interface: &'static str,
}

const DELL: Hardware = Hardware {
    maker: "Dell Inc.",
    product: "PowerEdge T40",
    processor: "Intel(R) Xeon(R) E-2224G CPU @ 3.50GHz",
    model: (158, 10),
    mhz: 3500,
    cores: 4,
    memory_kib: 16_244_716,
    disk_gib: 931,
    hypervisor: None,
    interface: "eno1",
};

const VMWARE: Hardware = Hardware {
    maker: "VMware, Inc.",
    product: "VMware7,1",
    processor: "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz",
    model: (85, 7),
    mhz: 2494,
    cores: 2,
    memory_kib: 8_123_456,
    disk_gib: 80,
    hypervisor: Some("VMware"),
    interface: "ens160",
};

const HYPERV: Hardware = Hardware {
    maker: "Microsoft Corporation",
    product: "Virtual Machine",
    processor: "Intel(R) Xeon(R) Silver 4210R CPU @ 2.40GHz",
    model: (85, 7),
    mhz: 2394,
    cores: 4,
    memory_kib: 16_776_724,
    disk_gib: 127,
    hypervisor: Some("Microsoft"),
    interface: "Ethernet",
};

const DESKTOP: Hardware = Hardware {
    maker: "Dell Inc.",
    product: "OptiPlex 7080",
    processor: "Intel(R) Core(TM) i5-10500 CPU @ 3.10GHz",
    model: (165, 3),
    mhz: 3096,
    cores: 6,
    memory_kib: 16_546_140,
    disk_gib: 476,
    hypervisor: None,
    interface: "Ethernet",
};

const SUPERMICRO: Hardware = Hardware {
    maker: "Supermicro",
    product: "SYS-5019S-M",
    processor: "Intel(R) Xeon(R) CPU E3-1230 v6 @ 3.50GHz",
    model: (158, 9),
    mhz: 3504,
    cores: 4,
    memory_kib: 33_399_624,
    disk_gib: 931,
    hypervisor: None,
    interface: "igb0",
};

const PRINTER: Hardware = Hardware {
    maker: "HP",
    product: "LaserJet Pro M404dn",
    processor: "ARM",
    model: (0, 0),
    mhz: 1200,
    cores: 1,
    memory_kib: 262_144,
    disk_gib: 0,
    hypervisor: None,
    interface: "eth0",
};

impl Hardware {
    /// The machine under a persona.
    pub fn of(persona: &Persona) -> &'static Self {
        match persona.family {
            Family::Bsd => &SUPERMICRO,
            Family::Linux if persona.vendor.starts_with("VMware") => &VMWARE,
            Family::Linux => &DELL,
            Family::Printer => &PRINTER,
            Family::WindowsClient => &DESKTOP,
            Family::WindowsServer => &HYPERV,
        }
    }
}

/// The LAN as a decky says it knows it: a /24 around its address with the router at its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lan {
    /// The first address.
    pub network: Ipv4Addr,
    /// The router.
    pub gateway: Ipv4Addr,
    /// The last address.
    pub broadcast: Ipv4Addr,
    /// The router's MAC.
    pub gateway_mac: Mac,
}

impl Lan {
    /// The LAN of a decky.
    pub fn of(decky: &Identity) -> Self {
        let [a, b, c, d] = decky.ip.octets();
        let first = if d == 1 { 254 } else { 1 };
        // All deckies of a LAN must name the same router, so it follows from the network.
        let gateway_mac = Mac([0x00, 0x1b, 0x21, a ^ 0x5a, b ^ 0xc3, c ^ 0x3c]);
        Self {
            network: Ipv4Addr::new(a, b, c, 0),
            gateway: Ipv4Addr::new(a, b, c, first),
            broadcast: Ipv4Addr::new(a, b, c, 255),
            gateway_mac,
        }
    }

    /// The part of its addresses that is the same, such as `192.168.1`.
    pub fn prefix(&self) -> String {
        let [a, b, c, _] = self.network.octets();
        format!("{a}.{b}.{c}")
    }
}
