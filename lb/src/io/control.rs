//! Control sockets: one JSON line in, one JSON line out, for root and the daemon's own user.

use std::{
    fmt,
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use nix::unistd::geteuid;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::UCred},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

use super::listener::{SocketFile, listen};
use crate::observe::log::operator::control_held_up;

/// Longest wait for a request, and for its answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at a time; who comes then waits in the socket's own queue.
const MOST: usize = 64;
/// After a connection could not be taken, for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    _file: SocketFile,
}

/// Somebody waiting for an answer.
#[derive(Debug)]
pub struct Reply {
    stream: UnixStream,
    peer: Peer,
    /// Its place among [`MOST`].
    place: OwnedSemaphorePermit,
}

/// Who has connected, as far as the kernel knows.
#[derive(Clone, Copy, Debug)]
pub struct Peer(Option<UCred>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.and_then(|peer| Some((peer.pid()?, peer.uid()))) {
            Some((pid, uid)) => write!(f, "pid {pid}, user {uid}"),
            None => f.write_str("somebody"),
        }
    }
}

impl Control {
    /// Listens at `path`; each request of at most `longest` bytes goes through `parse` to `handle`, or what is wrong with it.
    ///
    /// # Errors
    /// When there can be no socket.
    pub fn serve<R, H, F>(
        path: PathBuf,
        longest: u64,
        parse: fn(&str) -> Result<R, String>,
        handle: H,
    ) -> anyhow::Result<Self>
    where
        R: Send + 'static,
        H: Fn(Result<R, String>, Reply) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let (file, listener) = listen(path)?;
        let places = Arc::new(Semaphore::new(MOST));
        tokio::spawn(async move {
            let mut is_told = false;
            while let Ok(place) = Arc::clone(&places).acquire_owned().await {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        if !std::mem::replace(&mut is_told, true) {
                            control_held_up(&error);
                        }
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                is_told = false;
                let handle = handle.clone();
                tokio::spawn(async move {
                    let (request, reply) = hear(stream, place, longest, parse).await;
                    handle(request, reply).await;
                });
            }
        });
        Ok(Self { _file: file })
    }
}

/// Reads one request. A client that says nothing, too much or nonsense, or is nobody to ask, is told so, if it listens.
async fn hear<R>(
    stream: UnixStream,
    place: OwnedSemaphorePermit,
    longest: u64,
    parse: fn(&str) -> Result<R, String>,
) -> (Result<R, String>, Reply) {
    let peer = stream.peer_cred().ok();
    let may_ask = peer.is_some_and(|peer| [0, geteuid().as_raw()].contains(&peer.uid()));
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    let mut limited = (&mut reader).take(longest);
    let read = tokio::time::timeout(PATIENCE, limited.read_until(b'\n', &mut line)).await;
    let request = match read {
        _ if !may_ask => Err("only root may ask this daemon".to_owned()),
        Ok(Ok(_)) => match std::str::from_utf8(&line) {
            Ok(line) => parse(line),
            Err(error) => Err(format!("a request is UTF-8: {error}")),
        },
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no request within 5 s".to_owned()),
    };
    let reply = Reply {
        stream: reader.into_inner(),
        peer: Peer(peer),
        place,
    };
    (request, reply)
}

impl Reply {
    /// The connection, for a longer talk, which makes room for others.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    /// Who asks.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// Answers, without waiting for the client; who is about to end waits for what is returned.
    pub fn answer<A: Serialize + Send + Sync + 'static>(mut self, answer: A) -> JoinHandle<()> {
        tokio::spawn(async move {
            self.send(&answer).await;
            drop(self.place);
        })
    }

    /// Answers. A client that went away needs no answer; one that does not read must not hold anybody up.
    async fn send(&mut self, answer: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(answer) {
            line.push(b'\n');
            tokio::time::timeout(PATIENCE, self.stream.write_all(&line))
                .await
                .ok();
        }
    }
}

/// Asks whoever listens at `path`; `who` is the daemon's name.
///
/// # Errors
/// When nobody listens there, or does not answer.
pub async fn ask<A: DeserializeOwned>(
    path: &Path,
    who: &str,
    request: &impl Serialize,
) -> anyhow::Result<A> {
    ask_for(path, who, request, PATIENCE).await
}

/// The same, for so long.
///
/// # Errors
/// When nobody listens there, or does not answer.
pub async fn ask_for<A: DeserializeOwned>(
    path: &Path,
    who: &str,
    request: &impl Serialize,
    patience: Duration,
) -> anyhow::Result<A> {
    let talk = async {
        let stream = UnixStream::connect(path).await.with_context(|| {
            format!(
                "{}: no daemon answers here (is {who} running?)",
                path.display()
            )
        })?;
        let mut reader = BufReader::new(stream);
        let mut request = serde_json::to_vec(request).context("request")?;
        request.push(b'\n');
        reader
            .get_mut()
            .write_all(&request)
            .await
            .context("control socket")?;
        let mut line = String::new();
        reader
            .read_line(&mut line)
            .await
            .context("control socket")?;
        serde_json::from_str(&line).context("the daemon's answer makes no sense")
    };
    match tokio::time::timeout(patience, talk).await {
        Ok(answer) => answer,
        Err(_) => bail!("{}: no answer within {patience:?}", path.display()),
    }
}
