//! What may be asked on the control socket: docs/control-socket.md says it for scripts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::mpsc;

use super::{Event, gathering::Wish, run_dir::RunDir};
use crate::{
    io::control::{Control, Reply},
    observe::{level::LogLevel, log::operator as say},
    runtime::channel::{self, DrainRequest, VrrpRequest},
    vrrp::snapshot::Counts,
};

/// Longest request, in bytes.
const REQUEST_MAX: u64 = 4096;

/// The version of requests and answers: another one when a script that keeps to this one would be misled.
pub(super) const PROTOCOL: u32 = 1;

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Answered by a [`Status`](crate::observe::status::Status).
    Status,
    /// Answered by [`Stats`].
    Stats {
        /// Counters begin anew afterwards.
        #[serde(default)]
        clear: bool,
    },
    /// Answered by a [`Reloaded`] when the new configuration is in force, or refused.
    Reload,
    /// Answered by the [`LogLevel`] from now on.
    LogLevel {
        /// That of all processes; the present one stays without it.
        #[serde(default)]
        level: Option<LogLevel>,
    },
    /// Answered by [`News`](super::followers::News) of these virtual routers for as long as the connection lasts.
    Follow(BTreeSet<String>),
    /// Answered in words.
    Vrrp(VrrpRequest),
    /// Answered in words.
    Drain(DrainRequest),
}

impl From<channel::Request> for Request {
    fn from(request: channel::Request) -> Self {
        match request {
            channel::Request::Vrrp(request) => Self::Vrrp(request),
            channel::Request::Drain(request) => Self::Drain(request),
        }
    }
}

/// A request as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The version of the language, 1.
    pub protocol: u32,
    /// What is asked.
    pub request: Request,
}

impl Question {
    /// In the version that is spoken here.
    #[must_use]
    pub const fn new(request: Request) -> Self {
        Self {
            protocol: PROTOCOL,
            request,
        }
    }
}

/// Reads a line of the socket.
///
/// # Errors
/// What is wrong with it, for whoever sent it.
pub fn parse(line: &str) -> Result<Request, String> {
    #[derive(Deserialize)]
    struct Version {
        protocol: Option<u32>,
    }
    let version: Version = serde_json::from_str(line)
        .map_err(|error| format!("this is no request (docs/control-socket.md): {error}"))?;
    match version.protocol {
        Some(PROTOCOL) => {
            let question: Question = serde_json::from_str(line).map_err(|error| {
                format!(
                    "lb {} does not know this: {error}",
                    env!("CARGO_PKG_VERSION")
                )
            })?;
            Ok(question.request)
        }
        Some(other) => Err(format!(
            "protocol {other} is not known; lb {} speaks {PROTOCOL}",
            env!("CARGO_PKG_VERSION")
        )),
        None => Err(format!(
            "the request has no \"protocol\"; lb speaks {PROTOCOL}"
        )),
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answered<A> {
    /// [`PROTOCOL`].
    protocol: u32,
    /// What comes of the request.
    #[serde(flatten)]
    pub(super) answer: Answer<A>,
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer<A> {
    /// What was asked for.
    Answer(A),
    /// Why nothing comes of it.
    Error(String),
}

/// Answers what was asked.
pub(super) fn answer<A: Serialize + DeserializeOwned + Send + Sync + 'static>(
    reply: Reply,
    answer: A,
) {
    send(reply, Answer::Answer(answer));
}

/// Says why nothing comes of it.
pub(super) fn refuse(reply: Reply, why: String) {
    send::<String>(reply, Answer::Error(why));
}

fn send<A: Serialize + Send + Sync + 'static>(reply: Reply, answer: Answer<A>) {
    drop(reply.answer(Answered {
        protocol: PROTOCOL,
        answer,
    }));
}

/// The counters of every virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// As `lb status` has them.
    pub instances: Vec<InstanceStats>,
}

/// The counters of a virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStats {
    /// Name of the `vrrp_instance`.
    pub name: String,
    /// What has happened since they were cleared.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new configuration is in force; else the old one is.
    pub in_force: bool,
    /// Why it was refused as a whole, or what is not finished yet.
    pub why: Option<String>,
    /// What there is to say about the file, each with its place.
    pub diagnostics: Vec<String>,
}

/// Listens; requests arrive as events.
pub(super) fn serve(run_dir: &RunDir, events: mpsc::Sender<Event>) -> anyhow::Result<Control> {
    let handle = move |request: Result<Request, String>, reply: Reply| {
        let events = events.clone();
        async move {
            let event = match request {
                Ok(Request::Status) => Event::Wish(Wish::Status(reply)),
                Ok(Request::Stats { clear }) => Event::Wish(Wish::Stats { reply, clear }),
                Ok(Request::Reload) => Event::Reload(Some(reply)),
                Ok(Request::LogLevel { level }) => Event::LogLevel(level, reply),
                Ok(Request::Follow(instances)) => Event::Follow(instances, reply),
                Ok(Request::Vrrp(request)) => {
                    Event::Request(channel::Request::Vrrp(request), reply)
                }
                Ok(Request::Drain(request)) => {
                    Event::Request(channel::Request::Drain(request), reply)
                }
                Err(why) => {
                    say::request_refused(&why, reply.peer());
                    return refuse(reply, why);
                }
            };
            // The parent is stopping when nobody listens.
            drop(events.send(event).await);
        }
    };
    Control::serve(run_dir.control_socket(), REQUEST_MAX, parse, handle)
}

#[cfg(test)]
mod tests;
