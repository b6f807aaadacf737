//! The control socket: one JSON line in, one JSON line out.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
};

use super::{Event, run_dir::RunDir};
use crate::{
    cli::Role,
    observe::status::{DataPlaneStatus, Status},
    pool::snapshot::ServiceSnapshot,
    track::snapshot::TrackedSnapshot,
    vrrp::snapshot::InstanceSnapshot,
};

/// Longest request, in bytes.
const REQUEST_MAX: u64 = 4096;
/// Longest wait for a request, and for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Request {
    Status,
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
    instances: Option<Vec<InstanceSnapshot>>,
    tracked: Vec<TrackedSnapshot>,
    services: Option<Vec<ServiceSnapshot>>,
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
        Err(error) => reply.send(&serde_json::json!({ "error": error })).await,
    }
}

impl Reply {
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
            instances: (!waiting.contains(&Role::Vrrp)).then(Vec::new),
            tracked: Vec::new(),
            services: (!waiting.contains(&Role::Checkers)).then(Vec::new),
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
    pub(super) fn instances(
        &mut self,
        instances: Vec<InstanceSnapshot>,
        tracked: Vec<TrackedSnapshot>,
    ) {
        self.waiting.remove(&Role::Vrrp);
        self.tracked = tracked;
        self.instances = Some(instances);
    }

    /// The checker child's part.
    pub(super) fn services(&mut self, services: Vec<ServiceSnapshot>) {
        self.waiting.remove(&Role::Checkers);
        self.services = Some(services);
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
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            router_id,
            pid: std::process::id(),
            data_plane,
            instances: self.instances,
            tracked: self.tracked,
            services: self.services,
        };
        for mut reply in self.replies {
            let status = status.clone();
            tokio::spawn(async move { reply.send(&status).await });
        }
    }
}

/// Asks the daemon of `run_dir` for its status.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_status(run_dir: &RunDir) -> anyhow::Result<Status> {
    let path = run_dir.control_socket();
    let talk = async {
        let stream = UnixStream::connect(&path).await.with_context(|| {
            format!(
                "{}: no daemon answers here (is lb running?)",
                path.display()
            )
        })?;
        let mut reader = BufReader::new(stream);
        let mut request = serde_json::to_vec(&Request::Status).context("request")?;
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
        Ok(status) => status,
        Err(_) => bail!("{}: no answer within 5 s", path.display()),
    }
}
