//! Builds the capture programs, with whichever BPF toolchain there is.
//!
//! The stripped object and the versions that made it are committed, so that nobody needs a BPF
//! toolchain to build decnet. Two of them can make it: Debian's `rustc-web`, which brings `core`
//! for BPF compiled, and rustup's nightly with the component `rust-src`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::apt;
use crate::run::{find, output, run, say, top};

const TARGET: &str = "bpfel-unknown-none";
/// The linker's version, and the LLVM that Debian's compiler shares with it.
const LINKER: &str = "0.13.0";
const LLVM: &str = "22";

/// Variables of the cargo that runs us, which another cargo must not inherit.
const INHERITED: [&str; 11] = [
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A compiler for BPF.
enum Toolchain {
    /// Debian's.
    Debian,
    /// rustup's nightly, which builds `core` itself.
    Nightly,
}

/// What [`compare`] found.
pub(crate) enum Compared {
    /// The committed object is what this machine makes.
    Same,
    /// The machine's toolchain is another than the recorded one; this is what it makes.
    OtherToolchain(PathBuf),
}

fn committed() -> PathBuf {
    top().join("decnet-ebpf/programs.o")
}

fn recorded() -> PathBuf {
    top().join("decnet-ebpf/programs.toolchain")
}

/// Builds the programs and puts them where they are committed.
pub(crate) fn build() -> Result<()> {
    let (object, versions) = make()?;
    fs::copy(&object, committed()).context("cannot write decnet-ebpf/programs.o")?;
    fs::write(recorded(), versions).context("cannot write decnet-ebpf/programs.toolchain")?;
    say("wrote decnet-ebpf/programs.o and decnet-ebpf/programs.toolchain");
    Ok(())
}

/// Builds the programs and compares them with those that are committed.
pub(crate) fn compare() -> Result<Compared> {
    let (object, versions) = make()?;
    let known =
        fs::read_to_string(recorded()).context("cannot read decnet-ebpf/programs.toolchain")?;
    if versions != known {
        say(&format!(
            "this machine's BPF toolchain has moved on: it is\n{versions}and the committed programs \
             were made with\n{known}so its own build is tested instead of them"
        ));
        return Ok(Compared::OtherToolchain(object));
    }
    if fs::read(&object)? != fs::read(committed())? {
        bail!(
            "decnet-ebpf/programs.o is not what decnet-ebpf/src makes: run `cargo xtask build-ebpf` \
             and commit what it writes"
        );
    }
    say("decnet-ebpf/programs.o is what decnet-ebpf/src makes");
    Ok(Compared::Same)
}

/// Builds and strips; returns the object and the versions that made it.
fn make() -> Result<(PathBuf, String)> {
    let toolchain = toolchain()?;
    let linker = linker(&toolchain)?;
    let compiler = match toolchain {
        Toolchain::Debian => output(Command::new("/usr/bin/rustc").arg("--version")),
        Toolchain::Nightly => output(Command::new("rustc").args(["+nightly", "--version"])),
    };
    let compiler = compiler.context("the compiler does not say its version")?;
    let linker_version =
        output(Command::new(&linker).arg("--version")).context("bpf-linker does not run")?;
    say(&format!("building the capture programs with {compiler}, {linker_version}"));
    let target_dir = top().join("target-ebpf");
    let mut cargo = match toolchain {
        Toolchain::Debian => {
            let mut cargo = clean("/usr/bin/cargo");
            cargo.env("RUSTC", "/usr/bin/rustc");
            // One unstable feature of one crate: inline assembly for BPF.
            cargo.env("RUSTC_BOOTSTRAP", "aya_ebpf");
            cargo
        }
        Toolchain::Nightly => {
            let mut cargo = clean("cargo");
            cargo.args(["+nightly", "-Zbuild-std=core"]);
            cargo
        }
    };
    let flags = [
        "--cfg=bpf_target_arch=\"x86_64\"".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker.display()),
        format!("--remap-path-prefix={}=.", top().display()),
    ];
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    cargo.args(["build", "--locked", "--release", "--quiet", "--package", "decnet-ebpf"]);
    cargo.args([
        "--bin",
        "decnet-ebpf",
        "--features",
        "programs",
        "--target",
        TARGET,
        "--target-dir",
    ]);
    run(cargo.arg(&target_dir).current_dir(top()))?;
    let built = target_dir.join(TARGET).join("release/decnet-ebpf");
    let object = target_dir.join("programs.o");
    run(Command::new(strip()?).arg("-g").arg("-o").arg(&object).arg(&built))?;
    Ok((object, format!("{compiler}\n{linker_version}\n")))
}

/// A command without what the cargo that runs us has set.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in INHERITED {
        command.env_remove(name);
    }
    command
}

/// The compiler that is there, or Debian's after installing it.
fn toolchain() -> Result<Toolchain> {
    if has_debian() {
        say("BPF toolchain: Debian's rustc-web");
        return Ok(Toolchain::Debian);
    }
    if has_nightly() {
        say("BPF toolchain: rustup's nightly with rust-src");
        return Ok(Toolchain::Nightly);
    }
    apt::packages(&["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"]).context(
        "no BPF toolchain: either Debian's rustc-web, cargo-web and libstd-rust-web-dev-bpf, or \
         `rustup toolchain install nightly --component rust-src`",
    )?;
    if !has_debian() {
        bail!("Debian's packages are installed, and yet /usr/bin/rustc has no `core` for {TARGET}");
    }
    say("BPF toolchain: Debian's rustc-web, installed just now");
    Ok(Toolchain::Debian)
}

fn has_debian() -> bool {
    let sysroot = output(clean("/usr/bin/rustc").args(["--print", "sysroot"]));
    sysroot
        .is_some_and(|dir| PathBuf::from(dir).join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn has_nightly() -> bool {
    let mut nightly = clean("rustc");
    nightly.env("RUSTUP_AUTO_INSTALL", "0");
    let sysroot = output(nightly.args(["+nightly", "--print", "sysroot"]));
    sysroot.is_some_and(|dir| PathBuf::from(dir).join("lib/rustlib/src/rust/library/core").is_dir())
}

/// bpf-linker, installed where it is missing.
fn linker(toolchain: &Toolchain) -> Result<PathBuf> {
    let wanted = format!("bpf-linker {LINKER}");
    if let Some(linker) = find("bpf-linker")
        && output(Command::new(&linker).arg("--version")).as_deref() == Some(&wanted)
    {
        return Ok(linker);
    }
    say(&format!("installing bpf-linker {LINKER} with cargo, which takes a minute"));
    let mut install = clean("cargo");
    install.args(["install", "--quiet", "--locked", "--force", "bpf-linker", "--version", LINKER]);
    if matches!(toolchain, Toolchain::Debian) {
        let dev = format!("llvm-{LLVM}-dev");
        apt::packages(&[dev.as_str(), "zlib1g-dev", "libzstd-dev", "g++"])?;
        let prefix = format!("/usr/lib/llvm-{LLVM}");
        install.env(format!("LLVM_SYS_{LLVM}1_PREFIX"), &prefix).env("LLVM_PREFIX", &prefix);
        install.args(["--no-default-features", "--features", &format!("llvm-{LLVM}")]);
    }
    run(&mut install)?;
    find("bpf-linker").context("bpf-linker was installed, and is not on the path")
}

/// The program that takes out debug sections, in which alone two machines' builds differ.
fn strip() -> Result<PathBuf> {
    let names = [format!("llvm-strip-{LLVM}"), "llvm-strip".to_owned()];
    let there = |names: &[String]| names.iter().find_map(|name| find(name));
    if let Some(strip) = there(&names) {
        return Ok(strip);
    }
    apt::packages(&[&format!("llvm-{LLVM}")])?;
    there(&names).context("llvm-strip is missing: it is in Debian's package llvm")
}
