//! The commands that make, sign and check releases, as whoever holds the keys uses them.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use decnet_tests::releases::{Behaviour, Workshop};
use decnet_tests::world::decnet;

/// A directory with a tree to release, two keys for roots and two for releases.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("there is a temporary directory"));
        let tree = desk.0.path().join("tree");
        fs::create_dir_all(tree.join("bin")).expect("it is ours");
        fs::create_dir_all(tree.join("share")).expect("it is ours");
        fs::write(tree.join("bin/decnet"), "#!/bin/sh\n").expect("it is ours");
        fs::set_permissions(tree.join("bin/decnet"), fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        fs::write(tree.join("share/words"), "words").expect("it is ours");
        for name in ["root1", "root2", "rel1", "rel2"] {
            desk.done(&["keygen", "--out", name]);
        }
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a command says, and how it ends.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(decnet());
        command.current_dir(self.path()).arg("release").args(args);
        let output = command.env("DECNET_CONFIG", "/nonexistent").output().expect("it is built");
        let said = [output.stdout, output.stderr].concat();
        let code = output.status.code().expect("it ended by itself");
        (code, String::from_utf8_lossy(&said).into_owned())
    }

    fn done(&self, args: &[&str]) -> String {
        let (code, said) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }

    fn refused(&self, args: &[&str], code: i32, wanted: &str) {
        let (found, said) = self.run(args);
        assert!(said.contains(wanted), "{args:?}: {said}\nis not: {wanted}");
        assert_eq!(found, code, "{said}");
    }

    fn root(&self) {
        self.done(&[
            "root",
            "--out",
            "root.json",
            "--fleet",
            "lab",
            "--root-threshold",
            "2",
            "--root-key",
            "root1.pub",
            "--root-key",
            "root2.pub",
            "--release-threshold",
            "2",
            "--release-key",
            "rel1.pub",
            "--release-key",
            "rel2.pub",
        ]);
    }

    fn pack(&self, more: &[&str]) -> String {
        let pack = ["pack", "tree", "--out", "b.tar", "--fleet", "lab"];
        self.done(&[&pack[..], more].concat()).trim().to_owned()
    }
}

#[test]
fn a_release_is_packed_signed_by_enough_and_verified() {
    let desk = Desk::new();
    assert_eq!(fs::metadata(desk.path().join("rel1")).expect("it is there").mode() & 0o777, 0o600);
    let verify = ["verify", "b.tar", "--root", "root.json"];
    desk.root();
    let digest = desk.pack(&[]);
    desk.refused(&verify, 1, "`root.json`: 0 of its own 2 keys have signed it");
    desk.done(&["sign", "root.json", "--key", "root1", "--key", "root2"]);
    desk.refused(&verify, 1, "0 of 2 keys that it takes have signed it");
    desk.done(&["sign", "b.tar", "--key", "rel1"]);
    desk.done(&["sign", "b.tar", "--key", "rel1"]);
    desk.refused(&verify, 1, "1 of 2 keys that it takes have signed it");
    desk.done(&["sign", "b.tar", "--key", "rel2"]);
    assert_eq!(desk.done(&verify), format!("{digest} is signed by 2 keys and whole\n"));
    desk.refused(&[&verify[..], &["--arch", "aarch64"]].concat(), 1, "it is for x86_64");
    desk.refused(&[&verify[..], &["--kernel", "5.10"]].concat(), 1, "it needs Linux 5.19");
    let shown = desk.done(&["inspect", "b.tar", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(shown["digest"], digest.as_str());
    assert_eq!(shown["manifest"]["files"][1]["path"], "share/words");
    assert_eq!(shown["signed_by"].as_array().map(Vec::len), Some(2));
    assert!(desk.done(&["inspect", "root.json"]).contains("2 of 2"));
    assert!(desk.done(&["verify", "tree"]).contains(&digest));
    fs::write(desk.path().join("tree/share/more"), "").expect("it is ours");
    desk.refused(&["verify", "tree"], 1, "`share/more` is not of the release");
}

#[test]
fn the_same_tree_is_the_same_bundle_and_tar_can_read_it() {
    let desk = Desk::new();
    let when = ["--created", "2026-11-23T08:00:00Z", "--number", "7"];
    let first = desk.pack(&when);
    let bytes = fs::read(desk.path().join("b.tar")).expect("it is there");
    Command::new("touch").arg(desk.path().join("tree/share/words")).status().expect("it is there");
    assert_eq!(desk.pack(&when), first);
    assert_eq!(fs::read(desk.path().join("b.tar")).expect("it is there"), bytes);
    let listed = Command::new("tar").arg("-tvf").arg(desk.path().join("b.tar")).output();
    let listed = String::from_utf8(listed.expect("there is tar").stdout).expect("it is text");
    let names: Vec<_> = listed.lines().filter_map(|line| line.split(' ').next_back()).collect();
    assert_eq!(names, ["signatures.json", "release.json", "bin/decnet", "share/words"]);
    assert!(listed.contains("-r-xr-xr-x 0/0"), "{listed}");
}

#[test]
fn a_fleet_gets_new_keys_with_a_bundle() {
    let desk = Desk::new();
    desk.root();
    desk.done(&["sign", "root.json", "--key", "root1", "--key", "root2"]);
    desk.done(&["keygen", "--out", "rel3"]);
    desk.done(&[
        "root",
        "--from",
        "root.json",
        "--out",
        "2.json",
        "--new-epoch",
        "--release-key",
        "rel3.pub",
        "--release-threshold",
        "1",
    ]);
    desk.done(&["sign", "2.json", "--key", "root1"]);
    desk.pack(&["--epoch", "2"]);
    let sign = ["sign", "b.tar", "--key", "rel3", "--root", "2.json"];
    let verify = ["verify", "b.tar", "--root", "root.json"];
    desk.done(&sign);
    desk.refused(&verify, 1, "1 of 2 keys of the root before have signed it");
    desk.done(&["sign", "2.json", "--key", "root2"]);
    desk.done(&sign);
    assert!(desk.done(&verify).contains("signed by 1 keys"));
}

#[test]
fn wrong_use_and_what_cannot_be_read_is_said() {
    let desk = Desk::new();
    desk.pack(&[]);
    desk.refused(&["keygen", "--out", "rel1"], 1, "cannot make `rel1`");
    desk.refused(&["verify", "b.tar"], 2, "name it with --root");
    desk.refused(&["sign", "b.tar"], 2, "--key");
    desk.refused(&["sign", "b.tar", "--key", "rel1.pub"], 1, "`rel1.pub` holds no key");
    desk.refused(&["sign", "none.tar", "--key", "rel1"], 1, "cannot open `none.tar`");
    desk.refused(&["root", "--out", "r.json"], 2, "needs `--root-key`");
    desk.refused(&["inspect", "rel1"], 1, "it ends in the midst of `signatures.json`");
    let bytes = fs::read(desk.path().join("b.tar")).expect("it is there");
    fs::write(desk.path().join("cut.tar"), &bytes[..bytes.len() - 1]).expect("it is ours");
    desk.refused(&["sign", "cut.tar", "--key", "rel1"], 1, "it ends in the midst of");
    let left = fs::read_dir(desk.path()).expect("it is ours").flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0, "nothing half-written stays");
    fs::write(desk.path().join("empty"), "").expect("it is ours");
    desk.refused(&["sign", "empty", "--key", "rel1"], 1, "`empty` is empty");
}

#[test]
fn a_first_release_takes_the_place_of_nothing() {
    let shop = Workshop::open();
    let [bundle, other] = [1, 2].map(|number| shop.release(number, Behaviour::Good).path);
    let dir = tempfile::tempdir().expect("a directory");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
    let (opt, state) = (dir.path().join("opt"), dir.path().join("state"));
    let install = |bundle: &Path| {
        let mut command = Command::new(decnet());
        command
            .args(["release", "install", "--root"])
            .arg(shop.path().join("root.json"))
            .arg(bundle);
        command.arg("--install-dir").arg(&opt).arg("--state-dir").arg(&state);
        command.output().expect("it is built")
    };
    let fails_with = |bundle: &Path, word: &str| {
        let output = install(bundle);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(word), "{output:?}");
    };
    fs::create_dir_all(opt.join("current/bin")).expect("it is ours");
    fails_with(&bundle, "was put there by hand");
    fs::remove_dir_all(opt.join("current")).expect("it is ours");
    // Once more changes nothing.
    for _ in 0..2 {
        let output = install(&bundle);
        assert!(output.status.success(), "{output:?}");
    }
    let program = opt.join("current/bin/decnet");
    let version = Command::new(program).arg("--version").output().expect("it is there");
    assert!(version.status.success(), "{version:?}");
    fails_with(&other, "there is a release already");
}
