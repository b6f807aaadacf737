//! keepalived(8)'s options that are about the daemon's processes, files and log.

mod debug;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};

pub use self::debug::{DebugLines, NoDebug};
use crate::observe::logging::Format;

/// Options of the daemon beside those that every command has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options of the daemon")]
pub struct DaemonArguments {
    /// Only run the VRRP subsystem, and BFD
    #[arg(short = 'P', long)]
    pub vrrp: bool,

    /// Only run the health checkers, and BFD
    #[arg(short = 'C', long)]
    pub check: bool,

    /// Run every child process, also those without any configuration
    #[arg(long)]
    pub all: bool,

    /// Syslog facility: 0 to 7 or local0 to local7, user or daemon; daemon without it
    #[arg(short = 'S', long, value_name = "FACILITY", value_parser = NonEmptyStringValueParser::new())]
    pub log_facility: Option<String>,

    /// Log to FILE too, each process to one of its own (_vrrp, _healthcheckers and _bfd before the extension);
    /// keepalived.log in the directory for temporary files without it
    #[arg(short = 'g', long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub log_file: Option<Option<PathBuf>>,

    /// Write each line to the log file at once, as lb always does
    #[arg(long)]
    pub flush_log_file: bool,

    /// How lines look on the console and in the log file
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: Format,

    /// Octal umask for the files that the daemon makes; counts instead of `umask` in the configuration
    #[arg(short = 'u', long, value_name = "MASK", value_parser = octal)]
    pub umask: Option<u16>,

    /// Remove virtual addresses when no longer MASTER even if they were there before, as lb always does
    #[arg(short = 'X', long)]
    pub release_vips: bool,

    /// Leave virtual addresses, routes and rules at the end; the next start takes them away
    #[arg(short = 'V', long)]
    pub dont_release_vrrp: bool,

    /// The daemon stops when a child dies
    #[arg(short = 'R', long)]
    pub dont_respawn: bool,

    /// PID file of the parent
    #[arg(short = 'p', long, value_name = "FILE")]
    pub pid: Option<PathBuf>,

    /// PID file of the vrrp child
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub vrrp_pid: Option<PathBuf>,

    /// PID file of the checkers child
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    pub checkers_pid: Option<PathBuf>,

    /// PID file of the bfd child
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    pub bfd_pid: Option<PathBuf>,

    /// Log every address that comes or goes on this host
    #[arg(short = 'a', long)]
    pub address_monitoring: bool,

    /// Accepted, and said to do nothing: lb has no SNMP agent
    #[arg(short = 'x', long)]
    pub snmp: bool,

    /// Accepted, and said to do nothing: lb has no SNMP agent
    #[arg(short = 'A', long, value_name = "SOCKET", value_parser = NonEmptyStringValueParser::new())]
    pub snmp_agent_socket: Option<String>,

    /// Processes that crash leave a core dump
    #[arg(short = 'm', long)]
    pub core_dump: bool,

    /// The same, and set kernel.core_pattern of the whole machine to PATTERN (core without it); it stays so afterwards
    #[arg(short = 'M', long, value_name = "PATTERN", num_args = 0..=1, require_equals = true,
          value_parser = NonEmptyStringValueParser::new())]
    pub core_dump_pattern: Option<Option<String>>,

    /// Print the number of the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON or TDUMP, and exit
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub signum: Option<String>,

    /// Refused: keepalived starts itself with this to check a configuration; use -t
    #[arg(long, value_name = "FD")]
    pub config_fd: Option<u32>,

    /// Record the vrrp child with perf(1) in perf_vrrp.data of the run directory: all of its life, from its start to
    /// its end in order, or the end alone
    #[arg(long, value_name = "WHEN", value_enum, num_args = 0..=1, require_equals = true)]
    pub perf: Option<Option<Perf>>,

    /// Log for programmers: an uppercase letter is a subject (A O processes, M mail, N netlink, U received packets,
    /// Z scripts, others everything), the lowercase letters behind it are processes (p parent, b bfd, c checkers,
    /// v vrrp; all without); everything of all processes without SPEC
    #[arg(long, value_name = "SPEC", num_args = 0..=1, require_equals = true)]
    pub debug: Option<Option<DebugLines>>,

    /// Accepted, and said to do nothing: there are no builds of lb that check memory
    #[arg(long)]
    pub no_mem_check: bool,

    /// Accepted, and said to do nothing: there are no builds of lb that check memory
    #[arg(short = 'L', long)]
    pub mem_check_log: bool,

    /// Accepted, and said to do nothing: lb has no OpenSSL
    #[arg(short = 'O', long)]
    pub openssl_mem_check: bool,

    /// SIGINT does not stop the daemon
    #[arg(long)]
    pub ignore_sigint: bool,

    /// Work as genhash(1), see the command; must be the first option
    #[arg(short = 'T', long)]
    pub genhash: bool,
}

impl DaemonArguments {
    /// Options that are given and change nothing, each with the reason.
    #[must_use]
    pub fn without_effect(&self) -> Vec<String> {
        let memory = "there are no builds of lb that check memory";
        let snmp = "lb has no SNMP agent";
        let all = [
            ("-x, --snmp", self.snmp, snmp),
            (
                "-A, --snmp-agent-socket",
                self.snmp_agent_socket.is_some(),
                snmp,
            ),
            ("--no-mem-check", self.no_mem_check, memory),
            ("-L, --mem-check-log", self.mem_check_log, memory),
            (
                "-O, --openssl-mem-check",
                self.openssl_mem_check,
                "lb has no OpenSSL",
            ),
        ];
        let given = all.into_iter().filter(|(_, is_given, _)| *is_given);
        let debug = self.debug.as_ref().and_then(Option::as_ref);
        let letters = debug.map(DebugLines::without_subject).unwrap_or_default();
        let letters = (!letters.is_empty()).then(|| {
            format!(
                "--debug: {letters} has no lines of its own in lb, so it stands for all of them"
            )
        });
        given
            .map(|(option, _, why)| format!("{option} has no effect: {why}"))
            .chain(letters)
            .collect()
    }

    /// What `--debug` has a process log; everything of everybody without a specification.
    #[must_use]
    pub fn debugged(&self) -> Option<DebugLines> {
        let debug = self.debug.as_ref()?;
        Some(debug.clone().unwrap_or_else(DebugLines::everything))
    }

    /// The log file of the parent, by which those of the children are named.
    #[must_use]
    pub fn log_file(&self) -> Option<PathBuf> {
        let given = self.log_file.as_ref()?;
        let own = || std::env::temp_dir().join("keepalived.log");
        Some(given.clone().unwrap_or_else(own))
    }

    /// When to record.
    #[must_use]
    pub fn recorded(&self) -> Option<Perf> {
        self.perf.map(Option::unwrap_or_default)
    }
}

/// When the vrrp child is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Perf {
    /// From its first instruction to its last one.
    All,
    /// From the configuration to the request to stop.
    #[default]
    Run,
    /// From the request to stop.
    End,
}

/// Permission bits, in octal as chmod(1) has them.
fn octal(word: &str) -> Result<u16, String> {
    let all_digits = !word.is_empty() && word.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mask = u16::from_str_radix(word, 8).ok();
    mask.filter(|mask| all_digits && *mask <= 0o777)
        .ok_or_else(|| "an octal number up to 777".to_owned())
}

/// Whether the program was started under this name.
#[must_use]
pub fn is_called(arguments: &[OsString], name: &str) -> bool {
    let first = arguments.first().map(Path::new).and_then(Path::file_name);
    first == Some(OsStr::new(name))
}

/// Started as `genhash`, or with `-T` as its first option, this is `lb genhash`.
#[must_use]
pub fn genhash_by_name(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let by_option = arguments
        .get(1)
        .is_some_and(|word| word == "-T" || word == "--genhash");
    if is_called(&arguments, "genhash") {
        arguments.splice(0..1, ["lb".into(), "genhash".into()]);
    } else if by_option {
        arguments[1] = "genhash".into();
    }
    arguments
}

#[cfg(test)]
mod tests;
