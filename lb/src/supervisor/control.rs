//! The control socket: one JSON line in, one JSON line out.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::{Event, run_dir::RunDir};
use crate::{
    cli::Role,
    observe::status::{CheckersStatus, DataPlaneStatus, Status, VrrpStatus},
    runtime,
};

/// Longest request, in bytes.
const REQUEST_MAX: u64 = 4096;
/// Longest wait for a request, and for its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Request {
    /// Answered by a [`Status`].
    Status,
    /// Answered by an [`Answer`].
    #[serde(untagged)]
    Child(runtime::channel::Request),
}

/// What comes of a request, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// What happens now.
    Answer(String),
    /// Why nothing does.
    Error(String),
}

/// The listening socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Control {
    path: PathBuf,
}

/// Somebody waiting for an answer.
#[derive(Debug)]
pub(super) struct Reply(UnixStream);

/// A status being put together.
#[derive(Debug)]
pub(super) struct Gathering {
    number: u64,
    replies: Vec<Reply>,
    waiting: BTreeSet<Role>,
    vrrp: Option<VrrpStatus>,
    checkers: Option<CheckersStatus>,
}

impl Control {
    /// Listens; requests arrive as events.
    pub(super) fn serve(run_dir: &RunDir, events: mpsc::Sender<Event>) -> anyhow::Result<Self> {
        let path = run_dir.control_socket();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| path.display().to_string());
            }
            _ => {}
        }
        let listener = UnixListener::bind(&path)
            .and_then(|listener| {
                fs::set_permissions(&path, Permissions::from_mode(0o600)).map(|()| listener)
            })
            .with_context(|| path.display().to_string())?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, events.clone()));
            }
        });
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nothing to be done about a file that somebody else removed.
        fs::remove_file(&self.path).ok();
    }
}

/// Reads one request. A client that says nothing, too much or nonsense gets a sentence, if it listens.
async fn answer(stream: UnixStream, events: mpsc::Sender<Event>) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let mut limited = (&mut reader).take(REQUEST_MAX);
    let read = tokio::time::timeout(PATIENCE, limited.read_line(&mut line)).await;
    let request = match read {
        Ok(Ok(_)) => serde_json::from_str::<Request>(&line).map_err(|error| error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no request within 5 s".to_owned()),
    };
    let mut reply = Reply(reader.into_inner());
    match request {
        // The parent is stopping when nobody listens.
        Ok(Request::Status) => drop(events.send(Event::Status(reply)).await),
        Ok(Request::Child(request)) => drop(events.send(Event::Request(request, reply)).await),
        Err(error) => reply.send(&Answer::Error(error)).await,
    }
}

impl Reply {
    /// Answers in words, without waiting for the client.
    pub(super) fn answer(mut self, answer: Result<String, String>) {
        let answer = answer.map_or_else(Answer::Error, Answer::Answer);
        tokio::spawn(async move { self.send(&answer).await });
    }

    async fn send(&mut self, answer: &impl Serialize) {
        if let Ok(mut line) = serde_json::to_vec(answer) {
            line.push(b'\n');
            // A client that went away needs no answer; one that does not read must not hold the parent up.
            tokio::time::timeout(PATIENCE, self.0.write_all(&line))
                .await
                .ok();
        }
    }
}

impl Gathering {
    /// Starts a status for one client; `roles` are the children that have a part in it.
    pub(super) fn new(reply: Reply, number: u64, roles: impl Iterator<Item = Role>) -> Self {
        let waiting: BTreeSet<Role> = roles.collect();
        Self {
            number,
            replies: vec![reply],
            // A child that is not needed has an empty part.
            vrrp: (!waiting.contains(&Role::Vrrp)).then(VrrpStatus::default),
            checkers: (!waiting.contains(&Role::Checkers)).then(CheckersStatus::default),
            waiting,
        }
    }

    /// Tells gatherings apart.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// One more client for the same status.
    pub(super) fn join(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    /// The vrrp child's part.
    pub(super) fn vrrp(&mut self, status: VrrpStatus) {
        self.waiting.remove(&Role::Vrrp);
        self.vrrp = Some(status);
    }

    /// The checker child's part.
    pub(super) fn checkers(&mut self, status: CheckersStatus) {
        self.waiting.remove(&Role::Checkers);
        self.checkers = Some(status);
    }

    /// A child died and will not answer.
    pub(super) fn absent(&mut self, role: Role) {
        self.waiting.remove(&role);
    }

    /// Whether every part is there.
    pub(super) fn complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Answers every client with what there is.
    pub(super) fn finish(self, router_id: String, data_plane: DataPlaneStatus) {
        let silent = self.vrrp.is_none();
        let loops = [
            (Role::Vrrp, self.vrrp.as_ref().map(|vrrp| vrrp.event_loop)),
            (
                Role::Checkers,
                self.checkers.as_ref().map(|checkers| checkers.event_loop),
            ),
        ];
        let loops = loops
            .into_iter()
            .filter_map(|(role, it)| Some((role.name().to_owned(), it?)));
        let vrrp = self.vrrp.unwrap_or_default();
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            router_id,
            pid: std::process::id(),
            data_plane,
            instances: (!silent).then_some(vrrp.instances),
            groups: vrrp.groups,
            statics: vrrp.statics,
            tracked: vrrp.tracked,
            services: self.checkers.map(|checkers| checkers.services),
            loops: loops.collect(),
        };
        for mut reply in self.replies {
            let status = status.clone();
            tokio::spawn(async move { reply.send(&status).await });
        }
    }
}
