//! Runs benchmarks: the binary `bench` of the package `tests`.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::{
    build::{self, Profile},
    packages, step, test, workspace,
};

/// Builds everything in release and runs the benchmark named by the first of `arguments`.
///
/// Only the benchmark writes to standard output.
///
/// # Errors
/// When the tree has no benchmarks, or something cannot be prepared or built.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    if !workspace::root()
        .join("tests/src/bin/bench/main.rs")
        .is_file()
    {
        bail!("this tree has no benchmarks (tests/src/bin/bench/main.rs)");
    }
    packages::prepare(packages::NETNS)?;
    let built = build::programs(Profile::Release, &["lb", "bench"])?;
    let status = Command::new(built.join("bench"))
        .current_dir(workspace::root())
        .args(arguments)
        .env(test::BINARY, built.join("lb"))
        .status()
        .context("cannot start the benchmarks")?;
    Ok(step::exit_code(status))
}
