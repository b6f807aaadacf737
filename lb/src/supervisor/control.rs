//! What may be asked on the control socket, and a status for everybody who asks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{Event, run_dir::RunDir};
use crate::{
    cli::Role,
    io::control::{Control, Reply},
    observe::status::{BfdStatus, CheckersStatus, DataPlaneStatus, Status, VrrpStatus},
    runtime,
};

/// Longest request, in bytes.
const REQUEST_MAX: u64 = 4096;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Request {
    /// Answered by a [`Status`].
    Status,
    /// Answered by [`News`](super::followers::News) of these virtual routers for as long as the connection lasts.
    Follow(BTreeSet<String>),
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

/// A status being put together.
#[derive(Debug)]
pub(super) struct Gathering {
    number: u64,
    replies: Vec<Reply>,
    waiting: BTreeSet<Role>,
    vrrp: Option<VrrpStatus>,
    checkers: Option<CheckersStatus>,
    bfd: Option<BfdStatus>,
}

/// Listens; requests arrive as events.
pub(super) fn serve(run_dir: &RunDir, events: mpsc::Sender<Event>) -> anyhow::Result<Control> {
    let handle = move |request: Result<Request, String>, reply: Reply| {
        let events = events.clone();
        async move {
            let event = match request {
                Ok(Request::Status) => Event::Status(reply),
                Ok(Request::Follow(instances)) => Event::Follow(instances, reply),
                Ok(Request::Child(request)) => Event::Request(request, reply),
                Err(error) => return drop(reply.answer(Answer::Error(error))),
            };
            // The parent is stopping when nobody listens.
            drop(events.send(event).await);
        }
    };
    Control::serve(run_dir.control_socket(), REQUEST_MAX, handle)
}

impl From<Result<String, String>> for Answer {
    fn from(answer: Result<String, String>) -> Self {
        answer.map_or_else(Self::Error, Self::Answer)
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
            bfd: (!waiting.contains(&Role::Bfd)).then(BfdStatus::default),
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

    /// The bfd child's part.
    pub(super) fn bfd(&mut self, status: BfdStatus) {
        self.waiting.remove(&Role::Bfd);
        self.bfd = Some(status);
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
            (Role::Bfd, self.bfd.as_ref().map(|bfd| bfd.event_loop)),
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
            sessions: self.bfd.map(|bfd| bfd.sessions),
            loops: loops.collect(),
            processes: None,
        };
        for reply in self.replies {
            drop(reply.answer(status.clone()));
        }
    }
}
