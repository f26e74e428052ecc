//! Signed releases that behave well, and in every way badly, and the keys that sign them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::decnet;

/// How a release behaves. What it does not do badly is done by the program that was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Its agent has no capability.
    Bare,
    /// Its agent ends at once.
    Crashing,
    /// Its agent stops to do anything, some time after it was ready.
    Freezing,
    /// As it should.
    Good,
    /// Its agent is never ready.
    Hanging,
    /// Its agent ends some time after it was ready, each time.
    Late,
    /// Its agent is that of the release before.
    Lying,
    /// Its updater ends at once.
    NoUpdater,
    /// Its self-check fails.
    Unfit,
    /// Its agent tells systemd once that it is ready, and never again that it is well.
    Unwatched,
}

impl Behaviour {
    /// What a script does before the program is run.
    fn script(self) -> Option<&'static str> {
        Some(match self {
            Self::Good => return None,
            Self::Bare => {
                "[ $1 = agent ] && exec setpriv --ambient-caps -all --inh-caps -all \
                 ${0%/*}/program \"$@\""
            }
            Self::Crashing => "[ $1 = agent ] && exit 3",
            Self::Freezing => "[ $1 = agent ] && { (sleep 3; kill -STOP $$) & }",
            Self::Hanging => "[ $1 = agent ] && exec sleep 1000",
            Self::Late => "[ $1 = agent ] && { (sleep 2; kill -9 $$) & }",
            Self::Lying => "[ $1 = agent ] && exec ${0%/*}/../../../prev/bin/decnet \"$@\"",
            Self::NoUpdater => "[ $1 = updater ] && exit 3",
            Self::Unwatched => "unset WATCHDOG_USEC WATCHDOG_PID",
            Self::Unfit => "[ $1 = selfcheck ] && { echo 'it is not well' >&2; exit 3; }",
        })
    }
}

/// What other capture programs a release has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    /// They do the same.
    Equal,
    /// The kernel refuses them.
    Refused,
}

impl Programs {
    /// Puts them in the place of those that are in `program`.
    fn put_into(self, program: &mut [u8]) {
        let is_object = |at: &[u8]| at.starts_with(b"\x7fELF") && at.get(18..20) == Some(&[247, 0]);
        let begin = program.windows(20).position(is_object).expect("there is an object for BPF");
        let object = program.get_mut(begin..).expect("it is there");
        match self {
            // Padding of its header, which nobody reads.
            Self::Equal => object[12] = 1,
            // No instructions, where its code is: after the header.
            Self::Refused => object[64..4_096].fill(0xff),
        }
    }
}

/// A place where releases are made.
#[derive(Debug)]
pub struct Workshop {
    dir: tempfile::TempDir,
}

impl Workshop {
    /// Makes one, with a root of trust that wants two of three keys.
    pub fn open() -> Self {
        let shop = Self { dir: tempfile::tempdir().expect("a directory") };
        fs::set_permissions(shop.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        for name in ["root-key", "key-1", "key-2", "key-3"] {
            shop.done(&["keygen", "--out", name]);
        }
        let mut line = vec!["root", "--out", "root.json", "--fleet", "lab"];
        line.extend(["--root-key", "root-key.pub", "--root-threshold", "1"]);
        for key in ["key-1.pub", "key-2.pub", "key-3.pub"] {
            line.extend(["--release-key", key]);
        }
        line.extend(["--release-threshold", "2"]);
        shop.done(&line);
        shop.done(&["sign", "root.json", "--key", "root-key"]);
        // What only a debugger reads is most of it.
        let mut strip = Command::new("strip");
        let stripped = strip.arg("-o").arg(shop.path().join("program")).arg(decnet()).status();
        assert!(stripped.expect("binutils are installed").success());
        shop
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs `decnet release` there; what it says.
    pub fn done(&self, args: &[&str]) -> String {
        let mut command = Command::new(decnet());
        command.current_dir(self.path()).arg("release").args(args);
        let output = command.env("DECNET_CONFIG", "/nonexistent").output().expect("it is built");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Makes a release of this number, and a bundle that two keys have signed.
    pub fn release(&self, number: u64, behaviour: Behaviour) -> Bundle {
        self.signed(self.unsigned(number, behaviour))
    }

    fn signed(&self, bundle: Bundle) -> Bundle {
        let file = bundle.path.display().to_string();
        self.done(&["sign", &file, "--key", "key-1", "--key", "key-2"]);
        bundle
    }

    /// The same of a good release before whose program this script is run.
    pub fn scripted(&self, number: u64, script: &str) -> Bundle {
        self.signed(self.packed(number, Some(script)))
    }

    /// The same of a release that is nothing but this script.
    pub fn script(&self, number: u64, text: &str) -> Bundle {
        let tree = self.tree(number);
        Self::put_script(&tree, text);
        self.signed(self.pack(number, &tree))
    }

    /// The same of a release with this script around the program that was built.
    pub fn around(&self, number: u64, text: &str) -> Bundle {
        let tree = self.tree(number);
        fs::hard_link(self.path().join("program"), tree.join("bin/program")).expect("it is ours");
        Self::put_script(&tree, &format!("{text}exec ${{0%/*}}/program \"$@\"\n"));
        self.signed(self.pack(number, &tree))
    }

    /// The same of a release with a file of so many bytes, all of them zeros.
    pub fn large(&self, number: u64, bytes: u64) -> Bundle {
        let tree = self.tree(number);
        let file = fs::File::create(tree.join("share/large")).expect("it is ours");
        file.set_len(bytes).expect("there is room");
        self.release(number, Behaviour::Good)
    }

    /// The same of a good release with other capture programs.
    pub fn with_programs(&self, number: u64, programs: Programs) -> Bundle {
        let mut program = fs::read(self.path().join("program")).expect("it is ours");
        programs.put_into(&mut program);
        let tree = self.tree(number);
        Self::put_script(&tree, "");
        fs::write(tree.join("bin/decnet"), program).expect("it is ours");
        self.signed(self.pack(number, &tree))
    }

    /// The same, signed by nobody.
    pub fn unsigned(&self, number: u64, behaviour: Behaviour) -> Bundle {
        self.packed(number, behaviour.script())
    }

    fn packed(&self, number: u64, script: Option<&str>) -> Bundle {
        let tree = self.tree(number);
        let program = self.path().join("program");
        let put = |name: &str| fs::hard_link(&program, tree.join("bin").join(name));
        match script {
            None => put("decnet").expect("it is ours"),
            Some(script) => {
                put("program").expect("it is ours");
                let text = format!("#!/bin/sh\n{script}\nexec ${{0%/*}}/program \"$@\"\n");
                Self::put_script(&tree, &text);
            }
        }
        self.pack(number, &tree)
    }

    fn tree(&self, number: u64) -> PathBuf {
        let tree = self.path().join(format!("tree-{number}"));
        fs::create_dir_all(tree.join("bin")).expect("it is ours");
        fs::create_dir_all(tree.join("share")).expect("it is ours");
        fs::write(tree.join("share/number"), number.to_string()).expect("it is ours");
        tree
    }

    fn put_script(tree: &Path, text: &str) {
        let path = tree.join("bin/decnet");
        fs::write(&path, text).expect("it is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }

    fn pack(&self, number: u64, tree: &Path) -> Bundle {
        let (tree, path) =
            (tree.display().to_string(), self.path().join(format!("release-{number}.tar")));
        let (number, out) = (number.to_string(), path.display().to_string());
        let pack = ["pack", &tree, "--out", &out, "--fleet", "lab", "--number", &number];
        Bundle { digest: self.done(&pack), path }
    }
}

/// A bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The release's digest.
    pub digest: String,
    /// The file.
    pub path: PathBuf,
}
