//! Control sockets: one JSON line in, one JSON line out, for root and the daemon's own user.

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use nix::unistd::geteuid;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    task::JoinHandle,
};

use super::listener::{SocketFile, listen};

/// Longest wait for a request, and for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A listening socket; its file is removed when this is dropped.
#[derive(Debug)]
pub struct Control {
    _file: SocketFile,
}

/// Somebody waiting for an answer.
#[derive(Debug)]
pub struct Reply(UnixStream);

impl Control {
    /// Listens at `path`; each request of at most `longest` bytes goes to `handle`, or what is wrong with it.
    ///
    /// # Errors
    /// When there can be no socket.
    pub fn serve<R, H, F>(path: PathBuf, longest: u64, handle: H) -> anyhow::Result<Self>
    where
        R: DeserializeOwned + Send,
        H: Fn(Result<R, String>, Reply) -> F + Clone + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let (file, listener) = listen(path)?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handle = handle.clone();
                tokio::spawn(async move {
                    let (request, reply) = hear(stream, longest).await;
                    handle(request, reply).await;
                });
            }
        });
        Ok(Self { _file: file })
    }
}

/// Reads one request. A client that says nothing, too much or nonsense, or is nobody to ask, is told so, if it listens.
async fn hear<R: DeserializeOwned>(stream: UnixStream, longest: u64) -> (Result<R, String>, Reply) {
    let may_ask = stream
        .peer_cred()
        .is_ok_and(|peer| [0, geteuid().as_raw()].contains(&peer.uid()));
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut limited = (&mut reader).take(longest);
    let read = tokio::time::timeout(PATIENCE, limited.read_line(&mut line)).await;
    let request = match read {
        _ if !may_ask => Err("only root may ask this daemon".to_owned()),
        Ok(Ok(_)) => serde_json::from_str(&line).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no request within 5 s".to_owned()),
    };
    (request, Reply(reader.into_inner()))
}

impl Reply {
    /// The connection, for a longer talk.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.0
    }

    /// Answers, without waiting for the client; who is about to end waits for what is returned.
    pub fn answer<A: Serialize + Send + Sync + 'static>(mut self, answer: A) -> JoinHandle<()> {
        tokio::spawn(async move { self.send(&answer).await })
    }

    /// Answers. A client that went away needs no answer; one that does not read must not hold anybody up.
    async fn send(&mut self, answer: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(answer) {
            line.push(b'\n');
            tokio::time::timeout(PATIENCE, self.0.write_all(&line))
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
    match tokio::time::timeout(PATIENCE, talk).await {
        Ok(answer) => answer,
        Err(_) => bail!("{}: no answer within 5 s", path.display()),
    }
}
