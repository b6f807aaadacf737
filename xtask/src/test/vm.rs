//! The tier `vm`: tests of other tiers on the kernel of Debian's stable release.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::{BINARY, Tally};
use crate::{
    build::{self, Profile},
    guest::{Guest, Program},
    workspace,
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
    "clients::",
];
/// Daemons, addresses and traffic, with programs attached as this kernel can, and those of control groups.
const NETNS: &[&str] = &[
    "full_nat::",
    "local::",
    "reach::clients_on",
    "tcp_keepalive::programs::what",
];
/// Targets and what they are told, one after the other in each of two machines.
const LANES: [&[(&str, &[&str])]; 2] = [
    &[("ipvs", &["--skip=sync::", "--skip=traffic::"])],
    &[("ipvs", &["sync::", "traffic::"]), ("datapath", DATAPATH)],
];
/// The same in one machine that has the processors to itself: no datagram may be lost.
const ALONE: &[(&str, &[&str])] = &[("netns", NETNS)];
/// The targets of these.
const TARGETS: [&str; 3] = ["ipvs", "datapath", "netns"];
const LIMIT: Duration = Duration::from_secs(900);

/// Runs the tests in the machine, or any of these targets that have `only` in their names.
pub(super) fn run(only: Option<&str>) -> Result<Tally> {
    let lb = build::lb(Profile::Dev)?;
    let guest = Guest::prepare()?;
    if let Some(only) = only {
        let mut tally = Tally::default();
        for target in TARGETS {
            tally = tally.plus(run_one(&guest, 0, &program(target, &[only], &lb)?)?);
        }
        return Ok(tally);
    }
    run_all(&guest, &lb)
}

fn run_all(guest: &Guest, lb: &Path) -> Result<Tally> {
    let programs = |lane: &[(&str, &[&str])]| {
        let programs = lane.iter().map(|(target, told)| program(target, told, lb));
        programs.collect::<Result<Vec<_>>>()
    };
    let lanes = LANES.map(programs);
    let alone = programs(ALONE)?;
    let run = |number: usize, programs: Vec<Program>| -> Result<Tally> {
        let mut tally = Tally::default();
        for program in &programs {
            let told = run_one(guest, number, program)?;
            ensure!(
                told.passed + told.failed > 0,
                "no test ran in the virtual machine"
            );
            tally = tally.plus(told);
        }
        Ok(tally)
    };
    let beside = thread::scope(|scope| {
        let lanes = lanes.into_iter().enumerate();
        let running: Vec<_> = lanes
            .map(|(number, programs)| scope.spawn(move || run(number, programs?)))
            .collect();
        running.into_iter().try_fold(Tally::default(), |all, lane| {
            let lane = lane
                .join()
                .map_err(|_| anyhow!("a machine's thread died"))??;
            Ok::<_, anyhow::Error>(all.plus(lane))
        })
    })?;
    Ok(beside.plus(run(0, alone)?))
}

fn run_one(guest: &Guest, number: usize, program: &Program) -> Result<Tally> {
    let mut tally = Tally::default();
    let passed = guest.run(program, number, LIMIT, |line| {
        // A closed standard output must not end the tests.
        let _closed = writeln!(io::stdout(), "vm {number}: {line}");
        tally.count_line(line);
    })?;
    if !passed && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

fn program(target: &str, told: &[&str], lb: &Path) -> Result<Program> {
    let arguments = ["--test-threads=1"].into_iter().chain(told.iter().copied());
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
