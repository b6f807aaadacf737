//! The house rules: one function each, with the reason in its message.

mod shape;
mod words;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::source::Source;

/// One place that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    /// From 1.
    line: usize,
    message: String,
}

/// A rule for one file. `tree` is all files, for rules that compare.
type Rule = fn(source: &Source, tree: &[Source]) -> Vec<Breach>;

/// Every rule with its name.
const RULES: &[(&str, Rule)] = &[
    ("file-length", shape::file_length),
    ("function-length", shape::function_length),
    ("no-mod-rs", shape::no_mod_rs),
    ("telling-file-names", shape::telling_file_names),
    ("no-unwrap", words::no_unwrap),
    ("no-ignored-tests", words::no_ignored_tests),
    ("no-bare-todo", words::no_bare_todo),
    ("no-machine-paths", words::no_machine_paths),
    ("core-is-pure", words::core_is_pure),
    ("no-reload-flag", words::no_reload_flag),
    ("verdicts-in-one-file", words::verdicts_in_one_file),
    ("map-names-in-one-file", words::map_names_in_one_file),
];

/// Endings and names of the files that are read.
const ENDINGS: [&str; 8] = [
    ".rs", ".toml", ".md", ".sh", ".conf", ".service", "/run", ".json",
];

/// Checks every file below `root`.
///
/// # Errors
/// Lists every breach as `file:line: rule: reason`.
pub(super) fn check(root: &Path) -> Result<()> {
    let mut tree = Vec::new();
    read(root, "", &mut tree)?;
    if tree.is_empty() {
        bail!("{} has no files to check", root.display());
    }
    let breaches: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule)| {
            let tree = &tree;
            tree.iter().flat_map(move |source| {
                let found = rule(source, tree).into_iter();
                found.map(move |Breach { line, message }| {
                    format!("{}:{line}: {name}: {message}", source.path)
                })
            })
        })
        .collect();
    if !breaches.is_empty() {
        bail!("{} breaches\n{}", breaches.len(), breaches.join("\n"));
    }
    Ok(())
}

/// Reads the text files below `root`/`folder` in the order of their names, without what is built.
fn read(root: &Path, folder: &str, tree: &mut Vec<Source>) -> Result<()> {
    let mut entries = fs::read_dir(root.join(folder))
        .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
        .with_context(|| format!("cannot read {folder}"))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        let hidden = name.starts_with('.') && ![".ci", ".cargo"].contains(&name.as_str());
        let kind = entry.file_type()?;
        if kind.is_dir() && !hidden && name != "target" {
            read(root, &path, tree)?;
        } else if kind.is_file() && ENDINGS.iter().any(|ending| path.ends_with(ending)) {
            // Test fixtures may be no text on purpose.
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).into_owned();
            tree.push(Source::new(&path, &text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
