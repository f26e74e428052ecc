//! Listings, as each server writes them.

use super::place::User;
use super::words::Server;
use crate::logic::files::{Access, Fault, Kind, Stat, file_name, parent};
use crate::logic::services::listing::{self, Days};
use crate::logic::services::{Context, account};
use crate::logic::time::Timestamp;

/// Most steps that matching a name against a pattern takes.
const MAX_STEPS: usize = 100_000;

/// What is to be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Names alone.
    Names,
    /// A line that describes each.
    Lines,
}

/// The options that stand before a path, as letters, and the path.
fn split(argument: &str) -> (&str, &str) {
    match argument.strip_prefix('-') {
        Some(rest) => rest.split_once(' ').unwrap_or((rest, "")),
        None => ("", argument),
    }
}

/// The listing that `LIST` or `NLST` with this argument gives.
///
/// # Errors
///
/// There is nothing of that name.
pub(super) fn listing(
    user: &User,
    argument: &str,
    form: Form,
    server: Server,
    context: &mut Context<'_>,
) -> Result<Vec<u8>, Fault> {
    let (options, path) = split(argument);
    let form = if options.contains('l') { Form::Lines } else { form };
    let now = context.now;
    let path = user.path(path, server);
    let files = user.files(context);
    let mut entries = find(user, &path, &files)?;
    let shows_all = options.contains(['a', 'A']) || (server == Server::Bsd && form == Form::Lines);
    if server != Server::Iis && !shows_all {
        entries.retain(|(name, _)| !name.starts_with('.'));
    }
    if options.contains('t') {
        entries.sort_by_key(|(_, stat)| std::cmp::Reverse(stat.mtime));
    }
    if options.contains('r') {
        entries.reverse();
    }
    let real = user.real(&path);
    if options.contains('a') && server != Server::Iis && files.is_directory(&real) {
        let dots = [(".", real.as_str()), ("..", parent(&real))];
        let dots =
            dots.iter().filter_map(|(name, at)| Some(((*name).to_owned(), files.stat(at).ok()?)));
        entries.splice(0..0, dots.collect::<Vec<_>>());
    }
    let lines: Vec<String> = match form {
        Form::Names => entries.into_iter().map(|(name, _)| name).collect(),
        Form::Lines => described(&entries, &files, server, now),
    };
    let mut text = Vec::new();
    for line in lines {
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    Ok(text)
}

/// What a path, whose last name may be a pattern, leads to.
fn find(user: &User, path: &str, files: &Access<'_>) -> Result<Vec<(String, Stat)>, Fault> {
    let real = user.real(path);
    let name = file_name(path);
    if name.contains(['*', '?']) {
        let mut entries = files.list(&user.real(parent(path)))?;
        entries.retain(|(known, _)| matches(name, known));
        return Ok(entries);
    }
    let stat = files.stat(&real)?;
    if stat.kind == Kind::Directory {
        return files.list(&real);
    }
    Ok(vec![(name.to_owned(), files.stat_link(&real)?)])
}

/// Whether a name is as a pattern of `*` and `?` says.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut pos, mut star) = (0, 0, None);
    for _ in 0..MAX_STEPS {
        match (pattern.get(at), name.get(pos)) {
            (Some('*'), _) => {
                star = Some((at, pos));
                at += 1;
            }
            (None, None) => return true,
            (Some(wanted), Some(c)) if *wanted == '?' || wanted == c => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((back, from)) = star.filter(|(_, from)| *from < name.len()) else {
                    return false;
                };
                star = Some((back, from + 1));
                (at, pos) = (back + 1, from + 1);
            }
        }
    }
    false
}

fn described(
    entries: &[(String, Stat)],
    files: &Access<'_>,
    server: Server,
    now: Timestamp,
) -> Vec<String> {
    let line = |[user, group]: [&str; 2], name: &str, stat: &Stat, days| {
        let line = listing::line(name, stat, [user, group], now, days);
        match &stat.kind {
            Kind::Link(target) => format!("{line} -> {target}"),
            _ => line,
        }
    };
    match server {
        Server::Iis => entries.iter().map(|(name, stat)| dos(name, stat)).collect(),
        Server::Printer => {
            let owner = ["JetDirect", "public"];
            entries.iter().map(|(name, stat)| line(owner, name, stat, Days::Spaced)).collect()
        }
        // It tells numbers, not names, unless it is told to.
        Server::Vsftpd => entries
            .iter()
            .map(|(name, stat)| {
                let [user, group] = [stat.uid.to_string(), stat.gid.to_string()];
                line([&user, &group], name, stat, Days::Zeroed)
            })
            .collect(),
        Server::Bsd => {
            let (users, groups) = (account::all(files), account::groups(files));
            let blocks: u64 = entries.iter().map(|(_, stat)| stat.size.div_ceil(512)).sum();
            let described = entries.iter().map(|(name, stat)| {
                let user = users.iter().find(|user| user.owner.uid == stat.uid);
                let user = user.map_or_else(|| stat.uid.to_string(), |user| user.name.clone());
                let group = groups.iter().find(|(_, gid)| *gid == stat.gid);
                let group = group.map_or_else(|| stat.gid.to_string(), |(name, _)| name.clone());
                line([&user, &group], name, stat, Days::Spaced)
            });
            std::iter::once(format!("total {blocks}")).chain(described).collect()
        }
    }
}

/// A line as IIS writes it unless told otherwise.
fn dos(name: &str, stat: &Stat) -> String {
    let time = stat.mtime.format("%m-%d-%y  %I:%M%p");
    match stat.kind {
        Kind::Directory => format!("{time}       <DIR>          {name}"),
        _ => format!("{time}{:>21} {name}", stat.size),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_as_in_a_shell() {
        for (pattern, name, wanted) in [
            ("*", "a.txt", true),
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("a?c*", "abcd", true),
            ("a?c*", "ac", false),
            ("**a*b*", "xxaxxb", true),
            ("?", "", false),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(2000), &"a".repeat(255)));
    }
}
