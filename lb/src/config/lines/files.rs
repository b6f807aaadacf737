//! Entering files: the first one, and those that are included.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    vec,
};

use super::{Frame, Lines, directory};
use crate::config::{
    LoadError,
    diagnostic::{Kind, Report, quote},
    expand::Raw,
    include::{Checks, Directive, normal, report_unreadable},
    source::{FileId, MAX_FILE_SIZE, Source, Span},
};

/// Deepest nesting of includes.
const MAX_DEPTH: usize = 32;
/// Most files of one configuration, each counted as often as it is read.
const MAX_READINGS: usize = 1 << 16;

/// A file being read.
#[derive(Debug)]
pub(super) struct FileFrame {
    pub(super) id: FileId,
    pub(super) source: Arc<Source>,
    path: PathBuf,
    next: usize,
    /// What `include_check` demanded before.
    pub(super) checks_before: Checks,
}

/// Files to be read one after the other.
#[derive(Debug)]
pub(super) struct Includes {
    files: vec::IntoIter<(PathBuf, Option<Vec<u8>>)>,
    checks: Checks,
    at: Span,
}

impl FileFrame {
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The next line, refused or not.
    pub(super) fn next_range(&mut self) -> Option<Range<usize>> {
        let range = self.source.line(self.next)?;
        self.next += 1;
        Some(range)
    }

    /// The next line that holds no NUL.
    pub(super) fn next_line(&mut self, report: &mut Report) -> Option<Range<usize>> {
        loop {
            let range = self.next_range()?;
            if !self.source.has_nul() {
                return Some(range);
            }
            let Some(nul) = self.source.text()[range.clone()].find('\0') else {
                return Some(range);
            };
            let at = range.start + nul;
            report.error(
                Kind::Syntax,
                Span::new(self.id, at, at + 1),
                "the line holds a NUL byte and cannot be read".to_owned(),
            );
            if report.is_full() {
                return None;
            }
        }
    }
}

impl Lines<'_> {
    /// Enters the first file; its end, if it can be read.
    pub(in crate::config) fn enter_first(
        &mut self,
        path: &Path,
        report: &mut Report,
    ) -> Option<Span> {
        let (bytes, refusal) = match self.loader.load(path) {
            Ok(bytes) if bytes.len() > MAX_FILE_SIZE => (Vec::new(), Some(LoadError::TooLarge)),
            Ok(bytes) => (bytes, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let source = Arc::new(Source::new(&path.to_string_lossy(), bytes));
        let id = self.add(path, source, None);
        let end = self.sources.get(id).end(id);
        if let Some(why) = refusal {
            let finding = report.error(Kind::File, end, format!("the file cannot be read: {why}"));
            if why == LoadError::Executable {
                finding.help("remove its execute permission: chmod a-x FILE");
            } else {
                finding.help("name the configuration file with -f FILE");
            }
            return None;
        }
        self.enter(path.to_owned(), id, report).then_some(end)
    }

    /// Reads the pattern of an include; its files come next.
    pub(super) fn include(&mut self, directive: Directive<'_>, raw: &Raw, report: &mut Report) {
        let start = raw.text.len() - raw.text.trim_start().len();
        let at = raw.span(start, raw.text.trim_end().len());
        let directory = directory(&self.frames);
        let files = directive.files(directory, self.checks, self.loader, at, report);
        let includes = Includes {
            files: files.into_iter(),
            checks: directive.checks.and(self.checks),
            at,
        };
        self.push(Frame::Includes(includes), at, report);
    }

    /// Enters the next file of the includes on top.
    pub(super) fn enter_next(&mut self, report: &mut Report) {
        let Some(Frame::Includes(includes)) = self.frames.last_mut() else {
            return;
        };
        let Some((path, bytes)) = includes.files.next() else {
            self.frames.pop();
            return;
        };
        let (at, checks) = (includes.at, includes.checks);
        if self.is_in_cycle(&path, at, report) || self.is_too_deep(at, report) {
            return;
        }
        let known = self.read.get(&normal(&path)).map(Arc::clone);
        let source = match known {
            Some(source) => source,
            None => match bytes.map_or_else(|| self.loader.load(&path), Ok) {
                Ok(bytes) => Arc::new(Source::new(&path.to_string_lossy(), bytes)),
                Err(why) => {
                    report_unreadable(&path, &why, checks, at, report);
                    return;
                }
            },
        };
        if self.read_bytes + source.text().len() > MAX_FILE_SIZE {
            let message = format!(
                "with {} the configuration is larger than {} MiB",
                quote(&path.to_string_lossy()),
                MAX_FILE_SIZE >> 20
            );
            report.error(Kind::Limit, at, message);
            return;
        }
        let id = self.add(&path, source, Some(at));
        self.enter(path, id, report);
    }

    fn add(&mut self, path: &Path, source: Arc<Source>, from: Option<Span>) -> FileId {
        self.readings += 1;
        self.read_bytes += source.text().len();
        self.read.insert(normal(path), Arc::clone(&source));
        self.sources.add_reading(source, from)
    }

    /// Begins with the lines of a file; whether it has any.
    fn enter(&mut self, path: PathBuf, id: FileId, report: &mut Report) -> bool {
        let source = self.sources.share(id);
        if let Some(byte) = source.first_binary_byte() {
            report.error(
                Kind::File,
                Span::new(id, byte, byte + 1),
                "this is not a text file: it holds NUL bytes and bytes that are not UTF-8"
                    .to_owned(),
            );
            return false;
        }
        self.frames.push(Frame::File(FileFrame {
            id,
            source,
            path,
            next: 0,
            checks_before: self.checks,
        }));
        true
    }

    fn files(&self) -> impl Iterator<Item = &FileFrame> {
        self.frames.iter().filter_map(|frame| match frame {
            Frame::File(file) => Some(file),
            _ => None,
        })
    }

    /// Whether the file is being read already: reported with all directives in between.
    fn is_in_cycle(&self, path: &Path, at: Span, report: &mut Report) -> bool {
        let path = normal(path);
        if !self.files().any(|file| normal(&file.path) == path) {
            return false;
        }
        let inner = self.files().skip_while(|file| normal(&file.path) != path);
        let names = inner.map(|file| file.source.name().to_owned());
        let names: Vec<String> = names.chain([path.to_string_lossy().into_owned()]).collect();
        let message = format!(
            "{} includes itself: {}",
            quote(&names[0]),
            names.join(" → ")
        );
        report
            .error(Kind::File, at, message)
            .help("remove one of the includes");
        true
    }

    fn is_too_deep(&self, at: Span, report: &mut Report) -> bool {
        let message = if self.files().count() >= MAX_DEPTH {
            format!("includes are nested more than {MAX_DEPTH} deep here")
        } else if self.readings >= MAX_READINGS {
            format!("more than {MAX_READINGS} files are included")
        } else {
            return false;
        };
        report.error(Kind::Limit, at, message);
        true
    }
}
