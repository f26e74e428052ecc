//! The commands themselves. A command is one function that is given a [`Call`] and ends with a
//! status; what it can do beyond reading, writing and the files, it asks of the shell.

mod account;
mod archive;
mod awk;
mod builtin;
mod busybox;
mod columns;
mod copy;
mod digest;
mod disk;
mod dump;
mod encode;
mod fetch;
mod find;
mod firewall;
mod grep;
mod host;
mod interface;
mod interpreter;
mod list;
mod package;
mod permission;
mod process;
mod remote;
mod sed;
mod service;
mod socket;
mod stat;
mod stream;
mod system;
mod timing;
mod wrap;

use super::run::{Call, Done};

/// A command.
pub(super) type Command = fn(&mut Call<'_, '_, '_>) -> Done;

pub(super) use builtin::find as builtin;

/// The program of this name.
pub(super) fn program(name: &str) -> Option<Command> {
    let groups: [fn(&str) -> Option<Command>; 27] = [
        account::find,
        archive::find,
        awk::find,
        busybox::find,
        columns::find,
        copy::find,
        digest::find,
        disk::find,
        dump::find,
        encode::find,
        fetch::find,
        find::find,
        firewall::find,
        grep::find,
        host::find,
        interface::find,
        interpreter::find,
        list::find,
        package::find,
        permission::find,
        process::find,
        remote::find,
        sed::find,
        service::find,
        socket::find,
        stream::find,
        system::find,
    ];
    let more = [stat::find, timing::find, wrap::find];
    let found = groups.iter().chain(&more).find_map(|group| group(name));
    found.or_else(|| builtin::program(name))
}

/// Stands for every program that lies there and does nothing here.
pub(super) fn broken(call: &mut Call<'_, '_, '_>) -> Done {
    let line = format!(
        "{name}: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.40' not found (required by \
         {name})",
        name = call.name,
    );
    call.complain(line);
    Ok(1)
}

/// A program that does its work and says nothing.
fn quiet(_call: &mut Call<'_, '_, '_>) -> Done {
    Ok(0)
}

#[cfg(test)]
mod tests;
