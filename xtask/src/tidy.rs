//! The tier `tidy`: formatting, lints, house rules, documentation, licences.

mod deny;
mod rules;
mod source;

use std::process::Command;

use anyhow::Result;

use crate::{build, step, test::Tally, toolchain::Toolchain, workspace};

/// Runs every check, also after one failed; each counts as one test.
pub(crate) fn run() -> Tally {
    let mut tally = Tally::default();
    for (name, check) in checks() {
        step::say(&format!("tidy: {name}"));
        let passed = match check() {
            Ok(()) => true,
            Err(error) => {
                step::say(&format!("tidy: {name}: {error:#}"));
                false
            }
        };
        tally = tally.plus(Tally::of(passed));
    }
    tally
}

type Check = Box<dyn Fn() -> Result<()>>;

/// Returns the checks, cheap first; the daemon cannot be checked before the programs are built.
fn checks() -> Vec<(&'static str, Check)> {
    let cargo = |arguments: &'static [&'static str]| -> Check {
        Box::new(move || succeed(workspace::cargo().args(arguments)))
    };
    vec![
        ("formatting", cargo(&["fmt", "--all", "--check"])),
        ("house rules", Box::new(|| rules::check(workspace::root()))),
        (
            "the build of the eBPF programs",
            Box::new(|| build::ebpf().map(drop)),
        ),
        (
            "lints",
            cargo(&[
                "clippy",
                "--quiet",
                "--workspace",
                "--exclude=lb-ebpf",
                "--all-targets",
                "--",
                "--deny=warnings",
            ]),
        ),
        (
            "lints of the eBPF programs",
            Box::new(|| {
                let mut clippy = build::bpf_cargo(&Toolchain::prepare()?, "clippy");
                succeed(clippy.args(["--quiet", "--", "--deny=warnings"]))
            }),
        ),
        (
            "documentation",
            Box::new(|| {
                let mut doc = workspace::cargo();
                doc.args([
                    "doc",
                    "--quiet",
                    "--workspace",
                    "--exclude=lb-ebpf",
                    "--no-deps",
                ])
                .arg("--document-private-items")
                .env("RUSTDOCFLAGS", "--deny=warnings");
                succeed(&mut doc)
            }),
        ),
        (
            "licences, bans and sources of the dependencies",
            Box::new(deny::check),
        ),
    ]
}

fn succeed(command: &mut Command) -> Result<()> {
    build::succeed(command, "the check")
}
