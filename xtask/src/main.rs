//! Developer tasks: `cargo xtask <task>`. Each does all its own set-up.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line tool")]

mod apt;
mod bench;
mod bpf;
mod check;
mod dist;
mod fuzz;
mod generate;
mod layers;
mod licences;
mod run;
mod test;
mod up;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <task>
  up [OPTIONS]         build decnet and run `decnet up` with these options
  test [--exhaustive] [NAME]
                       everything, or the integration tests whose name contains NAME; with
                       --exhaustive they try every case where they otherwise try some
  bench [NAME]         measure, in a release build, beside peers; all, or what contains NAME
  check                format, lints, layers, licences
  dist [--key FILE]... [OPTIONS]
                       make a release tree and a bundle, signed by these keys; options are those of
                       `decnet release pack`
  fuzz [SECONDS] [TARGET]
                       look for inputs that break something, 10 s with each target
  generate             make the files anew that are made from the code
  build-ebpf [--check] build the capture programs; with --check compare them with the committed ones";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut words = args.iter().map(String::as_str);
    let task = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let done = match task {
        "bench" => bench::bench(&rest),
        "build-ebpf" => match rest.as_slice() {
            [] => bpf::build(),
            ["--check"] => bpf::compare().map(drop),
            _ => return wrong_use(),
        },
        "check" => check::run(),
        "dist" => dist::make(&rest),
        "fuzz" => fuzz::command(&rest),
        "generate" => generate::run(),
        "test" => test::run(&rest),
        "up" => up::run(&rest),
        _ => return wrong_use(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {task}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_use() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
