//! `iptables` and its relatives: every rule is taken, none is kept.

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "ip6tables" | "iptables" => iptables,
        "ip6tables-save" | "iptables-save" | "nft" | "ipset" => rules_only,
        "setenforce" | "getenforce" | "sestatus" => |call| {
            let name = call.shell.complaint();
            call.complain(format!("{name}: {}: command not found", call.name));
            Ok(127)
        },
        "ufw" => ufw,
        _ => return None,
    })
}

fn denied(call: &mut Call<'_, '_, '_>) -> Option<u8> {
    if call.shell.account.uid == 0 {
        return None;
    }
    let line = format!(
        "{} v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you \
         must be root)",
        call.name
    );
    call.complain(line);
    Some(4)
}

fn iptables(call: &mut Call<'_, '_, '_>) -> Done {
    if let Some(status) = denied(call) {
        return Ok(status);
    }
    let flags: String = call.args.concat();
    if call.args.is_empty() {
        call.complain(format!("{} v1.8.9 (nf_tables): no command specified", call.name));
        return Ok(2);
    }
    if call.args.iter().any(|arg| arg == "-S" || arg == "--list-rules") {
        call.say("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT");
    } else if flags.contains("-L")
        || flags.contains("--list")
        || flags.contains("-nvL")
        || flags.contains("-nL")
    {
        let loud = call.args.iter().any(|arg| arg.starts_with('-') && arg.contains('v'));
        for (index, chain) in ["INPUT", "FORWARD", "OUTPUT"].into_iter().enumerate() {
            let gap = if index > 0 { "\n" } else { "" };
            call.say(if loud {
                format!(
                    "{gap}Chain {chain} (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes \
                    target     prot opt in     out     source               destination         "
                )
            } else {
                format!(
                    "{gap}Chain {chain} (policy ACCEPT)\ntarget     prot opt \
                    source               destination         "
                )
            });
        }
    }
    Ok(0)
}

fn rules_only(call: &mut Call<'_, '_, '_>) -> Done {
    Ok(denied(call).unwrap_or(0))
}

fn ufw(call: &mut Call<'_, '_, '_>) -> Done {
    if call.shell.account.uid != 0 {
        call.complain("ERROR: You need to be root to run this script");
        return Ok(1);
    }
    match call.arg(0) {
        Some("status") => call.say("Status: inactive"),
        Some("disable") => call.say("Firewall stopped and disabled on system startup"),
        Some(_) => call.say("Rules updated"),
        None => call.complain("ERROR: not enough args"),
    }
    Ok(0)
}
