//! `stat`.

use super::Command;
use super::list::{blocks, mode};
use crate::logic::files::{Kind, Stat};
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    (name == "stat").then_some(stat)
}

fn stat(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("Lc:f:tx", &[("format", 'c'), ("printf", 'c')])?;
    let mut status = 0;
    for operand in &options.operands {
        let path = call.path(operand);
        let found = call.files().stat_link(&path);
        match found {
            Ok(stat) => {
                let text = match options.value('c') {
                    Some(format) => short_stat(format, operand, &stat) + "\n",
                    None => long_stat(call, operand, &stat),
                };
                call.out(text);
            }
            Err(fault) => status = call.fail(format!("cannot statx '{operand}': {fault}")),
        }
    }
    Ok(status)
}

fn short_stat(format: &str, name: &str, stat: &Stat) -> String {
    format
        .replace("%a", &format!("{:o}", stat.mode))
        .replace("%A", &mode(stat))
        .replace("%n", name)
        .replace("%s", &stat.size.to_string())
        .replace("%u", &stat.uid.to_string())
        .replace("%g", &stat.gid.to_string())
        .replace("%Y", &(stat.mtime.0 / 1_000_000_000).to_string())
}

fn long_stat(call: &mut Call<'_, '_, '_>, name: &str, stat: &Stat) -> String {
    let files = call.files();
    let (accounts, groups) = (account::all(&files), account::groups(&files));
    let kind = match stat.kind {
        Kind::Device => "character special file",
        Kind::Directory => "directory",
        Kind::File if stat.size == 0 => "regular empty file",
        Kind::File => "regular file",
        Kind::Link(_) => "symbolic link",
    };
    let zone = "+0000";
    let time = stat.mtime.format("%Y-%m-%d %H:%M:%S.000000000");
    let inode = name.bytes().fold(131_072_u64, |sum, byte| sum * 31 % 1_048_573 + u64::from(byte));
    format!(
        "  File: {name}\n  Size: {:<10}\tBlocks: {:<10} IO Block: 4096   {kind}\nDevice: 8,1\t\
         Inode: {inode:<11} Links: 1\nAccess: ({:04o}/{})  Uid: ({:>5}/{:>8})   Gid: \
         ({:>5}/{:>8})\nAccess: {time} {zone}\nModify: {time} {zone}\nChange: {time} {zone}\n \
         Birth: {time} {zone}\n",
        stat.size,
        blocks(stat) * 2,
        stat.mode,
        mode(stat),
        stat.uid,
        account::user_name(&accounts, stat.uid),
        stat.gid,
        account::group_name(&groups, stat.gid),
    )
}
