//! Runs benchmarks: the binary `bench` of the package `tests`.

use std::{
    io::{self, Write as _},
    path::Path,
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    build::{self, Profile},
    guest::{Guest, Program},
    packages, step, test, workspace,
};

/// The argument that has the benchmark run on the kernel of Debian's stable release, in a virtual machine.
const GUEST: &str = "--guest";
const LIMIT: Duration = Duration::from_secs(3600);

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
    if arguments.iter().any(|argument| argument == "keepalive") {
        packages::prepare(packages::SUPERVISORS)?;
    }
    if arguments.iter().any(|argument| argument == "tcp-keepalive") {
        packages::prepare(packages::PRELOAD)?;
    }
    let built = build::programs(Profile::Release, &["lb", "bench"])?;
    if arguments.iter().any(|argument| argument == GUEST) {
        let others = arguments.iter().filter(|argument| *argument != GUEST);
        return in_guest(&built, others.cloned().collect());
    }
    let status = Command::new(built.join("bench"))
        .current_dir(workspace::root())
        .args(arguments)
        .env(test::BINARY, built.join("lb"))
        .status()
        .context("cannot start the benchmarks")?;
    Ok(step::exit_code(status))
}

/// Runs the benchmark in the virtual machine.
fn in_guest(built: &Path, arguments: Vec<String>) -> Result<ExitCode> {
    let lb = built.join("lb").display().to_string();
    let program = Program {
        path: built.join("bench"),
        arguments,
        directory: workspace::root().to_owned(),
        environment: vec![(test::BINARY.to_owned(), lb)],
    };
    let mut stdout = io::stdout().lock();
    let passed = Guest::prepare()?.run(&program, 0, LIMIT, |line| {
        // A closed standard output ends nothing here.
        let _closed = writeln!(stdout, "{line}");
    })?;
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
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
