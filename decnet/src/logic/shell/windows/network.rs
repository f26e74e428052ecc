//! Commands about the network. Nothing is ever fetched.

use super::Call;
use super::system::lan;

pub(super) fn run(name: &str, call: &mut Call<'_, '_>) -> bool {
    match name {
        "arp" => {
            let lan = lan(call);
            let mac = lan.gateway_mac.to_string().replace(':', "-");
            call.out = format!(
                "\nInterface: {} --- 0x6\n  Internet Address      Physical Address      Type\n  \
                 {:<22}{mac:<22}dynamic\n",
                call.context.decky.ip,
                lan.gateway.to_string(),
            );
        }
        "bitsadmin" => call.out.push_str(
            "\nBITSADMIN version 3.0\nBITS administration \
         utility.\n(C) Copyright Microsoft Corp.\n\nUnable to complete transfer.\n",
        ),
        "certutil" => call.out.push_str(
            "****  Online  ****\nCertUtil: -URLCache command FAILED: \
         0x80072ee7 (WinHttp: 12007 ERROR_WINHTTP_NAME_NOT_RESOLVED)\nCertUtil: The server name \
         or address could not be resolved\n",
        ),
        "curl" => {
            let host =
                call.args.iter().rfind(|arg| !arg.starts_with('-')).copied().unwrap_or_default();
            let host =
                host.split("://").last().unwrap_or_default().split('/').next().unwrap_or_default();
            call.out = format!("curl: (6) Could not resolve host: {host}\n");
        }
        "ftp" | "telnet" | "tftp" => call.out.push_str("Unknown host.\n"),
        "getmac" => {
            let mac = call.context.decky.mac.to_string().to_uppercase().replace(':', "-");
            call.out = format!(
                "\nPhysical Address    Transport Name\n=================== \
                ==========================================================\n\
                {mac}   \\Device\\Tcpip_{{4D36E972-E325-11CE-BFC1-08002BE10318}}\n"
            );
        }
        "ipconfig" => ipconfig(call),
        "netsh" => call.out.push_str("Ok.\n\n"),
        "netstat" => netstat(call),
        "nslookup" => {
            call.out = format!(
                "DNS request timed out.\n    timeout was 2 \
         seconds.\nServer:  UnKnown\nAddress:  {}\n\n*** Request to UnKnown \
         timed-out\n",
                lan(call).gateway
            )
        }
        "ping" => ping(call),
        "route" => {
            let lan = lan(call);
            call.out = format!(
                "IPv4 Route Table\n===========================================================================\nActive Routes:\nNetwork Destination        Netmask          Gateway       Interface  Metric\n          0.0.0.0          0.0.0.0 {:>16} {:>16}     25\n===========================================================================\n",
                lan.gateway.to_string(),
                call.context.decky.ip.to_string(),
            );
        }
        _ => return false,
    }
    true
}

fn ipconfig(call: &mut Call<'_, '_>) {
    let decky = call.context.decky;
    let lan = lan(call);
    let all = call.args.iter().any(|arg| arg.eq_ignore_ascii_case("/all"));
    let (mut head, mut card) = (String::new(), String::new());
    if all {
        head = format!(
            "\n   Host Name . . . . . . . . . . . . : {}\n   Primary Dns Suffix  . . . . . . . \
             : \n   Node Type . . . . . . . . . . . . : Hybrid\n   IP Routing Enabled. . . . . . \
             . . : No\n   WINS Proxy Enabled. . . . . . . . : No\n",
            decky.hostname
        );
        let mac = decky.mac.to_string().to_uppercase().replace(':', "-");
        card = format!(
            "   Description . . . . . . . . . . . : Microsoft Hyper-V Network Adapter\n   \
             Physical Address. . . . . . . . . : {mac}\n   DHCP Enabled. . . . . . . . . . . : \
             No\n   Autoconfiguration Enabled . . . . : Yes\n"
        );
    }
    let dns = if all {
        format!("   DNS Servers . . . . . . . . . . . : {}\n", lan.gateway)
    } else {
        String::new()
    };
    call.out = format!(
        "\nWindows IP Configuration\n{head}\n\nEthernet adapter Ethernet:\n\n   \
         Connection-specific DNS Suffix  . : \n{card}   Link-local IPv6 Address . . . . . : \
         {}%6\n   IPv4 Address. . . . . . . . . . . : {}\n   Subnet Mask . . . . . . . . . . . : \
         255.255.255.0\n   Default Gateway . . . . . . . . . : {}\n{dns}",
        decky.link_local(),
        decky.ip,
        lan.gateway,
    );
}

fn netstat(call: &mut Call<'_, '_>) {
    let (decky, peer, port) = (call.context.decky, call.context.peer, call.context.local.port());
    let local = format!("{}:{port}", decky.ip);
    call.out = format!(
        "\nActive Connections\n\n  Proto  Local Address          Foreign Address        State\n  \
         TCP    0.0.0.0:135            0.0.0.0:0              LISTENING\n  TCP    \
         0.0.0.0:445            0.0.0.0:0              LISTENING\n  TCP    0.0.0.0:{port:<14} \
         0.0.0.0:0              LISTENING\n  TCP    {local:<22} {:<22} ESTABLISHED\n",
        peer.to_string(),
    );
}

fn ping(call: &mut Call<'_, '_>) {
    let host =
        call.args.iter().rfind(|arg| !arg.starts_with(['-', '/'])).copied().unwrap_or_default();
    call.out = match host.parse::<std::net::IpAddr>() {
        Ok(ip) => {
            let own = call.context.decky.ip;
            let row = format!("Reply from {own}: Destination host unreachable.\n").repeat(4);
            format!(
                "\nPinging {ip} with 32 bytes of data:\n{row}\nPing statistics for {ip}:\n    \
                 Packets: Sent = 4, Received = 4, Lost = 0 (0% loss),\n"
            )
        }
        Err(_) => format!(
            "Ping request could not find host {host}. Please check the name and try again.\n"
        ),
    };
}
