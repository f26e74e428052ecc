//! Puts the capture programs where the library includes them from.
//!
//! They come committed, so that no BPF toolchain is needed. `DECNET_BPF_OBJECT` names another
//! object: `cargo xtask test` uses it to test what the machine's own toolchain has just built.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=DECNET_BPF_OBJECT");
    let object = std::env::var_os("DECNET_BPF_OBJECT")
        .map_or_else(|| Path::new("../decnet-ebpf/programs.o").to_owned(), PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let copied = std::fs::copy(&object, out.join("programs.o"));
    assert!(copied.is_ok(), "cannot read `{}`: {copied:?}", object.display());
}
