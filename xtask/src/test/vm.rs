//! The tier `vm`: tests of other tiers on the kernel of Debian's stable release.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{BINARY, Tally};
use crate::{
    build::{self, Profile},
    guest::{Guest, Program},
    step, workspace,
};

/// How much longer than here everything may take: the machine is translated.
const SLOWNESS: &str = "10";
/// The variable that tells the tests so, see [`crate::lab::slowness`].
const PATIENCE: &str = "LB_PATIENCE";
/// Every program has to load, and a packet of each kind to be right.
const DATAPATH: &[&str] = &[
    "forward::",
    "reply::",
    "tunnel::",
    "full_nat::a_flow",
    "heartbeat::",
];
/// Daemons, addresses and traffic, with programs attached as this kernel can.
const NETNS: &[&str] = &["full_nat::", "local::"];
const LIMIT: Duration = Duration::from_secs(900);

/// Runs the tests in the machine.
pub(super) fn run() -> Result<Tally> {
    let lb = build::lb(Profile::Dev)?;
    let guest = Guest::prepare()?;
    let mut tally = Tally::default();
    for (target, filters) in [("ipvs", &[][..]), ("datapath", DATAPATH), ("netns", NETNS)] {
        let program = program(target, filters, &lb)?;
        step::say(&format!("vm: {target}"));
        let passed = guest.run(&program, LIMIT, |line| {
            // A closed standard output must not end the tests.
            let _closed = writeln!(io::stdout(), "{line}");
            tally.count_line(line);
        })?;
        if !passed && tally.failed == 0 {
            tally.failed = 1;
        }
    }
    ensure!(tally.passed > 0, "no test ran in the virtual machine");
    Ok(tally)
}

fn program(target: &str, filters: &[&str], lb: &Path) -> Result<Program> {
    let arguments = ["--test-threads=1"]
        .into_iter()
        .chain(filters.iter().copied());
    let environment = [
        (BINARY, lb.display().to_string()),
        (PATIENCE, SLOWNESS.to_owned()),
        ("RUST_BACKTRACE", "0".to_owned()),
    ];
    Ok(Program {
        path: executable(target)?,
        arguments: arguments.map(str::to_owned).collect(),
        directory: workspace::root().join("tests"),
        environment: environment
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
    })
}

/// Builds a test target; says where its program is.
fn executable(target: &str) -> Result<PathBuf> {
    let output = workspace::cargo()
        .args(["test", "--no-run", "--message-format=json"])
        .args(build::PACKAGES)
        .args(["--test", target])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "the tests of {target} do not build"
    );
    let text = String::from_utf8(output.stdout)?;
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = messages.filter_map(|message: serde_json::Value| {
        let is_it = message["target"]["name"] == target;
        let path = message["executable"].as_str().filter(|_| is_it)?;
        Some(PathBuf::from(path))
    });
    programs.next().context("cargo names no test program")
}
