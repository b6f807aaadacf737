//! The client's side of the control socket.

use std::{collections::BTreeSet, io, time::Duration};

use anyhow::anyhow;
use serde::de::DeserializeOwned;
use tokio::{io::AsyncWriteExt, net::UnixStream};

use super::{
    control::{Answer, Answered, Question, Reloaded, Request, Stats},
    run_dir::RunDir,
};
use crate::{
    io::control::{PATIENCE, ask_for},
    observe::{level::LogLevel, status::Status},
    runtime::channel,
};

/// Longest wait for a reload, which the daemon limits itself.
const RELOAD: Duration = Duration::from_secs(90);

/// Asks the daemon of `run_dir` for its status.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_status(run_dir: &RunDir) -> anyhow::Result<Status> {
    request(run_dir, Request::Status, PATIENCE).await
}

/// Asks for the counters of its virtual routers, which begin anew with `clear`.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_stats(run_dir: &RunDir, clear: bool) -> anyhow::Result<Stats> {
    request(run_dir, Request::Stats { clear }, PATIENCE).await
}

/// Has it reload, and waits for that.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_reload(run_dir: &RunDir) -> anyhow::Result<Reloaded> {
    request(run_dir, Request::Reload, RELOAD).await
}

/// Asks for the level of its log, or has it take this one; returns that in force.
///
/// # Errors
/// When no daemon runs there, or it does not answer.
pub async fn request_log_level(
    run_dir: &RunDir,
    level: Option<LogLevel>,
) -> anyhow::Result<LogLevel> {
    request(run_dir, Request::LogLevel { level }, PATIENCE).await
}

/// Asks something of a child of the daemon of `run_dir`; returns what happens, for the operator.
///
/// # Errors
/// When no daemon runs there, or nothing comes of the request; the error says why.
pub async fn request_child(run_dir: &RunDir, asked: channel::Request) -> anyhow::Result<String> {
    request(run_dir, asked.into(), PATIENCE).await
}

async fn request<A: DeserializeOwned>(
    run_dir: &RunDir,
    request: Request,
    patience: Duration,
) -> anyhow::Result<A> {
    let question = Question::new(request);
    let path = run_dir.control_socket();
    let answered: Answered<A> = ask_for(&path, "lb", &question, patience).await?;
    match answered.answer {
        Answer::Answer(answer) => Ok(answer),
        Answer::Error(words) => Err(anyhow!(words)),
    }
}

/// Follows the states of these virtual routers: the connection brings [`News`](super::News) as JSON lines.
///
/// # Errors
/// When no daemon runs there.
pub async fn follow(run_dir: &RunDir, instances: BTreeSet<String>) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(run_dir.control_socket()).await?;
    let mut line = serde_json::to_vec(&Question::new(Request::Follow(instances)))?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(stream)
}
