//! `cargo xtask`: builds, tests, benchmarks and demonstrates lb.

use std::{os::unix::process::CommandExt as _, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use xtask::{
    bench, build,
    build::Profile,
    fuzz, lab, packages,
    test::{self, Tier},
    workspace,
};

/// Builds, tests, benchmarks and demonstrates lb; prepares what these need on first use.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds the eBPF programs and the daemon.
    Build {
        /// Optimise the daemon; the eBPF programs always are.
        #[arg(long)]
        release: bool,
    },
    /// Starts the quick-start lab, or `lb` on this host with the arguments after `--`.
    Run {
        /// keepalived options for `lb`.
        #[arg(last = true)]
        options: Vec<String>,
    },
    /// Runs the named tiers, or every tier that exists.
    Test {
        /// Tiers in the order they run.
        tiers: Vec<Tier>,
        /// Only the tests that have this in their name.
        #[arg(long, value_name = "TEXT", requires = "tiers")]
        only: Option<String>,
    },
    /// Runs a benchmark, such as `dataplane` or `failover`.
    Bench {
        /// Name of the benchmark, then `--json` (a line per figure), `--markdown` (a row each), `--quick` (within a minute) `--keep` (the new baseline) or `--guest` (in a virtual machine).
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Tells instructions and stack of each eBPF program, and fails where either grew by a tenth beyond `bench/verifier.json`.
    Verifier {
        /// Record what is measured in `bench/verifier.json`.
        #[arg(long)]
        keep: bool,
    },
    /// Fuzzes `config` or `advert` with cargo-fuzz.
    Fuzz {
        /// The target.
        target: String,
        /// Options of libFuzzer after `--`, such as `-max_total_time=600`.
        #[arg(last = true)]
        options: Vec<String>,
    },
    /// Writes `docs/keywords.md` from the keyword tables of `lb`.
    Keywords {
        /// Fail when the page is not current, and write nothing; the unit tier does the same.
        #[arg(long)]
        check: bool,
    },
    /// Accepts what the snapshot tests print now as what they expect.
    Bless,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            xtask::step::say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Build { release } => {
            let profile = if release {
                Profile::Release
            } else {
                Profile::Dev
            };
            let lb = build::lb(profile)?;
            xtask::step::say(&format!("built {}", workspace::relative(&lb).display()));
        }
        Command::Run { options } if options.is_empty() => {
            let lb = build::lb(Profile::Release)?;
            packages::prepare(packages::LAB)?;
            lab::run(&lb)?;
        }
        Command::Run { options } => {
            let lb = build::lb(Profile::Release)?;
            let error = std::process::Command::new(&lb).args(options).exec();
            return Err(error).with_context(|| format!("cannot start {}", lb.display()));
        }
        Command::Test { tiers, only } => {
            if !test::run(&tiers, only.as_deref())? {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Bench { arguments } => return bench::run(&arguments),
        Command::Verifier { keep } => return bench::verifier(keep),
        Command::Fuzz { target, options } => return fuzz::run(&target, &options),
        Command::Keywords { check } => test::keywords(check)?,
        Command::Bless => test::bless()?,
    }
    Ok(ExitCode::SUCCESS)
}
