//! Names of routing tables, protocols, scopes, realms, types of service and interface groups: iproute2's files.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::config::NameList;

/// Where iproute2 has its files; what comes later counts.
const DIRECTORIES: &[&str] = &["/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2"];

/// A name that none of the files has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {list} is named {name}: add it to /etc/iproute2/{}", list.file())]
pub struct UnknownName {
    list: NameList,
    name: String,
}

/// The names of this machine, read when they are first asked for.
#[derive(Debug)]
pub struct Names {
    directories: Vec<PathBuf>,
    read: BTreeMap<NameList, BTreeMap<String, u32>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new(DIRECTORIES.iter().map(PathBuf::from).collect())
    }
}

impl Names {
    /// The names below these directories; what comes later counts.
    #[must_use]
    pub const fn new(directories: Vec<PathBuf>) -> Self {
        let read = BTreeMap::new();
        Self { directories, read }
    }

    /// The number that a name stands for.
    ///
    /// # Errors
    /// When no file has it.
    pub fn number(&mut self, list: NameList, name: &str) -> Result<u32, UnknownName> {
        let number = self.of(list).get(name).copied();
        number.ok_or_else(|| UnknownName {
            list,
            name: name.to_owned(),
        })
    }

    /// The names of a list, with what they stand for.
    pub fn of(&mut self, list: NameList) -> &BTreeMap<String, u32> {
        let directories = &self.directories;
        let read = || read(directories, list.file());
        self.read.entry(list).or_insert_with(read)
    }
}

/// `FILE` and `FILE.d/*.conf` of each directory. A file that is not there has no names.
fn read(directories: &[PathBuf], file: &str) -> BTreeMap<String, u32> {
    let mut names = BTreeMap::new();
    for directory in directories {
        let mut paths = snippets(&directory.join(format!("{file}.d")));
        paths.sort();
        paths.insert(0, directory.join(file));
        for path in paths {
            let bytes = std::fs::read(path).unwrap_or_default();
            names.extend(parse(&String::from_utf8_lossy(&bytes)));
        }
    }
    names
}

fn snippets(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .collect()
}

/// Lines of `NUMBER NAME`, the number decimal or after `0x` hexadecimal; `#` begins a comment. Other lines are skipped,
/// as iproute2 does.
pub fn parse(text: &str) -> impl Iterator<Item = (String, u32)> {
    text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let number = words.next()?;
        let number = match number.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        Some((words.next()?.to_owned(), number))
    })
}

#[cfg(test)]
mod tests;
