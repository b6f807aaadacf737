//! The `lb` binary: decides what this process is, and becomes it.

use std::{
    io::{IsTerminal, Write},
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, error::ErrorKind};
use lb::{
    cli::{Cli, Command, Role},
    config::{Colour, Loaded, Severity, pretty},
    io::{config, namespace},
    observe::{log, logging::Logging},
    runtime::{self, channel::ChildChannel},
    supervisor::{self, RunDir},
};

/// A start that failed, and a bad option (keepalived `KEEPALIVED_EXIT_FATAL`).
const FATAL: u8 = 1;
/// The configuration cannot be used.
const CONFIG: u8 = 2;
/// Not root.
const MISSING_PERMISSION: u8 = 4;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be done about a closed terminal.
            error.print().ok();
            let fine = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            return ExitCode::from(if fine { 0 } else { FATAL });
        }
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("lb: {error:#}"));
            ExitCode::from(FATAL)
        }
    }
}

/// Writes a line to stderr; a closed terminal is no reason to fail.
fn complain(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(name) = &cli.namespace {
        namespace::enter(name)?;
    }
    let run_dir = RunDir::of(cli.namespace.as_deref());
    match cli.command {
        Some(Command::Status { json }) => status(&run_dir, json),
        Some(Command::Child { role }) => child(&cli, &run_dir, role),
        None if cli.config_test => config_test(&cli),
        None => daemon(cli, run_dir),
    }
}

fn tokio_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("tokio")
}

fn status(run_dir: &RunDir, json: bool) -> anyhow::Result<ExitCode> {
    let status = tokio_runtime()?.block_on(supervisor::request_status(run_dir))?;
    let text = if json {
        serde_json::to_string_pretty(&status)? + "\n"
    } else {
        status.table()
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("stdout")?;
    Ok(ExitCode::SUCCESS)
}

fn child(cli: &Cli, run_dir: &RunDir, role: Role) -> anyhow::Result<ExitCode> {
    start_logging(cli, &format!("lb-{}", role.name()));
    let _lock = run_dir.lock_child(role)?;
    let line: OwnedFd = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("control line")?;
    tokio_runtime()?.block_on(async {
        let channel = ChildChannel::new(line)?;
        match role {
            Role::Vrrp => runtime::vrrp::run(channel).await,
            Role::Checkers => runtime::checker::run(channel).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `-t`: keepalived's exit codes are 0 for fine and 5 for "runs, with errors"; a configuration `lb` refuses is 4.
fn config_test(cli: &Cli) -> anyhow::Result<ExitCode> {
    let loaded = config::read(&cli.use_file, &config::options())?;
    show(&loaded);
    Ok(ExitCode::from(match loaded.worst() {
        Some(Severity::Error) => 4,
        Some(Severity::Warning) => 5,
        Some(Severity::Note) | None => 0,
    }))
}

/// Shows what there is to say about a configuration: with excerpts on a terminal, a line each elsewhere.
fn show(loaded: &Loaded) {
    if std::io::stderr().is_terminal() {
        let text = pretty(&loaded.diagnostics, &loaded.sources, Colour::On);
        complain(text.trim_end());
    } else {
        for diagnostic in &loaded.diagnostics {
            complain(&diagnostic.plain());
        }
    }
}

fn daemon(cli: Cli, run_dir: RunDir) -> anyhow::Result<ExitCode> {
    let loaded = config::read(&cli.use_file, &config::options())?;
    if !loaded.is_usable() {
        show(&loaded);
        return Ok(ExitCode::from(CONFIG));
    }
    if !nix::unistd::geteuid().is_root() {
        complain("lb: must be root: the daemon opens raw sockets and loads BPF programs");
        return Ok(ExitCode::from(MISSING_PERMISSION));
    }
    run_dir.create()?;
    if !cli.dont_fork {
        nix::unistd::daemon(false, false).context("cannot go to the background")?;
    }
    start_logging(&cli, "lb");
    log::diagnostics(&loaded.diagnostics);
    tokio_runtime()?.block_on(supervisor::run(cli, run_dir, loaded.config))?;
    Ok(ExitCode::SUCCESS)
}

fn start_logging(cli: &Cli, ident: &str) {
    Logging {
        console: cli.log_console,
        syslog: !cli.no_syslog,
        detail: cli.log_detail,
        ident: ident.to_owned(),
    }
    .start();
}
