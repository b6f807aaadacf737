//! `include` and its five strict forms: which files a pattern names, and what is wrong when it names none.

mod braces;

use std::path::{Component, Path, PathBuf};

use super::{
    LoadError, Loader,
    ast::Word,
    diagnostic::{Kind, Report, quote},
    source::Span,
};

/// Which failures of an include are errors and not only warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    /// A file that cannot be read.
    read: bool,
    /// A name that no file has.
    is_matched: bool,
    /// A pattern that no file matches.
    is_wildcard_matched: bool,
    /// One of the alternatives in braces without a file.
    is_brace_matched: bool,
}

impl Checks {
    pub(super) const ALL: Self = Self {
        read: true,
        is_matched: true,
        is_wildcard_matched: true,
        is_brace_matched: true,
    };

    /// The checks of a keyword of the family; `None` where the word is none.
    pub(super) fn of_keyword(word: &str) -> Option<Self> {
        let none = Self::default();
        let read = Self { read: true, ..none };
        Some(match word.strip_prefix("include")? {
            "" => none,
            "r" => read,
            "m" => Self {
                is_matched: true,
                ..read
            },
            "w" => Self {
                is_matched: true,
                is_wildcard_matched: true,
                ..read
            },
            "b" => Self {
                is_brace_matched: true,
                ..read
            },
            "a" => Self::ALL,
            _ => return None,
        })
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            is_matched: self.is_matched || other.is_matched,
            is_wildcard_matched: self.is_wildcard_matched || other.is_wildcard_matched,
            is_brace_matched: self.is_brace_matched || other.is_brace_matched,
        }
    }

    /// `include_check [[+|-]WORD…]`: without words all checks, words without a sign those and no others.
    pub(super) fn set(&mut self, words: &[Word], report: &mut Report) {
        if words.is_empty() {
            *self = Self::ALL;
        } else if !words[0].text.starts_with(['+', '-']) {
            *self = Self::default();
        }
        for word in words {
            let name = word.text.trim_start_matches(['+', '-']);
            let check = match name {
                "read" | "readable" => &mut self.read,
                "match" => &mut self.is_matched,
                "wildcard_match" => &mut self.is_wildcard_matched,
                "brace_match" => &mut self.is_brace_matched,
                _ => {
                    report
                        .error(
                            Kind::Value,
                            word.span,
                            format!("{} is not a legal value of `include_check`", quote(name)),
                        )
                        .expected("read, match, wildcard_match or brace_match, with + or - before");
                    continue;
                }
            };
            *check = !word.text.starts_with('-');
        }
    }
}

/// One `include` line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Directive<'t> {
    pub(super) keyword: &'t str,
    /// As written, without its quotes.
    pub(super) pattern: &'t str,
    pub(super) checks: Checks,
}

impl<'t> Directive<'t> {
    /// From a line without its comment; `None` where it is something else.
    pub(super) fn read(line: &'t str) -> Option<Self> {
        let blanks = line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
        let line = &line[blanks.count()..];
        if !line.starts_with("include") {
            return None;
        }
        let (keyword, rest) = line.split_once([' ', '\t', '"']).unwrap_or((line, ""));
        let checks = Checks::of_keyword(keyword)?;
        Some(Self {
            keyword,
            pattern: rest.trim_matches([' ', '\t', '\r', '"']),
            checks,
        })
    }

    /// The files to read, in order, each with its contents. `floor` is what `include_check` demands.
    pub(super) fn files(
        &self,
        directory: &Path,
        floor: Checks,
        loader: &mut dyn Loader,
        at: Span,
        report: &mut Report,
    ) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let checks = self.checks.and(floor);
        if self.pattern.is_empty() {
            report
                .error(
                    Kind::Missing,
                    at,
                    format!("{} needs a file", quote(self.keyword)),
                )
                .expected("the path of a file, with wildcards or without");
            return Vec::new();
        }
        let mut files = Vec::new();
        let mut unmatched = Vec::new();
        for alternative in braces::expand(self.pattern) {
            let found = Alternative(&alternative).files(directory, loader, checks, at, report);
            if found.is_empty() {
                unmatched.push(alternative);
            }
            files.extend(found.into_iter().flatten());
        }
        self.report_unmatched(&files, &unmatched, checks, at, report);
        files
    }

    fn report_unmatched(
        &self,
        files: &[(PathBuf, Option<Vec<u8>>)],
        unmatched: &[String],
        checks: Checks,
        at: Span,
        report: &mut Report,
    ) {
        let Some(first) = unmatched.first() else {
            return;
        };
        let has_wildcards = has_wildcards(self.pattern);
        let is_error = if !files.is_empty() {
            checks.is_brace_matched
        } else if has_wildcards {
            checks.is_wildcard_matched
        } else {
            checks.is_matched || checks.is_brace_matched
        };
        let finding = if files.is_empty() {
            let message = if has_wildcards {
                format!("no file matches {}", quote(self.pattern))
            } else {
                format!("there is no file {}", quote(self.pattern))
            };
            match (is_error, has_wildcards) {
                (true, _) => report.error(Kind::Include, at, message),
                (false, false) => report.warning(Kind::Include, at, message),
                (false, true) => report.note(Kind::Include, at, message),
            }
        } else if is_error {
            let message = format!("no file matches {} in the braces", quote(first));
            report.error(Kind::Include, at, message)
        } else {
            return;
        };
        if self.pattern.contains('$') {
            finding.help("definitions are not replaced in an include: write the path");
        } else if !is_error && !has_wildcards {
            finding.help("write includem to make a missing file an error");
        }
    }
}

/// A pattern without braces.
struct Alternative<'p>(&'p str);

impl Alternative<'_> {
    /// What matches; a file that may not be read is there as `None`.
    fn files(
        &self,
        directory: &Path,
        loader: &mut dyn Loader,
        checks: Checks,
        at: Span,
        report: &mut Report,
    ) -> Vec<Option<(PathBuf, Option<Vec<u8>>)>> {
        let path = directory.join(self.0);
        if !has_wildcards(self.0) {
            return match loader.load(&path) {
                Err(LoadError::NotFound) => Vec::new(),
                Err(why) => {
                    report_unreadable(&path, &why, checks, at, report);
                    vec![None]
                }
                Ok(bytes) => vec![Some((path, Some(bytes)))],
            };
        }
        match loader.glob(&path) {
            Ok(mut paths) => {
                paths.sort();
                let files = paths.into_iter().map(|path| Some((path, None)));
                files.collect()
            }
            Err(why) => {
                report_unreadable(&path, &why, checks, at, report);
                vec![None]
            }
        }
    }
}

/// Reports a file that is there and cannot be read.
pub(super) fn report_unreadable(
    path: &Path,
    why: &LoadError,
    checks: Checks,
    at: Span,
    report: &mut Report,
) {
    let path = quote(&path.to_string_lossy());
    let message = format!("{path} cannot be included: {why}");
    let finding = if checks.read {
        report.error(Kind::Include, at, message)
    } else {
        report.warning(Kind::Include, at, message)
    };
    if *why == LoadError::Executable {
        finding.help("remove its execute permission: chmod a-x FILE");
    }
}

fn has_wildcards(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// The path without `.` and without `NAME/..`, so that one file has one name as long as no link is in the way.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        let is_name = matches!(out.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if is_name => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
