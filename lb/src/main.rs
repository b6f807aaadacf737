//! The `lb` binary: decides what this process is, and becomes it.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::{Parser, error::ErrorKind};
use lb::{
    cli::{
        self, Cli, Command, ConfigCommand, FlowArguments, Role, VrrpCommand,
        daemon::{genhash_by_name, is_called},
    },
    command::{
        complain,
        config::{self, Findings},
        flow, genhash, keepalive, manual, operate,
        replay::replay,
        spawndaemon, tcp_keepalive,
        version::version,
        write_out,
    },
    config::model::process::ProcessOptions,
    io::{self, core_dump, namespace, signals::Asked},
    observe::{
        log,
        logging::{Facility, Logging, file_of, ident},
    },
    pool::drain::Target,
    runtime::{
        self,
        channel::{ChildChannel, DrainOrder, DrainRequest, Request, VrrpRequest},
        succession::Succession,
    },
    supervisor::{self, RunDir},
};

/// A start that failed, and a bad option (keepalived `KEEPALIVED_EXIT_FATAL`).
const FATAL: u8 = 1;
/// The configuration cannot be used.
const CONFIG: u8 = 2;
/// Not root.
const MISSING_PERMISSION: u8 = 4;

/// No configuration file.
const NO_CONFIG: u8 = 6;

fn main() -> ExitCode {
    let arguments = genhash_by_name(cli::keepalive::by_name(std::env::args_os()));
    let is_keepalived = is_called(&arguments, "keepalived");
    let (arguments, operands) = if is_keepalived {
        cli::take_operands(arguments)
    } else {
        (arguments, Vec::new())
    };
    if !operands.is_empty() {
        let operands: Vec<_> = operands.iter().map(|word| word.to_string_lossy()).collect();
        // As with keepalived, which goes on; so do we without a terminal.
        write_out(&format!("Unexpected argument(s): {}\n", operands.join(" "))).ok();
    }
    let cli = match Cli::try_parse_from(cli::attach_optional(arguments)) {
        Ok(cli) => cli,
        Err(error) => return no_command_line(&error, is_keepalived),
    };
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("lb: {error:#}"));
            ExitCode::from(FATAL)
        }
    }
}

/// Help and version, which keepalived has on stderr; or what is wrong.
fn no_command_line(error: &clap::Error, is_keepalived: bool) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayVersion => complain(version().trim_end()),
        ErrorKind::DisplayHelp if is_keepalived => complain(&error.render().to_string()),
        // Nothing can be done about a closed terminal.
        ErrorKind::DisplayHelp => drop(error.print()),
        _ => {
            error.print().ok();
            return ExitCode::from(FATAL);
        }
    }
    ExitCode::SUCCESS
}

/// `--signum`.
fn signum(name: &str) -> anyhow::Result<ExitCode> {
    let Some(asked) = Asked::named(name) else {
        complain(&format!("Unknown sigfunc {name}"));
        return Ok(ExitCode::from(FATAL));
    };
    write_out(&format!("{}\n", asked.number()))?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses options that keepalived has for itself, and one in the wrong place.
fn check_options(cli: &Cli) -> anyhow::Result<()> {
    anyhow::ensure!(
        cli.daemon.config_fd.is_none(),
        "--config-fd: lb checks a new configuration without another process; check a file with -t"
    );
    anyhow::ensure!(
        !cli.daemon.genhash,
        "-T, --genhash must be the first option"
    );
    Ok(())
}

fn run(mut cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(name) = &cli.daemon.signum {
        return signum(name);
    }
    check_options(&cli)?;
    let mut instance = None;
    if is_for_a_daemon(cli.command.as_ref()) {
        let named = io::config::daemon_name(&cli.use_file, &io::config::options(&cli));
        cli.namespace = cli.namespace.or(named.namespace);
        instance = named.instance;
    }
    if let Some(name) = &cli.namespace {
        namespace::enter(name)?;
    }
    let namespace = cli.namespace.as_deref();
    if let Some(log) = &cli.config_test {
        let findings = log.clone().map_or(Findings::Stderr, Findings::Append);
        let options = io::config::options(&cli);
        return config::test(&cli.use_file, &options, namespace, &findings).map(ExitCode::from);
    }
    let run_dir = RunDir::of(namespace, instance.as_deref());
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
        Some(Command::Flow(asked)) => packet(&run_dir, asked),
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
        Some(Command::Completions { shell }) => {
            write_out(&manual::completions(*shell)).map(|()| ExitCode::SUCCESS)
        }
        Some(Command::Man { directory }) => manual::write(directory).map(|()| ExitCode::SUCCESS),
        Some(Command::Genhash(asked)) => tokio_runtime()?
            .block_on(genhash::run(asked))
            .map(|()| ExitCode::SUCCESS),
        Some(Command::Child {
            role,
            predecessor,
            pid_file,
            instance,
        }) => child(&cli, *role, *predecessor, pid_file, instance.as_deref()),
        None => daemon(cli),
    }
}

/// `lb flow`.
fn packet(run_dir: &RunDir, asked: &FlowArguments) -> anyhow::Result<ExitCode> {
    let question = flow::Question {
        protocol: asked.protocol,
        source: asked.source,
        destination: asked.destination,
        interface: asked.interface.clone(),
        opens: asked.open,
    };
    let answer = flow::explain(run_dir.pins(), &question, asked.json);
    tokio_runtime()?.block_on(answer).map(ExitCode::from)
}

/// Whether a command is about a running daemon, which the configuration of `-f` names: by its namespace and instance.
const fn is_for_a_daemon(command: Option<&Command>) -> bool {
    match command {
        Some(
            Command::Status { .. }
            | Command::Stats { .. }
            | Command::Reload
            | Command::LogLevel { .. }
            | Command::Flow(_)
            | Command::Flows { .. }
            | Command::Drain { .. }
            | Command::Vrrp(_),
        ) => true,
        Some(
            Command::Config(_)
            | Command::Keepalive(_)
            | Command::Spawndaemon(_)
            | Command::Genhash(_)
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::TcpKeepalive(_)
            | Command::Replay { .. }
            | Command::Child { .. },
        )
        | None => false,
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

fn child(
    cli: &Cli,
    role: Role,
    predecessor: Option<u32>,
    pid_file: &Path,
    instance: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let run_dir = RunDir::of(cli.namespace.as_deref(), instance);
    start_logging(cli, Some(role), instance);
    let ran = run_child(cli, role, &run_dir, pid_file, predecessor, instance);
    ran.inspect_err(|error| log::process_failed(Some(role), error))?;
    Ok(ExitCode::SUCCESS)
}

fn run_child(
    cli: &Cli,
    role: Role,
    run_dir: &RunDir,
    pid_file: &Path,
    predecessor: Option<u32>,
    instance: Option<&str>,
) -> anyhow::Result<()> {
    let succession = Succession::of(role, run_dir, pid_file, predecessor)?;
    let log_file = log_file(cli, Some(role), instance);
    let kept = io::privileges::keep_only(role, run_dir.path(), pid_file, log_file.as_deref());
    kept.unwrap_or_else(|error| log::privileges_kept(role, &error));
    let (tells, sessions) = (cli.daemon.address_monitoring, run_dir.session_feed());
    let line: OwnedFd = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .context("control line")?;
    tokio_runtime()?.block_on(async {
        let channel = ChildChannel::new(line)?;
        match role {
            Role::Vrrp => runtime::vrrp::run(channel, succession, sessions, tells).await,
            Role::Checkers => runtime::checker::run(channel, succession, sessions).await,
            Role::Bfd => runtime::bfd::run(channel, succession, run_dir).await,
        }
    })
}

fn daemon(mut cli: Cli) -> anyhow::Result<ExitCode> {
    for sentence in cli.daemon.without_effect() {
        complain(&format!("lb: {sentence}"));
    }
    if !nix::unistd::geteuid().is_root() {
        complain("lb: must be root: the daemon opens raw sockets and loads BPF programs");
        return Ok(ExitCode::from(MISSING_PERMISSION));
    }
    let options = io::config::options(&cli);
    let loaded = io::config::read_and_enter(&cli.use_file, &options, cli.namespace.as_deref())?;
    if !loaded.is_usable() {
        config::complain_of(&loaded);
        let there = cli.use_file.exists();
        return Ok(ExitCode::from(if there { CONFIG } else { NO_CONFIG }));
    }
    // As if it were given: children and the run directory are of that namespace too.
    cli.namespace = cli
        .namespace
        .or(loaded.config.process.net_namespace.clone());
    let ProcessOptions { instance, .. } = &loaded.config.process;
    let run_dir = RunDir::of(cli.namespace.as_deref(), instance.as_deref());
    run_dir.create()?;
    core_dump::allow(
        cli.daemon.core_dump,
        cli.daemon.core_dump_pattern.as_ref().map(Option::as_deref),
    )?;
    if !cli.dont_fork {
        nix::unistd::daemon(false, false).context("cannot go to the background")?;
    }
    start_logging(&cli, None, instance.as_deref());
    log::diagnostics(&loaded.diagnostics);
    io::config::keep(&loaded.config, cli.dump_conf);
    let ran = tokio_runtime()?.block_on(supervisor::run(cli, run_dir, loaded.config));
    // In the background nobody sees stderr.
    ran.inspect_err(|error| log::process_failed(None, error))?;
    Ok(ExitCode::SUCCESS)
}

/// `-g`, of this process.
fn log_file(cli: &Cli, role: Option<Role>, instance: Option<&str>) -> Option<PathBuf> {
    let file = cli.daemon.log_file();
    file.map(|file| file_of(&file, role, cli.namespace.as_deref(), instance))
}

fn start_logging(cli: &Cli, role: Option<Role>, instance: Option<&str>) {
    let (daemon, namespace) = (&cli.daemon, cli.namespace.as_deref());
    let facility = daemon.log_facility.as_ref().map(|word| word.parse());
    let facility: Option<Facility> = match facility.transpose() {
        Ok(facility) => facility,
        Err(error) => {
            // As with keepalived, no reason not to start. The parent says it for all.
            if role.is_none() {
                complain(&format!("lb: {error}; logging as daemon"));
            }
            None
        }
    };
    let debug = daemon.debugged();
    Logging {
        console: cli.log_console,
        syslog: !cli.no_syslog,
        facility: facility.unwrap_or_default(),
        file: log_file(cli, role, instance),
        format: daemon.log_format,
        detail: cli.log_detail,
        debug: debug.map(|it| it.targets(role)).unwrap_or_default(),
        ident: ident(role, namespace, instance),
    }
    .start();
}
