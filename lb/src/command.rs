//! Commands beside the daemon, and how they speak to whoever typed them.

pub mod config;
pub mod flow;
pub mod genhash;
pub mod keepalive;
pub mod manual;
pub mod operate;
pub mod replay;
pub mod spawndaemon;
pub mod tcp_keepalive;
pub mod version;

use std::io::Write as _;

use anyhow::Context as _;

/// Writes a line to stderr; a closed terminal is no reason to fail.
pub fn complain(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Writes to stdout.
///
/// # Errors
/// When it is closed.
pub fn write_out(text: &str) -> anyhow::Result<()> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("stdout")
}
