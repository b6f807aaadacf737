//! The configuration language: text in, typed model and diagnostics out.
//!
//! source → lines (includes, conditions, definitions) → lexer → parser (AST) → keyword tables → lowering →
//! model → validation. Every step goes on after an error, so one run reports everything; nothing here opens a
//! file, asks the machine or ends the process: [`Loader`], [`System`] and [`Options`] do that for it.
//!
//! Where `lb` is stricter than keepalived: a second block of the same name, virtual router, virtual address,
//! virtual server or real server is an error (keepalived skips it or says nothing); a value with trailing
//! garbage is an error; a word that `lb` does not act on yet is an error of its own kind. Where it is wider:
//! lines may be longer than 1024 bytes, and the order of keywords within a block never matters.
//! Includes that lead back to themselves, and definitions that do, are errors: keepalived goes on until
//! something runs out.
#![deny(clippy::disallowed_methods)]

pub mod diagnostic;
pub mod explain;
pub mod keyword;
pub mod model;
pub mod source;

mod ast;
mod diff;
mod expand;
mod include;
mod lexer;
mod lines;
mod lower;
mod need;
mod origin;
mod parser;
pub(crate) mod path;
mod quoted;
mod show;
pub(crate) mod suggest;
mod system;
mod validate;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub(crate) use self::suggest::nearest;
use self::{
    diagnostic::Report,
    lines::Lines,
    model::Config,
    source::{MAX_FILE_SIZE, Sources},
};
pub use self::{
    diagnostic::{Colour, Diagnostic, Kind, Severity, exit_code, json, pretty, summary},
    diff::{Change, diff, show_diff},
    origin::{Origin, Origins, origins},
    show::{show, show_origins},
    system::{Entry, EntryKind, Files, Interface, Local, NameList, System},
};

/// Where files come from: a disk for the daemon, a map in tests.
pub trait Loader {
    /// Reads a whole file, as bytes.
    ///
    /// # Errors
    /// When there is nothing to read; the sentence goes to the operator.
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError>;

    /// Lists the files whose paths match a pattern with `*`, `?` and `[…]`, of which none matches a `/`, nor a
    /// dot that starts a name. No match is no error.
    ///
    /// # Errors
    /// When a directory cannot be listed.
    fn glob(&mut self, pattern: &Path) -> Result<Vec<PathBuf>, LoadError>;
}

/// How wildcards of an include match: as in a shell.
pub const WILDCARDS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No such file.
    #[error("there is no such file")]
    NotFound,
    /// A directory, a device, a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// A program or a script, by its permissions: keepalived refuses it too.
    #[error("it is executable")]
    Executable,
    /// More than [`MAX_FILE_SIZE`] bytes.
    #[error("larger than {} MiB", MAX_FILE_SIZE >> 20)]
    TooLarge,
    /// Anything else, in the system's words.
    #[error("{0}")]
    Unreadable(String),
}

impl Loader for BTreeMap<PathBuf, Vec<u8>> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        self.get(&include::normal(path))
            .cloned()
            .ok_or(LoadError::NotFound)
    }

    fn glob(&mut self, pattern: &Path) -> Result<Vec<PathBuf>, LoadError> {
        let Ok(pattern) = glob::Pattern::new(&pattern.to_string_lossy()) else {
            return Ok(Vec::new());
        };
        let matches = |path: &&PathBuf| pattern.matches_path_with(path, WILDCARDS);
        Ok(self.keys().filter(matches).cloned().collect())
    }
}

/// What a configuration may ask for besides files and interfaces.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `@ID` lines are compared with, and `$_INSTANCE`: keepalived's `-i`, by default the host's name up
    /// to the first dot.
    pub config_id: String,
    /// Whether a missing or unreadable file is an error for every include: keepalived's `-e`.
    pub check_all_includes: bool,
    /// What `${_ENV NAME}` is replaced by.
    pub environment: BTreeMap<String, String>,
    /// Start of the numbers that `${_RANDOM}` is replaced by; the same seed gives the same numbers.
    pub seed: u64,
    /// The directory that relative paths start from, for `$_PWD`; empty where nobody knows.
    pub working_directory: PathBuf,
}

/// The outcome of [`load`].
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What could be understood. Complete only without errors: see [`Loaded::is_usable`].
    pub config: Config,
    /// Everything there is to say, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
    /// The text the diagnostics point into.
    pub sources: Sources,
}

impl Loaded {
    /// Whether the configuration may be applied: no diagnostic is an error.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.worst() != Some(Severity::Error)
    }

    /// The worst severity found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|found| found.severity).max()
    }
}

/// What tells the daemon of a configuration from others on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonName {
    /// `net_namespace`.
    pub namespace: Option<String>,
    /// `instance`.
    pub instance: Option<String>,
}

/// The daemon of the configuration that starts at `entry`: what is wrong with the rest, and what this machine has, does not matter.
pub fn daemon_name(entry: &Path, loader: &mut dyn Loader, options: &Options) -> DaemonName {
    let mut report = Report::default();
    let mut lines = Lines::new(loader, options);
    if lines.enter_first(entry, &mut report).is_none() {
        return DaemonName::default();
    }
    let draft = lower::read(&mut parser::Parser::new(lines), &mut report);
    let process = draft.node.process;
    DaemonName {
        namespace: process.net_namespace,
        instance: process.instance,
    }
}

/// Reads the configuration that starts at `entry`.
///
/// Never fails and never panics: whatever is wrong is a diagnostic, and the caller applies nothing unless
/// [`Loaded::is_usable`].
pub fn load(
    entry: &Path,
    loader: &mut dyn Loader,
    system: &dyn System,
    options: &Options,
) -> Loaded {
    let mut report = Report::default();
    let mut lines = Lines::new(loader, options);
    let end = lines.enter_first(entry, &mut report);
    let mut parser = parser::Parser::new(lines);
    let draft = lower::read(&mut parser, &mut report);
    let mut sources = parser.into_sources();
    let config = end.map_or_else(Config::default, |end| {
        let mut lowered = lower::finish(draft, end, &mut report);
        validate::run(&mut lowered, system, &mut report);
        lowered.into_config()
    });
    report.redact(&mut sources);
    Loaded {
        config,
        diagnostics: report.finish(&sources),
        sources,
    }
}
