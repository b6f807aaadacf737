//! The client's side of the control socket.

use anyhow::{Context, anyhow, bail};
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::{
    control::{Answer, PATIENCE, Request},
    run_dir::RunDir,
};
use crate::{observe::status::Status, runtime::channel};

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
    let path = run_dir.control_socket();
    let talk = async {
        let stream = UnixStream::connect(&path).await.with_context(|| {
            format!(
                "{}: no daemon answers here (is lb running?)",
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
