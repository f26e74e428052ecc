use super::*;

#[test]
fn systemctl_is_looked_for_on_the_path_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |dir: &Path| Some(OsString::from(dir));
    assert_eq!(systemctl(None), None);
    assert_eq!(systemctl(path(dir.path())), None);
    std::fs::write(dir.path().join("systemctl"), "").expect("it is written");
    assert_eq!(systemctl(path(dir.path())), Some(dir.path().join("systemctl")));
}
