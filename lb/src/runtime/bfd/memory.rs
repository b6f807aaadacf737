//! What the next bfd child should know: a file in the run directory, written when a session comes Up or goes Down.

use std::{fs, io, path::PathBuf};

use crate::{
    bfd::{output::Remembered, sentence},
    io::file,
};

/// The file and what is in it.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    kept: Vec<Remembered>,
}

impl Memory {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            kept: Vec::new(),
        }
    }

    /// What an earlier child left. One that stopped in order left nothing.
    pub(super) fn take(&mut self) -> Vec<Remembered> {
        let read = fs::read(&self.path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        self.kept = match read {
            Ok(kept) => kept,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.complain(&error);
                }
                Vec::new()
            }
        };
        self.kept.clone()
    }

    /// Leaves this for the next child.
    pub(super) fn keep(&mut self, sessions: &[Remembered]) {
        if self.kept == sessions {
            return;
        }
        self.kept = sessions.to_vec();
        let result = if sessions.is_empty() {
            file::remove(&self.path)
        } else {
            let text = serde_json::to_vec(sessions).map_err(io::Error::from);
            text.and_then(|text| file::replace(&self.path, text))
        };
        if let Err(error) = result {
            self.complain(&error);
        }
    }

    fn complain(&self, error: &io::Error) {
        let path = self.path.display();
        tracing::warn!("{}", sentence::memory_failed(&path, error));
    }
}
