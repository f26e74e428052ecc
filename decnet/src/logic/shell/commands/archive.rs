//! Archives: `tar`, `gzip`, `unzip`. Visitors' archives hold nothing that can be unpacked here.

use super::Command;
use crate::logic::shell::run::{Call, Done};

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "bunzip2" | "gunzip" | "unxz" | "unzip" | "zcat" => unpack,
        "bzip2" | "gzip" | "xz" | "zip" => pack,
        "cpio" => super::quiet,
        "tar" => tar,
        _ => return None,
    })
}

fn tar(call: &mut Call<'_, '_, '_>) -> Done {
    let flags: String = call.args.iter().take(1).cloned().collect();
    if call.args.is_empty() {
        call.complain(
            "tar: You must specify one of the '-Acdtrux', '--delete' or '--test-label' \
            options\nTry 'tar --help' or 'tar --usage' for more information.",
        );
        return Ok(2);
    }
    if flags.contains('c') {
        let names: Vec<String> = call.args.iter().skip(2).cloned().collect();
        if flags.contains('v') {
            for name in names.iter().take(64) {
                call.say(name.trim_start_matches('/'));
            }
        }
        let Some(path) = call.arg(1).filter(|_| flags.contains('f')).map(str::to_owned) else {
            return Ok(0);
        };
        // What is packed is not worth keeping; that it is there is.
        let at = call.path(&path);
        let kept = call.files().keep(&at, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], 48_213);
        return Ok(kept.map_or_else(
            |fault| call.fail(format!("{path}: Cannot open: {fault}")).max(2),
            |_| 0,
        ));
    }
    let archive = call.args.iter().skip(1).find(|arg| !arg.starts_with('-')).cloned();
    let Some(archive) = archive else { return Ok(2) };
    match call.read(&archive)? {
        Ok(content) if content.starts_with(&[0x1f, 0x8b]) => {
            call.complain(
                "\ngzip: stdin: unexpected end of file\ntar: Child returned status \
                1\ntar: Error is not recoverable: exiting now",
            );
        }
        Ok(_) => call.complain(
            "tar: This does not look like a tar archive\ntar: Exiting with \
            failure status due to previous errors",
        ),
        Err(fault) => call.complain(format!(
            "tar: {archive}: Cannot open: {fault}\ntar: Error is \
            not recoverable: exiting now"
        )),
    }
    Ok(2)
}

fn unpack(call: &mut Call<'_, '_, '_>) -> Done {
    let names: Vec<String> =
        call.args.iter().filter(|arg| !arg.starts_with('-')).take(1).cloned().collect();
    let Some(name) = names.first() else {
        call.input()?;
        let line = format!("\n{}: stdin: unexpected end of file", call.name);
        call.complain(line);
        return Ok(1);
    };
    let done = call.read(name)?;
    let fault = match done {
        Ok(_) => "unexpected end of file".to_owned(),
        Err(fault) => fault.to_string(),
    };
    Ok(call.fail(format!("{name}: {fault}")))
}

fn pack(call: &mut Call<'_, '_, '_>) -> Done {
    for name in call.args.clone() {
        if name.starts_with('-') {
            continue;
        }
        let (from, to) = (call.path(&name), format!("{}.gz", call.path(&name)));
        let done = call.files().rename(&from, &to);
        if let Err(fault) = done {
            return Ok(call.fail(format!("{name}: {fault}")));
        }
    }
    Ok(0)
}
