//! Definitions and their uses: `$NAME`, `${NAME}` and the names that are always defined.
//!
//! A use is replaced when its line is read, by the definition of that moment, and so are the uses within the
//! definition. Whatever the text says, this ends: names that lead back to themselves are an error, and depth,
//! length and number of replacements are bounded.

pub(super) mod condition;
pub(super) mod definition;
mod made;
mod predefined;
pub(super) mod sequence;
mod usage;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    rc::Rc,
};

pub(super) use self::{
    definition::{Definition, Value},
    made::Made,
};
use self::{made::Origin, predefined::Random, usage::Use};
use super::{
    Options,
    diagnostic::{Kind, Report, quote},
    source::Span,
    suggest::nearest,
};

/// Deepest nesting of definitions in definitions.
const MAX_DEPTH: usize = 32;
/// Longest line after replacement, in bytes.
const MAX_LINE: usize = 64 << 10;
/// Most replacements in one line.
const MAX_USES_IN_LINE: usize = 4096;
/// Most replacements in one configuration.
const MAX_USES: usize = 4 << 20;
/// Most names that are told to be undefined.
const MAX_WARNED: usize = 100;

/// A line of text before replacement.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    /// Without its comment.
    pub(super) text: Rc<str>,
    /// Where it was written, byte for byte.
    pub(super) written: Span,
    /// The use of the definition that it is a line of.
    pub(super) used: Option<Span>,
}

impl Raw {
    /// The rest from a byte on.
    pub(super) fn rest(&self, from: usize) -> Self {
        self.part(from, self.text.len())
    }

    /// From byte `start` to byte `end`.
    pub(super) fn part(&self, start: usize, end: usize) -> Self {
        Self {
            text: self.text[start..end].into(),
            written: self.written.within(start, end),
            used: self.used,
        }
    }

    /// A piece as it stands for errors: the use where there is one.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.used.unwrap_or_else(|| self.written.within(start, end))
    }

    fn verbatim(&self, start: usize, end: usize) -> Origin {
        let here = self.written.within(start, end);
        Origin {
            at: self.used.unwrap_or(here),
            definition: self.used.map(|_| here),
            is_exact: true,
        }
    }

    fn replaced(&self, start: usize, end: usize, by: Option<Span>) -> Origin {
        let here = self.written.within(start, end);
        Origin {
            at: self.used.unwrap_or(here),
            definition: self.used.map_or(by, |_| Some(here)),
            is_exact: false,
        }
    }
}

/// A line after replacement.
#[derive(Debug)]
pub(super) struct Expanded {
    pub(super) made: Made,
    /// The definition whose further lines follow, and its use.
    pub(super) following: Option<(Rc<Definition>, Span)>,
}

/// What cannot be replaced was reported; the line is dropped.
pub(super) struct Refused;

/// All definitions so far.
#[derive(Debug)]
pub(super) struct Definitions<'o> {
    options: &'o Options,
    random: Random,
    known: BTreeMap<String, Rc<Definition>>,
    uses: usize,
    warned: BTreeSet<String>,
}

/// One line being filled in.
struct Filling<'l> {
    raw: &'l Raw,
    /// The directory of the file it is in.
    directory: &'l Path,
    made: Made,
    /// Where replaced text comes from while a definition is filled in.
    replaced: Option<Origin>,
    /// The definitions being filled in, the outermost first.
    open: Vec<Rc<Definition>>,
    following: Option<(Rc<Definition>, Span)>,
    uses: usize,
}

impl<'o> Definitions<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self {
            options,
            random: Random::new(options.seed),
            known: BTreeMap::new(),
            uses: 0,
            warned: BTreeSet::new(),
        }
    }

    /// Defines a name; what it was before, for [`Definitions::restore`].
    pub(super) fn define(&mut self, definition: Definition) -> Option<Rc<Definition>> {
        self.known
            .insert(definition.name.clone(), Rc::new(definition))
    }

    /// Puts back what a name was.
    pub(super) fn restore(&mut self, name: &str, before: Option<Rc<Definition>>) {
        match before {
            Some(before) => self.known.insert(name.to_owned(), before),
            None => self.known.remove(name),
        };
    }

    /// Replaces all uses in a line. `open` are the definitions that it is a line of, the outermost first.
    ///
    /// # Errors
    /// When that would not end, or makes too much; it is reported.
    pub(super) fn expand(
        &mut self,
        raw: &Raw,
        directory: &Path,
        open: Vec<Rc<Definition>>,
        report: &mut Report,
    ) -> Result<Expanded, Refused> {
        let mut filling = Filling {
            raw,
            directory,
            made: Made::new(raw.span(0, raw.text.len()), raw.used.is_some()),
            replaced: None,
            open,
            following: None,
            uses: 0,
        };
        self.fill(&mut filling, &raw.text, report)?;
        Ok(Expanded {
            made: filling.made,
            following: filling.following,
        })
    }

    fn fill(
        &mut self,
        filling: &mut Filling<'_>,
        text: &str,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let (mut done, mut at) = (0, 0);
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            let Some(used) = Use::read(text, dollar) else {
                at = dollar + 1;
                continue;
            };
            // First, because what protects a `#` depends on the quotes before it.
            filling.push(&text[done..dollar], done, report)?;
            done = dollar;
            at = used.end;
            if let Some(definition) = self.find(filling, &used, dollar, report) {
                self.replace(filling, dollar..used.end, definition, report)?;
                done = used.end;
            }
        }
        filling.push(&text[done..], done, report)
    }

    /// The definition of a name; without one a warning, once for each name.
    fn find(
        &mut self,
        filling: &Filling<'_>,
        used: &Use<'_>,
        dollar: usize,
        report: &mut Report,
    ) -> Option<Rc<Definition>> {
        let at = filling.use_span(dollar, used.end);
        let known = self
            .known
            .get(used.name)
            .filter(|_| used.arguments.is_empty());
        if let Some(known) = known {
            if used.is_complete {
                return Some(Rc::clone(known));
            }
            let shown = quote(&format!("${}", used.name));
            if self.is_first(used.name) {
                report
                    .warning(
                        Kind::Value,
                        at,
                        format!("{shown} is not replaced: more than a name follows the `$`"),
                    )
                    .help(format!("write {}", quote(&format!("${{{}}}", used.name))));
            }
            return None;
        }
        if !used.is_complete {
            return None;
        }
        let environment = &self.options.environment;
        let predefined = match used.name {
            "_PWD" => Some(self.directory(filling.directory)),
            "_INSTANCE" => Some(self.options.config_id.clone()),
            "_HASH" => Some(filling.made.protected('#')),
            "_BANG" => Some(filling.made.protected('!')),
            "_ENV" => predefined::environment(used, environment, at, report),
            "_RANDOM" => self.random.draw(used, at, report),
            _ => None,
        };
        if let Some(text) = predefined {
            return Some(Rc::new(Definition::computed(used.name, &text, None)));
        }
        let is_predefined = predefined::NAMES.contains(&used.name);
        if !is_predefined && self.is_first(used.name) {
            let finding = report.warning(
                Kind::Value,
                at,
                format!(
                    "{} is not defined and stays as it is",
                    quote(&format!("${}", used.name))
                ),
            );
            let names = self.known.keys().map(String::as_str);
            if let Some(meant) = nearest(used.name, names.chain(predefined::NAMES)) {
                finding.help(format!("did you mean {}?", quote(&format!("${meant}"))));
            }
        }
        None
    }

    fn directory(&self, directory: &Path) -> String {
        let path = self.options.working_directory.join(directory);
        path.to_string_lossy().trim_end_matches('/').to_owned()
    }

    fn is_first(&mut self, name: &str) -> bool {
        self.warned.len() < MAX_WARNED && self.warned.insert(name.to_owned())
    }

    fn replace(
        &mut self,
        filling: &mut Filling<'_>,
        place: std::ops::Range<usize>,
        definition: Rc<Definition>,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let at = filling.use_span(place.start, place.end);
        self.uses += 1;
        filling.uses += 1;
        filling.check(&definition, at, report)?;
        if self.uses > MAX_USES {
            let message = format!("more than {MAX_USES} uses of definitions: the rest is not read");
            report.error(Kind::Limit, at, message);
            return Err(Refused);
        }
        let is_outermost = filling.replaced.is_none();
        if is_outermost {
            let by = definition.first().written;
            filling.replaced = Some(filling.raw.replaced(place.start, place.end, by));
        }
        let text = Rc::clone(&definition.first().text);
        filling.open.push(Rc::clone(&definition));
        self.fill(filling, &text, report)?;
        filling.open.pop();
        if is_outermost {
            filling.replaced = None;
        }
        if definition.has_more() {
            if let Some((before, at)) = &filling.following {
                report_following(before, *at, report);
                return Err(Refused);
            }
            filling.following = Some((definition, at));
        }
        Ok(())
    }

    /// Whether nothing more may be replaced: readers stop.
    pub(super) fn is_exhausted(&self) -> bool {
        self.uses > MAX_USES
    }
}

impl Filling<'_> {
    /// Where a use is that is read now.
    fn use_span(&self, start: usize, end: usize) -> Span {
        match &self.replaced {
            Some(outer) => outer.at,
            None => self.raw.span(start, end),
        }
    }

    fn check(
        &self,
        definition: &Rc<Definition>,
        at: Span,
        report: &mut Report,
    ) -> Result<(), Refused> {
        let first = self
            .open
            .iter()
            .position(|open| Rc::ptr_eq(open, definition));
        if let Some(first) = first {
            let cycle = self.open[first..].iter().chain([definition]);
            let cycle: Vec<String> = cycle.map(|open| format!("${}", open.name)).collect();
            let message = format!(
                "{} expands into itself: {}",
                quote(&cycle[0]),
                cycle.join(" → ")
            );
            let finding = report.error(Kind::Value, at, message);
            if let Some(written) = definition.first().written {
                finding.related(written, "defined");
            }
            return Err(Refused);
        }
        let message = if self.open.len() >= MAX_DEPTH {
            format!("definitions are nested more than {MAX_DEPTH} deep here")
        } else if self.uses > MAX_USES_IN_LINE {
            format!("more than {MAX_USES_IN_LINE} uses of definitions in one line")
        } else {
            return Ok(());
        };
        report.error(Kind::Limit, at, message);
        Err(Refused)
    }

    /// Adds text that is `from` bytes after the start of its line.
    fn push(&mut self, text: &str, from: usize, report: &mut Report) -> Result<(), Refused> {
        if text.is_empty() {
            return Ok(());
        }
        if let Some((definition, at)) = &self.following
            && !text.trim().is_empty()
        {
            report_following(definition, *at, report);
            return Err(Refused);
        }
        let origin = match &self.replaced {
            Some(origin) => *origin,
            None => self.raw.verbatim(from, from + text.len()),
        };
        if self.made.text().len() + text.len() > MAX_LINE {
            report.error(
                Kind::Limit,
                origin.at,
                format!("the line is longer than {MAX_LINE} bytes once definitions are replaced"),
            );
            return Err(Refused);
        }
        self.made.push(text, origin);
        Ok(())
    }
}

fn report_following(definition: &Definition, at: Span, report: &mut Report) {
    let name = quote(&format!("${}", definition.name));
    report
        .error(
            Kind::Syntax,
            at,
            format!("{name} has several lines, so nothing may follow it on its line"),
        )
        .help("go on in the next line");
}
