//! What a release costs on its way to a node that has the one before it.
//!
//! `DECNET_BENCH_OLD` and `DECNET_BENCH_NEW` name the two bundles.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use decnet::edge::release::{parcel, unpack};
use decnet::logic::release::parcel::compress;

use crate::machine::{most_resident, resident};
use crate::report::Report;

/// Names the parcel that a process of its own is to unpack, and the base that it builds on.
const CHILD: [&str; 3] = ["DECNET_BENCH_PARCEL", "DECNET_BENCH_BASE", "DECNET_BENCH_INTO"];

pub(crate) fn run(report: &mut Report) {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    if let (Some(parcel), base, Some(into)) = (named(CHILD[0]), named(CHILD[1]), named(CHILD[2])) {
        println!("{}", unpack_here(&parcel, base.as_deref(), &into));
        return;
    }
    let Some((old, new)) = named("DECNET_BENCH_OLD").zip(named("DECNET_BENCH_NEW")) else {
        eprintln!("    not measured: DECNET_BENCH_OLD and DECNET_BENCH_NEW name no bundles");
        return;
    };
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let bundle = fs::read(&new).expect("DECNET_BENCH_NEW is a bundle");
    let full = compress(&bundle, &[], 19).expect("there is memory").len();
    report.add(
        "the bundle, and as zstd makes it at level 19",
        sizes(bundle.len(), full),
        "",
        "",
        "",
    );
    drop(bundle);
    let tree = dir.path().join("old");
    let mut input = File::open(&old).expect("DECNET_BENCH_OLD is a bundle");
    let mut unpacked = unpack(&mut input, &tree, |_, _| Ok(())).expect("DECNET_BENCH_OLD is good");
    unpacked.tree.keep();
    for (what, bundle, base) in [
        ("parcel of all of it", &new, None),
        ("parcel of what differs", &new, Some(&old)),
        ("parcel of the same again", &old, Some(&old)),
    ] {
        let into = dir.path().join("parcel");
        let (figure, length) = packed(bundle, base.map(PathBuf::as_path), &into);
        let share = length as f64 / full as f64 * 100.0;
        report.add(what, figure, "", "", &format!("{share:.1} % of level 19"));
        let figure = unpacking(&into, base.map(|_| tree.as_path()), dir.path());
        report.add(&format!("{what}: unpacked"), figure, "20 MiB", "", "");
    }
}

fn sizes(plain: usize, packed: usize) -> String {
    format!("{plain} bytes, {packed}")
}

fn packed(bundle: &Path, base: Option<&Path>, into: &Path) -> (String, u64) {
    let mut out = File::create(into).expect("there is room");
    let mut bundle = File::open(bundle).expect("it was there");
    let ((made, most), seconds) = timed(|| {
        peak_of(|| parcel::pack(&mut bundle, base, &mut out).expect("the bundles are good"))
    });
    let files = (made.same, made.patched, made.whole);
    let figure = format!(
        "{} bytes in {seconds:.1} s and {most} MiB; files same, patched, whole: {files:?}",
        made.bytes
    );
    (figure, made.bytes)
}

/// Unpacks in a process of its own, which has not been large before.
fn unpacking(parcel: &Path, base: Option<&Path>, dir: &Path) -> String {
    let mut child = Command::new(std::env::current_exe().expect("it runs"));
    child.arg("parcel").env(CHILD[0], parcel).env(CHILD[2], dir.join("new"));
    if let Some(base) = base {
        child.env(CHILD[1], base);
    }
    let output = child.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    said.lines().next().unwrap_or("failed").to_owned()
}

fn unpack_here(parcel: &Path, base: Option<&Path>, into: &Path) -> String {
    let mut input = File::open(parcel).expect("it was just made");
    let ((unpacked, most), seconds) = timed(|| {
        peak_of(|| parcel::unpack(&mut input, into, base, |_, _| Ok(())).expect("it is good"))
    });
    unpacked.tree.remove().expect("it is ours");
    format!("{seconds:.2} s, {most} MiB more than before")
}

/// What `act` returns, and the seconds that it took.
fn timed<T>(act: impl FnOnce() -> T) -> (T, f64) {
    let begin = Instant::now();
    let done = act();
    (done, begin.elapsed().as_secs_f64())
}

/// What `act` returns, and by how many MiB this process was larger meanwhile.
fn peak_of<T>(act: impl FnOnce() -> T) -> (T, u64) {
    let own = std::process::id().cast_signed();
    // 5 forgets what the most was until now: proc_pid_clear_refs(5).
    fs::write("/proc/self/clear_refs", "5").expect("Linux has it");
    let before = resident(own);
    let done = act();
    (done, most_resident(own).saturating_sub(before) >> 20)
}
