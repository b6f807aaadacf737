//! Unix sockets that this daemon listens at, for itself and root alone.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use anyhow::Context;
use tokio::net::UnixListener;

use super::file;

/// The file of a listening socket, removed when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Nothing to be done about a file that somebody else removed.
        fs::remove_file(&self.0).ok();
    }
}

/// Listens at `path`, in place of a predecessor. Needs a tokio runtime.
///
/// # Errors
/// When there can be no socket.
pub(super) fn listen(path: PathBuf) -> anyhow::Result<(SocketFile, UnixListener)> {
    let listener = file::remove(&path)
        .and_then(|()| UnixListener::bind(&path))
        .and_then(|listener| {
            fs::set_permissions(&path, Permissions::from_mode(0o600)).map(|()| listener)
        })
        .with_context(|| path.display().to_string())?;
    Ok((SocketFile(path), listener))
}
