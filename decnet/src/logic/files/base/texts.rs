//! Which text lies at which path.

use super::super::tree::Content;
use super::{made, user};
use crate::logic::persona::{Family, Persona};

/// A table of the texts below one folder of `text/`, by the path they are shown at.
macro_rules! texts {
    ($folder:literal: $($path:literal)*) => {
        &[$(($path, include_str!(concat!("text/", $folder, $path)))),*]
    };
}

type Texts = &'static [(&'static str, &'static str)];

const LINUX: Texts = texts!("linux":
    "/etc/bash.bashrc" "/etc/crontab" "/etc/crypttab" "/etc/environment" "/etc/fstab" "/etc/group"
    "/etc/host.conf" "/etc/hostname" "/etc/hosts" "/etc/machine-id" "/etc/nsswitch.conf"
    "/etc/passwd" "/etc/profile" "/etc/resolv.conf" "/etc/services" "/etc/shadow" "/etc/shells"
    "/etc/ssh/sshd_config" "/etc/sudoers" "/etc/timezone"
    "/home/user/.bash_history" "/home/user/.bash_logout" "/home/user/.bashrc"
    "/home/user/.profile" "/home/user/.ssh/authorized_keys" "/home/user/app/.env"
    "/home/user/app/docker-compose.yml" "/home/user/notes.txt"
    "/opt/backup/backup.sh"
    "/proc/1/cgroup" "/proc/1/cmdline" "/proc/1/comm" "/proc/cmdline" "/proc/filesystems"
    "/proc/modules" "/proc/net/arp" "/proc/self/cgroup" "/proc/self/cmdline"
    "/proc/self/oom_score_adj" "/proc/self/status" "/proc/sys/fs/file-max"
    "/proc/sys/kernel/hostname" "/proc/sys/kernel/osrelease" "/proc/sys/kernel/ostype"
    "/proc/sys/kernel/random/boot_id" "/proc/sys/kernel/randomize_va_space"
    "/proc/sys/kernel/version" "/proc/sys/net/ipv4/ip_forward" "/proc/sys/vm/drop_caches"
    "/proc/sys/vm/nr_hugepages" "/proc/sys/vm/overcommit_memory" "/proc/sys/vm/swappiness"
    "/proc/version"
    "/root/.bash_history" "/root/.bashrc" "/root/.my.cnf" "/root/.profile"
    "/root/.ssh/authorized_keys" "/root/.ssh/id_ed25519" "/root/.ssh/id_ed25519.pub"
    "/root/.ssh/known_hosts"
    "/srv/ftp/pub/README" "/var/backups/portal-users.sql" "/var/log/backup.log"
    "/var/www/html/index.html");

const LINUX_ELSEWHERE: Texts = &[
    ("/proc/self/mounts", include_str!("text/linux/proc/mounts")),
    ("/sys/class/dmi/id/product_name", include_str!("text/linux/sys/product_name")),
    ("/sys/class/dmi/id/sys_vendor", include_str!("text/linux/sys/sys_vendor")),
    ("/sys/class/net/eno1/address", include_str!("text/linux/sys/address")),
    ("/sys/class/net/ens160/address", include_str!("text/linux/sys/address")),
];

const DEBIAN: Texts = texts!("debian":
    "/etc/apt/sources.list" "/etc/debian_version" "/etc/issue" "/etc/issue.net" "/etc/motd"
    "/etc/network/interfaces" "/usr/lib/os-release");

const UBUNTU: Texts = texts!("ubuntu":
    "/etc/apt/sources.list" "/etc/apt/sources.list.d/ubuntu.sources" "/etc/debian_version"
    "/etc/issue" "/etc/issue.net" "/etc/lsb-release" "/etc/netplan/50-cloud-init.yaml"
    "/usr/lib/os-release");

const BSD: Texts = texts!("bsd":
    "/etc/fstab" "/etc/group" "/etc/hosts" "/etc/master.passwd" "/etc/motd.template"
    "/etc/os-release" "/etc/passwd" "/etc/rc.conf" "/etc/resolv.conf" "/home/admin/.profile"
    "/home/admin/backup.sh" "/root/.profile" "/root/.ssh/authorized_keys"
    "/usr/local/etc/db.conf" "/var/run/motd");

const WINDOWS: Texts = &[
    ("/Backup/backup.ps1", include_str!("text/windows/backup.ps1")),
    ("/Users/Administrator/Documents/passwords.txt", include_str!("text/windows/passwords")),
    ("/Windows/System32/drivers/etc/hosts", include_str!("text/windows/hosts")),
    ("/Windows/win.ini", include_str!("text/windows/win.ini")),
    ("/inetpub/wwwroot/iisstart.htm", include_str!("text/windows/iisstart.htm")),
    ("/inetpub/wwwroot/web.config", include_str!("text/windows/web.config")),
];

const PRINTER: Texts = &[("/README.TXT", include_str!("text/printer/readme"))];

/// What a file of a persona holds.
pub(super) fn find(persona: &Persona, path: &str) -> Option<Content> {
    if let Some(made) = made::find(path) {
        return Some(Content::Made(made));
    }
    let home = format!("/home/{}/", user(persona));
    let general = path.strip_prefix(&home).map(|rest| format!("/home/user/{rest}"));
    let tables: &[Texts] = match persona.family {
        Family::Bsd => &[BSD],
        Family::Linux if persona.is_ubuntu() => &[UBUNTU, LINUX, LINUX_ELSEWHERE],
        Family::Linux => &[DEBIAN, LINUX, LINUX_ELSEWHERE],
        Family::Printer => &[PRINTER],
        Family::WindowsClient | Family::WindowsServer => &[WINDOWS],
    };
    let general = general.as_deref();
    let mut all = tables.iter().flat_map(|table| table.iter());
    let (_, text) = all.find(|(known, _)| *known == path || Some(*known) == general)?;
    Some(Content::Text(text))
}
