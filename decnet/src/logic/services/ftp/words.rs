//! What each server says. The texts differ between servers and not between their versions, so
//! they tell a server as much as its banner does.
//!
//! `{}` stands for what a reply is about (a path, a number), `{why}` for the fault in the words of
//! the C library, `{size}` for a length. A text may have several lines.

mod bsd;
mod iis;
mod printer;
mod vsftpd;

use crate::logic::persona::{Family, Persona};

/// A server's replies, each with its code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) banner: &'static str,
    pub(super) user: &'static str,
    pub(super) guest: &'static str,
    pub(super) user_again: &'static str,
    pub(super) pass_early: &'static str,
    pub(super) pass_again: &'static str,
    pub(super) welcome: &'static str,
    pub(super) welcome_guest: &'static str,
    pub(super) incorrect: &'static str,
    pub(super) login_first: &'static str,
    pub(super) bye: &'static str,
    pub(super) unknown: &'static str,
    pub(super) too_long: &'static str,
    pub(super) system: &'static str,
    pub(super) features: &'static str,
    pub(super) help: &'static str,
    pub(super) noop: &'static str,
    pub(super) status: &'static str,
    pub(super) utf8: &'static str,
    pub(super) option_bad: &'static str,
    pub(super) type_set: &'static str,
    pub(super) type_bad: &'static str,
    pub(super) mode_set: &'static str,
    pub(super) mode_bad: &'static str,
    pub(super) structure_set: &'static str,
    pub(super) structure_bad: &'static str,
    pub(super) account: &'static str,
    pub(super) allocate: &'static str,
    pub(super) reinitialize: &'static str,
    pub(super) mount: &'static str,
    pub(super) protect: &'static str,
    pub(super) where_now: &'static str,
    pub(super) changed: &'static str,
    pub(super) change_bad: &'static str,
    pub(super) made: &'static str,
    pub(super) make_bad: &'static str,
    pub(super) unmade: &'static str,
    pub(super) unmake_bad: &'static str,
    pub(super) deleted: &'static str,
    pub(super) delete_bad: &'static str,
    pub(super) from: &'static str,
    pub(super) from_bad: &'static str,
    pub(super) renamed: &'static str,
    pub(super) rename_bad: &'static str,
    pub(super) rename_first: &'static str,
    pub(super) size_bad: &'static str,
    pub(super) time_bad: &'static str,
    pub(super) time_set: &'static str,
    pub(super) restart: &'static str,
    pub(super) nothing_to_abort: &'static str,
    pub(super) site_help: &'static str,
    pub(super) site_bad: &'static str,
    pub(super) chmod: &'static str,
    pub(super) chmod_bad: &'static str,
    pub(super) chmod_usage: &'static str,
    pub(super) umask: &'static str,
    pub(super) port: &'static str,
    pub(super) port_bad: &'static str,
    pub(super) eprt: &'static str,
    pub(super) eprt_bad: &'static str,
    pub(super) eprt_protocol: &'static str,
    pub(super) passive: &'static str,
    pub(super) passive_ip6: &'static str,
    pub(super) extended: &'static str,
    pub(super) extended_all: &'static str,
    pub(super) extended_bad: &'static str,
    pub(super) passive_late: &'static str,
    pub(super) passive_none: &'static str,
    pub(super) no_channel: &'static str,
    pub(super) no_connection: &'static str,
    pub(super) listing: &'static str,
    pub(super) listed: &'static str,
    pub(super) list_bad: &'static str,
    pub(super) sending: &'static str,
    pub(super) send_bad: &'static str,
    pub(super) taking: &'static str,
    pub(super) take_bad: &'static str,
    pub(super) taking_unique: &'static str,
    pub(super) done: &'static str,
    pub(super) broken: &'static str,
    pub(super) no_room: &'static str,
    pub(super) aborted: &'static str,
    /// Verbs that it knows, besides those that every server does.
    pub(super) more_verbs: &'static [&'static str],
    /// Verbs that it takes before the login, besides USER, PASS and QUIT.
    pub(super) open_verbs: &'static [&'static str],
}

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// FreeBSD's ftpd.
    Bsd,
    /// Microsoft's, of IIS.
    Iis,
    /// A JetDirect card.
    Printer,
    /// vsftpd.
    Vsftpd,
}

impl Server {
    /// The server of a persona.
    pub(super) fn of(persona: &Persona) -> Self {
        match persona.family {
            Family::Bsd => Self::Bsd,
            Family::Linux => Self::Vsftpd,
            Family::Printer => Self::Printer,
            Family::WindowsClient | Family::WindowsServer => Self::Iis,
        }
    }

    /// What it says.
    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Bsd => &bsd::WORDS,
            Self::Iis => &iis::WORDS,
            Self::Printer => &printer::WORDS,
            Self::Vsftpd => &vsftpd::WORDS,
        }
    }

    /// Whether it knows a verb at all.
    pub(super) fn knows(self, verb: &str) -> bool {
        const ALL: &[&str] = &[
            "ABOR", "ACCT", "ALLO", "APPE", "CDUP", "CWD", "DELE", "EPRT", "EPSV", "FEAT", "HELP",
            "LIST", "MDTM", "MKD", "MODE", "NLST", "NOOP", "OPTS", "PASS", "PASV", "PORT", "PWD",
            "QUIT", "REIN", "REST", "RETR", "RMD", "RNFR", "RNTO", "SITE", "SIZE", "SMNT", "STAT",
            "STOR", "STOU", "STRU", "SYST", "TYPE", "USER", "XCUP", "XCWD", "XMKD", "XPWD", "XRMD",
        ];
        ALL.contains(&verb) || self.words().more_verbs.contains(&verb)
    }
}

/// A text as it is sent: each line ended, what is in braces filled in.
pub(super) fn said(text: &str, about: &str) -> String {
    let mut said = String::with_capacity(text.len() + about.len() + 2);
    for line in text.split('\n') {
        said.push_str(&line.replace("{}", about));
        said.push_str("\r\n");
    }
    said
}
