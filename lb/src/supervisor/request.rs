//! The client's side of the control socket.

use anyhow::anyhow;
use serde::de::DeserializeOwned;

use super::{
    control::{Answer, Request},
    run_dir::RunDir,
};
use crate::{io::control::ask, observe::status::Status, runtime::channel};

/// Asks the daemon of `run_dir` for its status.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_status(run_dir: &RunDir) -> anyhow::Result<Status> {
    request(run_dir, &Request::Status).await
}

/// Asks something of a child of the daemon of `run_dir`; returns what happens, for the operator.
///
/// # Errors
/// When no daemon runs there, or nothing comes of the request; the error says why.
pub async fn request_child(run_dir: &RunDir, asked: channel::Request) -> anyhow::Result<String> {
    match request(run_dir, &Request::Child(asked)).await? {
        Answer::Answer(words) => Ok(words),
        Answer::Error(words) => Err(anyhow!(words)),
    }
}

async fn request<A: DeserializeOwned>(run_dir: &RunDir, request: &Request) -> anyhow::Result<A> {
    ask(&run_dir.control_socket(), "lb", request).await
}
