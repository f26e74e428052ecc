//! One binary with all integration tests: real kernel, real namespaces, real clients.
//!
//! They need root, and fail without it. Each makes a world of its own (`world`): two network
//! namespaces with a wire between them, a state directory and an agent. Nothing leaves them, and
//! nothing is left of them, also when this process is killed.
#![allow(clippy::print_stderr, reason = "a failing test says what it saw")]

mod badinput;
mod browser;
mod capture;
mod claims;
mod clsact;
mod confinement;
mod crash;
mod credentials;
mod crowds;
mod dashboard;
mod deckies;
mod events;
mod evidence;
mod fleet;
mod frames;
mod ftp;
mod hostile;
mod http;
mod join;
mod journal;
mod logins;
mod metrics;
mod operator;
mod redis;
mod release;
mod remote;
mod restart;
mod revocation;
mod rollout;
mod rooms;
mod ssh;
mod strangers;
mod succession;
mod swarm;
mod telnet;
mod up;
mod updater;
