//! Runs the test tiers and counts what passed and what failed.

mod tally;
mod vm;

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use nix::unistd::Uid;

use crate::{
    build::{self, Profile},
    packages, step, tidy, workspace,
};
pub(crate) use tally::Tally;

/// The variable that tells the tests which `lb` to start.
pub const BINARY: &str = "LB_BINARY";

/// A group of tests with the same needs, in the order they run: cheap first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Tier {
    /// Formatting, lints, house rules, documentation, licences.
    Tidy,
    /// Unit and property tests and config snapshots of the crates.
    Unit,
    /// A LAN of routers on a virtual clock.
    Sim,
    /// Packets through the real programs; needs CAP_BPF.
    Datapath,
    /// Keepalive with real processes; needs root.
    Keepalive,
    /// Real daemons and real traffic in network namespaces; needs root.
    Netns,
    /// What of these two tells most of the kernel, on that of Debian's stable release, in a virtual machine; needs root.
    Vm,
}

impl Tier {
    const fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Unit => "unit",
            Self::Sim => "sim",
            Self::Datapath => "datapath",
            Self::Keepalive => "keepalive",
            Self::Netns => "netns",
            Self::Vm => "vm",
        }
    }

    /// Tells whether the tree has this tier.
    fn exists(self) -> bool {
        let tests = workspace::root().join("tests/tests");
        match self {
            Self::Tidy | Self::Unit | Self::Vm => true,
            Self::Sim | Self::Datapath | Self::Keepalive | Self::Netns => {
                tests.join(self.name()).with_extension("rs").is_file()
                    || tests.join(self.name()).join("main.rs").is_file()
            }
        }
    }

    fn run(self, only: Option<&str>) -> Result<Tally> {
        let target = ["--test", self.name()];
        let filter: Vec<_> = only.into_iter().collect();
        match self {
            Self::Tidy => Ok(tidy::run()),
            Self::Unit => {
                build::ebpf()?;
                let units = cargo_test(workspace::cargo(), &["--lib", "--bins"], &filter)?;
                let examples = cargo_test(workspace::cargo(), &["--doc"], &filter)?;
                Ok(units.plus(examples))
            }
            Self::Sim => {
                build::ebpf()?;
                cargo_test(workspace::cargo(), &target, &filter)
            }
            Self::Datapath => {
                require(may_load_programs(), "the datapath tier loads BPF programs")?;
                packages::prepare(packages::DATAPATH)?;
                build::ebpf()?;
                cargo_test(workspace::cargo(), &target, &filter)
            }
            Self::Keepalive => {
                let needs = "the keepalive tier starts processes as other users";
                test_as_root(&target, needs, packages::KEEPALIVE, &filter)
            }
            Self::Netns => {
                let needs = "the netns tier makes network namespaces";
                // More than there are processors, as most wait; those that measure time see to it that they are alone.
                let told = [&["--test-threads=3"], filter.as_slice()].concat();
                test_as_root(&target, needs, packages::NETNS, &told)
            }
            Self::Vm => {
                require(
                    Uid::effective().is_root(),
                    "the virtual machine sees all files of this host",
                )?;
                packages::prepare(packages::NETNS)?;
                vm::run(only)
            }
        }
    }
}

/// Runs `tiers`, or every tier that exists when there are none, and of their tests all or those that have `only` in their names; tells whether
/// all passed.
///
/// The last line on standard output is `N passed, N failed`; a tier that could not run counts as
/// one failed test.
///
/// # Errors
/// When a named tier does not exist, or standard output cannot be written.
pub fn run(tiers: &[Tier], only: Option<&str>) -> Result<bool> {
    if let Some(absent) = tiers.iter().find(|tier| !tier.exists()) {
        bail!(
            "this tree has no tier {} (tests/tests/{0}.rs)",
            absent.name()
        );
    }
    let all: Vec<Tier> = Tier::value_variants()
        .iter()
        .copied()
        .filter(|tier| tier.exists())
        .collect();
    let tiers = if tiers.is_empty() {
        all.as_slice()
    } else {
        tiers
    };
    let results = tiers.iter().map(|&tier| {
        step::say(&format!("tier {}", tier.name()));
        let start = Instant::now();
        let tally = tier.run(only).unwrap_or_else(|error| {
            step::say(&format!("tier {} could not run: {error:#}", tier.name()));
            Tally::FAILURE
        });
        (tier, tally, start.elapsed())
    });
    let results: Vec<_> = results.collect();
    let ran = |(_, tally, _): &(Tier, Tally, Duration)| tally.passed + tally.failed > 0;
    if let Some(only) = only.filter(|_| !results.iter().any(ran)) {
        bail!("no test of these tiers has {only:?} in its name");
    }
    write_summary(&mut io::stdout().lock(), &results).context("cannot write the summary")
}

fn write_summary(
    out: &mut impl io::Write,
    results: &[(Tier, Tally, Duration)],
) -> io::Result<bool> {
    writeln!(out)?;
    for (tier, tally, took) in results {
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        let seconds = took.as_secs_f64();
        writeln!(
            out,
            "{:<9} {verdict:<6} {:>5} passed {:>4} failed {seconds:>8.1} s",
            tier.name(),
            tally.passed,
            tally.failed
        )?;
    }
    let total = results
        .iter()
        .fold(Tally::default(), |sum, (_, tally, _)| sum.plus(*tally));
    writeln!(out, "{} passed, {} failed", total.passed, total.failed)?;
    Ok(total.failed == 0)
}

/// Writes `docs/keywords.md`, or only compares it with the keyword tables. The test that compares it writes it too, so
/// that nothing here needs to know `lb`.
///
/// # Errors
/// When the tests do not build, or the page is compared and not current.
pub fn keywords(check: bool) -> Result<()> {
    build::ebpf()?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--quiet"]);
    cargo.args(build::PACKAGES);
    cargo.args(["--lib", "keywords_page"]);
    if check {
        return build::succeed(&mut cargo, "the page");
    }
    build::succeed(cargo.env("INSTA_UPDATE", "always"), "the page")?;
    step::say("docs/keywords.md is current");
    Ok(())
}

/// Rewrites the snapshots of the config and simulation tests, and `docs/keywords.md`, with what is so now.
///
/// # Errors
/// When the tests do not build, or fail for another reason than a snapshot.
pub fn bless() -> Result<()> {
    build::ebpf()?;
    let mut command = workspace::cargo();
    command.args(["test", "--quiet"]).args(build::PACKAGES);
    command.args(["--lib", "--bins"]);
    if Tier::Sim.exists() {
        command.args(["--test", "sim"]);
    }
    build::succeed(
        command.env("INSTA_UPDATE", "always"),
        "a test beside the snapshots",
    )?;
    step::say("snapshots are rewritten; look at them with `git diff`");
    Ok(())
}

/// Runs a tier of tests that are root's, with the `lb` that is built for them.
fn test_as_root(
    target: &[&str],
    needs: &str,
    packages: &[packages::Package],
    harness: &[&str],
) -> Result<Tally> {
    require(Uid::effective().is_root(), needs)?;
    packages::prepare(packages)?;
    let mut cargo = workspace::cargo();
    cargo.env(BINARY, build::lb(Profile::Dev)?);
    cargo_test(cargo, target, harness)
}

/// Runs `cargo test` on `selection`, shows what it prints and counts libtest's results in it.
fn cargo_test(mut cargo: Command, selection: &[&str], harness: &[&str]) -> Result<Tally> {
    let mut child = cargo
        .args(["test", "--no-fail-fast"])
        .args(build::PACKAGES)
        .args(selection)
        .arg("--")
        .args(harness)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo's output is not ours")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        tally.count_line(&String::from_utf8_lossy(&line));
        let mut stdout = io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.write_all(b"\n")?;
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        // It did not compile, or a test ended the whole process.
        tally.failed = 1;
    }
    Ok(tally)
}

fn require(may: bool, what: &str) -> Result<()> {
    if may {
        return Ok(());
    }
    bail!("{what}, which needs root: run `sudo -E env \"PATH=$PATH\" cargo xtask test`")
}

/// Tells whether this process has CAP_BPF and CAP_NET_ADMIN, or the older CAP_SYS_ADMIN.
fn may_load_programs() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    tally::effective_capabilities(&status).is_some_and(|set| {
        let has = |capability: u32| set & (1 << capability) != 0;
        has(21) || (has(39) && has(12))
    })
}

#[cfg(test)]
mod tests;
