//! The checks.

use std::path::Path;

use caps::{CapSet, Capability};
use nix::sys::utsname::uname;

use super::{Finding, sandbox};
use crate::edge::bpf::Programs;
use crate::edge::links::{Interface, Links};
use crate::edge::privileges::{self, AGENT};
use crate::edge::{limits, namespace};
use crate::logic::kernel;
use crate::logic::mac::Mac;
use crate::role::up::visitor::CLIENTS;

/// File descriptors that a node of a thousand deckies with five services needs.
const FILES: u64 = 16_384;

/// All findings, in the order in which one stands on the other.
pub(super) fn all(interface: Option<&str>) -> Vec<Finding> {
    let mut findings =
        vec![kernel(), capabilities(), files(), user_namespaces(), face_sandbox(), bpf()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            findings.push(macvlan().await);
            findings.extend(parent(interface).await);
        }),
        Err(error) => findings.push(Finding::fail("network", error.to_string(), "see the error")),
    }
    findings.push(clients());
    findings
}

fn kernel() -> Finding {
    let Ok(name) = uname() else {
        return Finding::fail("kernel", "it does not say its version", "run this on Linux");
    };
    let release = name.release().to_string_lossy().into_owned();
    match kernel::check(&release) {
        Err(error) => Finding::fail("kernel", release, error.to_string()),
        Ok(version) if version < kernel::TCX => Finding::ok(
            "kernel",
            format!("{release}: capture through clsact (tcx comes with {})", kernel::TCX),
        ),
        Ok(_) => Finding::ok("kernel", format!("{release}: capture through tcx")),
    }
}

fn capabilities() -> Finding {
    let check = "capabilities";
    if privileges::is_root() {
        let missing: Vec<String> =
            [Capability::CAP_BPF, Capability::CAP_PERFMON, Capability::CAP_SYS_ADMIN]
                .iter()
                .chain(&AGENT)
                .filter(|capability| {
                    !caps::has_cap(None, CapSet::Effective, **capability).unwrap_or(false)
                })
                .map(ToString::to_string)
                .collect();
        if missing.is_empty() {
            return Finding::ok(check, "root with everything that is needed");
        }
        let advice =
            "this root lacks capabilities, as in a container: give it these, or run on the host";
        return Finding::fail(check, format!("root without {}", missing.join(", ")), advice);
    }
    let lacking = privileges::lacking(&AGENT);
    if lacking.is_empty() {
        return Finding::ok(check, "CAP_NET_ADMIN and CAP_NET_RAW, which the agent needs");
    }
    let names: Vec<String> = lacking.iter().map(ToString::to_string).collect();
    Finding::fail(
        check,
        format!("not root, and without {}", names.join(" and ")),
        "run this and `decnet up` with sudo; as a systemd unit the agent gets what it needs",
    )
}

fn files() -> Finding {
    let files = limits::raise_files();
    if files >= FILES {
        return Finding::ok("open files", format!("{files} allowed"));
    }
    Finding::warn(
        "open files",
        format!("{files} allowed"),
        format!(
            "a thousand deckies need {FILES}: raise the limit, for example with LimitNOFILE in the unit"
        ),
    )
}

fn user_namespaces() -> Finding {
    let check = "user namespaces";
    let read = |path: &str| std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    if read("/proc/sys/user/max_user_namespaces").as_deref() == Some("0") {
        return Finding::fail(
            check,
            "forbidden: user.max_user_namespaces is 0",
            "the deckies live in one: `sysctl -w user.max_user_namespaces=1024`",
        );
    }
    if read("/proc/sys/kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return Finding::fail(
            check,
            "forbidden: kernel.unprivileged_userns_clone is 0",
            "the deckies live in one: `sysctl -w kernel.unprivileged_userns_clone=1`",
        );
    }
    if read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return Finding::warn(
            check,
            "restricted by AppArmor",
            "the binary needs a profile that allows `userns,` (see docs/Installation.md)",
        );
    }
    Finding::ok(check, "allowed")
}

/// Closes the face's sandbox in a process of its own, and tries to get out.
fn face_sandbox() -> Finding {
    let check = "face sandbox";
    match sandbox::try_out() {
        Err(error) => Finding::fail(
            check,
            format!("{error:#}"),
            "the process that faces visitors cannot be confined; the message says by what",
        ),
        Ok(escapes) if escapes.is_empty() => {
            Finding::ok(check, "no capability, no file, no socket, no program: all were tried")
        }
        Ok(escapes) => Finding::fail(
            check,
            format!("it could still {}", escapes.join(", ")),
            "seccomp or Landlock do not hold on this kernel; do not face visitors with it",
        ),
    }
}

fn bpf() -> Finding {
    let check = "BPF";
    if !privileges::is_root() {
        return Finding::warn(
            check,
            "not tried: loading programs takes root",
            "run this with sudo",
        );
    }
    match Programs::load() {
        Ok(_) => Finding::ok(check, "the kernel takes the capture programs"),
        Err(error) => Finding::fail(
            check,
            error.to_string(),
            "the kernel needs CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_ACT and ring buffers; in a \
             container also CAP_BPF and CAP_PERFMON",
        ),
    }
}

/// Makes a macvlan on a wire of its own, in namespaces that end with it.
async fn macvlan() -> Finding {
    let check = "macvlan";
    if !privileges::is_root() {
        return Finding::warn(check, "not tried: it takes root", "run this with sudo");
    }
    match make_macvlan().await {
        Ok(()) => Finding::ok(check, "the kernel makes them"),
        Err(error) => Finding::fail(
            check,
            format!("{error:#}"),
            "load the kernel's module (`modprobe macvlan`), or use a kernel that has it",
        ),
    }
}

async fn make_macvlan() -> anyhow::Result<()> {
    let home = namespace::current()?;
    let node = namespace::create();
    let links = Links::open();
    let decky = namespace::create();
    let other = namespace::create();
    namespace::enter(&home)?;
    let (_node, links, decky, other) = (node?, links?, decky?, other?);
    links.add_wire("lan0", "eth0", &other).await?;
    let parent = links.interface("lan0").await?.index;
    links.add_macvlan(parent, Mac([2, 0, 0, 0, 0, 1]), &decky).await?;
    Ok(())
}

async fn parent(name: Option<&str>) -> Vec<Finding> {
    let check = "interface";
    let links = match Links::open() {
        Ok(links) => links,
        Err(error) => return vec![Finding::fail(check, error.to_string(), "see the error")],
    };
    match crate::role::agent::placing::interface(&links, name).await {
        Ok(interface) => vec![address(&interface), promiscuous(&interface)],
        Err(error) if name.is_none() => vec![Finding::warn(
            check,
            format!("{error:#}"),
            "without one `decnet up` makes a lab LAN; for a real LAN name it with --interface",
        )],
        Err(error) => vec![Finding::fail(
            check,
            format!("{error:#}"),
            "deckies stand on a wired Ethernet interface that is up",
        )],
    }
}

fn address(interface: &Interface) -> Finding {
    let name = &interface.name;
    let found = interface.addresses.iter().map(|(ip, prefix)| format!("{ip}/{prefix}"));
    let text = format!("`{name}` with {}", found.collect::<Vec<_>>().join(", "));
    if interface.addresses.iter().any(|(ip, _)| ip.is_ipv4()) {
        return Finding::ok("interface", text);
    }
    Finding::warn(
        "interface",
        format!("`{name}` has no IPv4 address"),
        "say where the deckies' addresses are with `subnet` in [network]",
    )
}

fn promiscuous(interface: &Interface) -> Finding {
    let check = "promiscuous mode";
    let name = &interface.name;
    let virt = ["hypervisor"]
        .iter()
        .any(|flag| std::fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains(flag)));
    let is_physical = Path::new("/sys/class/net").join(name).join("device").exists();
    if virt && is_physical {
        return Finding::warn(
            check,
            format!("this is a virtual machine, and `{name}` belongs to its host"),
            "the host must let frames of other MAC addresses through: promiscuous mode, MAC address \
             changes and forged transmits on VMware, MAC spoofing on Hyper-V, no filter on libvirt; \
             most clouds never do",
        );
    }
    Finding::ok(check, format!("`{name}` is wanted promiscuous by {} users", interface.promiscuity))
}

fn clients() -> Finding {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there =
        |program: &str| std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let missing: Vec<&str> = CLIENTS
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Finding::ok("lab's visitor", "its clients are installed");
    }
    Finding::warn(
        "lab's visitor",
        format!("without {}", missing.join(", ")),
        format!(
            "`apt-get install {}`, or leave it out with `decnet up --no-visitor`",
            missing.join(" ")
        ),
    )
}
