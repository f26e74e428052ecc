use super::*;

#[test]
fn what_is_not_kept_goes_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let (there, deep) = (dir.path().join("there"), dir.path().join("there/a/b"));
    files::make_dir(&there).unwrap();
    let make = |fresh: &mut Fresh| {
        fresh.make_dir(&deep).unwrap();
        fresh.write(&deep.join("key"), b"x").unwrap();
    };
    let mut refused = Fresh::default();
    make(&mut refused);
    assert!(deep.join("key").exists());
    drop(refused);
    assert!(there.exists() && !there.join("a").exists());
    let mut used = Fresh::default();
    make(&mut used);
    std::fs::write(there.join("a/theirs"), "x").unwrap();
    drop(used);
    assert!(there.join("a/theirs").exists() && !deep.exists());
    let mut kept = Fresh::default();
    make(&mut kept);
    kept.keep();
    assert!(deep.join("key").exists());
}
