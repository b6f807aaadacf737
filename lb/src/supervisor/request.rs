//! The client's side of the control socket.

use std::{collections::BTreeSet, io};

use anyhow::anyhow;
use serde::de::DeserializeOwned;
use tokio::{io::AsyncWriteExt as _, net::UnixStream};

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

/// Follows the states of these virtual routers: the connection brings [`News`](super::News) as JSON lines.
///
/// # Errors
/// When no daemon runs there.
pub async fn follow(run_dir: &RunDir, instances: BTreeSet<String>) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(run_dir.control_socket()).await?;
    let mut line = serde_json::to_vec(&Request::Follow(instances))?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(stream)
}
