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

/// Builds everything and tells what the kernel's verifier makes of the programs.
///
/// # Errors
/// When something cannot be built.
pub fn verifier(keep: bool) -> Result<ExitCode> {
    let built = build::programs(Profile::Dev, &["verifier"])?;
    let status = Command::new(built.join("verifier"))
        .current_dir(workspace::root())
        .args(keep.then_some("--keep"))
        .status()
        .context("cannot start the program that asks the verifier")?;
    Ok(step::exit_code(status))
}
