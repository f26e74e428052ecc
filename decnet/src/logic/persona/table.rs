//! The personas themselves.
//!
//! Sources: the systems' own documentation and package versions, RFCs, and the IEEE registry of
//! MAC prefixes (public domain). Nothing here comes from a fingerprint database.

use super::{Family, Persona};

/// Dell, for machines that a company buys by the dozen.
const DELL: &[[u8; 3]] = &[[0xf8, 0xbc, 0x12], [0xb0, 0x83, 0xfe], [0xd4, 0xbe, 0xd9]];
/// Super Micro, for servers.
const SUPERMICRO: &[[u8; 3]] = &[[0x00, 0x25, 0x90], [0xac, 0x1f, 0x6b], [0x0c, 0xc4, 0x7a]];
/// VMware, for servers that are virtual.
const VMWARE: &[[u8; 3]] = &[[0x00, 0x50, 0x56]];
/// Hyper-V.
const MICROSOFT: &[[u8; 3]] = &[[0x00, 0x15, 0x5d]];
/// Hewlett-Packard, as their printers have them.
const HP: &[[u8; 3]] = &[[0x3c, 0xd9, 0x2b], [0xfc, 0x15, 0xb4], [0x94, 0x57, 0xa5]];

/// Linux as it comes: the kernel's defaults, said aloud so that the node's own settings do not
/// show through.
const LINUX: &[(&str, &str)] = &[
    ("ipv4/tcp_timestamps", "1"),
    ("ipv4/tcp_window_scaling", "1"),
    ("ipv4/tcp_sack", "1"),
    ("ipv4/tcp_ecn", "2"),
    ("ipv4/tcp_syn_retries", "6"),
    ("ipv4/tcp_fin_timeout", "60"),
    ("ipv4/tcp_rmem", "4096 131072 6291456"),
    ("ipv4/icmp_ratelimit", "1000"),
    ("ipv4/icmp_ratemask", "6168"),
];

/// Windows: window scale 8, no answer limits on ICMP errors, no ECN.
const WINDOWS: &[(&str, &str)] = &[
    ("ipv4/tcp_timestamps", "1"),
    ("ipv4/tcp_window_scaling", "1"),
    ("ipv4/tcp_sack", "1"),
    ("ipv4/tcp_ecn", "0"),
    ("ipv4/tcp_syn_retries", "2"),
    ("ipv4/tcp_fin_timeout", "30"),
    ("ipv4/tcp_rmem", "4096 65536 16776960"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_ratemask", "0"),
];

/// FreeBSD: window scale 6, no ECN.
const BSD: &[(&str, &str)] = &[
    ("ipv4/tcp_timestamps", "1"),
    ("ipv4/tcp_window_scaling", "1"),
    ("ipv4/tcp_sack", "1"),
    ("ipv4/tcp_ecn", "0"),
    ("ipv4/tcp_syn_retries", "6"),
    ("ipv4/tcp_fin_timeout", "60"),
    ("ipv4/tcp_rmem", "4096 65536 4194240"),
    ("ipv4/icmp_ratelimit", "250"),
    ("ipv4/icmp_ratemask", "6168"),
];

/// A printer's small stack: no options beyond the segment size.
const EMBEDDED: &[(&str, &str)] = &[
    ("ipv4/tcp_timestamps", "0"),
    ("ipv4/tcp_window_scaling", "0"),
    ("ipv4/tcp_sack", "0"),
    ("ipv4/tcp_ecn", "0"),
    ("ipv4/tcp_syn_retries", "3"),
    ("ipv4/tcp_fin_timeout", "15"),
    ("ipv4/tcp_rmem", "4096 16384 65536"),
    ("ipv4/ip_no_pmtu_disc", "1"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_ratemask", "0"),
];

/// Every persona.
pub const ALL: &[Persona] = &[
    Persona {
        id: "debian-12",
        system: "Debian GNU/Linux 12 (bookworm)",
        family: Family::Linux,
        vendor: "Dell Inc.",
        prefixes: DELL,
        ttl: 64,
        sysctls: LINUX,
        kernel: "6.1.0-37-amd64",
        kernel_build: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)",
        ssh: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7",
        http: "nginx/1.22.1",
        ftp: "(vsFTPd 3.0.3)",
        telnet: "\r\nLinux 6.1.0-37-amd64 ({host}) (pts/0)\r\n\r\n",
        redis: "7.0.15",
    },
    Persona {
        id: "ubuntu-24.04",
        system: "Ubuntu 24.04.2 LTS",
        family: Family::Linux,
        vendor: "VMware, Inc.",
        prefixes: VMWARE,
        ttl: 64,
        sysctls: LINUX,
        kernel: "6.8.0-60-generic",
        kernel_build: "#63-Ubuntu SMP PREEMPT_DYNAMIC Tue Apr 15 19:04:15 UTC 2025",
        ssh: "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13.11",
        http: "Apache/2.4.58 (Ubuntu)",
        ftp: "(vsFTPd 3.0.5)",
        telnet: "\r\nLinux 6.8.0-60-generic ({host}) (pts/0)\r\n\r\n",
        redis: "7.0.15",
    },
    Persona {
        id: "windows-10",
        system: "Microsoft Windows 10 Pro 22H2",
        family: Family::WindowsClient,
        vendor: "Dell Inc.",
        prefixes: DELL,
        ttl: 128,
        sysctls: WINDOWS,
        kernel: "10.0.19045.5854",
        kernel_build: "Microsoft Windows [Version 10.0.19045.5854]",
        ssh: "SSH-2.0-OpenSSH_for_Windows_8.1",
        http: "Microsoft-IIS/10.0",
        ftp: "Microsoft FTP Service",
        telnet: "Welcome to Microsoft Telnet Service \r\n\r\n",
        redis: "5.0.14.1",
    },
    Persona {
        id: "windows-server-2022",
        system: "Microsoft Windows Server 2022 Standard",
        family: Family::WindowsServer,
        vendor: "Microsoft Corporation",
        prefixes: MICROSOFT,
        ttl: 128,
        sysctls: WINDOWS,
        kernel: "10.0.20348.3692",
        kernel_build: "Microsoft Windows [Version 10.0.20348.3692]",
        ssh: "SSH-2.0-OpenSSH_for_Windows_8.1",
        http: "Microsoft-IIS/10.0",
        ftp: "Microsoft FTP Service",
        telnet: "Welcome to Microsoft Telnet Service \r\n\r\n",
        redis: "5.0.14.1",
    },
    Persona {
        id: "freebsd-14",
        system: "FreeBSD 14.1-RELEASE",
        family: Family::Bsd,
        vendor: "Super Micro Computer, Inc.",
        prefixes: SUPERMICRO,
        ttl: 64,
        sysctls: BSD,
        kernel: "14.1-RELEASE-p6",
        kernel_build: "FreeBSD 14.1-RELEASE-p6 GENERIC",
        ssh: "SSH-2.0-OpenSSH_9.7 FreeBSD-20240806",
        http: "nginx/1.26.2",
        ftp: "{host} FTP server (Version 6.00LS) ready.",
        telnet: "\r\nFreeBSD/amd64 ({host}) (pts/0)\r\n\r\n",
        redis: "7.2.6",
    },
    Persona {
        id: "printer",
        system: "HP LaserJet Pro M404dn",
        family: Family::Printer,
        vendor: "Hewlett Packard",
        prefixes: HP,
        ttl: 255,
        sysctls: EMBEDDED,
        kernel: "FutureSmart 5",
        kernel_build: "HP LaserJet Pro M404dn, firmware 002_2310A",
        ssh: "SSH-2.0-dropbear_2019.78",
        http: "HP HTTP Server; HP LaserJet Pro M404dn - W1A53A",
        ftp: "JD FTP Server Ready",
        telnet: "HP JetDirect\r\n",
        redis: "7.0.15",
    },
];
