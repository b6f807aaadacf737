//! Rules about files and functions as a whole.

use super::{super::source, Breach, Source};

const FILE_LINES: usize = 700;

const FUNCTION_LINES: usize = 80;

/// Names that say nothing about what a file is for.
const EMPTY_NAMES: [&str; 10] = [
    "common", "handler", "handlers", "helper", "helpers", "info", "manager", "misc", "util",
    "utils",
];

/// A file that nobody can keep in mind hides two things in one.
pub(super) fn file_length(source: &Source, _: &[Source]) -> Vec<Breach> {
    let lines = source.text.lines().count();
    if source.code.is_empty() || source.is_test() || lines <= FILE_LINES {
        return Vec::new();
    }
    let message = format!("{lines} lines; over {FILE_LINES} a file holds two things: split it");
    vec![Breach {
        line: FILE_LINES + 1,
        message,
    }]
}

/// A function longer than a screen cannot be read at once.
pub(super) fn function_length(source: &Source, _: &[Source]) -> Vec<Breach> {
    let functions = source.words("fn").filter(|&at| !source.is_test_at(at));
    let bodies = functions.filter_map(|at| {
        let name = source.code[at + 2..].split(['(', '<']).next()?.trim();
        // `fn(…)` is a type.
        (!name.is_empty()).then_some(())?;
        let end = source::block_end(&source.code, at)?;
        let lines = source.line(end - 1) - source.line(at) + 1;
        let message =
            format!("{name} has {lines} lines; over {FUNCTION_LINES} it is unreadable: cut it");
        (lines > FUNCTION_LINES).then(|| Breach {
            line: source.line(at),
            message,
        })
    });
    bodies.collect()
}

/// With self-named modules every editor tab tells its file.
pub(super) fn no_mod_rs(source: &Source, _: &[Source]) -> Vec<Breach> {
    if source.path.ends_with("/mod.rs") && !source.path.starts_with("tests/tests/") {
        return vec![Breach {
            line: 1,
            message: "name the file after the module".to_owned(),
        }];
    }
    Vec::new()
}

/// A name that fits everything collects everything.
pub(super) fn telling_file_names(source: &Source, _: &[Source]) -> Vec<Breach> {
    let below = source
        .path
        .split_once("src/")
        .map_or("", |(_, below)| below);
    let parts = below.trim_end_matches(".rs").split('/');
    let empty = parts.filter(|part| EMPTY_NAMES.contains(part));
    let breaches = empty.map(|part| {
        let message = format!("`{part}` fits everything: name the file after what it does");
        Breach { line: 1, message }
    });
    breaches.collect()
}
