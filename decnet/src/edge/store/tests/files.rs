use super::scratch;
use crate::edge::store::{FileChange, Store, path};
use crate::logic::files::{Body, Change, MAX_ENTRIES, Node};
use crate::logic::time::Timestamp;

fn change(decky: &str, path: &str, content: Option<&[u8]>) -> FileChange {
    let node = content.map(|bytes| Node {
        body: Body::File { bytes: bytes.into(), len: bytes.len() as u64 },
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Timestamp(1),
    });
    FileChange { decky: decky.to_owned(), change: Change { path: path.to_owned(), node } }
}

fn paths(store: &Store, decky: &str) -> Vec<String> {
    store.files(decky).unwrap().into_iter().map(|change| change.path).collect()
}

#[test]
fn files_are_kept_replaced_and_forgotten() {
    let (dir, mut store) = scratch();
    let first = [
        change("a", "/x", Some(b"1")),
        change("a", "/y", Some(b"2")),
        change("b", "/x", Some(b"3")),
    ];
    assert_eq!(store.save_files(&first).unwrap(), 0);
    let next = [change("a", "/x", Some(b"new")), change("a", "/y", None)];
    assert_eq!(store.save_files(&next).unwrap(), 0);
    drop(store);
    let mut store = Store::create(&path(dir.path())).unwrap();
    assert_eq!(store.files("a").unwrap(), [next[0].change.clone()]);
    store.keep_files_of(&["b".to_owned()]).unwrap();
    assert_eq!((paths(&store, "a"), paths(&store, "b")), (vec![], vec!["/x".to_owned()]));
    store.forget_files("b").unwrap();
    assert_eq!(paths(&store, "b"), Vec::<String>::new());
}

#[test]
fn a_decky_keeps_no_more_than_it_can_hold() {
    let (_dir, mut store) = scratch();
    let many: Vec<_> =
        (0..3 * MAX_ENTRIES).map(|n| change("a", &format!("/{n}"), Some(b""))).collect();
    assert_eq!(store.save_files(&many).unwrap(), MAX_ENTRIES as u64);
    assert_eq!(paths(&store, "a").len(), 2 * MAX_ENTRIES);
    let big = vec![7; 60_000];
    let large: Vec<_> = (0..100).map(|n| change("b", &format!("/{n}"), Some(&big))).collect();
    assert!(store.save_files(&large).unwrap() >= 60);
    assert_eq!(store.save_files(&[change("b", "/0", Some(b"small"))]).unwrap(), 0);
}
