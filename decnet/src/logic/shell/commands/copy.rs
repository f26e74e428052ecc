//! Copying, moving, making and removing files.

use super::Command;
use crate::logic::files::{Fault, Kind, file_name};
use crate::logic::shell::run::{Call, Done, Options, Stop};

/// Deepest directory that `cp -r` goes into.
const MAX_DEPTH: usize = 12;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "cp" => cp,
        "install" => cp,
        "ln" => ln,
        "mkdir" => mkdir,
        "mktemp" => mktemp,
        "mv" => mv,
        "rm" => rm,
        "rmdir" => rmdir,
        "shred" | "unlink" => rm,
        "touch" => touch,
        "truncate" => truncate,
        _ => return None,
    })
}

/// The places that a command copies from and to.
fn places(call: &mut Call<'_, '_, '_>, options: &Options) -> Result<(Vec<String>, Target), Stop> {
    let mut operands = options.operands.clone();
    if let Some(target) = options.value('t') {
        operands.push(target.to_owned());
    }
    let Some(target) = operands.pop() else {
        call.fail("missing file operand");
        return Err(call.try_help());
    };
    if operands.is_empty() {
        call.fail(format!("missing destination file operand after '{target}'"));
        return Err(call.try_help());
    }
    let path = call.path(&target);
    let into = call.files().is_directory(&path);
    if operands.len() > 1 && !into {
        return Err(Stop::Status(
            call.fail(format!("target '{target}': No such file or directory")),
        ));
    }
    Ok((operands, if into { Target::Directory(target) } else { Target::File(target) }))
}

/// Where something is copied or moved to.
enum Target {
    /// Into this, under its own name.
    Directory(String),
    File(String),
}

impl Target {
    fn of(&self, from: &str) -> String {
        match self {
            Self::Directory(path) => format!("{}/{}", path.trim_end_matches('/'), file_name(from)),
            Self::File(path) => path.clone(),
        }
    }
}

fn cp(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("aRrfpvnudiLPTm:t:o:g:D", &[("recursive", 'r'), ("force", 'f')])?;
    let (from, target) = places(call, &options)?;
    let deep = ['a', 'R', 'r'].into_iter().any(|flag| options.has(flag));
    let mut status = 0;
    for from in from {
        call.world.step()?;
        let (a, to) = (call.path(&from), target.of(&from));
        let b = call.path(&to);
        let directory = call.files().is_directory(&a);
        if directory && !deep {
            status = call.fail(format!("-r not specified; omitting directory '{from}'"));
        } else if a == b {
            status = call.fail(format!("'{from}' and '{to}' are the same file"));
        } else {
            let done = if directory { copy_all(call, &a, &b, 0) } else { copy(call, &a, &b) };
            if let Err(fault) = done {
                let text = match fault {
                    Fault::NotFound if call.files().stat(&a).is_err() => {
                        format!("cannot stat '{from}': {fault}")
                    }
                    Fault::NoSpace => format!("error writing '{to}': {fault}"),
                    Fault::Denied if call.files().read_at(&a, 0, 1).is_err() => {
                        format!("cannot open '{from}' for reading: {fault}")
                    }
                    _ => format!("cannot create regular file '{to}': {fault}"),
                };
                status = call.fail(text);
            } else if options.has('v') {
                call.say(format!("'{from}' -> '{to}'"));
            }
        }
    }
    Ok(status)
}

/// Copies a file.
fn copy(call: &mut Call<'_, '_, '_>, from: &str, to: &str) -> Result<(), Fault> {
    let mut files = call.files();
    let stat = files.stat(from)?;
    files.copy(from, to)?;
    // The copy of another's file is one's own, so a fault here would be of another kind.
    if files.set_mode(to, stat.mode & 0o777).is_err() {
        return Ok(());
    }
    call.world.spend(1);
    Ok(())
}

fn copy_all(call: &mut Call<'_, '_, '_>, from: &str, to: &str, depth: usize) -> Result<(), Fault> {
    let entries = call.files().list(from)?;
    let made = call.files().make_directory(to);
    if !matches!(made, Ok(()) | Err(Fault::Exists)) || depth > MAX_DEPTH {
        return made;
    }
    for (name, stat) in entries {
        if call.world.step().is_err() {
            return Err(Fault::NoSpace);
        }
        let (a, b) = (format!("{from}/{name}"), format!("{to}/{name}"));
        match stat.kind {
            Kind::Directory => copy_all(call, &a, &b, depth + 1)?,
            Kind::Link(target) => call.files().link(&target, &b)?,
            Kind::Device | Kind::File => copy(call, &a, &b)?,
        }
    }
    Ok(())
}

fn mv(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("fnivuTt:", &[("force", 'f')])?;
    let (from, target) = places(call, &options)?;
    let mut status = 0;
    for from in from {
        call.world.step()?;
        let to = target.of(&from);
        let (a, b) = (call.path(&from), call.path(&to));
        let done = call.files().rename(&a, &b);
        if let Err(fault) = done {
            let text = match fault {
                Fault::NotFound if call.files().stat_link(&a).is_err() => {
                    format!("cannot stat '{from}': {fault}")
                }
                Fault::Invalid => {
                    format!("cannot move '{from}' to a subdirectory of itself, '{to}'")
                }
                _ => format!("cannot move '{from}' to '{to}': {fault}"),
            };
            status = call.fail(text);
        }
    }
    Ok(status)
}

fn rm(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("recursive", 'r'), ("force", 'f'), ("no-preserve-root", 'N'), ("dir", 'd')];
    let options = call.options("rRfivdIuzn:N", &long)?;
    let (deep, force) = (options.has('r') || options.has('R'), options.has('f'));
    if options.operands.is_empty() && !force {
        call.fail("missing operand");
        return Err(call.try_help());
    }
    let mut status = 0;
    for operand in &options.operands {
        call.world.step()?;
        let path = call.path(operand);
        if deep && path.trim_end_matches(['/', '.', '*']).is_empty() && !options.has('N') {
            call.fail("it is dangerous to operate recursively on '/'");
            status = call.fail("use --no-preserve-root to override this failsafe");
            continue;
        }
        let directory =
            matches!(call.files().stat_link(&path), Ok(stat) if stat.kind == Kind::Directory);
        let done = match (directory, deep) {
            (true, true) => call.files().remove_all(&path),
            (true, false) => Err(Fault::IsADirectory),
            (false, _) => call.files().remove(&path),
        };
        match done {
            Ok(()) if options.has('v') => call.say(format!("removed '{operand}'")),
            Ok(()) => {}
            Err(Fault::NotFound) if force => {}
            Err(fault) => status = call.fail(format!("cannot remove '{operand}': {fault}")),
        }
    }
    Ok(status)
}

fn rmdir(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("pv", &[("ignore-fail-on-non-empty", 'i')])?;
    let mut status = 0;
    for operand in &options.operands {
        call.world.step()?;
        let path = call.path(operand);
        let done = call.files().remove_directory(&path);
        if let Err(fault) = done {
            status = call.fail(format!("failed to remove '{operand}': {fault}"));
        }
    }
    Ok(status)
}

fn mkdir(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("pvm:", &[("parents", 'p'), ("mode", 'm')])?;
    if options.operands.is_empty() {
        call.fail("missing operand");
        return Err(call.try_help());
    }
    let mut status = 0;
    for operand in &options.operands {
        let path = call.path(operand);
        let mut made = Ok(());
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        let steps: Vec<usize> = if options.has('p') { ends.collect() } else { Vec::new() };
        for end in steps.into_iter().take(64).chain([path.len()]) {
            call.world.step()?;
            made = call.files().make_directory(path.get(..end).unwrap_or_default());
            if made == Err(Fault::Exists) && options.has('p') {
                made = Ok(());
            }
        }
        if let Err(fault) = made {
            status = call.fail(format!("cannot create directory ‘{operand}’: {fault}"));
        }
    }
    Ok(status)
}

fn touch(call: &mut Call<'_, '_, '_>) -> Done {
    let long = [("no-create", 'c'), ("date", 'd'), ("reference", 'r')];
    let options = call.options("acmfht:d:r:", &long)?;
    let other = options.value('r').map(|path| call.path(path));
    let time = match other {
        Some(path) => call.files().stat(&path).map(|stat| stat.mtime).ok(),
        None => None,
    };
    let time = time.unwrap_or(call.world.now());
    let mut status = 0;
    for operand in &options.operands {
        call.world.step()?;
        let path = call.path(operand);
        let mut files = call.files();
        let done = match files.set_time(&path, time) {
            Err(Fault::NotFound) if options.has('c') => Ok(()),
            Err(Fault::NotFound) => files.append(&path, b""),
            done => done,
        };
        if let Err(fault) = done {
            status = call.fail(format!("cannot touch '{operand}': {fault}"));
        }
    }
    Ok(status)
}

fn truncate(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("cs:r:", &[("size", 's')])?;
    let size: u64 = options.value('s').and_then(|text| text.parse().ok()).unwrap_or(0);
    for operand in &options.operands {
        let path = call.path(operand);
        let content = call.files().read(&path).unwrap_or_default();
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        let head = content.get(..length).unwrap_or(&content);
        let done = call.files().keep(&path, head, size);
        if let Err(fault) = done {
            return Ok(call.fail(format!("cannot open '{operand}' for writing: {fault}")));
        }
    }
    Ok(0)
}

fn ln(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("sfnvTr", &[("symbolic", 's'), ("force", 'f')])?;
    let [target, rest @ ..] = options.operands.as_slice() else {
        call.fail("missing file operand");
        return Err(call.try_help());
    };
    let name = rest.first().map_or_else(|| file_name(target).to_owned(), Clone::clone);
    let mut path = call.path(&name);
    if call.files().is_directory(&path) {
        path = format!("{path}/{}", file_name(target));
    }
    if options.has('f') && call.files().remove(&path) == Err(Fault::Denied) {
        return Ok(call.fail(format!("cannot remove '{name}': {}", Fault::Denied)));
    }
    let done = if options.has('s') {
        call.files().link(target, &path)
    } else {
        // A second name of a file is as good as a copy here.
        let from = call.path(target);
        copy(call, &from, &path)
    };
    Ok(match done {
        Ok(()) => 0,
        Err(fault) => call.fail(format!("failed to create symbolic link '{name}': {fault}")),
    })
}

fn mktemp(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("dqup:t", &[("directory", 'd')])?;
    let mut bytes = [0; 10];
    (call.world.context.random)(&mut bytes);
    let letter = |byte: &u8| char::from(b'a' + byte % 26);
    let tail: String = bytes.iter().map(letter).collect();
    let directory = options.value('p').unwrap_or("/tmp");
    let path = match options.operands.first() {
        Some(template) => {
            let stem = template.trim_end_matches('X');
            let count = template.len() - stem.len();
            call.path(&format!("{stem}{}", tail.get(..count.min(10)).unwrap_or_default()))
        }
        None => format!("{directory}/tmp.{tail}"),
    };
    let done = if options.has('d') {
        call.files().make_directory(&path)
    } else {
        call.files().write(&path, b"")
    };
    match done {
        Ok(()) => call.say(path),
        Err(fault) => {
            return Ok(call.fail(format!("failed to create file via template '{path}': {fault}")));
        }
    }
    Ok(0)
}
