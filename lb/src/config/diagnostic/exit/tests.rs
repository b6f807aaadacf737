use std::{collections::BTreeMap, path::PathBuf};

use super::*;
use crate::config::{Loaded, Options, load};

fn check(text: &str) -> Loaded {
    let path = PathBuf::from("lb.conf");
    let mut files = BTreeMap::from([(path.clone(), text.as_bytes().to_vec())]);
    load(&path, &mut files, &BTreeMap::new(), &Options::default())
}

const GOOD: &str = "virtual_server 192.0.2.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                    real_server 192.0.2.2 80 {\n}\n}\n";

#[test]
fn the_table_is_keepalived_s() {
    for (severity, kind, expected) in [
        (Severity::Note, Kind::Limit, 0),
        (Severity::Warning, Kind::Value, 5),
        (Severity::Warning, Kind::Include, 5),
        (Severity::Warning, Kind::ScriptSecurity, 6),
        (Severity::Error, Kind::Value, 4),
        (Severity::Error, Kind::Missing, 4),
        (Severity::Error, Kind::File, 4),
        (Severity::Error, Kind::Include, 6),
        (Severity::Error, Kind::ScriptSecurity, 6),
    ] {
        assert_eq!(code(severity, kind), expected, "{severity} {kind:?}");
    }
}

#[test]
fn a_warning_hides_no_error_and_the_higher_code_of_two_errors_counts() {
    let found = check("global_defs {\nunheard_of\n}\n").diagnostics;
    let with = |findings: &[(Severity, Kind)]| {
        let findings = findings.iter().map(|(severity, kind)| Diagnostic {
            severity: *severity,
            kind: *kind,
            ..found[0].clone()
        });
        exit_code(&findings.collect::<Vec<_>>())
    };
    let warning = (Severity::Warning, Kind::Value);
    let error = (Severity::Error, Kind::Value);
    let include = (Severity::Error, Kind::Include);
    assert_eq!(with(&[]), 0);
    assert_eq!(with(&[warning]), 5);
    assert_eq!(with(&[error, warning]), 4);
    assert_eq!(with(&[warning, include, error]), 6);
}

#[test]
fn a_missing_parameter_is_a_diagnostic_like_others() {
    let loaded = check("global_defs {\nrouter_id\nunheard_of\n}\n");
    let kinds: Vec<Kind> = loaded.diagnostics.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::Missing, Kind::UnknownKeyword]);
    assert_eq!(exit_code(&loaded.diagnostics), 4);
}

#[test]
fn the_summary_counts_and_judges() {
    let floods = "global_defs {\n".to_owned() + &"unheard_of\n".repeat(300) + "}\n";
    for (text, expected) in [
        (GOOD.to_owned(), "0 errors, 0 warnings in lb.conf"),
        (
            GOOD.replace("rr\n", "rr 1\n"),
            "0 errors, 1 warning in lb.conf: lb runs with it",
        ),
        (
            GOOD.replace("TCP\n", "TCP 1\nunheard_of\n"),
            "1 error, 1 warning in lb.conf: lb refuses it",
        ),
        (
            floods,
            "at least 100 errors, 0 warnings in lb.conf: lb refuses it",
        ),
    ] {
        assert_eq!(summary(&check(&text).diagnostics, "lb.conf"), expected);
    }
}
