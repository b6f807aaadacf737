//! Which cases of a benchmark are measured, and how often.

use clap::Args;

/// What the command line asks of a benchmark.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Finishes within a minute, with fewer runs.
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Measures only the cases that have this in their name.
    #[arg(long, global = true, value_name = "TEXT")]
    only: Option<String>,
}

impl Selection {
    /// Whether the case called `name` is measured.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_text_every_case_is_measured_else_those_that_have_it() {
        let only = |text: &str| Selection {
            only: Some(text.to_owned()),
            ..Selection::default()
        };
        assert!(Selection::default().has("power/v3/advert=0.1"));
        assert!(only("power").has("power/v3/advert=0.1"));
        assert!(!only("stop").has("power/v3/advert=0.1"));
    }
}
