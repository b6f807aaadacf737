//! The language below the keywords, case by case: text and files to statements and sentences.

mod cases;

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
};

use cases::{CONDITIONS, Case, DEFINITIONS, INCLUDES, LIMITS, LINES, SEQUENCES};

use super::{load_bytes, machine, plain};
use crate::config::{
    Colour, Diagnostic, Kind, Options, ast::Statement, diagnostic::Report, lines::Lines, load,
    model::Weight, parser::Parser, pretty,
};

#[test]
fn lines_comments_and_quotes() {
    insta::assert_snapshot!("lexical_lines", show(LINES));
}

#[test]
fn includes() {
    insta::assert_snapshot!("lexical_includes", show(INCLUDES));
}

#[test]
fn conditions() {
    insta::assert_snapshot!("lexical_conditions", show(CONDITIONS));
}

#[test]
fn definitions() {
    insta::assert_snapshot!("lexical_definitions", show(DEFINITIONS));
}

#[test]
fn sequences() {
    insta::assert_snapshot!("lexical_sequences", show(SEQUENCES));
}

#[test]
fn limits() {
    insta::assert_snapshot!("lexical_limits", show(LIMITS));
}

/// Each case with its files, and what comes out.
fn show(cases: &[Case]) -> String {
    let mut out = String::new();
    for (name, files) in cases {
        writeln!(out, "## {name}").unwrap();
        let (statements, diagnostics) = read(files, &options());
        writeln!(out, "{statements}").unwrap();
        for found in diagnostics {
            writeln!(out, "{}", found.plain()).unwrap();
        }
        writeln!(out).unwrap();
    }
    out
}

/// The statements of one file as text that shows each word, and how many errors there are.
pub(super) fn statements(text: &str) -> (String, usize) {
    let (statements, diagnostics) = read(&[("lb.conf", text)], &options());
    (statements, diagnostics.len())
}

fn read(files: &[(&str, &str)], options: &Options) -> (String, Vec<Diagnostic>) {
    let entry = PathBuf::from(files[0].0);
    let mut files = in_memory(files);
    let mut report = Report::default();
    let mut lines = Lines::new(&mut files, options);
    lines.enter_first(&entry, &mut report);
    let mut parser = Parser::new(lines);
    let mut out = Vec::new();
    while let Some(statement) = parser.next(&mut report) {
        if out.len() < 12 {
            out.push(words(&statement, &mut report));
        }
    }
    (out.join("\n"), report.finish(&parser.into_sources()))
}

fn in_memory(files: &[(&str, &str)]) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = files
        .iter()
        .map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()));
    files.collect()
}

/// `‹keyword› ‹argument› { … }`, and the shell's reading where it differs.
fn words(statement: &Statement, report: &mut Report) -> String {
    let show = |text: &str| format!("‹{}›", text.escape_debug());
    let mut out = show(&statement.keyword.text);
    for argument in &statement.arguments {
        out += &format!(" {}", show(&argument.text));
    }
    let joined = statement.quoted_arguments(report);
    let texts = |words: &[crate::config::ast::Word]| -> Vec<String> {
        words.iter().map(|word| show(&word.text)).collect()
    };
    if texts(&joined) != texts(&statement.arguments) {
        out += &format!(" (joined: {})", texts(&joined).join(" "));
    }
    if let Some(block) = &statement.block {
        let inner = block.iter().map(|inner| words(inner, report));
        out += &format!(" {{ {} }}", inner.collect::<Vec<_>>().join("; "));
    }
    out
}

fn options() -> Options {
    Options {
        config_id: "main".to_owned(),
        environment: BTreeMap::from([
            ("HOME".to_owned(), "/home/lb".to_owned()),
            ("LOOP".to_owned(), "${_ENV LOOP}".to_owned()),
        ]),
        working_directory: PathBuf::from("/etc/lb"),
        ..Options::default()
    }
}

#[test]
fn every_include_is_strict_with_the_option() {
    let options = Options {
        check_all_includes: true,
        ..options()
    };
    let (_, found) = read(&[("lb.conf", "include conf.d/*.conf\n")], &options);
    assert_eq!(
        found[0].plain(),
        "lb.conf:1:1: error: no file matches `conf.d/*.conf`"
    );
}

#[test]
fn an_id_that_differs_turns_conditions_around() {
    let options = Options {
        config_id: "backup".to_owned(),
        ..options()
    };
    let text = "@main a\n@backup b\n@^main c\n@^backup d\n${_INSTANCE}\n";
    let (statements, _) = read(&[("lb.conf", text)], &options);
    assert_eq!(statements, "‹b›\n‹c›\n‹backup›");
}

#[test]
fn random_numbers_follow_the_seed_and_stay_in_their_range() {
    let text = "~SEQ(A, 1, 12) ${_RANDOM 3 5}\n";
    let draw = |seed| {
        let options = Options { seed, ..options() };
        read(&[("lb.conf", text)], &options).0
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let numbers = draw(7);
    assert!(
        numbers
            .lines()
            .all(|line| ["‹3›", "‹4›", "‹5›"].contains(&line)),
        "{numbers}"
    );
}

#[test]
fn an_error_in_expanded_text_points_at_the_use_and_names_the_definition() {
    let files = [
        (
            "lb.conf",
            "$PRIORITY=300\n$INSTANCE= \\\n vrrp_instance VI_${NUM} { \\\n  interface eth0 \\\n  \
             virtual_router_id ${NUM} \\\n  prioritty 5 \\\n }\ninclude a.conf\n",
        ),
        (
            "a.conf",
            "$NUM=1\n$INSTANCE\nvrrp_instance x {\n  interface eth0\n  virtual_router_id 3\n  \
             priority $PRIORITY\n  virtual_ipaddress {\n    192.0.2.1\n  }\n}\n",
        ),
    ];
    let mut files = in_memory(&files);
    let loaded = load(Path::new("lb.conf"), &mut files, &machine(), &options());
    let shown = pretty(&loaded.diagnostics, &loaded.sources, Colour::Off);
    insta::assert_snapshot!("lexical_places", plain(&loaded) + "\n\n" + &shown);
}

#[test]
fn repeated_lines_make_a_whole_model() {
    let text = "$VIP=192.0.2.200\nvirtual_server $VIP 80 {\n lb_algo rr\n lb_kind NAT\n\
                ~SEQ(N, 1, 3) real_server 192.0.2.${N} 80 { weight ${N} }\n}\n";
    let loaded = load_bytes(text.as_bytes());
    assert!(loaded.is_usable(), "{}", plain(&loaded));
    let servers = &loaded.config.virtual_servers[0].real_servers;
    let weights: Vec<_> = servers.iter().map(|server| server.weight).collect();
    let expected: Vec<_> = [1, 2, 3]
        .map(|weight| Weight::try_from(weight).unwrap())
        .into();
    assert_eq!(weights, expected);
}

/// A definition that doubles at each step, repeated lines by the million, and definitions that make nothing
/// millions of times end soon, with a sentence.
#[test]
fn floods_end_with_a_sentence() {
    let mut doubling = "$A0=x\n".to_owned();
    let mut empty = "$A0=\n".to_owned();
    for step in 1..=31 {
        for text in [&mut doubling, &mut empty] {
            let before = step - 1;
            writeln!(text, "$A{step}=${{A{before}}}${{A{before}}}").unwrap();
        }
    }
    let floods = [
        doubling + "$A31\n",
        empty + "~SEQ(X, 1, 1000000) $A31\n",
        "~SEQ(A, 1, 4000000000) @other\n".to_owned(),
    ];
    for flood in floods {
        let (_, found) = read(&[("lb.conf", &flood)], &options());
        let shown: String = flood.chars().take(60).collect();
        assert!(
            found.iter().any(|found| found.kind == Kind::Limit),
            "{shown}"
        );
    }
}
