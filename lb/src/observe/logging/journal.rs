//! systemd-journald's own protocol, so that programs find instances and states in fields. Its libraries wait for a journal that
//! does not read; a stalled journal must not delay an advert.

use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use tracing::Level;

use super::{Facility, line::Line};

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// A way to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    facility: Facility,
    socket: Option<UnixDatagram>,
}

impl Journal {
    pub(super) fn new(facility: Facility) -> Self {
        Self::at(Path::new(SOCKET), facility)
    }

    pub(super) fn at(path: &Path, facility: Facility) -> Self {
        Self {
            path: path.to_owned(),
            facility,
            socket: None,
        }
    }

    /// Sends a line; tells whether there is a journal, which loses what it has no room for.
    pub(super) fn send(&mut self, line: &Line<'_>) -> bool {
        let message = message(line, self.facility);
        let path = self.path.clone();
        let sent = self
            .socket()
            .and_then(|socket| socket.send_to(&message, path));
        match sent {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    fn socket(&mut self) -> io::Result<&UnixDatagram> {
        if self.socket.is_none() {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            self.socket = Some(socket);
        }
        self.socket
            .as_ref()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

fn message(line: &Line<'_>, facility: Facility) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, "MESSAGE", &line.text);
    let priority = match line.level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    };
    put(&mut message, "PRIORITY", priority);
    put(&mut message, "SYSLOG_IDENTIFIER", line.ident);
    put(
        &mut message,
        "SYSLOG_FACILITY",
        &facility.code().to_string(),
    );
    put(&mut message, "SYSLOG_PID", &std::process::id().to_string());
    for (name, value) in &line.fields {
        put(&mut message, &format!("LB_{}", name.to_uppercase()), value);
    }
    message
}

/// A field: `NAME=value`, or with its length in front where it has several lines.
fn put(message: &mut Vec<u8>, name: &str, value: &str) {
    message.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        message.push(b'\n');
        message.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        message.push(b'=');
    }
    message.extend_from_slice(value.as_bytes());
    message.push(b'\n');
}
