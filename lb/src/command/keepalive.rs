//! `lb keepalive`: the daemon's start.

use std::time::Duration;

use nix::unistd::gethostname;

use crate::{
    cli::keepalive::Keepalive,
    observe::logging::{Facility, Format, Logging},
    runtime::keepalive::{Settings, run},
    supervisor::RunDir,
};

/// Runs the daemon until it is told to end.
///
/// # Errors
/// When it cannot start.
pub async fn daemon(arguments: &Keepalive, run_dir: &RunDir) -> anyhow::Result<()> {
    Logging {
        console: arguments.log_console,
        syslog: !arguments.no_syslog,
        facility: Facility::Daemon,
        file: None,
        format: Format::Text,
        detail: 0,
        debug: Vec::new(),
        ident: "keepalive".to_owned(),
    }
    .start();
    let host = || {
        gethostname().map_or_else(
            |_| "localhost".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
    };
    run(Settings {
        places: arguments.places(run_dir),
        lb: run_dir.clone(),
        empty: arguments.empty,
        interval: Duration::from_secs(u64::from(arguments.interval)),
        node: arguments.node.clone().unwrap_or_else(host),
        preferred: arguments
            .primary
            .iter()
            .chain(&arguments.secondary)
            .cloned()
            .collect(),
        fifo: arguments.fifo.clone(),
    })
    .await
}
