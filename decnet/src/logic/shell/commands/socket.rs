//! Sockets: `netstat`, `ss`, `lsof`, `fuser`.

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "fuser" => |_| Ok(1),
        "lsof" => lsof,
        "netstat" => netstat,
        "sockstat" => sockstat,
        "ss" => ss,
        _ => return None,
    })
}

/// The services that the machine says it runs: port, process number and name.
const LISTENERS: [(u16, u32, &str); 3] =
    [(22, 712, "sshd"), (21, 698, "vsftpd"), (23, 655, "inetd")];

/// What listens: the service this visitor came through, and ssh.
fn listeners(call: &Call<'_, '_, '_>) -> Vec<(u16, u32, &'static str)> {
    let own = call.world.context.local.port();
    let known = |(port, ..): &(u16, u32, &str)| *port == 22 || *port == own;
    LISTENERS.into_iter().filter(known).collect()
}

fn netstat(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("antulpreisWc46ov", &[("all", 'a'), ("listening", 'l')])?;
    if options.has('r') {
        call.args.clear();
        call.args.push("-n".to_owned());
        return super::program("route").map_or(Ok(1), |route| route(call));
    }
    let listening = options.has('l');
    let kind = match (listening, options.has('a')) {
        (true, _) => "only servers",
        (false, true) => "servers and established",
        (false, false) => "w/o servers",
    };
    let root = call.shell.account.uid == 0;
    let owner = |pid: u32, name: &str| match (options.has('p'), root) {
        (false, _) => String::new(),
        (true, true) => format!("{pid}/{name}"),
        (true, false) => "-".to_owned(),
    };
    if options.has('p') && !root {
        call.complain(
            "(Not all processes could be identified, non-owned process info\n will not be shown, \
             you would have to be root to see it all.)",
        );
    }
    call.say(format!("Active Internet connections ({kind})"));
    let head = if options.has('p') { " PID/Program name    " } else { "" };
    call.say(format!(
        "Proto Recv-Q Send-Q Local Address           Foreign Address         State      {head}"
    ));
    if listening || options.has('a') {
        for (port, pid, name) in listeners(call) {
            let local = format!("0.0.0.0:{port}");
            let owner = owner(pid, name);
            call.say(
                format!("tcp        0      0 {local:<23} {:<23} LISTEN      {owner}", "0.0.0.0:*")
                    .trim_end(),
            );
        }
    }
    if !listening {
        let (local, peer) = (call.world.context.local, call.world.context.peer);
        let local = format!("{}:{}", call.world.context.decky.ip, local.port());
        let owner = owner(super::super::process::pid(call.world, 0) - 8, "sshd: root@pt");
        call.say(
            format!("tcp        0    244 {local:<23} {:<23} ESTABLISHED {owner}", peer.to_string())
                .trim_end(),
        );
    }
    Ok(0)
}

fn ss(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("antulpreimsxwo46H", &[("summary", 's')])?;
    let listening = options.has('l') || options.has('a');
    call.say("State   Recv-Q  Send-Q   Local Address:Port    Peer Address:Port  Process");
    let root = call.shell.account.uid == 0;
    if listening {
        for (port, pid, name) in listeners(call) {
            let owner = if options.has('p') && root {
                format!("users:((\"{name}\",pid={pid},fd=3))")
            } else {
                String::new()
            };
            let local = format!("0.0.0.0:{port}");
            call.say(
                format!("LISTEN  0       128      {local:>18}         0.0.0.0:*      {owner}")
                    .trim_end(),
            );
        }
    }
    if !options.has('l') {
        let (peer, port) = (call.world.context.peer, call.world.context.local.port());
        let local = format!("{}:{port}", call.world.context.decky.ip);
        call.say(format!("ESTAB   0       0        {local:>18} {peer:>20}"));
    }
    Ok(0)
}

fn sockstat(call: &mut Call<'_, '_, '_>) -> Done {
    call.say("USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS");
    call.say("root     sshd         812 4  tcp4   *:22                  *:*");
    Ok(0)
}

fn lsof(call: &mut Call<'_, '_, '_>) -> Done {
    if !call.args.iter().any(|arg| arg.starts_with("-i")) {
        return Ok(1);
    }
    call.say("COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME");
    for (_, pid, name) in listeners(call) {
        call.say(format!(
            "{name:<7} {pid:>4} root    3u  IPv4  15842      0t0  TCP *:{name} (LISTEN)"
        ));
    }
    Ok(0)
}
