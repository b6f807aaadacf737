//! The line between the parent and a child: JSON lines over an inherited Unix stream socket.
//!
//! The parent speaks first with [`ToChild::Configure`]; the child answers [`FromChild::Configured`]. When the parent
//! is gone `recv` returns `None`, and the child goes on without it.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    os::fd::OwnedFd,
    path::PathBuf,
};

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
    cli::Role,
    config::model::Config,
    observe::{
        level::LogLevel,
        status::{BfdStatus, CheckersStatus, VrrpStatus},
    },
    pool::{drain::Target, marks::Marks},
    vrrp::{
        output::{InstanceId, State},
        snapshot::Counts,
    },
};

/// Bytes of a message that takes a millisecond to read.
const LONG: usize = 64 << 10;

/// What a child is to do, whole: the same message starts, reloads and (empty) stops it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The configuration.
    pub config: Config,
    /// Gate of each `vrrp_instance` by name, chosen by the parent and kept through reloads.
    pub gates: BTreeMap<String, u32>,
    /// Marks of virtual servers of groups, chosen by the parent and kept through reloads (`nftables_ipvs`).
    pub marks: Marks,
    /// Where the vrrp child keeps the values that settings of the kernel had before it changed them.
    pub settings: Option<PathBuf>,
    /// Where the maps are pinned; `None` where there is no data plane.
    pub pins: Option<PathBuf>,
    /// IPVS, which is not wanted any more, may have connections yet.
    pub ipvs_leaves: bool,
}

/// From the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToChild {
    /// Make it so.
    Configure(Box<Plan>),
    /// Answer with a snapshot.
    Snapshot {
        /// With what you wait for, and what you know of links.
        detailed: bool,
    },
    /// Of the vrrp child: counters of these instances begin anew at what they were then.
    Forget(Vec<(InstanceId, Counts)>),
    /// Log from this level on.
    LogLevel(LogLevel),
    /// Do what an operator asks, and answer with the same number.
    Request {
        /// Tells requests apart.
        number: u64,
        /// What is asked.
        request: Request,
    },
    /// Tell the states of these virtual routers, at once and after every change; for the vrrp child.
    Follow(BTreeSet<String>),
    /// Reload to nothing, but for what is kept, then exit 0.
    Stop(Keeps),
}

/// What stays in the kernel when a child stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keeps {
    /// Of the checker child: the IPVS table (`-I`).
    pub ipvs: bool,
    /// Of the vrrp child: addresses, routes and rules (`-V`). Nobody is told that it resigns.
    pub vrrp: bool,
}

/// What an operator asks of a child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Of the vrrp child.
    Vrrp(VrrpRequest),
    /// Of the checker child.
    Drain(DrainRequest),
}

impl Request {
    /// Whom it is for.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Vrrp(_) => Role::Vrrp,
            Self::Drain(_) => Role::Checkers,
        }
    }
}

/// What an operator asks about real servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainRequest {
    /// Which.
    pub target: Target,
    /// What.
    pub order: DrainOrder,
}

/// To drain, or not to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DrainOrder {
    /// They take no new flows, and after so many seconds they carry none.
    Begin(Option<u64>),
    /// They take flows again.
    End,
}

/// What an operator asks of a virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VrrpRequest {
    /// Hand over and let others go first.
    Yield {
        /// Name of the `vrrp_instance`.
        instance: String,
        /// How long; until released without it.
        seconds: Option<u64>,
    },
    /// Take part by the priority again.
    Release {
        /// Name of the `vrrp_instance`.
        instance: String,
    },
}

impl VrrpRequest {
    /// The instance it is about.
    #[must_use]
    pub fn instance(&self) -> &str {
        match self {
            Self::Yield { instance, .. } | Self::Release { instance } => instance,
        }
    }
}

/// From a child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromChild {
    /// The plan is in force.
    Configured,
    /// The answer to [`ToChild::Snapshot`] from the vrrp child.
    Vrrp(Box<VrrpStatus>),
    /// The answer to [`ToChild::Snapshot`] from the checker child.
    Checkers(CheckersStatus),
    /// The answer to [`ToChild::Snapshot`] from the bfd child.
    Bfd(BfdStatus),
    /// From the checker child: no plane has flows that should not.
    Left,
    /// The states of the virtual routers of [`ToChild::Follow`], as far as there are such.
    States(BTreeMap<String, State>),
    /// The answer to [`ToChild::Request`].
    Answer {
        /// That of the request.
        number: u64,
        /// What happens, or why nothing does, for the operator.
        answer: Result<String, String>,
    },
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

impl<R: DeserializeOwned + Send + 'static> Receiver<R> {
    /// Receives the next message; `None` when the other end is gone. Not safe to cancel: a long message is read by another thread.
    ///
    /// # Errors
    /// When the other end speaks another language.
    pub async fn recv(&mut self) -> anyhow::Result<Option<R>> {
        let Some(line) = self.lines.next_line().await.context("control line")? else {
            return Ok(None);
        };
        let is_long = line.len() > LONG;
        let read = move || serde_json::from_str(&line).context("control line");
        let message = if is_long {
            tokio::task::spawn_blocking(read).await?
        } else {
            read()
        };
        message.map(Some)
    }
}

impl<S: Serialize + Send + 'static> Sender<S> {
    /// Sends a message, which another thread puts into bytes: it may be long.
    ///
    /// # Errors
    /// When the other end is gone.
    pub async fn send(&mut self, message: S) -> anyhow::Result<()> {
        let write = move || serde_json::to_vec(&message).context("control line");
        let mut line = tokio::task::spawn_blocking(write).await??;
        line.push(b'\n');
        self.write.write_all(&line).await.context("control line")
    }
}
