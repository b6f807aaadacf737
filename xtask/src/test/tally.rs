//! Counting what the test programs and the kernel say.

/// Passed and failed tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    /// A tier or a check that could not run.
    pub(crate) const FAILURE: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// Returns the count of one check.
    pub(crate) const fn of(passed: bool) -> Self {
        if passed {
            Self {
                passed: 1,
                failed: 0,
            }
        } else {
            Self::FAILURE
        }
    }

    /// Returns the sum of both.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }

    /// Adds a line of libtest's such as `test result: ok. 5 passed; 0 failed; 0 ignored; …`.
    pub(super) fn count_line(&mut self, line: &str) {
        let Some((_, counts)) = line.split_once("test result: ") else {
            return;
        };
        let number = |what: &str| -> u64 {
            let words: Vec<&str> = counts.split([' ', ';']).collect();
            let pair = words.windows(2).find(|pair| pair[1] == what);
            pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
        };
        self.passed += number("passed");
        self.failed += number("failed");
    }
}

/// Returns the effective capability set in `/proc/<pid>/status`.
pub(super) fn effective_capabilities(status: &str) -> Option<u64> {
    let set = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(set.trim(), 16).ok()
}
