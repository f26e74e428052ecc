//! What OpenSSH adds to the protocol (its PROTOCOL section 4).

use super::super::wire::{Malformed, Reader, Writer, names};
use super::attributes::Wanted;
use super::request::{EXTENDED_REPLY, MAX_READ, Replacing, VERSION};
use super::{Call, MAX_REQUEST, Status};
use crate::logic::event::text;
use crate::logic::machine::Hardware;
use crate::logic::services::Context;
use crate::logic::services::account;

/// What is told to be known, in OpenSSH 9.2's order; all in version 1 but those with a `2`.
const KNOWN: &str = "posix-rename@openssh.com,2statvfs@openssh.com,2fstatvfs@openssh.com,\
hardlink@openssh.com,fsync@openssh.com,lsetstat@openssh.com,limits@openssh.com,\
expand-path@openssh.com,copy-data,home-directory,users-groups-by-id@openssh.com";

/// Files that may be open, as Debian's limit makes OpenSSH say; far fewer really may.
const CLAIMED_HANDLES: u64 = 1019;

/// The server's greeting.
pub(super) fn version() -> Writer {
    names(KNOWN).fold(Writer::message(VERSION).u32(3), |message, name| {
        match name.strip_prefix('2') {
            Some(name) => message.string(name).string("2"),
            None => message.string(name).string("1"),
        }
    })
}

/// Answers an extended request.
pub(super) fn answer(
    call: &mut Call<'_, '_>,
    mut reader: Reader<'_>,
) -> Result<Result<Writer, Status>, Malformed> {
    let answer = match reader.text()? {
        b"posix-rename@openssh.com" => call.rename(reader.text()?, reader.text()?, Replacing::Yes),
        b"hardlink@openssh.com" => hard_link(call, reader.text()?, reader.text()?),
        b"fsync@openssh.com" => match call.handles.find(reader.string()?) {
            Some(_) => Ok(call.done()),
            None => Err(Status::NoSuchFile),
        },
        b"lsetstat@openssh.com" => {
            let path = reader.text()?;
            call.set(path, &Wanted::read(&mut reader)?)
        }
        b"limits@openssh.com" => {
            let sizes = [MAX_REQUEST as u64, MAX_READ.into(), MAX_READ.into(), CLAIMED_HANDLES];
            let message = Writer::message(EXTENDED_REPLY).u32(call.id);
            Ok(sizes.iter().fold(message, |message, size| message.raw(size.to_be_bytes())))
        }
        b"expand-path@openssh.com" => expand(call, reader.text()?),
        b"home-directory" => home(call, reader.text()?).map(|home| call.name(&home)),
        b"users-groups-by-id@openssh.com" => Ok(names_of(call, reader.string()?, reader.string()?)),
        b"copy-data" => Err(Status::Failure),
        _ => Err(Status::Unsupported),
    };
    Ok(answer)
}

/// Whether a request is for the room that is left.
pub(super) fn asks_for_space(mut reader: Reader<'_>) -> bool {
    let name = reader.string().unwrap_or_default();
    name == b"statvfs@openssh.com" || name == b"fstatvfs@openssh.com"
}

/// How much room there is: the disk of the persona, partly used.
pub(super) fn space(id: u32, context: &Context<'_>) -> Writer {
    let [used, _, fsid @ ..] = context.decky.secret.derive("disk").0;
    let blocks = Hardware::of(context.decky.persona).disk_gib.saturating_mul(1024 * 1024 / 4);
    let free = blocks / 100 * (40 + u64::from(used) % 40);
    let fsid = fsid.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let inodes = blocks / 4;
    let numbers =
        [4096, 4096, blocks, free, free - blocks / 20, inodes, inodes / 10 * 9, inodes / 10 * 9];
    let message = Writer::message(EXTENDED_REPLY).u32(id);
    let all = numbers.into_iter().chain([fsid, 0, 255]);
    all.fold(message, |message, number| message.raw(number.to_be_bytes()))
}

/// A second name for a file: here a second file with the same content.
fn hard_link(call: &mut Call<'_, '_>, from: &[u8], to: &[u8]) -> Result<Writer, Status> {
    let (from, to) = (call.path(from)?, call.path(to)?);
    let content = call.files.read(&from)?;
    if call.files.stat_link(&to).is_ok() {
        return Err(Status::Failure);
    }
    call.files.write(&to, &content)?;
    Ok(call.done())
}

/// A path in which `~` stands for a home.
fn expand(call: &Call<'_, '_>, path: &[u8]) -> Result<Writer, Status> {
    let path = text(path);
    let Some(rest) = path.strip_prefix('~') else { return call.real_path(path.as_bytes()) };
    let (user, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let home = home(call, user.as_bytes())?;
    let path = if rest.is_empty() { home } else { format!("{home}/{rest}") };
    call.real_path(path.as_bytes())
}

/// The home of a user; of the visitor's own account when none is named.
fn home(call: &Call<'_, '_>, user: &[u8]) -> Result<String, Status> {
    if user.is_empty() {
        return Ok(call.account.home.clone());
    }
    let user = text(user);
    let found = account::all(&call.files).into_iter().find(|account| account.name == user);
    found.map(|account| account.home).ok_or(Status::Failure)
}

/// The names of users and groups, given by number; empty for those that nobody has.
fn names_of(call: &Call<'_, '_>, users: &[u8], groups: &[u8]) -> Writer {
    let (all_users, all_groups) = (account::all(&call.files), account::groups(&call.files));
    let user = |uid: u32| {
        let found = all_users.iter().find(|user| user.owner.uid == uid);
        found.map(|user| user.name.as_str()).unwrap_or_default()
    };
    let group = |gid: u32| {
        let found = all_groups.iter().find(|(_, number)| *number == gid);
        found.map(|(name, _)| name.as_str()).unwrap_or_default()
    };
    let numbers = |bytes: &[u8]| -> Vec<u32> {
        bytes.as_chunks().0.iter().map(|number| u32::from_be_bytes(*number)).take(256).collect()
    };
    let told = |numbers: Vec<u32>, name: &dyn Fn(u32) -> String| {
        numbers.into_iter().fold(Writer::default(), |list, number| list.string(name(number)))
    };
    Writer::message(EXTENDED_REPLY)
        .u32(call.id)
        .string(told(numbers(users), &|uid| user(uid).to_owned()))
        .string(told(numbers(groups), &|gid| group(gid).to_owned()))
}
