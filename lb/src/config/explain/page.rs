//! The page `docs/keywords.md`.

use std::fmt::Write as _;

use super::blocks;
use crate::config::keyword::{Effect, Entry};

/// A table of keywords for each block, in Markdown.
#[must_use]
pub fn page() -> String {
    let blocks = blocks();
    let entries = || blocks.iter().flat_map(|(_, entries)| entries);
    let acted = entries().filter(|entry| entry.effect == Effect::Acted);
    let acted = acted.count();
    let mut text = format!(
        "# Keywords\n\n\
         <!-- Made from the keyword tables by `cargo xtask keywords`; a change here is lost. -->\n\n\
         What `lb` knows of keepalived.conf(5): {acted} of {} keywords are acted on. None is ignored\n\
         in silence: `lb -t` and the daemon name each one that is not, with its place. `lb config explain KEYWORD` says the\n\
         same in a terminal.\n",
        entries().count()
    );
    for (block, entries) in &blocks {
        // Writing to a string cannot fail.
        write!(
            text,
            "\n## {}\n\n\
             | keyword | arguments | default | meaning | acted on |\n\
             |---|---|---|---|---|\n",
            heading(block)
        )
        .ok();
        for entry in entries {
            text.push_str(&row(entry));
        }
    }
    text
}

fn heading(block: &str) -> String {
    match block.strip_prefix("the ") {
        Some(place) => format!("The {place}"),
        None => format!("`{}`", block.replace(" and ", "` and `")),
    }
}

fn row(entry: &Entry) -> String {
    let names: Vec<String> = entry.names.iter().map(|name| format!("`{name}`")).collect();
    let names = names.join(", ");
    format!(
        "| {names} | {} | {} | {} | {} |\n",
        cell(&entry.takes),
        cell(entry.default),
        cell(entry.meaning),
        cell(&entry.effect.to_string())
    )
}

/// Text that is one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
