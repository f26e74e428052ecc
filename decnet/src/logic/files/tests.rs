use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::logic::decky::Secret;
use crate::logic::persona;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000_000);
const USER: Owner = Owner { uid: 1000, gid: 1000 };

fn debian() -> Identity {
    Identity::sample(persona::find("debian-12").unwrap())
}

fn text(access: &Access<'_>, path: &str) -> String {
    String::from_utf8(access.read(path).unwrap()).unwrap()
}

#[test]
fn an_untouched_decky_costs_two_words() {
    assert_eq!(size_of::<Files>(), 2 * size_of::<usize>());
    let mut files = Files::default();
    let decky = debian();
    files.by(&decky, Owner::ROOT, NOW).read("/etc/passwd").unwrap();
    assert_eq!(files.bytes(), 0);
    assert!(files.overlay.is_none());
}

#[test]
fn every_persona_has_a_sound_tree() {
    for persona in persona::ALL {
        let decky = Identity::sample(persona);
        let mut files = Files::default();
        let access = files.by(&decky, Owner::ROOT, NOW);
        let paths: BTreeSet<_> = access.tree.iter().map(|entry| entry.path).collect();
        for entry in access.tree.iter() {
            let path = entry.path;
            assert!(path == "/" || path::is_normal(path), "{path}");
            assert!(paths.contains(parent(path)), "{path} has no parent");
            if path != "/" {
                assert!(access.stat_link(path).is_ok(), "{path}");
            }
            assert!(entry.age.on(&decky, NOW) <= NOW, "{path}");
            let content = match entry.content {
                tree::Content::Text(_) => access.read(path).unwrap(),
                _ => Vec::new(),
            };
            assert!(!content.windows(2).any(|two| two == b"@{"), "{path} has an open token");
        }
    }
}

#[test]
fn links_of_the_base_lead_somewhere() {
    // These point out of what is modelled, or are links that dangle on a real system as well.
    let known = ["/dev/log", "/etc/localtime", "/etc/rmt", "/sys", "/usr/bin/tftpd"];
    for id in ["debian-12", "ubuntu-24.04", "freebsd-14"] {
        let decky = Identity::sample(persona::find(id).unwrap());
        let mut files = Files::default();
        let access = files.by(&decky, Owner::ROOT, NOW);
        for entry in access.tree.iter() {
            if known.contains(&entry.path) || entry.path.starts_with("/usr/bin/") {
                continue;
            }
            assert!(access.stat(entry.path).is_ok(), "{}", entry.path);
        }
    }
}

#[test]
fn files_agree_with_the_identity() {
    let decky = debian();
    let mut files = Files::default();
    let access = files.by(&decky, Owner::ROOT, NOW);
    assert_eq!(text(&access, "/etc/hostname"), "files-01\n");
    assert_eq!(text(&access, "/sys/class/net/eno1/address"), format!("{}\n", decky.mac));
    assert!(text(&access, "/etc/network/interfaces").contains("address 192.168.7.20/24"));
    assert!(text(&access, "/proc/version").contains(decky.persona.kernel));
    assert!(text(&access, "/etc/os-release").contains(decky.persona.system));
    assert!(access.stat("/boot/vmlinuz-6.1.0-37-amd64").is_ok());
    assert_eq!(text(&access, "/proc/cpuinfo").matches("processor\t:").count(), 4);
    let mut other = debian();
    other.secret = Secret([8; 32]);
    let mut files = Files::default();
    let theirs = text(&files.by(&other, Owner::ROOT, NOW), "/root/.ssh/id_ed25519");
    let ours = text(&files.by(&decky, Owner::ROOT, NOW), "/root/.ssh/id_ed25519");
    assert_ne!(ours, theirs);
    assert_eq!(ours, text(&files.by(&decky, Owner::ROOT, NOW), "/root/.ssh/id_ed25519"));
}

#[test]
fn a_program_begins_as_one_at_any_offset() {
    let decky = debian();
    let mut files = Files::default();
    let access = files.by(&decky, USER, NOW);
    let whole = access.read("/bin/echo").unwrap();
    assert_eq!(whole.get(..20).unwrap(), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0");
    assert_eq!(whole.len() as u64, access.stat("/bin/echo").unwrap().size);
    for offset in [1, 7, 8, 700, 4099] {
        let part = access.read_at("/bin/echo", offset, 100).unwrap();
        let at = usize::try_from(offset).unwrap();
        assert_eq!(part, whole.get(at..at + 100).unwrap());
    }
}

#[test]
fn permissions_hold_for_all_but_root() {
    let decky = debian();
    let mut files = Files::default();
    let mut user = files.by(&decky, USER, NOW);
    assert_eq!(user.read("/etc/shadow"), Err(Fault::Denied));
    assert_eq!(user.list("/root"), Err(Fault::Denied));
    assert_eq!(user.stat("/root/.my.cnf"), Err(Fault::Denied));
    assert_eq!(user.write("/etc/passwd", b"x"), Err(Fault::Denied));
    assert_eq!(user.write("/etc/new", b"x"), Err(Fault::Denied));
    assert_eq!(user.remove("/etc/passwd"), Err(Fault::Denied));
    assert_eq!(user.remove("/tmp/.X11-unix"), Err(Fault::NotPermitted));
    assert_eq!(user.set_mode("/etc/passwd", 0o666), Err(Fault::NotPermitted));
    assert_eq!(user.write("/tmp/mine", b"x"), Ok(()));
    assert_eq!(user.write("/home/deploy/mine", b"x"), Ok(()));
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    assert!(text(&root, "/etc/shadow").starts_with("root:$y$j9T$"));
    assert_eq!(root.stat("/tmp/mine").unwrap().uid, 1000);
    assert_eq!(root.set_owner("/tmp/mine", Owner::ROOT), Ok(()));
    assert_eq!(files.by(&decky, USER, NOW).remove("/tmp/mine"), Err(Fault::NotPermitted));
}

#[test]
fn what_is_written_is_read_listed_and_removed() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.make_directory("/tmp/a").unwrap();
    assert_eq!(root.make_directory("/tmp/a"), Err(Fault::Exists));
    root.write("/tmp/a/x", b"one").unwrap();
    root.append("/tmp/a/x", b"two").unwrap();
    root.append("/etc/hosts", b"1.2.3.4 evil\n").unwrap();
    root.link("a/x", "/tmp/l").unwrap();
    assert_eq!(text(&root, "/tmp/l"), "onetwo");
    assert_eq!(root.canonical("/tmp/a/../l").unwrap(), "/tmp/a/x");
    assert!(text(&root, "/etc/hosts").ends_with("1.2.3.4 evil\n"));
    assert!(text(&root, "/etc/hosts").starts_with("127.0.0.1"));
    let names: Vec<_> = root.list("/tmp").unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [".ICE-unix", ".X11-unix", ".font-unix", "a", "l"]);
    assert_eq!(root.remove_directory("/tmp/a"), Err(Fault::DirectoryNotEmpty));
    assert_eq!(root.remove("/tmp/a"), Err(Fault::IsADirectory));
    root.remove("/tmp/a/x").unwrap();
    root.remove_directory("/tmp/a").unwrap();
    assert_eq!(root.read("/tmp/l"), Err(Fault::NotFound));
    assert_eq!(root.read("/etc/hosts/x"), Err(Fault::NotADirectory));
    root.remove_all("/etc").unwrap();
    assert_eq!(root.read("/etc/hosts"), Err(Fault::NotFound));
    root.make_directory("/etc").unwrap();
    assert_eq!(root.list("/etc").unwrap(), []);
}

#[test]
fn a_directory_moves_with_what_was_changed_in_it() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.write("/etc/ssh/sshd_config.d/x.conf", b"x").unwrap();
    root.remove("/etc/ssh/moduli").unwrap();
    root.rename("/etc/ssh", "/opt/ssh").unwrap();
    assert_eq!(text(&root, "/opt/ssh/sshd_config.d/x.conf"), "x");
    assert!(text(&root, "/opt/ssh/sshd_config").contains("PermitRootLogin"));
    assert_eq!(root.stat("/opt/ssh/moduli"), Err(Fault::NotFound));
    assert_eq!(root.stat("/etc/ssh"), Err(Fault::NotFound));
    assert_eq!(root.rename("/opt", "/opt/ssh/opt"), Err(Fault::Invalid));
    root.rename("/opt/ssh", "/etc/ssh").unwrap();
    assert_eq!(text(&root, "/etc/ssh/sshd_config.d/x.conf"), "x");
    root.rename("/bin/wget", "/bin/good").unwrap();
    assert!(root.is_program("/bin/good"));
    assert!(!root.is_program("/bin/wget"));
}

#[test]
fn links_in_a_circle_end() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.link("/tmp/b/x/x/x", "/tmp/a").unwrap();
    root.link("/tmp/a/y/y/y", "/tmp/b").unwrap();
    assert_eq!(root.read("/tmp/a"), Err(Fault::Loop));
}

#[test]
fn devices_take_everything_and_keep_nothing() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.write("/dev/null", &[1; 100_000]).unwrap();
    root.append("/proc/sys/vm/drop_caches", b"3").unwrap();
    assert_eq!(root.write("/proc/none", b"3"), Err(Fault::NotFound));
    assert!(root.read("/dev/null").unwrap().is_empty());
    assert_eq!(root.read_at("/dev/zero", 9, 3).unwrap(), [0, 0, 0]);
    assert_eq!(files.bytes(), 0);
}

#[test]
fn a_full_overlay_has_no_space_left() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    assert_eq!(root.write("/tmp/big", &vec![1; MAX_FILE + 1]), Err(Fault::NoSpace));
    assert_eq!(root.read("/tmp/big").unwrap().len(), MAX_FILE);
    assert_eq!(root.stat("/tmp/big").unwrap().size, MAX_FILE as u64);
    let whole = vec![1; MAX_FILE];
    let written = (0..9).filter(|n| root.write(&format!("/tmp/{n}"), &whole).is_ok());
    assert_eq!(written.count(), 3);
    let made = (0..2000).filter(|n| root.make_directory(&format!("/tmp/d{n}")).is_ok());
    assert!(made.count() <= MAX_ENTRIES);
    assert!(files.bytes() <= MAX_BYTES);
}

#[test]
fn what_is_said_to_follow_reads_as_zeros() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    assert_eq!(root.keep("/tmp/x", &[1; 5], 5_000_000), Ok(5));
    assert_eq!(root.stat("/tmp/x").unwrap().size, 5_000_000);
    let read = root.read("/tmp/x").unwrap();
    assert!(read.len() == 5_000_000 && read[..5] == [1; 5] && read[5..].iter().all(|b| *b == 0));
    assert_eq!(root.read_at("/tmp/x", 3, 4).unwrap(), [1, 1, 0, 0]);
    assert_eq!(root.read_at("/tmp/x", 4_999_999, 4).unwrap(), [0]);
    assert!(root.read_at("/tmp/x", 5_000_000, 4).unwrap().is_empty());
    root.append("/tmp/x", &[2]).unwrap();
    assert_eq!(root.read_at("/tmp/x", 4_999_999, 4).unwrap(), [0, 2]);
}

/// As an upload does it: what is there can be looked at while it comes, and is whole at its end.
#[test]
fn a_file_that_is_written_in_pieces_grows_as_it_is_looked_at() {
    let decky = debian();
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    let at = root.open("/tmp/../tmp/x", Existing::Emptied).unwrap().unwrap();
    assert_eq!(at, "/tmp/x");
    root.write_at(&at, 0, &[1; 50_000]).unwrap();
    assert_eq!(root.stat("/tmp/x").unwrap().size, 50_000);
    assert_eq!(files.take_changes(), [], "it is not all there yet");
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.write_at(&at, 50_000, &[2; 50_000]).unwrap();
    assert!(!files.has_changes(), "it is not all there yet");
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.close(&at, Some("d1".into()));
    assert_eq!(root.read("/tmp/x").unwrap(), [[1; 50_000], [2; 50_000]].concat());
    let [change] = &files.take_changes()[..] else { panic!() };
    let Some(Node { body: Body::File { bytes, .. }, .. }) = &change.node else { panic!() };
    assert_eq!((bytes.len(), bytes.digest().map(|digest| &**digest)), (100_000, Some("d1")));
    // It went away meanwhile: what comes goes nowhere, and does no harm.
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    root.remove("/tmp/x").unwrap();
    root.write_at(&at, 0, b"late").unwrap();
    root.close(&at, None);
    assert!(root.stat("/tmp/x").is_err());
    assert_eq!(root.open("/dev/null", Existing::Emptied), Ok(None));
    let mut user = files.by(&decky, USER, NOW);
    assert_eq!(user.open("/etc/passwd", Existing::Kept), Err(Fault::Denied));
}

/// A file that is too large to be kept with its name comes back in pieces.
#[test]
fn a_large_file_comes_back_in_pieces() {
    let decky = debian();
    let mut files = Files::default();
    let body = Body::Stored { sha256: "d1".to_owned(), bytes: 100_000, len: 100_010 };
    let node = Node { body, mode: 0o644, uid: 0, gid: 0, mtime: NOW };
    files.restore(vec![Change { path: "/tmp/x".to_owned(), node: Some(node) }]);
    for n in 0..4 {
        files.restore_more("/tmp/x", &[n; 25_000]);
    }
    files.restore_more("/tmp/y", b"of nothing");
    assert_eq!((files.has_changes(), files.bytes()), (false, 100_000 + "/tmp/x".len()));
    let root = files.by(&decky, Owner::ROOT, NOW);
    let whole = [[0; 25_000], [1; 25_000], [2; 25_000], [3; 25_000]].concat();
    assert_eq!(root.read("/tmp/x").unwrap(), [&whole[..], &[0; 10]].concat());
}

#[test]
fn windows_does_not_tell_upper_from_lower_case() {
    let decky = Identity::sample(persona::find("windows-10").unwrap());
    let mut files = Files::default();
    let mut root = files.by(&decky, Owner::ROOT, NOW);
    assert_eq!(root.canonical("/windows/SYSTEM32/Cmd.exe").unwrap(), "/Windows/System32/cmd.exe");
    root.write("/USERS/public/New.txt", b"x").unwrap();
    assert_eq!(text(&root, "/users/Public/new.TXT"), "x");
    root.write("/users/public/NEW.txt", b"y").unwrap();
    assert_eq!(root.list("/Users/Public").unwrap().len(), 2);
}

#[test]
fn a_name_made_and_removed_again_leaves_nothing_to_keep() {
    let decky = debian();
    let mut files = Files::default();
    for n in 0..10_000 {
        let mut root = files.by(&decky, Owner::ROOT, NOW);
        root.write(&format!("/tmp/{n}"), b"x").unwrap();
        root.remove(&format!("/tmp/{n}")).unwrap();
    }
    assert_eq!(files.take_changes(), []);
    assert_eq!(files.bytes(), 0);
}

/// One thing that a visitor does.
#[derive(Clone, Debug)]
enum Act {
    Append(String, Vec<u8>),
    Chmod(String),
    Link(String, String),
    MakeDirectory(String),
    Remove(String),
    Rename(String, String),
    Take,
    Write(String, usize),
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof!["etc", "tmp", "ssh", "a", "b", "\\.\\.", "hosts", "bin", ".{0,3}"];
    prop::collection::vec(name, 1..5).prop_map(|names| format!("/{}", names.join("/")))
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (path(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(p, b)| Act::Append(p, b)),
        path().prop_map(Act::Chmod),
        (path(), path()).prop_map(|(a, b)| Act::Link(a, b)),
        path().prop_map(Act::MakeDirectory),
        path().prop_map(Act::Remove),
        (path(), path()).prop_map(|(a, b)| Act::Rename(a, b)),
        Just(Act::Take),
        (path(), 0..4 * PIECE).prop_map(|(p, n)| Act::Write(p, n)),
    ]
}

fn perform(files: &mut Files, decky: &Identity, owner: Owner, act: &Act) {
    let mut access = files.by(decky, owner, NOW);
    let _outcome = match act {
        Act::Append(path, bytes) => access.append(path, bytes),
        Act::Chmod(path) => access.set_mode(path, 0o700),
        Act::Link(target, path) => access.link(target, path),
        Act::MakeDirectory(path) => access.make_directory(path),
        Act::Remove(path) => access.remove_all(path),
        Act::Rename(from, to) => access.rename(from, to),
        Act::Take => Ok(()),
        Act::Write(path, count) => access.write(path, &vec![1; *count]),
    };
}

/// Every path of a decky that differs from the base, with what shows there.
fn shape(files: &mut Files, decky: &Identity) -> Vec<(String, Result<Stat, Fault>)> {
    let paths: Vec<String> = files
        .overlay
        .iter()
        .flat_map(|overlay| overlay.below("/").map(|(path, _)| path.to_owned()).collect::<Vec<_>>())
        .collect();
    let access = files.by(decky, Owner::ROOT, NOW);
    paths.into_iter().map(|path| (path.clone(), access.stat_link(&path))).collect()
}

proptest! {
    #[test]
    fn whatever_is_done_is_bounded_and_survives_a_restart(
        acts in prop::collection::vec((act(), any::<bool>()), 0..60),
    ) {
        let decky = debian();
        let mut files = Files::default();
        let mut kept = Files::default();
        for (act, as_root) in &acts {
            let owner = if *as_root { Owner::ROOT } else { USER };
            perform(&mut files, &decky, owner, act);
            prop_assert!(files.bytes() <= MAX_BYTES);
            if matches!(act, Act::Take) {
                let changes = postcard::to_allocvec(&files.take_changes()).unwrap();
                kept.restore(postcard::from_bytes(&changes).unwrap());
            }
        }
        kept.restore(files.take_changes());
        prop_assert_eq!(shape(&mut kept, &decky), shape(&mut files, &decky));
        prop_assert_eq!(kept.bytes(), files.bytes());
        prop_assert_eq!(kept.take_changes(), []);
    }
}
