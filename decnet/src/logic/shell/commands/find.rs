//! `find`, `which`, `whereis`, `locate`.

use super::Command;
use crate::logic::files::{Kind, Stat, file_name};
use crate::logic::shell::account;
use crate::logic::shell::run::{Call, Done, Stop, matches};

/// Most entries that one `find` looks at.
const MAX_ENTRIES: usize = 4_000;

pub(super) fn find(name: &str) -> Option<Command> {
    Some(match name {
        "find" => search,
        "locate" | "mlocate" => |call| {
            call.complain(format!(
                "{}: /var/lib/mlocate/mlocate.db: No such file or directory",
                call.name
            ));
            Ok(1)
        },
        "readlink" => readlink,
        "realpath" => realpath,
        "whereis" => whereis,
        "which" => which,
        _ => return None,
    })
}

/// What an entry must be.
enum Test {
    Empty,
    Kind(char),
    Name(String, bool),
    Not(Box<Self>),
    Path(String),
    Permission(u16),
    Size(char, u64),
    User(u32),
}

/// What is done with an entry.
enum Act {
    Delete,
    Print,
    Run(Vec<String>),
}

struct Search {
    places: Vec<String>,
    tests: Vec<Test>,
    act: Act,
    depth: usize,
    least: usize,
}

fn search(call: &mut Call<'_, '_, '_>) -> Done {
    let search = parse(call)?;
    let (mut status, mut looked) = (0, 0);
    for place in &search.places {
        let mut pending = vec![(place.clone(), 0)];
        while let Some((shown, depth)) = pending.pop() {
            looked += 1;
            call.world.spend(usize::from(looked % 4 == 0));
            if looked > MAX_ENTRIES {
                return Ok(status);
            }
            let path = call.path(&shown);
            let stat = match call.files().stat_link(&path) {
                Ok(stat) => stat,
                Err(fault) => {
                    status = call.fail(format!("‘{shown}’: {fault}"));
                    continue;
                }
            };
            if depth >= search.least && search.tests.iter().all(|test| test.holds(&shown, &stat)) {
                act(call, &search.act, &shown, &path)?;
            }
            if stat.kind != Kind::Directory || depth >= search.depth {
                continue;
            }
            match call.files().list(&path) {
                Ok(entries) => pending.extend(entries.into_iter().rev().map(|(name, _)| {
                    (format!("{}/{name}", shown.trim_end_matches('/')), depth + 1)
                })),
                Err(fault) => status = call.fail(format!("‘{shown}’: {fault}")),
            }
        }
    }
    Ok(status)
}

fn act(call: &mut Call<'_, '_, '_>, act: &Act, shown: &str, path: &str) -> Done {
    match act {
        Act::Delete => {
            if let Err(fault) = call.files().remove_all(path) {
                call.fail(format!("cannot delete '{shown}': {fault}"));
            }
            Ok(0)
        }
        Act::Print => {
            call.say(shown);
            Ok(0)
        }
        Act::Run(words) => {
            let args = words.iter().map(|word| word.replace("{}", shown)).collect();
            call.world.named(call.shell, args, call.streams)
        }
    }
}

fn parse(call: &mut Call<'_, '_, '_>) -> Result<Search, Stop> {
    let args = std::mem::take(&mut call.args);
    let mut args = args.into_iter().peekable();
    let mut search =
        Search { places: Vec::new(), tests: Vec::new(), act: Act::Print, depth: 64, least: 0 };
    while let Some(place) = args.next_if(|arg| !arg.starts_with(['-', '!', '('])) {
        search.places.push(place);
    }
    if search.places.is_empty() {
        search.places.push(".".to_owned());
    }
    let mut negated = false;
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_default();
        let test = match arg.as_str() {
            "!" | "-not" => {
                negated = !negated;
                continue;
            }
            "-delete" => {
                search.act = Act::Delete;
                continue;
            }
            "-exec" | "-ok" | "-execdir" => {
                let words = args.by_ref().take_while(|word| !matches!(word.as_str(), ";" | "+"));
                search.act = Act::Run(words.collect());
                continue;
            }
            "-maxdepth" => {
                search.depth = value().parse().unwrap_or(64).min(64);
                continue;
            }
            "-mindepth" => {
                search.least = value().parse().unwrap_or(0);
                continue;
            }
            _ => match test(call, &arg, &mut value)? {
                Some(test) => test,
                None => continue,
            },
        };
        search.tests.push(if std::mem::take(&mut negated) {
            Test::Not(Box::new(test))
        } else {
            test
        });
    }
    Ok(search)
}

fn test(
    call: &mut Call<'_, '_, '_>,
    arg: &str,
    value: &mut dyn FnMut() -> String,
) -> Result<Option<Test>, Stop> {
    Ok(Some(match arg {
        "-empty" => Test::Empty,
        "-iname" => Test::Name(value().to_lowercase(), true),
        "-name" => Test::Name(value(), false),
        "-path" | "-wholename" | "-ipath" => Test::Path(value()),
        "-perm" => {
            let text = value();
            let octal = text.trim_start_matches(['-', '/', '+']);
            let named = octal.contains("u=s") || octal == "u+s";
            Test::Permission(u16::from_str_radix(octal, 8).unwrap_or(if named {
                0o4000
            } else {
                0
            }))
        }
        "-size" => size(&value()),
        "-type" => Test::Kind(value().chars().next().unwrap_or('f')),
        "-uid" => Test::User(value().parse().unwrap_or(0)),
        "-user" => {
            let name = value();
            let found = account::find(&call.files(), &name);
            let Some(account) = found else {
                return Err(Stop::Status(
                    call.fail(format!("‘{name}’ is not the name of a known user")),
                ));
            };
            Test::User(account.uid)
        }
        "-atime" | "-ctime" | "-fstype" | "-group" | "-mmin" | "-mtime" | "-newer" | "-printf"
        | "-regex" | "-links" | "-inum" | "-amin" | "-cmin" | "-gid" | "-regextype" => {
            value();
            return Ok(None);
        }
        "-a" | "-and" | "-daystart" | "-depth" | "-executable" | "-follow" | "-ls" | "-mount"
        | "-o" | "-or" | "-print" | "-print0" | "-prune" | "-readable" | "-writable" | "-xdev"
        | "(" | ")" | "-quit" | "-noleaf" => return Ok(None),
        _ => return Err(Stop::Status(call.fail(format!("unknown predicate `{arg}'")))),
    }))
}

fn size(text: &str) -> Test {
    let sign = text.chars().next().filter(|c| matches!(c, '+' | '-')).unwrap_or('=');
    let text = text.trim_start_matches(['+', '-']);
    let unit = match text.chars().last() {
        Some('c') => 1,
        Some('k') => 1024,
        Some('M') => 1024 * 1024,
        Some('G') => 1024 * 1024 * 1024,
        _ => 512,
    };
    let number: u64 = text.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0);
    Test::Size(sign, number.saturating_mul(unit))
}

impl Test {
    fn holds(&self, path: &str, stat: &Stat) -> bool {
        match self {
            Self::Empty => stat.kind == Kind::File && stat.size == 0,
            Self::Kind(letter) => {
                let is = match stat.kind {
                    Kind::Device => "bc",
                    Kind::Directory => "d",
                    Kind::File => "f",
                    Kind::Link(_) => "l",
                };
                is.contains(*letter)
            }
            Self::Name(pattern, true) => matches(pattern, &file_name(path).to_lowercase()),
            Self::Name(pattern, false) => matches(pattern, file_name(path)),
            Self::Not(test) => !test.holds(path, stat),
            Self::Path(pattern) => matches(pattern, path),
            Self::Permission(bits) => stat.mode & bits == *bits,
            Self::Size('+', bytes) => stat.size > *bytes,
            Self::Size('-', bytes) => stat.size < *bytes,
            Self::Size(_, bytes) => stat.size.div_ceil(512) == bytes.div_ceil(512),
            Self::User(uid) => stat.uid == *uid,
        }
    }
}

fn which(call: &mut Call<'_, '_, '_>) -> Done {
    let mut status = 0;
    for name in std::mem::take(&mut call.args) {
        if name.starts_with('-') {
            continue;
        }
        match call.world.locate(call.shell, &name) {
            Some(path) => call.say(path),
            None => status = 1,
        }
    }
    Ok(status)
}

fn whereis(call: &mut Call<'_, '_, '_>) -> Done {
    for name in std::mem::take(&mut call.args) {
        if name.starts_with('-') {
            continue;
        }
        let places = ["/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/lib/", "/etc/"];
        let files = call.files();
        let found: String = places
            .iter()
            .map(|place| format!("{place}{name}"))
            .filter(|path| files.stat(path).is_ok())
            .map(|path| format!(" {path}"))
            .collect();
        call.say(format!("{name}:{found}"));
    }
    Ok(0)
}

fn readlink(call: &mut Call<'_, '_, '_>) -> Done {
    let options = call.options("fenmqsvz", &[("canonicalize", 'f')])?;
    if options.has('f') || options.has('e') || options.has('m') {
        call.args = options.operands;
        return realpath(call);
    }
    let mut status = 0;
    for operand in &options.operands {
        let path = call.path(operand);
        match call.files().stat_link(&path).map(|stat| stat.kind) {
            Ok(Kind::Link(target)) => call.say(target),
            _ => status = 1,
        }
    }
    Ok(status)
}

fn realpath(call: &mut Call<'_, '_, '_>) -> Done {
    let mut status = 0;
    for operand in std::mem::take(&mut call.args) {
        if operand.starts_with('-') {
            continue;
        }
        let path = call.path(&operand);
        // The last name need not be there.
        let parent = call.files().canonical(crate::logic::files::parent(&path));
        let whole = call.files().canonical(&path);
        match whole.or_else(|_| {
            parent.map(|parent| format!("{}/{}", parent.trim_end_matches('/'), file_name(&path)))
        }) {
            Ok(path) => call.say(path),
            Err(fault) => status = call.fail(format!("{operand}: {fault}")),
        }
    }
    Ok(status)
}
