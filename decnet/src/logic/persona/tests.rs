//! Each persona agrees with itself.

use std::collections::BTreeSet;

use super::*;

/// What the IEEE registry of 2022-08 says of each prefix (Debian package `ieee-data`).
const REGISTRY: [([u8; 3], &str); 11] = [
    ([0xf8, 0xbc, 0x12], "Dell Inc."),
    ([0xb0, 0x83, 0xfe], "Dell Inc."),
    ([0xd4, 0xbe, 0xd9], "Dell Inc."),
    ([0x00, 0x25, 0x90], "Super Micro Computer, Inc."),
    ([0xac, 0x1f, 0x6b], "Super Micro Computer, Inc."),
    ([0x0c, 0xc4, 0x7a], "Super Micro Computer, Inc."),
    ([0x00, 0x50, 0x56], "VMware, Inc."),
    ([0x00, 0x15, 0x5d], "Microsoft Corporation"),
    ([0x3c, 0xd9, 0x2b], "Hewlett Packard"),
    ([0xfc, 0x15, 0xb4], "Hewlett Packard"),
    ([0x94, 0x57, 0xa5], "Hewlett Packard"),
];

fn host(persona: &str, name: &str, mac: &str) -> String {
    hostname(find(persona).unwrap(), &name.parse().unwrap(), mac.parse().unwrap())
}

#[test]
fn there_are_the_six_that_were_asked_for() {
    let ids: Vec<_> = ALL.iter().map(|persona| persona.id).collect();
    let wanted =
        ["debian-12", "ubuntu-24.04", "windows-10", "windows-server-2022", "freebsd-14", "printer"];
    assert_eq!(ids, wanted);
    for persona in ALL {
        assert_eq!(find(persona.id), Some(persona));
    }
    assert_eq!(find("windows-11"), None);
}

#[test]
fn every_mac_is_the_vendors_and_of_one_machine() {
    for persona in ALL {
        assert!(!persona.prefixes.is_empty(), "{}", persona.id);
        for pick in 0..=255 {
            let mac = persona.mac([pick, 1, 2, 3]);
            let [a, b, c, rest @ ..] = mac.0;
            let found = REGISTRY.iter().find(|(prefix, _)| *prefix == [a, b, c]);
            assert_eq!(found.map(|(_, vendor)| *vendor), Some(persona.vendor), "{}", persona.id);
            assert_eq!((rest, a & 3), ([1, 2, 3], 0), "neither multicast nor made up");
        }
    }
}

#[test]
fn a_hostname_follows_from_name_and_persona() {
    let mac = "00:15:5d:0a:1b:2c";
    for (persona, name, wanted) in [
        ("debian-12", "files-01", "files-01"),
        ("freebsd-14", "files-01", "files-01"),
        ("windows-10", "files-01", "FILES01"),
        ("windows-server-2022", "a-very-long-name-indeed", "AVERYLONG0A1B2C"),
        ("windows-server-2022", "exactly-15-chars", "EXACTLY15CHARS"),
        ("windows-10", "0815", "PC0815"),
        ("windows-10", "0123456789-0123456789", "PC01234560A1B2C"),
        ("printer", "files-01", "NPI0A1B2C"),
    ] {
        assert_eq!(host(persona, name, mac), wanted, "{persona} {name}");
    }
}

#[test]
fn a_hostname_is_one_that_its_system_takes() {
    for persona in ALL {
        let most = if persona.family.is_windows() { 15 } else { 63 };
        for name in ["a", "0", "x-1", "a".repeat(63).as_str(), "1".repeat(63).as_str()] {
            let host = host(persona.id, name, "00:15:5d:00:00:00");
            assert!((1..=most).contains(&host.len()), "{host}");
            assert!(host.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-'), "{host}");
        }
    }
}

#[test]
fn no_two_deckies_with_long_names_share_a_hostname() {
    let names = (0..50).map(|number| format!("accounting-department-{number:02}"));
    let hosts = names.zip(0_u8..).map(|(name, last)| {
        let persona = find("windows-10").unwrap();
        hostname(persona, &name.parse().unwrap(), persona.mac([0, 0, 0, last]))
    });
    assert_eq!(hosts.collect::<BTreeSet<_>>().len(), 50);
}

#[test]
fn the_ttl_is_the_familys() {
    for persona in ALL {
        let wanted = match persona.family {
            Family::Bsd | Family::Linux => 64,
            Family::Printer => 255,
            Family::WindowsClient | Family::WindowsServer => 128,
        };
        assert_eq!(persona.ttl, wanted, "{}", persona.id);
    }
}

#[test]
fn a_setting_is_said_once_and_is_one_of_the_network() {
    for persona in ALL {
        let names: BTreeSet<_> = persona.sysctls.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), persona.sysctls.len(), "{}", persona.id);
        for (name, value) in persona.sysctls {
            assert!(name.starts_with("ipv4/") || name.starts_with("ipv6/"), "{name}");
            assert!(!name.contains("..") && !value.is_empty(), "{name}={value}");
        }
    }
}

#[test]
fn what_a_persona_says_of_itself_agrees() {
    // Each of these must be found in what the persona says at the place that is named.
    for (id, field, parts) in [
        ("debian-12", "ssh", &["SSH-2.0-OpenSSH_9.2p1 Debian", "deb12u"][..]),
        ("debian-12", "telnet", &["6.1.0-37-amd64", "{host}"]),
        ("debian-12", "kernel", &["6.1.0-", "-amd64"]),
        ("debian-12", "kernel_build", &["Debian 6.1."]),
        ("debian-12", "http", &["nginx/1.22.1"]),
        ("debian-12", "ftp", &["vsFTPd 3.0.3"]),
        ("ubuntu-24.04", "ssh", &["OpenSSH_9.6p1 Ubuntu-3ubuntu13"]),
        ("ubuntu-24.04", "telnet", &["6.8.0-60-generic", "{host}"]),
        ("ubuntu-24.04", "kernel", &["6.8.0-60-generic"]),
        ("ubuntu-24.04", "kernel_build", &["#63-Ubuntu"]),
        ("ubuntu-24.04", "http", &["Apache/2.4.58 (Ubuntu)"]),
        ("windows-10", "system", &["Windows 10"]),
        ("windows-10", "kernel_build", &["10.0.19045."]),
        ("windows-10", "ssh", &["OpenSSH_for_Windows_"]),
        ("windows-10", "http", &["Microsoft-IIS/10.0"]),
        ("windows-10", "ftp", &["Microsoft FTP Service"]),
        ("windows-server-2022", "kernel_build", &["10.0.20348."]),
        ("windows-server-2022", "http", &["Microsoft-IIS/10.0"]),
        ("freebsd-14", "kernel_build", &["FreeBSD 14.1-RELEASE"]),
        ("freebsd-14", "ssh", &["FreeBSD-2024"]),
        ("freebsd-14", "telnet", &["FreeBSD/amd64 ({host})"]),
        ("printer", "http", &["HP HTTP Server; HP LaserJet Pro M404dn"]),
        ("printer", "kernel_build", &["HP LaserJet Pro M404dn"]),
    ] {
        let said = field_of(find(id).unwrap(), field);
        for part in parts {
            assert!(said.contains(part), "{id} {field}: {said}");
        }
    }
}

fn field_of(persona: &Persona, field: &str) -> &'static str {
    match field {
        "ftp" => persona.ftp,
        "http" => persona.http,
        "kernel" => persona.kernel,
        "kernel_build" => persona.kernel_build,
        "ssh" => persona.ssh,
        "system" => persona.system,
        "telnet" => persona.telnet,
        _ => panic!("no such field: {field}"),
    }
}

#[test]
fn one_version_is_named_everywhere() {
    for persona in ALL {
        // The kernel's release is that of its build, and no banner names another system.
        let release: String = persona.kernel.chars().take_while(|c| *c != '-').collect();
        let release = release.trim_end_matches(".0");
        if persona.family != Family::Printer && !persona.id.starts_with("ubuntu") {
            assert!(persona.kernel_build.contains(release), "{}", persona.id);
        }
        let banners = [persona.ssh, persona.http, persona.ftp, persona.telnet].join(" ");
        let own = match persona.family {
            Family::Bsd => "FreeBSD",
            Family::Linux if persona.id.starts_with("ubuntu") => "Ubuntu",
            Family::Linux => "Debian",
            Family::Printer => "HP",
            Family::WindowsClient | Family::WindowsServer => "Windows",
        };
        for system in ["FreeBSD", "Ubuntu", "Debian", "Windows"] {
            assert_eq!(banners.contains(system), system == own, "{}: {banners}", persona.id);
        }
    }
}

#[test]
fn every_banner_is_one_that_its_protocol_takes() {
    for persona in ALL {
        assert!(persona.ssh.starts_with("SSH-2.0-") && persona.ssh.len() <= 253, "{}", persona.ssh);
        for line in [persona.ssh, persona.http, persona.ftp, persona.redis, persona.system] {
            assert!(line.bytes().all(|c| c == b' ' || c.is_ascii_graphic()), "{line}");
            assert!(!line.is_empty());
        }
        let ended = persona.telnet.replace("\r\n", "");
        assert!(
            !ended.contains(['\r', '\n']) && persona.telnet.ends_with("\r\n"),
            "{}",
            persona.id
        );
        let numbers = persona.redis.split('.').all(|part| part.parse::<u8>().is_ok());
        assert!(numbers, "{}", persona.redis);
    }
}

#[test]
fn a_persona_is_written_as_its_id() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Holder {
        #[serde(with = "by_id")]
        persona: &'static Persona,
    }
    let holder = Holder { persona: find("printer").unwrap() };
    let json = serde_json::to_string(&holder).unwrap();
    assert_eq!(json, "{\"persona\":\"printer\"}");
    assert_eq!(serde_json::from_str::<Holder>(&json).unwrap(), holder);
    assert!(serde_json::from_str::<Holder>("{\"persona\":\"toaster\"}").is_err());
    let wire = postcard::to_allocvec(&holder).unwrap();
    assert_eq!(postcard::from_bytes::<Holder>(&wire).unwrap(), holder);
}
