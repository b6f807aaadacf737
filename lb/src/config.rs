//! The configuration language: text in, typed model and diagnostics out.
//!
//! source → lexer → parser (AST) → keyword tables → lowering → model → validation. Every step goes on after
//! an error, so one run reports everything; nothing here opens a file, asks the machine or ends the
//! process: [`Loader`] and [`System`] do that for it.
//!
//! Where `lb` is stricter than keepalived: a second block of the same name, virtual router, virtual address,
//! virtual server or real server is an error (keepalived skips it or says nothing); a value with trailing
//! garbage is an error; a word that `lb` does not act on yet is an error of its own kind. Where it is wider:
//! lines may be longer than 1024 bytes, and the order of keywords within a block never matters.
#![deny(clippy::disallowed_methods)]

pub mod diagnostic;
pub mod explain;
pub mod keyword;
pub mod model;
pub mod source;

mod ast;
mod lexer;
mod lower;
mod parser;
mod suggest;
mod validate;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

pub use self::diagnostic::{Colour, Diagnostic, Kind, Severity, exit_code, json, pretty, summary};
use self::{
    diagnostic::Report,
    model::{Config, InterfaceName},
    source::{MAX_FILE_SIZE, Source, Sources},
};

/// Where files come from: a disk for the daemon, a map in tests.
pub trait Loader {
    /// Reads a whole file, as bytes.
    ///
    /// # Errors
    /// When there is nothing to read; the sentence goes to the operator.
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError>;
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No such file.
    #[error("there is no such file")]
    NotFound,
    /// A directory, a device, a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// More than [`MAX_FILE_SIZE`] bytes.
    #[error("larger than {} MiB", MAX_FILE_SIZE >> 20)]
    TooLarge,
    /// Anything else, in the system's words.
    #[error("{0}")]
    Unreadable(String),
}

impl Loader for BTreeMap<PathBuf, Vec<u8>> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        self.get(path).cloned().ok_or(LoadError::NotFound)
    }
}

/// What validation needs to know of the machine.
pub trait System {
    /// An interface by name; `None` where there is none.
    fn interface(&self, name: &InterfaceName) -> Option<Interface>;
}

/// What validation needs to know of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// VRRP refuses to run on it.
    pub is_loopback: bool,
}

impl System for BTreeMap<String, Interface> {
    fn interface(&self, name: &InterfaceName) -> Option<Interface> {
        self.get(name.as_str()).copied()
    }
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

/// Reads the configuration that starts at `entry`.
///
/// Never fails and never panics: whatever is wrong is a diagnostic, and the caller applies nothing unless
/// [`Loaded::is_usable`].
pub fn load(entry: &Path, loader: &mut dyn Loader, system: &dyn System) -> Loaded {
    let mut report = Report::default();
    let mut sources = Sources::default();
    let bytes = loader.load(entry).and_then(|bytes| {
        if bytes.len() > MAX_FILE_SIZE {
            Err(LoadError::TooLarge)
        } else {
            Ok(bytes)
        }
    });
    let unreadable = bytes.as_ref().err().cloned();
    let file = sources.add(Source::new(
        &entry.to_string_lossy(),
        &bytes.unwrap_or_default(),
    ));
    let source = sources.get(file);
    let config = if let Some(why) = unreadable {
        report
            .error(
                Kind::File,
                source.end(file),
                format!("the file cannot be read: {why}"),
            )
            .help("name the configuration file with -f FILE");
        Config::default()
    } else if let Some(byte) = source.first_binary_byte() {
        report.error(
            Kind::File,
            source::Span::new(file, byte, byte + 1),
            "this is not a text file: it holds NUL bytes and bytes that are not UTF-8".to_owned(),
        );
        Config::default()
    } else {
        let draft = lower::read(parser::Parser::new(file, source), &mut report);
        let mut lowered = lower::finish(draft, source.end(file), &mut report);
        validate::run(&mut lowered, system, &mut report);
        lowered.into_config()
    };
    Loaded {
        config,
        diagnostics: report.finish(&sources),
        sources,
    }
}
