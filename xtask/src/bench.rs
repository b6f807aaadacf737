//! Runs benchmarks: the binary `bench` of the package `tests`.

use std::process::ExitCode;

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
    let lb = build::lb(Profile::Release)?;
    let status = workspace::cargo()
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "tests",
            "--bin",
            "bench",
            "--",
        ])
        .args(arguments)
        .env(test::BINARY, lb)
        .status()
        .context("cannot start cargo")?;
    Ok(step::exit_code(status))
}
