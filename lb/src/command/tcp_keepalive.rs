//! `lb tcp-keepalive`: see, set and explain keepalive, give it to programs, and compare it with what forgets connections.

mod advise;
mod groups;
mod run;
mod settings;

use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;

use crate::{
    cli::{Cli, tcp_keepalive::TcpKeepalive},
    supervisor::RunDir,
};

/// Does what is asked; the exit code.
///
/// # Errors
/// A sentence each, with nothing half done.
pub fn run(command: &TcpKeepalive, cli: &Cli, run_dir: &RunDir) -> anyhow::Result<u8> {
    let namespace = cli.namespace.as_deref();
    match command {
        TcpKeepalive::Show { json } => settings::show(*json),
        TcpKeepalive::Set { settings, json } => settings::set(&settings.wanted(), *json),
        TcpKeepalive::Persist {
            settings,
            file,
            remove,
            json,
        } => {
            let wanted = (!remove).then(|| settings.wanted());
            settings::persist(wanted.as_ref(), file.as_deref(), namespace, *json)
        }
        TcpKeepalive::Explain {
            settings,
            user_timeout,
            rto,
            off,
            json,
        } => settings::explain(&settings.wanted(), *user_timeout, *rto, *off, *json),
        TcpKeepalive::Advise {
            file,
            idle,
            intvl,
            json,
        } => {
            let file = file.as_deref().unwrap_or(&cli.use_file);
            advise::advise(file, cli, (*idle, *intvl), run_dir, *json)
        }
        TcpKeepalive::Attach { cgroup, rules } => groups::attach(cgroup, rules),
        TcpKeepalive::ApplyExisting { cgroup, json } => groups::apply_existing(cgroup, *json),
        TcpKeepalive::Status { json } => groups::status(*json),
        TcpKeepalive::Detach { cgroup, .. } => groups::detach(cgroup.as_deref()),
        TcpKeepalive::Run { rules, command } => run::run(rules, command),
    }
}

/// All is well.
const FINE: u8 = 0;

fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    stdout.write_all(text.as_bytes()).context("stdout")
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}
