//! Commands about files.

use super::{Call, display};
use crate::logic::files::{Fault, Kind, parent};

pub(super) fn run(name: &str, call: &mut Call<'_, '_>) -> bool {
    match name {
        "cd" | "chdir" => cd(call),
        "copy" | "xcopy" | "robocopy" => copy(call),
        "del" | "erase" => remove(call),
        "dir" => dir(call),
        "md" | "mkdir" => {
            let made = one(call).map(|path| call.files().make_directory(&path));
            said(call, made, "A subdirectory or file already exists.");
        }
        "move" | "ren" | "rename" => rename(call),
        "rd" | "rmdir" => {
            let removed = one(call).map(|path| call.files().remove_all(&path));
            said(call, removed, "");
        }
        "type" | "more" => show(call),
        "where" => {
            let name = call.args.first().copied().unwrap_or_default();
            let name = name.trim_end_matches(".exe").to_owned();
            let path = format!("/Windows/System32/{name}.exe");
            call.out = match call.files().canonical(&path) {
                Ok(path) => format!("{}\n", display(&path)),
                Err(_) => "INFO: Could not find files for the given pattern(s).\n".to_owned(),
            };
        }
        _ => return false,
    }
    true
}

/// The first argument that is no option, as a place.
fn one(call: &Call<'_, '_>) -> Option<String> {
    let quoted = call.rest.trim().strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let arg = match quoted {
        Some((path, _)) => path,
        None => call.args.iter().find(|arg| !arg.starts_with('/'))?,
    };
    Some(call.place(arg))
}

fn said(call: &mut Call<'_, '_>, done: Option<Result<(), Fault>>, exists: &str) {
    call.out = match done {
        None => "The syntax of the command is incorrect.\n",
        Some(Ok(())) => return,
        Some(Err(Fault::Exists)) => {
            call.out = format!("{exists}\n");
            return;
        }
        Some(Err(Fault::NoSpace)) => "There is not enough space on the disk.\n",
        Some(Err(_)) => "The system cannot find the file specified.\n",
    }
    .to_owned();
}

fn cd(call: &mut Call<'_, '_>) {
    let rest = call.rest.trim().trim_start_matches("/d").trim_start_matches("/D").trim();
    let rest = rest.trim_matches('"');
    if rest.is_empty() {
        call.out = format!("{}\n", display(&call.prompt.cwd));
        return;
    }
    let path = call.place(rest);
    let found = call.files().canonical(&path);
    match found {
        Ok(path) if call.files().is_directory(&path) => call.prompt.cwd = path,
        Ok(_) => "The directory name is invalid.\n".clone_into(&mut call.out),
        Err(_) => "The system cannot find the path specified.\n".clone_into(&mut call.out),
    }
}

fn show(call: &mut Call<'_, '_>) {
    let Some(path) = one(call) else {
        "The syntax of the command is incorrect.\n".clone_into(&mut call.out);
        return;
    };
    let content = call.files().read(&path);
    call.out = match content {
        Ok(content) => crate::logic::shell::text::encode(&content).replace("\r\n", "\n"),
        Err(Fault::IsADirectory) => "Access is denied.\n".to_owned(),
        Err(_) => "The system cannot find the file specified.\n".to_owned(),
    };
    if !call.out.ends_with('\n') {
        call.out.push('\n');
    }
}

fn dir(call: &mut Call<'_, '_>) {
    let path = one(call).unwrap_or_else(|| call.prompt.cwd.clone());
    let serial = call.context.decky.secret.derive("volume").0;
    let [a, b, c, d, ..] = serial;
    let head = format!(
        " Volume in drive C has no label.\n Volume Serial Number is \
         {a:02X}{b:02X}-{c:02X}{d:02X}\n\n"
    );
    let files = call.files();
    let (Ok(path), Ok(mut entries)) = (files.canonical(&path), files.list(&path)) else {
        call.out = format!("{head}File Not Found\n");
        return;
    };
    if path != "/" {
        for name in ["..", "."] {
            if let Ok(stat) = files.stat(&format!("{path}/{name}")) {
                entries.insert(0, (name.to_owned(), stat));
            }
        }
    }
    let (mut count, mut bytes, mut directories) = (0_u64, 0, 0_u64);
    let mut lines = String::new();
    for (name, stat) in entries {
        let when = stat.mtime.format("%m/%d/%Y  %I:%M %p");
        if stat.kind == Kind::Directory {
            directories += 1;
            lines += &format!("{when}    <DIR>          {name}\n");
        } else {
            count += 1;
            bytes += stat.size;
            lines += &format!("{when}    {:>14} {name}\n", grouped(stat.size));
        }
    }
    let free = crate::logic::machine::Hardware::of(call.context.decky.persona).disk_gib;
    let free = free * 1_073_741_824 / 100 * 61 / 4096 * 4096;
    call.out = format!(
        "{head} Directory of {}\n\n{lines}{count:>16} File(s) {:>14} bytes\n{directories:>16} \
         Dir(s) \
         {:>15} bytes free\n",
        display(&path),
        grouped(bytes),
        grouped(free),
    );
}

/// A number with a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && index % 3 == first {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn copy(call: &mut Call<'_, '_>) {
    let paths: Vec<String> = places(call);
    let [from, rest @ ..] = paths.as_slice() else {
        "The syntax of the command is incorrect.\n".clone_into(&mut call.out);
        return;
    };
    let name = crate::logic::files::file_name(from);
    let to = match rest.first() {
        Some(to) if call.files().is_directory(to) => format!("{to}/{name}"),
        Some(to) => to.clone(),
        None => format!("{}/{name}", call.prompt.cwd),
    };
    let mut files = call.files();
    let content = files.read(from);
    let done = match content {
        Ok(content) => files.write(&to, &content),
        Err(fault) => Err(fault),
    };
    if done.is_ok() {
        "        1 file(s) copied.\n".clone_into(&mut call.out);
    } else {
        said(call, Some(done), "");
    }
}

fn places(call: &Call<'_, '_>) -> Vec<String> {
    let args = call.args.iter().filter(|arg| !arg.starts_with('/'));
    args.map(|arg| call.place(arg)).collect()
}

fn remove(call: &mut Call<'_, '_>) {
    let removed = one(call).map(|path| call.files().remove(&path));
    match removed {
        Some(Err(_)) => {
            let path = one(call).unwrap_or_default();
            call.out = format!("Could Not Find {}\n", display(&path));
        }
        removed => said(call, removed, ""),
    }
}

fn rename(call: &mut Call<'_, '_>) {
    let paths = places(call);
    let [from, to, ..] = paths.as_slice() else {
        "The syntax of the command is incorrect.\n".clone_into(&mut call.out);
        return;
    };
    let to = match call.args.get(1) {
        Some(name) if !name.contains('\\') => format!("{}/{name}", parent(from)),
        _ => to.clone(),
    };
    let done = call.files().rename(from, &to);
    said(call, Some(done), "A duplicate file name exists, or the file cannot be found.");
}
