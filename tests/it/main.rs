//! One binary with all integration tests: real kernel, real namespaces, real clients.

mod browser;
mod dashboard;
