//! Where each value of a configuration was written.

use std::{collections::BTreeMap, net::IpAddr, path::Path};

use serde::Serialize;

use super::{
    Loader, Options,
    ast::Statement,
    diagnostic::Report,
    keyword::reference,
    lines::Lines,
    model::Config,
    parser::Parser,
    show::{Item, Page, Step},
    source::Place,
};

/// The block that may be there several times and is shown once.
const GLOBAL: &str = "global_defs";

/// The places of all statements of a configuration, by where they stand in its blocks.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    places: BTreeMap<Vec<Step>, Place>,
    /// What each keyword of each block is called when it is shown. What has no place and is not among them has no
    /// default either.
    names: BTreeMap<(&'static str, &'static str), &'static str>,
}

/// Where one value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Heads of the blocks it is in, and its keyword.
    pub path: Vec<String>,
    /// Name of the file; `None` for a default.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<usize>,
}

/// Reads the configuration that starts at `entry` for its places alone; what is wrong with it is for
/// [`load`](super::load) to say.
pub fn origins(entry: &Path, loader: &mut dyn Loader, options: &Options) -> Origins {
    let mut report = Report::default();
    let mut lines = Lines::new(loader, options);
    lines.enter_first(entry, &mut report);
    let mut parser = Parser::new(lines);
    let mut statements = Vec::new();
    while let Some(statement) = parser.next(&mut report) {
        statements.push(statement);
    }
    let sources = parser.into_sources();
    let mut reader = Reader {
        names: names(),
        places: BTreeMap::new(),
        place: &|statement| sources.place(statement.keyword.span),
    };
    reader.read(&statements, "the top level", &mut Vec::new());
    Origins {
        places: reader.places,
        names: reader.names,
    }
}

/// What a keyword is called when it is shown, by block and keyword.
fn names() -> BTreeMap<(&'static str, &'static str), &'static str> {
    let names = reference().flat_map(|entry| {
        let shown = entry
            .instead
            .or(entry.names.first().copied())
            .unwrap_or_default();
        let block = entry.block;
        entry
            .names
            .into_iter()
            .map(move |name| ((block, name), shown))
    });
    names.collect()
}

struct Reader<'r> {
    names: BTreeMap<(&'static str, &'static str), &'static str>,
    places: BTreeMap<Vec<Step>, Place>,
    place: &'r dyn Fn(&Statement) -> Place,
}

impl Reader<'_> {
    fn read(&mut self, statements: &[Statement], block: &str, path: &mut Vec<Step>) {
        for statement in statements {
            let written = &*statement.keyword.text;
            let name = self.names.get(&(block, written)).copied();
            let mut name = name.map_or_else(|| canonical(written), str::to_owned);
            if statement.block.is_some() {
                for word in &statement.arguments {
                    name.push(' ');
                    name.push_str(&canonical(&word.text));
                }
            }
            let mut step = (name, 0);
            path.push(step.clone());
            // A value given twice counts where it stands last; blocks stand each for themselves, but for `global_defs`,
            // which add up.
            while statement.block.is_some() && written != GLOBAL && self.places.contains_key(path) {
                step.1 += 1;
                path.pop();
                path.push(step.clone());
            }
            self.places.insert(path.clone(), (self.place)(statement));
            self.read(statement.statements(), written, path);
            path.pop();
        }
    }
}

/// Addresses and numbers as they are shown.
fn canonical(word: &str) -> String {
    let (address, length) = word.split_once('/').unwrap_or((word, ""));
    if let Ok(address) = address.parse::<IpAddr>() {
        let full = if address.is_ipv4() { "32" } else { "128" };
        return if length.is_empty() || length == full {
            address.to_string()
        } else {
            format!("{address}/{length}")
        };
    }
    word.parse::<u64>()
        .map_or_else(|_| word.to_owned(), |number| number.to_string())
}

impl Origins {
    /// `FILE:LINE` or `default`; `None` where nobody can say.
    pub(super) fn note(&self, path: &[Step]) -> Option<String> {
        if !self.is_known(path) {
            return None;
        }
        match self.place(path) {
            Some(place) => Some(format!("{}:{}", place.file, place.line)),
            None => self.is_default(path).then(|| "default".to_owned()),
        }
    }

    /// Whether the blocks around the value are shown as they were written, so that it can be found.
    fn is_known(&self, path: &[Step]) -> bool {
        let around = 1..path.len();
        let is_global = path.first().is_some_and(|(name, _)| name == GLOBAL);
        is_global
            || around
                .into_iter()
                .all(|depth| self.places.contains_key(&path[..depth]))
    }

    /// Where the value at `path` was written: there, in a block around it, or among the defaults of `global_defs`.
    fn place(&self, path: &[Step]) -> Option<&Place> {
        let (last, around) = path.split_last()?;
        let name = canonical(&last.0);
        let at = |blocks: &[Step], step: Step| {
            let path: Vec<Step> = blocks.iter().cloned().chain([step]).collect();
            self.places.get(&path)
        };
        if let Some(place) = at(around, (name.clone(), last.1)) {
            return Some(place);
        }
        if !self.is_default(path) {
            return None;
        }
        // The old form of SMTP_CHECK has it in a block of its own.
        let host = [around, &[("host".to_owned(), 0)]].concat();
        let host = std::iter::once_with(|| at(&host, (name.clone(), 0)));
        let above = (0..around.len()).rev();
        let above = above.map(|depth| at(&around[..depth], (name.clone(), 0)));
        let global = [(GLOBAL.to_owned(), 0)];
        let global = [name.clone(), format!("vrrp_{name}")].map(|name| at(&global, (name, 0)));
        host.chain(above).chain(global).flatten().next()
    }

    /// Whether there is such a keyword in its block, so that it has a value even if nobody writes it.
    fn is_default(&self, path: &[Step]) -> bool {
        let Some(((last, _), around)) = path.split_last() else {
            return false;
        };
        let block = around.last().map_or("the top level", |(head, _)| {
            head.split(' ').next().unwrap_or_default()
        });
        self.names.contains_key(&(block, last.as_str()))
    }

    /// Where the top level has the keyword, in the last of its places.
    #[must_use]
    pub fn of_keyword(&self, keyword: &str) -> Option<&Place> {
        self.places.get(&[(keyword.to_owned(), 0)][..])
    }

    /// The origin of every value of `config`.
    #[must_use]
    pub fn of(&self, config: &Config) -> Vec<Origin> {
        let mut origins = Vec::new();
        self.collect(&Page::of(config), &mut Vec::new(), &mut origins);
        origins
    }

    fn collect(&self, page: &Page, path: &mut Vec<Step>, origins: &mut Vec<Origin>) {
        for (step, item) in page.steps() {
            path.push(step);
            match item {
                Item::Block(_, inner) => self.collect(inner, path, origins),
                Item::Line(_) => {
                    let place = self.place(path);
                    origins.push(Origin {
                        path: path.iter().map(|(name, _)| name.clone()).collect(),
                        file: place.map(|place| place.file.clone()),
                        line: place.map(|place| place.line),
                    });
                }
            }
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests;
