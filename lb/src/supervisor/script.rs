//! `startup_script` and `shutdown_script`: run by the parent before its children start and after they have stopped.

use std::time::Duration;

use crate::{
    config::model::{Command, global::Scripts},
    io::script::{self, Rights},
    observe::log,
};

/// Runs `startup_script` to its end.
pub(super) async fn startup(scripts: &Scripts) {
    let (command, limit) = (scripts.startup.as_ref(), scripts.startup_timeout);
    run("startup_script", command, limit, scripts).await;
}

/// Runs `shutdown_script` to its end.
pub(super) async fn shutdown(scripts: &Scripts) {
    let (command, limit) = (scripts.shutdown.as_ref(), scripts.shutdown_timeout);
    run("shutdown_script", command, limit, scripts).await;
}

/// A script that fails, or takes longer than `limit`, stops nothing, as with keepalived.
async fn run(keyword: &str, command: Option<&Command>, limit: Duration, scripts: &Scripts) {
    let Some(command) = command else {
        return;
    };
    let (mut rights, command) = (Rights::new(scripts), command.clone());
    let ended = script::report_made(move || rights.script(&command, limit)).await;
    log::daemon_script_ended(keyword, &ended);
}
