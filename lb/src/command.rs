//! Commands beside the daemon, and how they speak to whoever typed them.

pub mod config;
pub mod flow;
pub mod keepalive;
pub mod operate;
pub mod replay;
pub mod spawndaemon;
pub mod tcp_keepalive;

use std::io::Write as _;

/// Writes a line to stderr; a closed terminal is no reason to fail.
pub fn complain(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
