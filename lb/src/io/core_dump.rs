//! Core dumps of processes that crash.

use std::fs;

use anyhow::Context as _;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};

/// What the kernel calls core dumps, on the whole machine.
const PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// What keepalived has it call them.
const DEFAULT: &str = "core";

/// Lets this process and its children leave core dumps when it is asked for (`-m`), or with a `pattern` (`-M`), `core` where
/// that says nothing. As with keepalived the pattern stays when the daemon ends: it is the machine's.
///
/// # Errors
/// When the kernel refuses.
pub fn allow(is_asked: bool, pattern: Option<Option<&str>>) -> anyhow::Result<()> {
    if !is_asked && pattern.is_none() {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_CORE, RLIM_INFINITY, RLIM_INFINITY).context("core dumps")?;
    if let Some(pattern) = pattern {
        fs::write(PATTERN, pattern.unwrap_or(DEFAULT)).context(PATTERN)?;
    }
    Ok(())
}
