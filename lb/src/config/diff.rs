//! What changes between two configurations, as their effective values.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    model::Config,
    show::{Item, Page, Step},
};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Heads of the blocks it is in.
    pub path: Vec<String>,
    /// The line or block as it was; `None` where there was none.
    pub before: Option<String>,
    /// As it is then; `None` where there is none.
    pub after: Option<String>,
}

/// What a reload from `before` to `after` changes, in the order of the file; nothing when only the writing differs.
#[must_use]
pub fn diff(before: &Config, after: &Config) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(
        &Page::of(before),
        &Page::of(after),
        &mut Vec::new(),
        &mut changes,
    );
    changes
}

fn compare(before: &Page, after: &Page, path: &mut Vec<String>, changes: &mut Vec<Change>) {
    let lists = lists(before, after);
    let new: BTreeMap<Step, &Item> = keyed(after, &lists).collect();
    let mut kept = BTreeSet::new();
    for (key, old) in keyed(before, &lists) {
        match (old, new.get(&key)) {
            (Item::Block(head, old), Some(Item::Block(_, new))) => {
                path.push(head.clone());
                compare(old, new, path, changes);
                path.pop();
            }
            (old, Some(new)) if old == *new => {}
            (old, new) => changes.push(Change {
                path: path.clone(),
                before: Some(text(old)),
                after: new.map(|new| text(new)),
            }),
        }
        kept.insert(key);
    }
    let added = keyed(after, &lists).filter(|(key, _)| !kept.contains(key));
    changes.extend(added.map(|(_, item)| Change {
        path: path.clone(),
        before: None,
        after: Some(text(item)),
    }));
}

/// Words that start more than one line of a block: those lines are a list, and each counts as a whole.
fn lists<'p>(before: &'p Page, after: &'p Page) -> BTreeSet<&'p str> {
    let pages = [before, after].into_iter();
    let repeated = pages.flat_map(|page| {
        let mut seen = BTreeSet::new();
        let lines = page
            .items
            .iter()
            .filter(|item| matches!(item, Item::Line(_)));
        lines
            .map(Item::name)
            .filter(move |name| !seen.insert(*name))
    });
    repeated.collect()
}

fn keyed<'p>(page: &'p Page, lists: &BTreeSet<&str>) -> impl Iterator<Item = (Step, &'p Item)> {
    page.steps().map(|(step, item)| match item {
        Item::Line(line) if lists.contains(step.0.as_str()) => ((line.clone(), 0), item),
        _ => (step, item),
    })
}

/// A line, or a block with everything in it.
fn text(item: &Item) -> String {
    let page = Page {
        items: vec![item.clone()],
    };
    page.text(&|_| None).trim_end().to_owned()
}

/// Changes as people read them: the blocks they are in, `-` before what goes and `+` before what comes.
#[must_use]
pub fn show_diff(changes: &[Change]) -> String {
    let mut text = String::new();
    let mut open: &[String] = &[];
    for change in changes {
        enter(open, &change.path, &mut text);
        open = &change.path;
        for (sign, lines) in [('-', &change.before), ('+', &change.after)] {
            for line in lines.iter().flat_map(|lines| lines.lines()) {
                text.push_str(&format!("{sign} {}{line}\n", indent(open.len())));
            }
        }
    }
    enter(open, &[], &mut text);
    text
}

/// Closes the blocks that end and opens those that begin.
fn enter(open: &[String], path: &[String], text: &mut String) {
    let common = open.iter().zip(path).take_while(|(a, b)| a == b).count();
    for depth in (common..open.len()).rev() {
        text.push_str(&format!("  {}}}\n", indent(depth)));
    }
    for (depth, head) in path.iter().enumerate().skip(common) {
        text.push_str(&format!("  {}{head} {{\n", indent(depth)));
    }
}

fn indent(depth: usize) -> String {
    "    ".repeat(depth)
}

#[cfg(test)]
mod tests;
