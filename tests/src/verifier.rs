//! What the verifier makes of the programs, beside what is recorded in `bench/verifier.json`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result};
use lb::io::{
    tcp_keepalive::Programs,
    xdp::{DataPlane, Options},
};
use lb_common::maps;
use serde::{Deserialize, Serialize};

use crate::{
    prog::Loaded,
    stack::{self, Chain},
};

/// The kernel goes through a million; a program above this is to be split.
const MOST_INSTRUCTIONS: u32 = 600_000;
/// `MAX_BPF_STACK`.
const MOST_STACK: u32 = 512;

/// What one program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Instructions the verifier goes through.
    pub instructions: u32,
    /// Bytes of stack, with those of the functions it calls.
    pub stack: u32,
}

/// By name of the program.
pub type Loads = BTreeMap<String, Load>;

/// Loads every program.
///
/// # Errors
/// When the kernel does not tell, or the object is not understood.
///
/// # Panics
/// When the kernel takes none: this needs CAP_BPF.
pub fn measure() -> Result<Loads> {
    let chains = deepest()?;
    let mut told = Programs::verified_instructions()?.to_vec();
    for plain in [false, true] {
        let loaded = Loaded::new(&Options {
            max_entries: vec![(maps::FLOWS4, 64), (maps::FLOWS6, 64)],
            plain,
            ..Options::default()
        });
        told.extend(loaded.data_plane.verified_instructions()?);
    }
    let loads = told.into_iter().map(|(name, instructions)| {
        let stack = chains.get(name).context(name)?.depth;
        let load = Load {
            instructions,
            stack,
        };
        Ok((name.to_owned(), load))
    });
    loads.collect()
}

/// The deepest chain of calls of each program, of the data plane and of TCP keepalive.
///
/// # Errors
/// When an object is not understood.
pub fn deepest() -> Result<BTreeMap<String, Chain>> {
    let mut chains = stack::deepest(DataPlane::file())?;
    chains.extend(stack::deepest(Programs::file())?);
    Ok(chains)
}

/// What is recorded.
///
/// # Errors
/// When `bench/verifier.json` cannot be read or is no such file.
pub fn recorded() -> Result<Loads> {
    let text = fs::read_to_string(path()).context("read bench/verifier.json")?;
    serde_json::from_str(&text).context("bench/verifier.json")
}

/// Records `loads`.
///
/// # Errors
/// When `bench/verifier.json` cannot be written.
pub fn record(loads: &Loads) -> Result<()> {
    let text = serde_json::to_string_pretty(loads)? + "\n";
    fs::write(path(), text).context("write bench/verifier.json")
}

fn path() -> PathBuf {
    xtask::workspace::root().join("bench/verifier.json")
}

/// What is wrong with `now`: a sentence for each program that takes a tenth more than recorded, is not recorded or near a limit.
#[must_use]
pub fn complaints(now: &Loads, recorded: &Loads) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, load) in now {
        let Some(before) = recorded.get(name) else {
            complaints.push(format!("{name} is not recorded"));
            continue;
        };
        for (what, now, before, most) in [
            (
                "instructions",
                load.instructions,
                before.instructions,
                MOST_INSTRUCTIONS,
            ),
            ("bytes of stack", load.stack, before.stack, MOST_STACK),
        ] {
            if now > before + before / 10 {
                complaints.push(format!("{name} takes {now} {what}, {before} are recorded"));
            }
            if now > most {
                complaints.push(format!("{name} takes {now} {what}, more than {most}"));
            }
        }
    }
    let gone = recorded.keys().filter(|name| !now.contains_key(*name));
    complaints.extend(gone.map(|name| format!("{name} is recorded, and is no program")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(name: &str, instructions: u32, stack: u32) -> Loads {
        let load = Load {
            instructions,
            stack,
        };
        [(name.to_owned(), load)].into()
    }

    #[test]
    fn a_tenth_more_is_too_much() {
        let recorded = loads("lb_xdp", 1000, 400);
        for (instructions, stack, expected) in [
            (1100, 440, &[][..]),
            (10, 8, &[]),
            (
                1101,
                400,
                &["lb_xdp takes 1101 instructions, 1000 are recorded"],
            ),
            (
                1000,
                520,
                &[
                    "lb_xdp takes 520 bytes of stack, 400 are recorded",
                    "lb_xdp takes 520 bytes of stack, more than 512",
                ],
            ),
        ] {
            let now = loads("lb_xdp", instructions, stack);
            assert_eq!(complaints(&now, &recorded), expected);
        }
    }

    #[test]
    fn what_is_not_on_both_sides_is_named() {
        let complaints = complaints(&loads("lb_tc", 1, 1), &loads("lb_xdp", 1, 1));
        let expected = [
            "lb_tc is not recorded",
            "lb_xdp is recorded, and is no program",
        ];
        assert_eq!(complaints, expected);
    }
}
