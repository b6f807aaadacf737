//! Where a program is, and who could change it.

use std::{
    env, fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Where programs without a path are looked for when the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program that is not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// It is nowhere.
    #[error("there is no program {0}")]
    NotFound(String),
    /// It cannot be looked at.
    #[error("{path}: {why}")]
    Unreadable {
        /// What was looked at.
        path: String,
        /// The system's word.
        why: String,
    },
    /// Somebody else than root owns a part of its path.
    #[error(
        "enable_script_security: it would run as root, but {path} belongs to user {uid}: give it to root, or give the script that user"
    )]
    Owned {
        /// The file or directory.
        path: String,
        /// Its owner.
        uid: u32,
    },
    /// Somebody else than root can write a part of its path.
    #[error(
        "enable_script_security: it would run as root, but {path} can be written by others (mode {mode:o}): take that right away, or give the script a user of its own"
    )]
    Writable {
        /// The file or directory.
        path: String,
        /// Its permissions.
        mode: u32,
    },
}

/// The program's place: looked for in `PATH` if it has no `/`, and without symbolic links unless they are kept.
///
/// # Errors
/// When it is nowhere.
pub(super) fn find(program: &str, keep_symlinks: bool) -> Result<PathBuf, Unusable> {
    let path = if program.contains('/') {
        PathBuf::from(program)
    } else {
        search(program).ok_or_else(|| Unusable::NotFound(program.to_owned()))?
    };
    let real = fs::canonicalize(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unusable::NotFound(program.to_owned()),
        _ => unreadable(&path, &error),
    })?;
    Ok(if keep_symlinks { path } else { real })
}

fn search(program: &str) -> Option<PathBuf> {
    let path = env::var("PATH").unwrap_or_else(|_| PATH.to_owned());
    let mut found = env::split_paths(&path).map(|directory| directory.join(program));
    found.find(|path| {
        let data = fs::metadata(path);
        data.is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    })
}

/// Whether root alone decides what a path leads to: the file and each directory above it, and the same for the place
/// of every symbolic link on the way. What passes cannot be changed by others between now and its use, because every
/// change needs a directory or file that only root writes.
///
/// # Errors
/// The first part that is not root's alone.
pub(super) fn check(path: &Path) -> Result<(), Unusable> {
    let real = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    check_ancestors(&real)?;
    if real != path {
        check_links(path)?;
    }
    Ok(())
}

fn check_ancestors(path: &Path) -> Result<(), Unusable> {
    for part in path.ancestors().filter(|part| !part.as_os_str().is_empty()) {
        let data = fs::symlink_metadata(part).map_err(|error| unreadable(part, &error))?;
        // The permissions of a symbolic link say nothing.
        let mode = if data.is_symlink() { 0 } else { data.mode() };
        judge(part, data.uid(), data.gid(), mode)?;
    }
    Ok(())
}

/// Whether root alone can change a file or directory.
pub(super) fn judge(part: &Path, uid: u32, gid: u32, mode: u32) -> Result<(), Unusable> {
    let path = part.display().to_string();
    if uid != 0 {
        return Err(Unusable::Owned { path, uid });
    }
    let group = if gid == 0 { 0 } else { 0o020 };
    if mode & (0o002 | group) != 0 {
        let mode = mode & 0o7777;
        return Err(Unusable::Writable { path, mode });
    }
    Ok(())
}

/// Links that the kernel will follow (ELOOP ends longer chains before).
fn check_links(path: &Path) -> Result<(), Unusable> {
    let mut path = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
    for _ in 0..40 {
        let Some(link) = first_link(&path) else {
            return check_ancestors(&path);
        };
        check_ancestors(&link)?;
        let target = fs::read_link(&link).map_err(|error| unreadable(&link, &error))?;
        let rest = path.strip_prefix(&link).unwrap_or(Path::new("")).to_owned();
        let start = link.parent().unwrap_or(Path::new("/")).join(target);
        path = if rest.as_os_str().is_empty() {
            start
        } else {
            start.join(rest)
        };
    }
    Err(Unusable::Unreadable {
        path: path.display().to_string(),
        why: "too many symbolic links".to_owned(),
    })
}

fn first_link(path: &Path) -> Option<PathBuf> {
    let parts: Vec<&Path> = path.ancestors().collect();
    let link = parts.into_iter().rev().find(|part| part.is_symlink())?;
    Some(link.to_owned())
}

fn unreadable(path: &Path, error: &io::Error) -> Unusable {
    Unusable::Unreadable {
        path: path.display().to_string(),
        why: error.to_string(),
    }
}
