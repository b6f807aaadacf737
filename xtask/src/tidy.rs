//! The tier `tidy`: formatting, lints, house rules, documentation, licences.

mod deny;
mod rules;
mod source;

use std::process::Command;

use anyhow::Result;

use crate::{build, step, test::Tally, toolchain::Toolchain, workspace};

/// Runs every check, also after one failed; each counts as one test.
pub(crate) fn run() -> Result<Tally> {
    let toolchain = Toolchain::prepare()?;
    build::ebpf()?;
    let mut tally = Tally::default();
    for (name, check) in checks(&toolchain) {
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
    Ok(tally)
}

type Check<'a> = Box<dyn Fn() -> Result<()> + 'a>;

fn checks(toolchain: &Toolchain) -> Vec<(&'static str, Check<'_>)> {
    let cargo = |arguments: &'static [&'static str]| -> Check<'_> {
        Box::new(move || succeed(workspace::cargo().args(arguments)))
    };
    vec![
        ("formatting", cargo(&["fmt", "--all", "--check"])),
        ("house rules", Box::new(|| rules::check(workspace::root()))),
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
                let mut clippy = build::bpf_cargo(toolchain, "clippy");
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
