//! Names that are always defined.

use std::collections::BTreeMap;

use super::usage::Use;
use crate::config::{
    diagnostic::{Kind, Report, quote},
    source::Span,
};

/// All of them.
pub(super) const NAMES: [&str; 6] = ["_PWD", "_INSTANCE", "_RANDOM", "_ENV", "_HASH", "_BANG"];

/// Largest random number without a MAX.
const MAX_RANDOM: u64 = 32767;

/// `${_ENV NAME}`: the variable of the environment, nothing where it is not set.
pub(super) fn environment(
    used: &Use<'_>,
    environment: &BTreeMap<String, String>,
    at: Span,
    report: &mut Report,
) -> Option<String> {
    if used.arguments.is_empty() {
        report
            .error(
                Kind::Value,
                at,
                "`_ENV` needs the name of a variable".to_owned(),
            )
            .expected("`${_ENV NAME}`");
        return None;
    }
    let value = environment.get(used.arguments);
    match value {
        // A line end would make two lines of one.
        Some(value) => Some(value.replace(['\n', '\r', '\0'], " ")),
        None => {
            report.warning(
                Kind::Value,
                at,
                format!(
                    "the environment has no {}: nothing takes its place",
                    quote(used.arguments)
                ),
            );
            Some(String::new())
        }
    }
}

/// Random numbers that depend on a seed alone (SplitMix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `${_RANDOM [MIN [MAX]]}`.
    pub(super) fn draw(&mut self, used: &Use<'_>, at: Span, report: &mut Report) -> Option<String> {
        let bounds = used.arguments.split_whitespace().map(str::parse::<u32>);
        let bounds: Result<Vec<u32>, _> = bounds.collect();
        let range = match bounds.as_deref() {
            Ok([]) => Some((0, MAX_RANDOM)),
            Ok([min]) => Some((u64::from(*min), MAX_RANDOM)),
            Ok([min, max]) => Some((u64::from(*min), u64::from(*max))),
            _ => None,
        };
        let Some((min, max)) = range.filter(|(min, max)| min <= max) else {
            report
                .error(
                    Kind::Value,
                    at,
                    format!("{} is no range of numbers", quote(used.arguments)),
                )
                .expected("`${_RANDOM MIN MAX}` with MIN at most MAX, which is 32767 if not given");
            return None;
        };
        Some((min + self.next() % (max - min + 1)).to_string())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
