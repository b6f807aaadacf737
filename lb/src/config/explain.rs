//! Keywords in words, from the tables that read them: for a terminal, and as a page of the documentation.

mod page;

use std::fmt::Write as _;

pub use self::page::page;
use super::{
    diagnostic::quote,
    keyword::{Effect, Entry, reference},
    suggest::nearest,
};

/// Nobody knows the keyword.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKeyword {
    /// What was asked for.
    pub word: String,
    /// What may have been meant.
    pub meant: Option<&'static str>,
}

impl std::fmt::Display for UnknownKeyword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown keyword {}", quote(&self.word))?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean {}?", quote(meant)),
            None => f.write_str("; `lb config explain` lists what there is"),
        }
    }
}

impl std::error::Error for UnknownKeyword {}

/// What a keyword means in each block it stands in, and for a block its keywords.
///
/// # Errors
/// When no table has it.
pub fn explain(word: &str) -> Result<String, UnknownKeyword> {
    let mut parts: Vec<String> = reference()
        .filter(|entry| entry.names.contains(&word))
        .map(|entry| describe(&entry))
        .collect();
    let own = blocks()
        .into_iter()
        .find(|(block, _)| block.split(" and ").any(|part| part == word));
    parts.extend(own.map(|(block, entries)| list_block(block, &entries)));
    if parts.is_empty() {
        return Err(UnknownKeyword {
            word: word.to_owned(),
            meant: nearest(word, reference().flat_map(|entry| entry.names)),
        });
    }
    Ok(parts.join("\n"))
}

/// Every keyword, block by block.
#[must_use]
pub fn list() -> String {
    let parts: Vec<String> = blocks()
        .iter()
        .map(|(block, entries)| list_block(block, entries))
        .collect();
    parts.join("\n")
}

/// The entries of each block, in the order of the tables.
fn blocks() -> Vec<(&'static str, Vec<Entry>)> {
    let mut blocks: Vec<(&'static str, Vec<Entry>)> = Vec::new();
    for entry in reference() {
        match blocks.iter_mut().find(|(block, _)| *block == entry.block) {
            Some((_, entries)) => entries.push(entry),
            None => blocks.push((entry.block, vec![entry])),
        }
    }
    blocks
}

fn describe(entry: &Entry) -> String {
    let mut lines = vec![("in", entry.block.to_owned())];
    match entry.names.split_first() {
        Some((_, others)) if !others.is_empty() => lines.push(("also", others.join(", "))),
        _ => {}
    }
    lines.push(("takes", entry.takes.clone()));
    if !entry.default.is_empty() {
        lines.push(("default", entry.default.to_owned()));
    }
    lines.push(("means", entry.meaning.to_owned()));
    lines.extend(entry.instead.map(|instead| ("write", instead.to_owned())));
    if entry.effect != Effect::Acted {
        lines.push(("acted on", entry.effect.to_string()));
    }
    let mut text = entry.names.first().map_or("", |name| name).to_owned() + "\n";
    for (label, value) in lines {
        // Writing to a string cannot fail.
        writeln!(text, "  {label:<10}{value}").ok();
    }
    text
}

fn list_block(block: &str, entries: &[Entry]) -> String {
    let mut text = format!("{block}\n");
    for entry in entries {
        // Writing to a string cannot fail.
        writeln!(text, "  {:<22} {}", entry.names.join(", "), entry.meaning).ok();
    }
    text
}

#[cfg(test)]
mod tests;
