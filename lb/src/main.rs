//! The `lb` binary: decides what this process is, and becomes it.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, error::ErrorKind};
use lb::{
    cli::{self, Cli, Command, ConfigCommand, Role, VrrpCommand},
    command::{
        complain,
        config::{self, Findings},
        flow, keepalive, operate,
        replay::replay,
        spawndaemon, tcp_keepalive,
    },
    io::{self, namespace},
    observe::{log, logging::Logging},
    pool::drain::Target,
    runtime::{
        self,
        channel::{ChildChannel, DrainOrder, DrainRequest, Request, VrrpRequest},
    },
    supervisor::{self, RunDir},
};

/// A start that failed, and a bad option (keepalived `KEEPALIVED_EXIT_FATAL`).
const FATAL: u8 = 1;
/// The configuration cannot be used.
const CONFIG: u8 = 2;
/// Not root.
const MISSING_PERMISSION: u8 = 4;

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(cli::attach_optional(cli::keepalive::by_name(
        std::env::args_os(),
    ))) {
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

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(name) = &cli.namespace {
        namespace::enter(name)?;
    }
    let namespace = cli.namespace.as_deref();
    if let Some(log) = &cli.config_test {
        let findings = log.clone().map_or(Findings::Stderr, Findings::Append);
        let options = io::config::options(&cli);
        return config::test(&cli.use_file, &options, namespace, &findings).map(ExitCode::from);
    }
    let run_dir = RunDir::of(namespace);
    match &cli.command {
        Some(Command::Status { json, watch }) => tokio_runtime()?
            .block_on(operate::status(&run_dir, *json, *watch))
            .map(ExitCode::from),
        Some(Command::Stats { json, clear }) => tokio_runtime()?
            .block_on(operate::stats(&run_dir, *json, *clear))
            .map(ExitCode::from),
        Some(Command::Reload) => tokio_runtime()?
            .block_on(operate::reload(&run_dir))
            .map(ExitCode::from),
        Some(Command::LogLevel { level }) => tokio_runtime()?
            .block_on(operate::log_level(&run_dir, *level))
            .map(ExitCode::from),
        Some(Command::Flows { json }) => {
            flow::list(run_dir.pins(), *json).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Flow {
            protocol,
            source,
            destination,
            interface,
            open,
            json,
        }) => {
            let question = flow::Question {
                protocol: *protocol,
                source: *source,
                destination: *destination,
                interface: interface.clone(),
                opens: *open,
            };
            let asked = flow::explain(run_dir.pins(), &question, *json);
            tokio_runtime()?.block_on(asked).map(ExitCode::from)
        }
        Some(Command::Drain {
            real_server,
            deadline,
            end,
        }) => drain(&run_dir, *real_server, *deadline, *end),
        Some(Command::Vrrp(command)) => vrrp(&run_dir, command),
        Some(Command::Config(command)) => configuration(command, &cli),
        Some(Command::Replay { file, inputs }) => replay(file, *inputs).map(ExitCode::from),
        Some(Command::Keepalive(arguments)) => tokio_runtime()?
            .block_on(keepalive::daemon(arguments, &run_dir))
            .map(|()| ExitCode::SUCCESS),
        Some(Command::Spawndaemon(arguments)) => tokio_runtime()?
            .block_on(spawndaemon::run(arguments, &run_dir))
            .map(ExitCode::from),
        Some(Command::TcpKeepalive(command)) => {
            tcp_keepalive::run(command, &cli, &run_dir).map(ExitCode::from)
        }
        Some(Command::Child { role }) => child(&cli, &run_dir, *role),
        None => daemon(cli),
    }
}

/// `lb config`; without a file of its own, a command takes that of `-f`.
fn configuration(command: &ConfigCommand, cli: &Cli) -> anyhow::Result<ExitCode> {
    let options = io::config::options(cli);
    let namespace = cli.namespace.as_deref();
    let code = match command {
        ConfigCommand::Test { file, json } => {
            let findings = if *json {
                Findings::Json
            } else {
                Findings::Stderr
            };
            let file = file.as_deref().unwrap_or(&cli.use_file);
            config::test(file, &options, namespace, &findings)
        }
        ConfigCommand::Show { file, json } => {
            let file = file.as_deref().unwrap_or(&cli.use_file);
            config::show(file, &options, namespace, *json)
        }
        ConfigCommand::Diff {
            before,
            after,
            json,
        } => config::diff([before, after], &options, *json),
        ConfigCommand::Explain { keyword } => config::explain(keyword.as_deref()),
    };
    code.map(ExitCode::from)
}

/// Memory of the stacks of threads that do what would hold up a loop; `mlockall` keeps it resident.
const STACK: usize = 512 << 10;

fn tokio_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .thread_stack_size(STACK)
        .enable_all()
        .build()
        .context("tokio")
}

/// `lb vrrp`: what an operator asks of a virtual router.
fn vrrp(run_dir: &RunDir, command: &VrrpCommand) -> anyhow::Result<ExitCode> {
    let request = match command.clone() {
        VrrpCommand::Yield { instance, time } => VrrpRequest::Yield {
            instance,
            seconds: time.map(|time| time.as_secs()),
        },
        VrrpCommand::Release { instance } => VrrpRequest::Release { instance },
    };
    ask(run_dir, Request::Vrrp(request))
}

/// `lb drain`: what an operator asks about real servers.
fn drain(
    run_dir: &RunDir,
    target: Target,
    deadline: Option<Duration>,
    end: bool,
) -> anyhow::Result<ExitCode> {
    let order = if end {
        DrainOrder::End
    } else {
        DrainOrder::Begin(deadline.map(|deadline| deadline.as_secs()))
    };
    ask(run_dir, Request::Drain(DrainRequest { target, order }))
}

fn ask(run_dir: &RunDir, request: Request) -> anyhow::Result<ExitCode> {
    let answer = tokio_runtime()?.block_on(supervisor::request_child(run_dir, request))?;
    writeln!(std::io::stdout(), "{answer}").context("stdout")?;
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
            Role::Vrrp => runtime::vrrp::run(channel, run_dir.session_feed()).await,
            Role::Checkers => runtime::checker::run(channel, run_dir.session_feed()).await,
            Role::Bfd => runtime::bfd::run(channel, run_dir).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn daemon(mut cli: Cli) -> anyhow::Result<ExitCode> {
    let options = io::config::options(&cli);
    let loaded = io::config::read_and_enter(&cli.use_file, &options, cli.namespace.as_deref())?;
    if !loaded.is_usable() {
        config::complain_of(&loaded);
        return Ok(ExitCode::from(CONFIG));
    }
    if !nix::unistd::geteuid().is_root() {
        complain("lb: must be root: the daemon opens raw sockets and loads BPF programs");
        return Ok(ExitCode::from(MISSING_PERMISSION));
    }
    // As if it were given: children and the run directory are of that namespace too.
    cli.namespace = cli
        .namespace
        .or(loaded.config.process.net_namespace.clone());
    let run_dir = RunDir::of(cli.namespace.as_deref());
    run_dir.create()?;
    if !cli.dont_fork {
        nix::unistd::daemon(false, false).context("cannot go to the background")?;
    }
    start_logging(&cli, "lb");
    log::diagnostics(&loaded.diagnostics);
    io::config::keep(&loaded.config, cli.dump_conf);
    tokio_runtime()?.block_on(supervisor::run(cli, run_dir, loaded.config.acted()))?;
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
