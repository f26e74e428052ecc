//! Fuzzing with libFuzzer, which runs on stable Rust: its coverage is a pass of the compiler's own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::apt;
use crate::run::{cargo, run, say, target_dir, top};

/// Seconds for each target unless said otherwise.
const SECONDS: u64 = 10;
/// Targets at a time, as many as the smallest machine has cores.
const AT_A_TIME: usize = 2;
/// What one run may take up; beyond that it has found something.
const LIMITS: [&str; 3] = ["-rss_limit_mb=512", "-timeout=10", "-max_len=4096"];
/// How long a target may take to load its seeds and to end, on top of its time.
const GRACE: Duration = Duration::from_secs(120);

/// A target at work.
struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Drop for Running {
    /// Nothing is left behind when another target's trouble ends the task.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// `[SECONDS] [TARGET]`.
pub(crate) fn command(args: &[&str]) -> Result<()> {
    let (seconds, rest) = match args.split_first() {
        Some((first, rest)) if first.bytes().all(|c| c.is_ascii_digit()) => {
            (first.parse().context("so many seconds there are not")?, rest)
        }
        _ => (SECONDS, args),
    };
    let known = targets()?;
    if let Some(unknown) = rest.iter().find(|name| !known.iter().any(|known| known == *name)) {
        bail!("no target `{unknown}`: there are {}", known.join(", "));
    }
    let chosen =
        if rest.is_empty() { known } else { rest.iter().map(|&name| name.into()).collect() };
    all(seconds, chosen)
}

/// Runs every target for so many seconds.
pub(crate) fn each(seconds: u64) -> Result<()> {
    all(seconds, targets()?)
}

fn all(seconds: u64, mut waiting: Vec<String>) -> Result<()> {
    apt::programs(&[("g++", "g++")])?;
    let began = Instant::now();
    let program = build()?;
    say(&format!(
        "{} fuzz targets, {seconds} s each; built in {} s",
        waiting.len(),
        began.elapsed().as_secs()
    ));
    waiting.reverse();
    let count = waiting.len();
    let mut found = Vec::new();
    let mut slots: Vec<Running> = Vec::new();
    while !waiting.is_empty() || !slots.is_empty() {
        while slots.len() < AT_A_TIME
            && let Some(name) = waiting.pop()
        {
            slots.push(start(&program, name, seconds)?);
        }
        // The one that began first ends first, or nearly so.
        found.extend(finish(slots.remove(0), Duration::from_secs(seconds) + GRACE)?);
    }
    if found.is_empty() {
        println!("{count} targets ran, nothing was found, {} s in all", began.elapsed().as_secs());
        return Ok(());
    }
    bail!("found by {}; what did it lies in {}", found.join(", "), folder("crashes").display())
}

/// The names of all targets: those of their files.
fn targets() -> Result<Vec<String>> {
    let dir = top().join("tests/fuzz/src/targets");
    let entries = fs::read_dir(&dir).with_context(|| format!("cannot read `{}`", dir.display()))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Builds them all, and keeps the program where no other build replaces it.
fn build() -> Result<PathBuf> {
    say("building the fuzz targets");
    let mut build =
        cargo(&["build", "--quiet", "--package", "decnet-fuzz", "--features", "libfuzzer"]);
    build.env("RUSTC_WORKSPACE_WRAPPER", top().join("tests/fuzz/rustc"));
    // Half-compiled pieces of other builds are of no use, and nobody builds on these.
    run(build.env("CARGO_INCREMENTAL", "0"))?;
    let built = target_dir().join("debug/fuzz");
    let kept = folder("").join("fuzz");
    fs::create_dir_all(folder("crashes")).context("cannot make a folder for crashes")?;
    fs::copy(&built, &kept).with_context(|| format!("cannot copy `{}`", built.display()))?;
    Ok(kept)
}

fn start(program: &Path, name: String, seconds: u64) -> Result<Running> {
    // New inputs go to the first folder, and stay for the next run.
    let corpus = folder("corpus").join(&name);
    fs::create_dir_all(&corpus).context("cannot make a folder for inputs")?;
    let log = folder("").join(format!("{name}.log"));
    let output = File::create(&log).with_context(|| format!("cannot write `{}`", log.display()))?;
    let mut command = Command::new(program);
    command.env("DECNET_FUZZ_TARGET", &name).env("RUST_BACKTRACE", "1").args(LIMITS);
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/{name}-", folder("crashes").display()));
    command.arg(corpus);
    let seeds = top().join("tests/fuzz/corpus").join(&name);
    command.args(Some(seeds).filter(|seeds| seeds.is_dir()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let child = command.spawn().with_context(|| format!("cannot start `{}`", program.display()))?;
    Ok(Running { name, child, log })
}

/// Waits for a target, and gives its name if it has found something.
fn finish(mut running: Running, patience: Duration) -> Result<Option<String>> {
    let until = Instant::now() + patience;
    let status = loop {
        match running.child.try_wait().context("cannot wait for a target")? {
            Some(status) => break Some(status),
            None if Instant::now() > until => break None,
            None => std::thread::park_timeout(Duration::from_millis(50)),
        }
    };
    let log = fs::read(&running.log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let runs = log.lines().find(|line| line.starts_with("Done ")).map(str::to_owned);
    if let (Some(status), Some(runs)) = (status, runs)
        && status.success()
    {
        println!("{:14} {runs}", running.name);
        return Ok(None);
    }
    // The stack, what it said, and the input in full are at the end.
    let lines: Vec<&str> = log.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(60)..).unwrap_or(&lines);
    println!("{:14} FOUND SOMETHING\n{}", running.name, tail.join("\n"));
    Ok(Some(std::mem::take(&mut running.name)))
}

fn folder(name: &str) -> PathBuf {
    target_dir().join("fuzz").join(name)
}
