//! A decky's files, with any path.

use decnet::logic::files::{self, MAX_BYTES, Owner, absolute};

use crate::decky::Decky;

pub(crate) fn run(data: &[u8]) {
    let [persona, rest @ ..] = data else { return };
    let mut decky = Decky::new(*persona);
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.split('\n');
    while let Some(line) = lines.next() {
        let (verb, path) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
        let path = absolute("/home", path);
        let second = || lines.clone().next().unwrap_or_default().to_owned();
        let uid = if verb.is_empty() { 1000 } else { 0 };
        let (identity, now) = (decky.identity().clone(), decky.now);
        let mut access = decky.state.files.by(&identity, Owner { uid, gid: uid }, now);
        let done = match verb {
            "a" => access.append(&path, second().as_bytes()),
            "d" => access.make_directory(&path),
            "k" => access.keep(&path, second().as_bytes(), u64::MAX).map(drop),
            "l" => access.link(&second(), &path),
            "m" => access.set_mode(&path, 0o7777),
            "o" => access.set_owner(&path, Owner { uid: 5, gid: 6 }),
            "r" => access.remove(&path),
            "R" => access.remove_all(&path),
            "D" => access.remove_directory(&path),
            "t" => access.set_time(&path, now),
            "v" => access.rename(&path, &absolute("/", &second())),
            "w" => access.write(&path, second().as_bytes()),
            _ => access.read(&path).map(|bytes| assert!(bytes.len() <= files::READ_LIMIT)),
        };
        let _done = done;
        drop(access.read_at(&path, u64::MAX, 7));
        if let Ok(found) = access.canonical(&path) {
            assert!(found.starts_with('/'), "{found:?}");
            assert_eq!(access.canonical(&found), Ok(found.clone()), "found once more");
            drop((access.stat(&found), access.stat_link(&path)));
            if access.is_directory(&found) {
                drop(access.list(&found));
            }
        }
        assert!(decky.state.files.bytes() <= MAX_BYTES);
    }
    let changes = decky.state.files.take_changes();
    let mut again = Decky::new(*persona);
    again.state.files.restore(changes);
    assert_eq!(again.state.files.bytes(), decky.state.files.bytes(), "restored to the same");
}
