//! Runs the fuzz targets below `fuzz/` with cargo-fuzz.

use std::{
    fs,
    process::{ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{build, step, workspace};

/// Runs `target` with the options of libFuzzer, such as `-max_total_time=600`, until it finds something or is stopped.
///
/// Inputs are kept in `fuzz/corpus/`; the configuration starts from those of the tests. The parsers hold no `unsafe`, so
/// there is no sanitizer.
///
/// # Errors
/// When cargo-fuzz or a nightly toolchain is missing, or the target cannot be built.
pub fn run(target: &str, options: &[String]) -> Result<ExitCode> {
    let fuzz = || {
        let mut command = std::process::Command::new("cargo");
        command
            .args(["+nightly", "fuzz"])
            .current_dir(workspace::root());
        command
    };
    let is_there = fuzz()
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        bail!(
            "fuzzing needs a nightly toolchain and cargo-fuzz: \
             `rustup toolchain install nightly` and `cargo install cargo-fuzz --locked`"
        );
    }
    let corpus = workspace::root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
    let seeds: &[&str] = match target {
        "config" => &["tests/fixtures/conf/good", "tests/fixtures/conf/bad"],
        _ => &[],
    };
    let status = fuzz()
        .args(["run", "--sanitizer", "none", "--debug-assertions", target])
        .arg(&corpus)
        .args(seeds)
        .arg("--")
        .args(options)
        .env("LB_EBPF_OBJECT", build::ebpf()?)
        .status()
        .context("cannot start cargo")?;
    Ok(step::exit_code(status))
}
