//! The one binary: `decnet <role>`.

fn main() {}
