//! The network as the machine has it: `ifconfig`, `ip`, `route`, `arp`.

use super::Command;
use super::host::lan;
use crate::logic::files::traffic;
use crate::logic::machine::Hardware;
use crate::logic::persona::Family;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "arp" => arp,
        "ethtool" => super::broken,
        "ifconfig" => ifconfig,
        "ip" => ip,
        "iwconfig" => |call| {
            let name = interface(call);
            call.say(format!(
                "lo        no wireless extensions.\n\n{name}      no wireless extensions.\n"
            ));
            Ok(0)
        },
        "route" => route,
        "resolvectl" => |call| {
            let gateway = lan(call).gateway;
            call.say(format!("Global\n  resolv.conf mode: foreign\nCurrent DNS Server: {gateway}"));
            Ok(0)
        },
        _ => return None,
    })
}

fn interface(call: &Call<'_, '_, '_>) -> &'static str {
    Hardware::of(call.world.context.decky.persona).interface
}

fn ifconfig(call: &mut Call<'_, '_, '_>) -> Done {
    let wanted = call.arg(0).filter(|arg| !arg.starts_with('-')).map(str::to_owned);
    let name = interface(call);
    if let Some(wanted) = &wanted
        && wanted != name
        && wanted != "lo"
    {
        call.complain(format!("{wanted}: error fetching interface information: Device not found"));
        return Ok(1);
    }
    if call.args.len() > 1 {
        return Ok(0);
    }
    let (outer, inner) = if call.world.context.decky.persona.family == Family::Bsd {
        bsd_interfaces(call)
    } else {
        linux_interfaces(call)
    };
    match wanted.as_deref() {
        Some("lo") => call.out(inner),
        Some(_) => call.out(outer),
        None => call.out(outer + &inner),
    }
    Ok(0)
}

fn linux_interfaces(call: &Call<'_, '_, '_>) -> (String, String) {
    let decky = call.world.context.decky;
    let lan = lan(call);
    let [received, packets_in, sent, packets_out] = traffic(decky, call.world.now());
    let mib =
        |bytes: u64| format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576);
    let outer = format!(
        "{}: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet {}  netmask \
         255.255.255.0  broadcast {}\n        inet6 {}  prefixlen 64  scopeid 0x20<link>\n        \
         ether {}  txqueuelen 1000  (Ethernet)\n        RX packets {packets_in}  bytes {received} \
         ({})\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets \
         {packets_out}  bytes {sent} ({})\n        TX errors 0  dropped 0 overruns 0  carrier 0  \
         collisions 0\n\n",
        interface(call),
        decky.ip,
        lan.broadcast,
        decky.link_local(),
        decky.mac,
        mib(received),
        mib(sent),
    );
    let inner = "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536\n        inet 127.0.0.1  netmask \
                 255.0.0.0\n        inet6 ::1  prefixlen 128  scopeid 0x10<host>\n        loop  \
                 txqueuelen 1000  (Local Loopback)\n        RX packets 1318  bytes 124876 (121.9 \
                 KiB)\n        RX errors 0  dropped 0  overruns 0  frame 0\n        TX packets \
                 1318  bytes 124876 (121.9 KiB)\n        TX errors 0  dropped 0 overruns 0  \
                 carrier 0  collisions 0\n\n";
    (outer, inner.to_owned())
}

fn bsd_interfaces(call: &Call<'_, '_, '_>) -> (String, String) {
    let decky = call.world.context.decky;
    let outer = format!(
        "{}: flags=1008843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu \
         1500\n\toptions=4e527bb<RXCSUM,TXCSUM,VLAN_MTU,VLAN_HWTAGGING,JUMBO_MTU,VLAN_HWCSUM,TSO4,\
         TSO6,LRO,WOL_MAGIC,VLAN_HWFILTER,VLAN_HWTSO,RXCSUM_IPV6,TXCSUM_IPV6,HWSTATS,MEXTPG>\n\t\
         ether {}\n\tinet {} netmask 0xffffff00 broadcast {}\n\tmedia: Ethernet autoselect \
         (1000baseT <full-duplex>)\n\tstatus: active\n",
        interface(call),
        decky.mac,
        decky.ip,
        lan(call).broadcast,
    );
    let inner = "lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384\n\t\
                 options=680003<RXCSUM,TXCSUM,LINKSTATE,RXCSUM_IPV6,TXCSUM_IPV6>\n\tinet6 ::1 \
                 prefixlen 128\n\tinet 127.0.0.1 netmask 0xff000000\n\tgroups: lo\n";
    (outer, inner.to_owned())
}

fn ip(call: &mut Call<'_, '_, '_>) -> Done {
    let words: Vec<String> =
        call.args.iter().filter(|arg| !arg.starts_with('-')).cloned().collect();
    let brief = call.args.iter().any(|arg| matches!(arg.as_str(), "-br" | "-brief"));
    let detail = if brief { Detail::Brief } else { Detail::Full };
    let object = words.first().cloned().unwrap_or_default();
    let changes = words.get(1).is_some_and(|verb| {
        ["add", "del", "delete", "set", "flush", "replace", "change"].contains(&verb.as_str())
    });
    if changes {
        if call.shell.account.uid == 0 {
            return Ok(0);
        }
        call.complain("RTNETLINK answers: Operation not permitted");
        return Ok(2);
    }
    let text = match object.as_str() {
        word if !word.is_empty() && "address".starts_with(word) => addresses(call, detail),
        word if word.len() > 1 && "neighbour".starts_with(word) || word == "n" => neighbours(call),
        word if !word.is_empty() && "route".starts_with(word) => routes(call),
        word if !word.is_empty() && "link".starts_with(word) => links(call),
        word if word.len() > 1 && "rule".starts_with(word) => {
            "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup \
             default\n"
                .to_owned()
        }
        "" => {
            call.complain(
                "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n       ip [ -force ] -batch \
                 filename",
            );
            return Ok(255);
        }
        word => {
            call.complain(format!("Object \"{word}\" is unknown, try \"ip help\"."));
            return Ok(1);
        }
    };
    call.out(text);
    Ok(0)
}

/// How much `ip` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Detail {
    Brief,
    Full,
}

const LOOPBACK: &str = "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN";

fn addresses(call: &Call<'_, '_, '_>, detail: Detail) -> String {
    let decky = call.world.context.decky;
    let name = interface(call);
    if detail == Detail::Brief {
        return format!(
            "lo               UNKNOWN        127.0.0.1/8 ::1/128 \n{name:<16} UP             \
             {}/24 {}/64 \n",
            decky.ip,
            decky.link_local(),
        );
    }
    let global = decky
        .ip6
        .map(|ip| {
            format!(
                "    inet6 {ip}/64 scope global \n       valid_lft forever preferred_lft forever\n"
            )
        })
        .unwrap_or_default();
    format!(
        "{LOOPBACK} group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd \
         00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever \
         preferred_lft forever\n    inet6 ::1/128 scope host \n       valid_lft forever \
         preferred_lft forever\n2: {name}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc \
         pfifo_fast state UP group default qlen 1000\n    link/ether {} brd ff:ff:ff:ff:ff:ff\n    \
         inet {}/24 brd {} scope global {name}\n       valid_lft forever preferred_lft \
         forever\n{global}    inet6 {}/64 scope link \n       valid_lft forever preferred_lft \
         forever\n",
        decky.mac,
        decky.ip,
        lan(call).broadcast,
        decky.link_local(),
    )
}

fn links(call: &Call<'_, '_, '_>) -> String {
    format!(
        "{LOOPBACK} mode DEFAULT group default qlen 1000\n    link/loopback 00:00:00:00:00:00 brd \
         00:00:00:00:00:00\n2: {}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast \
         state UP mode DEFAULT group default qlen 1000\n    link/ether {} brd ff:ff:ff:ff:ff:ff\n",
        interface(call),
        call.world.context.decky.mac,
    )
}

fn routes(call: &Call<'_, '_, '_>) -> String {
    let (lan, name) = (lan(call), interface(call));
    format!(
        "default via {} dev {name} onlink \n{}/24 dev {name} proto kernel scope link src {} \n",
        lan.gateway, lan.network, call.world.context.decky.ip,
    )
}

fn neighbours(call: &Call<'_, '_, '_>) -> String {
    let (lan, name) = (lan(call), interface(call));
    format!("{} dev {name} lladdr {} REACHABLE\n", lan.gateway, lan.gateway_mac)
}

fn arp(call: &mut Call<'_, '_, '_>) -> Done {
    let (lan, name) = (lan(call), interface(call));
    let text = if call.args.iter().any(|arg| arg.contains('a')) {
        format!("_gateway ({}) at {} [ether] on {name}\n", lan.gateway, lan.gateway_mac)
    } else {
        format!(
            "Address                  HWtype  HWaddress           Flags Mask            \
             Iface\n{:<24} ether   {}   C                     {name}\n",
            lan.gateway.to_string(),
            lan.gateway_mac,
        )
    };
    call.out(text);
    Ok(0)
}

fn route(call: &mut Call<'_, '_, '_>) -> Done {
    if matches!(call.arg(0), Some("add" | "del" | "delete" | "flush")) {
        if call.shell.account.uid == 0 {
            return Ok(0);
        }
        call.complain("SIOCADDRT: Operation not permitted");
        return Ok(7);
    }
    let (lan, name) = (lan(call), interface(call));
    call.out(format!(
        "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric \
         Ref   \
         \x20Use Iface\n{:<15} {:<15} 0.0.0.0         UG    0      0        0 {name}\n{:<15} \
         0.0.0.0  \
         \x20      255.255.255.0   U     0      0        0 {name}\n",
        if call.args.iter().any(|arg| arg.contains('n')) { "0.0.0.0" } else { "default" },
        lan.gateway.to_string(),
        lan.network.to_string(),
    ));
    Ok(0)
}
