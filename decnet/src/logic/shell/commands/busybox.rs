//! `busybox`: many commands under one name. Bots tell systems apart by how it answers to a name
//! that it does not know.

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    (name == "busybox").then_some(busybox)
}

/// The applets of Debian's busybox, as it lists them.
const APPLETS: &str = "[, [[, acpid, adjtimex, ar, arch, arp, arping, ascii, ash, awk, basename, \
    bc, \
    blkdiscard, blkid, blockdev, brctl, bunzip2, busybox, bzcat, bzip2, cal, cat, chattr, chgrp, \
    chmod, chown, chpasswd, chroot, chvt, clear, cmp, cp, cpio, crc32, crond, crontab, cut, date, \
    dc, dd, deallocvt, depmod, devmem, df, diff, dirname, dmesg, dnsdomainname, dos2unix, du, \
    dumpkmap, dumpleases, echo, egrep, env, expand, expr, factor, fallocate, false, fatattr, \
    fdisk, fgrep, find, findfs, fold, free, freeramdisk, fsfreeze, fstrim, ftpget, ftpput, getopt, \
    getty, grep, groups, gunzip, gzip, halt, head, hexdump, hostid, hostname, httpd, hwclock, \
    i2cdetect, id, ifconfig, ifdown, ifup, init, insmod, ionice, ip, ipcalc, ipneigh, kill, \
    killall, klogd, last, less, link, linux32, linux64, linuxrc, ln, loadfont, loadkmap, logger, \
    login, logname, logread, losetup, ls, lsmod, lsscsi, lzcat, lzma, lzop, md5sum, mdev, \
    microcom, mim, mkdir, mkdosfs, mke2fs, mkfifo, mknod, mkpasswd, mkswap, mktemp, modinfo, \
    modprobe, more, mount, mt, mv, nameif, nbd-client, nc, netstat, nl, nologin, nproc, nsenter, \
    nslookup, nuke, od, openvt, partprobe, passwd, paste, patch, pidof, ping, ping6, pivot_root, \
    poweroff, printf, ps, pwd, rdate, readlink, realpath, reboot, renice, reset, resume, rev, rm, \
    rmdir, rmmod, route, rpm, rpm2cpio, run-init, run-parts, sed, seq, setkeycodes, setpriv, \
    setsid, sh, sha1sum, sha256sum, sha3sum, sha512sum, shred, shuf, sleep, sort, ssl_client, \
    start-stop-daemon, stat, strings, stty, su, sulogin, svc, svok, swapoff, swapon, switch_root, \
    sync, sysctl, syslogd, tac, tail, tar, taskset, tc, tee, telnet, telnetd, test, tftp, time, \
    timeout, top, touch, tr, traceroute, traceroute6, true, truncate, ts, tty, ubirename, udhcpc, \
    udhcpd, uevent, umount, uname, uncompress, unexpand, uniq, unix2dos, unlink, unlzma, unshare, \
    unxz, unzip, uptime, usleep, uudecode, uuencode, vconfig, vi, w, watch, watchdog, wc, wget, \
    which, who, whoami, xargs, xxd, xz, xzcat, yes, zcat";

fn busybox(call: &mut Call<'_, '_, '_>) -> Done {
    let mut args = std::mem::take(&mut call.args).into_iter();
    let Some(name) = args.next().filter(|name| name != "--help") else {
        usage(call);
        return Ok(0);
    };
    let applets = || APPLETS.split(", ").map(str::trim);
    if name == "--list" {
        let list: String = applets().flat_map(|applet| [applet, "\n"]).collect();
        call.out(list);
        return Ok(0);
    }
    let known = applets().any(|applet| applet == name);
    let command = super::builtin(&name).or_else(|| super::program(&name)).filter(|_| known);
    match command {
        Some(command) => {
            let args = args.collect();
            call.world.call(call.shell, command, &name, args, call.streams)
        }
        None if known => Ok(0),
        None => {
            call.complain(format!("{name}: applet not found"));
            Ok(127)
        }
    }
}

fn usage(call: &mut Call<'_, '_, '_>) {
    let version = if call.world.context.decky.persona.is_ubuntu() {
        "BusyBox v1.36.1 (Ubuntu 1:1.36.1-6ubuntu3.1)"
    } else {
        "BusyBox v1.35.0 (Debian 1:1.35.0-4+b3)"
    };
    let mut lines = String::new();
    let mut line = String::from("\t");
    for word in APPLETS.split_whitespace() {
        if line.len() + word.len() > 70 {
            lines += &format!("{}\n", line.trim_end());
            "\t".clone_into(&mut line);
        }
        line += &format!("{word} ");
    }
    lines += &format!("{}\n", line.trim_end());
    call.out(format!(
        "{version} multi-call binary.\nBusyBox is copyrighted by many authors between \
         1998-2015.\nLicensed under GPLv2. See source distribution for detailed\ncopyright \
         notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n   \
         or: \
         busybox --show SCRIPT\n   or: busybox --install [-s] [DIR]\n   or: function \
         [arguments]...\n\n\tBusyBox is a multi-call binary that combines many common \
         Unix\n\tutilities into a single executable.  Most people will create a\n\tlink to busybox \
         for each function they wish to use and BusyBox\n\twill act like whatever it was invoked \
         as.\n\nCurrently defined functions:\n{lines}\n"
    ));
}
