//! The line between the parent and a child: JSON lines over an inherited Unix stream socket.
//!
//! The parent speaks first with [`ToChild::Configure`]; the child answers [`FromChild::Configured`]. When the parent
//! is gone `recv` returns `None`, and the child goes on without it.

use std::{collections::BTreeMap, marker::PhantomData, os::fd::OwnedFd, path::PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::{
    config::model::Config, pool::snapshot::ServiceSnapshot, track::snapshot::TrackedSnapshot,
    vrrp::snapshot::InstanceSnapshot,
};

/// What a child is to do, whole: the same message starts, reloads and (empty) stops it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Gate of each `vrrp_instance` by name, chosen by the parent and kept through reloads.
    pub gates: BTreeMap<String, u32>,
    /// Where the maps are pinned; `None` where there is no data plane.
    pub pins: Option<PathBuf>,
}

/// From the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToChild {
    /// Make it so.
    Configure(Box<Plan>),
    /// Answer with a snapshot.
    Snapshot,
    /// Reload to nothing, then exit 0.
    Stop,
}

/// From a child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromChild {
    /// The plan is in force.
    Configured,
    /// The answer to [`ToChild::Snapshot`] from the vrrp child.
    Instances {
        /// Its virtual routers.
        instances: Vec<InstanceSnapshot>,
        /// What they track.
        tracked: Vec<TrackedSnapshot>,
    },
    /// The answer to [`ToChild::Snapshot`] from the checker child.
    Services(Vec<ServiceSnapshot>),
}

/// The sending half of a line.
#[derive(Debug)]
pub struct Sender<S> {
    write: OwnedWriteHalf,
    messages: PhantomData<S>,
}

/// The receiving half of a line.
#[derive(Debug)]
pub struct Receiver<R> {
    lines: Lines<BufReader<OwnedReadHalf>>,
    messages: PhantomData<R>,
}

/// The parent's sending half.
pub type ParentSender = Sender<ToChild>;
/// The parent's receiving half.
pub type ParentReceiver = Receiver<FromChild>;

/// The child's end.
#[derive(Debug)]
pub struct ChildChannel {
    send: Sender<FromChild>,
    receive: Receiver<ToChild>,
}

/// Takes over the parent's end of a connected stream socket. Needs a tokio runtime.
///
/// # Errors
/// When the descriptor is not a stream socket.
pub fn parent_line(fd: OwnedFd) -> anyhow::Result<(ParentSender, ParentReceiver)> {
    halves(fd)
}

impl ChildChannel {
    /// Takes over the child's end of a connected stream socket. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the descriptor is not a stream socket.
    pub fn new(fd: OwnedFd) -> anyhow::Result<Self> {
        let (send, receive) = halves(fd)?;
        Ok(Self { send, receive })
    }

    /// Both halves.
    #[must_use]
    pub fn split(self) -> (Sender<FromChild>, Receiver<ToChild>) {
        (self.send, self.receive)
    }
}

fn halves<S, R>(fd: OwnedFd) -> anyhow::Result<(Sender<S>, Receiver<R>)> {
    let stream = std::os::unix::net::UnixStream::from(fd);
    stream
        .set_nonblocking(true)
        .context("control line: set non-blocking")?;
    let (read, write) = UnixStream::from_std(stream)
        .context("control line")?
        .into_split();
    let lines = BufReader::new(read).lines();
    Ok((
        Sender {
            write,
            messages: PhantomData,
        },
        Receiver {
            lines,
            messages: PhantomData,
        },
    ))
}

impl<R: DeserializeOwned> Receiver<R> {
    /// Receives the next message; `None` when the other end is gone. Safe to cancel.
    ///
    /// # Errors
    /// When the other end speaks another language.
    pub async fn recv(&mut self) -> anyhow::Result<Option<R>> {
        let Some(line) = self.lines.next_line().await.context("control line")? else {
            return Ok(None);
        };
        serde_json::from_str(&line)
            .context("control line")
            .map(Some)
    }
}

impl<S: Serialize> Sender<S> {
    /// Sends a message.
    ///
    /// # Errors
    /// When the other end is gone.
    pub async fn send(&mut self, message: &S) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(message).context("control line")?;
        line.push(b'\n');
        self.write.write_all(&line).await.context("control line")
    }
}
