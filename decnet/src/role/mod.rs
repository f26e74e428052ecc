//! Wires: one file or folder per subcommand.
