//! The one binary: `decnet <role>`.

use std::process::ExitCode;

fn main() -> ExitCode {
    decnet::cli::main()
}
