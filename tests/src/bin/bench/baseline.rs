//! What earlier runs measured, kept in the repository as ratios, which mean the same on another machine.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context as _;

use crate::figure::Figure;

/// A ratio worse than the kept one by more than this factor is worth a warning.
const WORSE: f64 = 1.25;

/// Ratios by bench, case and metric; in all of them less is better.
#[derive(Debug, Default)]
pub(crate) struct Baseline {
    ratios: BTreeMap<String, f64>,
}

impl Baseline {
    /// Reads `bench/baseline.json`; without the file nothing is compared.
    ///
    /// # Errors
    /// When it cannot be read or is no such file.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let path = path();
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(&path).context("read bench/baseline.json")?;
        let ratios = serde_json::from_str(&text).context("bench/baseline.json")?;
        Ok(Self { ratios })
    }

    /// The sentence to warn with when `figure` got worse by a quarter.
    pub(crate) fn warning(&self, figure: &Figure<'_>) -> Option<String> {
        let name = name(figure);
        let before = *self.ratios.get(&name)?;
        let now = figure.ratio()?;
        (now > before * WORSE).then(|| {
            format!(
                "warning: {name}: {now:.3} times the peer's, {before:.3} in bench/baseline.json"
            )
        })
    }

    /// Keeps the ratio of `figure` for the next [`Self::write`].
    pub(crate) fn keep(&mut self, figure: &Figure<'_>) {
        if let Some(ratio) = figure.ratio() {
            self.ratios.insert(name(figure), ratio);
        }
    }

    /// Writes `bench/baseline.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.ratios)? + "\n";
        std::fs::write(path(), text).context("write bench/baseline.json")
    }
}

fn name(figure: &Figure<'_>) -> String {
    format!("{} {} {}", figure.bench, figure.case, figure.metric)
}

fn path() -> PathBuf {
    xtask::workspace::root().join("bench/baseline.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Values;

    fn figure(value: f64) -> Figure<'static> {
        Figure {
            bench: "dataplane",
            case: "pass/v4".to_owned(),
            metric: "program_ns",
            values: Values::new(&[value]),
            against: Some(("yardstick/hash_lookup", 10.0)),
        }
    }

    #[test]
    fn a_ratio_worse_by_more_than_a_quarter_is_a_warning() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.warning(&figure(90.0)), None, "nothing is kept yet");
        baseline.keep(&figure(20.0));
        assert_eq!(baseline.warning(&figure(25.0)), None);
        assert_eq!(
            baseline.warning(&figure(25.1)).as_deref(),
            Some(
                "warning: dataplane pass/v4 program_ns: 2.510 times the peer's, 2.000 in bench/baseline.json"
            )
        );
    }
}
