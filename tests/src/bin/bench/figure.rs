//! One figure of a benchmark, as people and as programs read it.

use std::io::Write as _;

use serde_json::json;

use crate::baseline::Baseline;

/// What repeated runs of one measurement gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Values {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) runs: usize,
}

impl Values {
    /// Of at least one run; all zero without any.
    pub(crate) fn new(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let runs = sorted.len();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        Self {
            median: f64::midpoint(at(runs.saturating_sub(1) / 2), at(runs / 2)),
            min: at(0),
            max: at(runs.saturating_sub(1)),
            runs,
        }
    }
}

/// One figure beside its peer's, measured in the same run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure<'a> {
    /// The benchmark's name.
    pub(crate) bench: &'a str,
    /// What was measured, as DESIGN §9 spells it.
    pub(crate) case: String,
    /// Name with the unit at the end.
    pub(crate) metric: &'a str,
    /// Ours.
    pub(crate) values: Values,
    /// The peer or yardstick with its median.
    pub(crate) against: Option<(&'a str, f64)>,
}

/// What a figure looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A line of JSON.
    Json,
    /// A row of a table in Markdown.
    Markdown,
    /// Columns.
    Text,
}

/// Where figures go.
#[derive(Debug)]
pub(crate) struct Report {
    form: Form,
    keep: bool,
    baseline: Baseline,
}

impl Report {
    /// A report of one line per figure. `keep` makes the figures the new baseline.
    ///
    /// # Errors
    /// When `bench/baseline.json` cannot be read.
    pub(crate) fn new(form: Form, keep: bool) -> anyhow::Result<Self> {
        let baseline = Baseline::read()?;
        Ok(Self {
            form,
            keep,
            baseline,
        })
    }

    /// Prints a figure to stdout, and to stderr a warning when it got worse by a quarter.
    ///
    /// # Errors
    /// When stdout is closed.
    #[expect(clippy::print_stderr, reason = "stdout is for figures alone")]
    pub(crate) fn add(&mut self, figure: &Figure<'_>) -> anyhow::Result<()> {
        let line = match self.form {
            Form::Json => figure.json(),
            Form::Markdown => figure.markdown(),
            Form::Text => figure.row(),
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()?;
        if self.keep {
            self.baseline.keep(figure);
        } else if let Some(warning) = self.baseline.warning(figure) {
            eprintln!("{warning}");
        }
        Ok(())
    }

    /// Ends the report.
    ///
    /// # Errors
    /// When the new baseline cannot be written.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if self.keep {
            self.baseline.write()?;
        }
        Ok(())
    }
}

impl Figure<'_> {
    /// In the order of the interface, which a JSON object would not keep.
    fn json(&self) -> String {
        let mut fields = vec![
            ("bench", json!(self.bench)),
            ("case", json!(self.case)),
            ("metric", json!(self.metric)),
            ("value", json!(self.values.median)),
            ("min", json!(self.values.min)),
            ("max", json!(self.values.max)),
            ("runs", json!(self.values.runs)),
        ];
        if let Some((peer, value)) = self.against {
            fields.push(("against", json!(peer)));
            fields.push(("against_value", json!(value)));
            fields.push(("ratio", json!(self.ratio())));
        }
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    fn markdown(&self) -> String {
        let ratio = self
            .ratio()
            .map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        format!(
            "| `{}` | {:.0} | {:.0} | {ratio} |",
            self.case, self.values.median, self.values.min
        )
    }

    fn row(&self) -> String {
        let Values {
            median,
            min,
            max,
            runs,
        } = self.values;
        let against = self
            .against
            .map_or_else(String::new, |(peer, value)| format!("   {peer} {value:.1}"));
        format!(
            "{:<28}{:<16}{median:>9.1}   ({min:.1} to {max:.1}, {runs} runs){against}",
            self.case, self.metric
        )
    }

    /// To three places; `None` where the peer's is zero.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (_, value) = self.against?;
        (value != 0.0).then(|| (self.values.median / value * 1000.0).round() / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        for (values, median) in [
            (&[3.0, 1.0, 2.0][..], 2.0),
            (&[4.0, 1.0, 2.0, 3.0], 2.5),
            (&[7.0], 7.0),
            (&[], 0.0),
        ] {
            assert_eq!(Values::new(values).median, median, "{values:?}");
        }
    }

    #[test]
    fn a_json_line_has_the_fields_of_the_interface() {
        let figure = Figure {
            bench: "failover",
            case: "power/v3/advert=0.1".to_owned(),
            metric: "blackout_ms",
            values: Values::new(&[300.0, 320.0, 310.0]),
            against: Some(("keepalived-2.2.7", 400.0)),
        };
        let line: serde_json::Value = serde_json::from_str(&figure.json()).unwrap();
        let expected = json!({
            "bench": "failover", "case": "power/v3/advert=0.1", "metric": "blackout_ms",
            "value": 310.0, "min": 300.0, "max": 320.0, "runs": 3,
            "against": "keepalived-2.2.7", "against_value": 400.0, "ratio": 0.775,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let figure = Figure {
            bench: "failover",
            case: "stop/v3/advert=0.1".to_owned(),
            metric: "dual_owner_ms",
            values: Values::new(&[0.0]),
            against: Some(("keepalived-2.2.7", 0.0)),
        };
        assert!(
            figure.json().contains(r#""ratio":null"#),
            "{}",
            figure.json()
        );
    }
}
