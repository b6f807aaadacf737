//! Diagnostics to the exit code and the last line of a configuration test.

use super::{Diagnostic, Kind, Severity};

/// Nothing is wrong.
const FINE: u8 = 0;
/// `lb` refuses the configuration.
const CANNOT_RUN: u8 = 4;
/// `lb` runs, but not with all that is written.
const RUNS_WITH_WARNINGS: u8 = 5;
/// A file that is required is missing, and `lb` refuses the configuration; or a script is not safe.
const MISSING_OR_UNSAFE: u8 = 6;

/// keepalived's code for one finding of a configuration test.
///
/// | severity | kind | code |
/// |---|---|---|
/// | note | any | 0 |
/// | warning | `script_security` | 6 |
/// | warning | any other | 5 |
/// | error | `include`, `script_security` | 6 |
/// | error | any other | 4 |
///
/// The numbers mean what they mean to keepalived's users: 5 runs, 4 does not, and of 6 the last line tells. keepalived guesses around most of what
/// `lb` refuses, so it answers 5 where this says 4; a 5 here would let a roll-out restart a daemon that does not start.
const fn code(severity: Severity, kind: Kind) -> u8 {
    match severity {
        Severity::Note => FINE,
        Severity::Warning if matches!(kind, Kind::ScriptSecurity) => MISSING_OR_UNSAFE,
        Severity::Warning => RUNS_WITH_WARNINGS,
        Severity::Error => match kind {
            Kind::Include | Kind::ScriptSecurity => MISSING_OR_UNSAFE,
            Kind::File
            | Kind::Syntax
            | Kind::UnknownKeyword
            | Kind::NotCarried
            | Kind::Value
            | Kind::Missing
            | Kind::Duplicate
            | Kind::Conflict
            | Kind::System
            | Kind::Limit
            | Kind::Deprecated => CANNOT_RUN,
        },
    }
}

/// The exit code of a configuration test: of the worst severity found, the highest code. In keepalived the highest code
/// counts whatever its severity, so that a warning hides a fatal error.
#[must_use]
pub fn exit_code(diagnostics: &[Diagnostic]) -> u8 {
    let codes = diagnostics
        .iter()
        .map(|found| (found.severity, code(found.severity, found.kind)));
    codes.max().map_or(FINE, |(_, code)| code)
}

/// The last line of a configuration test: `2 errors, 1 warning in lb.conf: lb refuses it`.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic], file: &str) -> String {
    let is_cut = diagnostics
        .iter()
        .any(|found| (found.severity, found.kind) == (Severity::Note, Kind::Limit));
    let at_least = if is_cut { "at least " } else { "" };
    let count = |severity: Severity| {
        let number = diagnostics
            .iter()
            .filter(|found| found.severity == severity)
            .count();
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {severity}{plural}")
    };
    let worst = diagnostics.iter().map(|found| found.severity).max();
    let verdict = match worst {
        None | Some(Severity::Note) => "",
        Some(Severity::Warning) => ": lb runs with it",
        Some(Severity::Error) => ": lb refuses it",
    };
    format!(
        "{at_least}{}, {} in {file}{verdict}",
        count(Severity::Error),
        count(Severity::Warning)
    )
}

#[cfg(test)]
mod tests;
