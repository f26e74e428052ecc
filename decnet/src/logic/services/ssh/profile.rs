//! How the SSH servers of the personas introduce themselves.
//!
//! What is here is what a visitor can compare before it has logged in: each list is the one that
//! the version offers by default, in its order. Measured: OpenSSH 9.2p1 of Debian 12
//! (`deb12u10`; the lists are those of `deb12u4` and later). From public documentation, release
//! notes and logs that users posted, and not measured: OpenSSH 9.6p1 of Ubuntu 24.04, 9.7 of
//! FreeBSD 14, 8.1 for Windows, dropbear 2019.78 (whose manners on bad input are those measured of
//! 2022.83).

use crate::logic::persona::{Family, Persona};

/// An SSH server before it knows who is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// Whose habits it has.
    pub(super) maker: Maker,
    /// Key exchange methods.
    pub(super) kex: &'static str,
    /// Host key algorithms.
    pub(super) host_keys: &'static str,
    /// Ciphers, the same both ways.
    pub(super) ciphers: &'static str,
    /// Message authentication codes, the same both ways.
    pub(super) macs: &'static str,
    /// Compressions, the same both ways.
    pub(super) compressions: &'static str,
    /// What it tells clients that ask for extensions.
    pub(super) extensions: &'static [(&'static str, &'static str)],
    /// How one may log in, as a failure lists it.
    pub(super) methods: &'static str,
    /// Whether `ping@openssh.com` is answered.
    pub(super) ping: Ping,
    /// Size of its RSA key.
    pub(super) rsa_bits: u32,
    /// How long a wrong password takes.
    pub(super) refusal: Refusal,
    /// What its configuration file allows beyond the program's own defaults.
    pub(super) extras: Extras,
}

/// Who wrote a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// Matt Johnston.
    Dropbear,
    /// The OpenSSH project.
    OpenSsh,
}

/// Whether messages 192 and 193 are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ping {
    /// OpenSSH 9.5 and later.
    Answered,
    /// Before.
    Unknown,
}

/// How long a wrong password takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// About two seconds: `pam_unix` asks for that much, and libpam varies it by half.
    Pam,
    /// Some milliseconds.
    Prompt,
}

/// What a configuration file allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extras {
    /// Locale variables and X11, as Debian and Ubuntu do.
    Debian,
    /// Neither.
    None,
}

/// What OpenSSH accepts as a signature of a user's key; the order of 8.5 and later.
const SIGNATURES: &str = "ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256,\
ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,sk-ecdsa-sha2-nistp256@openssh.com,\
webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-rsa,rsa-sha2-256,rsa-sha2-512";

const OPENSSH_CIPHERS: &str = "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,\
aes128-gcm@openssh.com,aes256-gcm@openssh.com";

const OPENSSH_MACS: &str = "umac-64-etm@openssh.com,umac-128-etm@openssh.com,\
hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,\
umac-64@openssh.com,umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1";

const OPENSSH_HOST_KEYS: &str = "rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ssh-ed25519";

/// OpenSSH 9.2p1 as Debian 12 has it since its fourth update, which added the shorter name of the
/// first method.
const DEBIAN_12: Profile = Profile {
    maker: Maker::OpenSsh,
    kex: "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,\
curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,kex-strict-s-v00@openssh.com",
    host_keys: OPENSSH_HOST_KEYS,
    ciphers: OPENSSH_CIPHERS,
    macs: OPENSSH_MACS,
    compressions: "none,zlib@openssh.com",
    extensions: &[("server-sig-algs", SIGNATURES), ("publickey-hostbound@openssh.com", "0")],
    methods: "publickey,password",
    ping: Ping::Unknown,
    rsa_bits: 3072,
    refusal: Refusal::Pam,
    extras: Extras::Debian,
};

/// OpenSSH 9.6p1 as Ubuntu 24.04 has it.
const UBUNTU_24_04: Profile = Profile {
    kex: OPENSSH_9_6_KEX,
    extensions: OPENSSH_9_6_EXTENSIONS,
    ping: Ping::Answered,
    ..DEBIAN_12
};

const OPENSSH_9_6_KEX: &str = "sntrup761x25519-sha512@openssh.com,curve25519-sha256,\
curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,\
diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,ext-info-s,\
kex-strict-s-v00@openssh.com";

const OPENSSH_9_6_EXTENSIONS: &[(&str, &str)] = &[
    ("server-sig-algs", SIGNATURES),
    ("publickey-hostbound@openssh.com", "0"),
    ("ping@openssh.com", "0"),
];

/// OpenSSH 9.7 as FreeBSD 14 has it: passwords go through PAM's questions, and `pam_unix` of
/// FreeBSD asks for no delay.
const FREEBSD_14: Profile = Profile {
    kex: OPENSSH_9_6_KEX,
    extensions: OPENSSH_9_6_EXTENSIONS,
    methods: "publickey,keyboard-interactive",
    ping: Ping::Answered,
    refusal: Refusal::Prompt,
    extras: Extras::None,
    ..DEBIAN_12
};

/// OpenSSH 8.1 as Windows has it.
const WINDOWS: Profile = Profile {
    kex: "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,\
ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,\
diffie-hellman-group18-sha512,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1",
    host_keys: "rsa-sha2-512,rsa-sha2-256,ssh-rsa,ecdsa-sha2-nistp256,ssh-ed25519",
    extensions: &[(
        "server-sig-algs",
        "ssh-ed25519,ssh-rsa,rsa-sha2-256,rsa-sha2-512,ssh-dss,ecdsa-sha2-nistp256,\
ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
    )],
    methods: "publickey,password,keyboard-interactive",
    refusal: Refusal::Prompt,
    extras: Extras::None,
    ..DEBIAN_12
};

/// dropbear 2019.78 as a printer's maker builds it: without the ciphers that it already
/// discouraged then, and without zlib.
const PRINTER: Profile = Profile {
    maker: Maker::Dropbear,
    kex: "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp521,ecdh-sha2-nistp384,\
ecdh-sha2-nistp256,diffie-hellman-group14-sha256,diffie-hellman-group14-sha1,\
kexguess2@matt.ucc.asn.au",
    host_keys: "ecdsa-sha2-nistp256,ssh-rsa",
    ciphers: "aes128-ctr,aes256-ctr",
    macs: "hmac-sha1,hmac-sha2-256",
    compressions: "none",
    extensions: &[],
    methods: "publickey,password",
    ping: Ping::Unknown,
    rsa_bits: 2048,
    refusal: Refusal::Prompt,
    extras: Extras::None,
};

/// The server that `persona` runs.
pub(super) fn of(persona: &Persona) -> &'static Profile {
    match persona.family {
        Family::Bsd => &FREEBSD_14,
        Family::Linux if persona.ssh.contains("OpenSSH_9.2p1 Debian") => &DEBIAN_12,
        Family::Linux => &UBUNTU_24_04,
        Family::Printer => &PRINTER,
        Family::WindowsClient | Family::WindowsServer => &WINDOWS,
    }
}

impl Profile {
    /// Whether it knows strict key exchange (OpenSSH, PROTOCOL section 1.10).
    pub(super) fn is_strict(&self) -> bool {
        self.kex.ends_with("kex-strict-s-v00@openssh.com")
    }

    /// Whether this client is told all host keys after the login; some cannot bear it.
    pub(super) fn tells_host_keys(&self, client: &[u8]) -> bool {
        let software = software(client);
        let starts = |name: &str| software.starts_with(name.as_bytes());
        self.maker == Maker::OpenSsh
            && !["Cisco-1.", "TeraTerm SSH", "TTSSH/"].into_iter().any(starts)
    }

    /// The key exchange methods that are offered to this client: OpenSSH leaves out those that
    /// some old clients get wrong (its compat.c).
    pub(super) fn kex_for(&self, client: &[u8]) -> String {
        let software = software(client);
        let starts =
            |names: &[&str]| names.iter().any(|name| software.starts_with(name.as_bytes()));
        let mut kex = self.kex.to_owned();
        if self.maker == Maker::OpenSsh {
            if starts(&["OpenSSH_6.5", "OpenSSH_6.6"]) && !starts(&["OpenSSH_6.6.1"]) {
                kex = kex.replace("curve25519-sha256@libssh.org,", "");
            }
            let exactly = OLD_GROUP_EXCHANGE_EXACTLY.iter().any(|name| name.as_bytes() == software);
            if exactly || starts(OLD_GROUP_EXCHANGE) {
                kex = kex.replace("diffie-hellman-group-exchange-sha256,", "");
            }
        }
        kex
    }
}

/// Clients that know group exchange only as it was before RFC 4419.
const OLD_GROUP_EXCHANGE: &[&str] = &[
    "PuTTY_Local:",
    "PuTTY-Release-0.5",
    "PuTTY_Release_0.5",
    "PuTTY_Release_0.60",
    "PuTTY_Release_0.61",
    "PuTTY_Release_0.62",
    "PuTTY_Release_0.63",
    "PuTTY_Release_0.64",
    "FuTTY",
    "WinSCP_release_4",
    "WinSCP_release_5.0",
    "WinSCP_release_5.1",
    "WinSCP_release_5.2",
    "WinSCP_release_5.3",
    "WinSCP_release_5.4",
    "WinSCP_release_5.5",
    "WinSCP_release_5.6",
];

/// The same, named whole.
const OLD_GROUP_EXCHANGE_EXACTLY: &[&str] = &[
    "WinSCP_release_5.7",
    "WinSCP_release_5.7.1",
    "WinSCP_release_5.7.2",
    "WinSCP_release_5.7.3",
    "WinSCP_release_5.7.4",
];

/// What comes after the version in an identification string.
fn software(line: &[u8]) -> &[u8] {
    let mut parts = line.splitn(3, |byte| *byte == b'-');
    parts.nth(2).unwrap_or_default()
}
