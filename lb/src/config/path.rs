//! Paths on the machine: where they lead, and who may change what is there.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    ffi::OsString,
    path::{Component, Path, PathBuf},
};

use super::{
    LoadError,
    system::{Entry, EntryKind, Files},
};

/// Links that one path may lead over, as in the kernel.
const MAX_LINKS: usize = 40;
const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHER_WRITE: u32 = 0o002;
const ROOT: u32 = 0;

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct Found {
    /// Absolute, as it was asked for.
    pub(crate) path: PathBuf,
    /// Absolute, without links.
    pub(crate) real: PathBuf,
    /// The links it leads over, each without links before its end.
    links: Vec<PathBuf>,
    pub(crate) entry: Entry,
}

impl Found {
    fn is_program(&self) -> bool {
        self.entry.kind == EntryKind::File && self.entry.is_executable()
    }
}

/// Finds a program as a shell does.
///
/// # Errors
/// When nothing is there, or it cannot be seen.
pub(crate) fn find(program: &str, files: &dyn Files) -> Result<Found, LoadError> {
    if program.contains('/') {
        return resolve(&files.working_directory().join(program), files);
    }
    let directories = files.search_path().into_iter();
    let mut found = directories.filter_map(|directory| {
        let found = resolve(&directory.join(program), files).ok()?;
        found.is_program().then_some(found)
    });
    found.next().ok_or(LoadError::NotFound)
}

/// Follows an absolute path over all links.
///
/// # Errors
/// As [`find`].
pub(crate) fn resolve(path: &Path, files: &dyn Files) -> Result<Found, LoadError> {
    let mut rest = names(path);
    let mut real = PathBuf::from("/");
    let mut entry = files.entry(&real)?;
    let mut links = Vec::new();
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            real.pop();
            entry = files.entry(&real)?;
            continue;
        }
        real.push(name);
        entry = files.entry(&real)?;
        let EntryKind::Link(target) = &entry.kind else {
            continue;
        };
        links.push(real.clone());
        if links.len() > MAX_LINKS {
            return Err(LoadError::Unreadable("too many links".to_owned()));
        }
        real.pop();
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        let mut ahead = names(target);
        ahead.append(&mut rest);
        rest = ahead;
        entry = files.entry(&real)?;
    }
    Ok(Found {
        path: path.to_owned(),
        real,
        links,
        entry,
    })
}

fn names(path: &Path) -> VecDeque<OsString> {
    let components = path.components();
    let names = components.filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    names.collect()
}

/// What of a path others than root may change, or replace.
#[derive(Debug)]
pub(crate) struct Weakness {
    pub(crate) path: PathBuf,
    pub(crate) who: String,
    cure: &'static str,
}

impl Weakness {
    /// The command that mends it.
    pub(crate) fn cure(&self) -> String {
        format!("{} {}", self.cure, self.path.display())
    }
}

/// The first part of a path that others than root may change, by keepalived's rules: in a directory with the sticky bit
/// only owners replace files. Links count only where they are followed each time.
pub(crate) fn weakness(found: &Found, follows_links: bool, files: &dyn Files) -> Option<Weakness> {
    let links = if follows_links { &*found.links } else { &[] };
    let mut paths = std::iter::once(&found.real).chain(links);
    paths.find_map(|path| {
        let mut parts: Vec<&Path> = path.ancestors().collect();
        parts.reverse();
        parts.into_iter().find_map(|part| weakness_of(part, files))
    })
}

fn weakness_of(part: &Path, files: &dyn Files) -> Option<Weakness> {
    let entry = files.entry(part).ok()?;
    // A link has no permissions of its own.
    let is_fixed = match entry.kind {
        EntryKind::Link(_) => true,
        EntryKind::Directory => entry.mode & STICKY != 0,
        EntryKind::File | EntryKind::Other => false,
    };
    let (who, cure) = if entry.uid != ROOT {
        (format!("its owner with UID {}", entry.uid), "chown root")
    } else if is_fixed {
        return None;
    } else if entry.mode & OTHER_WRITE != 0 {
        ("everybody".to_owned(), "chmod o-w")
    } else if entry.mode & GROUP_WRITE != 0 && entry.gid != ROOT {
        (format!("its group with GID {}", entry.gid), "chmod g-w")
    } else {
        return None;
    };
    Some(Weakness {
        path: part.to_owned(),
        who,
        cure,
    })
}
