//! Where a program is, and who could change it.

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    config::{
        LoadError,
        path::{self, Found},
    },
    io::machine::FilesNow,
};

/// A program that is not run.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// It is nowhere.
    #[error("there is no program {0}")]
    NotFound(String),
    /// It cannot be looked at.
    #[error("{program}: {why}")]
    Unreadable {
        /// What was looked at.
        program: String,
        /// The system's word.
        why: String,
    },
    /// Somebody else than root can change it, or put another in its place.
    #[error(
        "enable_script_security: it would run as root, but {who} may change {path}: `{cure}`, or give the script a user of its own"
    )]
    Weak {
        /// The file or directory.
        path: String,
        /// Who can.
        who: String,
        /// The command that ends it.
        cure: String,
    },
}

/// The program's place: looked for in `PATH` if it has no `/`, and without symbolic links unless they are kept. With
/// `for_root_alone` root must be the only one to decide what is there, on the whole way that is followed each time; what
/// passes cannot be changed by others between now and its use.
///
/// # Errors
/// When it is nowhere, or others than root may change it.
pub(super) fn find(
    program: &str,
    keep_symlinks: bool,
    for_root_alone: bool,
) -> Result<PathBuf, Unusable> {
    let found = path::find(program, &FilesNow).map_err(|error| match error {
        LoadError::NotFound => Unusable::NotFound(program.to_owned()),
        error => Unusable::Unreadable {
            program: program.to_owned(),
            why: error.to_string(),
        },
    })?;
    if for_root_alone {
        check(&found, keep_symlinks)?;
    }
    let path = if keep_symlinks {
        found.path
    } else {
        found.real
    };
    Ok(path)
}

fn check(found: &Found, keep_symlinks: bool) -> Result<(), Unusable> {
    let Some(weak) = path::weakness(found, keep_symlinks, &FilesNow) else {
        return Ok(());
    };
    Err(Unusable::Weak {
        path: weak.path.display().to_string(),
        cure: weak.cure(),
        who: weak.who,
    })
}
