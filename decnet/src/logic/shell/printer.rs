//! A printer's telnet menu.

use super::console::{Answer, Asked, Next, Question};
use super::report;
use crate::logic::services::Reply;

/// A login to a printer.
#[derive(Debug)]
pub(super) struct Menu {
    user: String,
    ended: bool,
}

const HELP: &str = "\n   To Change/Configure Parameters Enter:\r\n   Parameter-name: value \
                    <Carriage Return>\r\n\r\n   Parameter-name   Type of value\r\n   \
                    ip:              \
                    IP-address in dotted notation\r\n   subnet-mask:     address in dotted \
                    notation \
                    (enter 0 for default)\r\n   default-gw:      address in dotted notation (enter \
                    0 for default)\r\n   syslog-svr:      address in dotted notation\r\n   \
                    idle-timeout:    seconds in integers\r\n   set-cmnty-name:  alpha-numeric \
                    string (32 chars max)\r\n   host-name:       alpha-numeric string (upper case \
                    only, 32 chars max)\r\n   dhcp-config:     0 to disable, 1 to enable\r\n   \
                    passwd:          alpha-numeric string (16 chars max)\r\n\r\n   Type \"?\" for \
                    HELP, \"/\" for current settings, \"exit\" to save and leave, \"quit\" to \
                    leave.\r\n";

impl Menu {
    pub(super) fn new(user: &str) -> Self {
        Self { user: user.to_owned(), ended: false }
    }

    pub(super) fn next(&self) -> Next {
        if self.ended {
            return Next::Ended(0);
        }
        Next::Ask(Question { prompt: "> ".to_owned(), kind: Asked::Text })
    }

    pub(super) fn answer(&mut self, answer: Answer, reply: &mut Reply) {
        let Answer::Line(line) = answer else {
            reply.send(b"\r\n");
            self.ended = answer == Answer::End;
            return;
        };
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        reply.report(report(line, &self.user, &super::urls(line)));
        let text = respond(line);
        self.ended = text.is_none();
        reply.send(text.unwrap_or_else(|| "\r\nEXITING.\r\n".to_owned()));
    }
}

/// What the printer says to a line; nothing when it ends.
fn respond(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    Some(match line.to_ascii_lowercase().as_str() {
        "exit" | "quit" | "0" => return None,
        "?" | "help" => HELP.to_owned(),
        "/" => "\r\n   ===JetDirect Telnet Configuration===\r\n        Firmware Rev.    : \
                002_2310A\r\n        Config By        : DHCP\r\n        Passwd           : Not \
                Set\r\n        Idle Timeout     : 270 Seconds\r\n        Set Cmnty Name   : Not \
                Specified\r\n        DHCP Config      : Enabled\r\n"
            .to_owned(),
        "menu" => {
            "\r\n   ===Main Menu===\r\n   1) General Settings\r\n   2) TCP/IP\r\n   3) SNMP\r\n   \
                   0) To Exit Menu Mode\r\n"
                .to_owned()
        }
        _ if !value.trim().is_empty() => format!("   {}: {}\r\n", name.trim(), value.trim()),
        _ => "   Invalid command. Type \"?\" for help.\r\n".to_owned(),
    })
}

/// A printer takes no commands: it hangs up.
pub(super) fn exec(user: &str, command: &[u8], reply: &mut Reply) -> u8 {
    let line = super::text::encode(command);
    reply.report(report(&line, user, &super::urls(&line)));
    1
}
