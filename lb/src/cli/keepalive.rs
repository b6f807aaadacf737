//! The command lines of keepalive(1M) and spawndaemon(1M).

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{ArgGroup, Args, ValueEnum};

use crate::{io::keepalive::Places, keepalive::registration::MovePolicy, supervisor::RunDir};

/// Where output of processes goes.
const LOGS: &str = "/var/log/keepalive";
/// Where scripts lie.
const SCRIPTS: &str = "/etc/keepalive.d";

/// Actions that register nothing, so that what is registered cannot be refined.
const OTHERS: [&str; 9] = [
    "path", "pid", "group", "slot", "clear", "query", "quit", "list", "size",
];

/// Actions that list nothing. What an action alone has is kept from the others, because clap forgets what an argument requires
/// when that is in a group with what is there.
const NOT_LISTING: [&str; 10] = [
    "register", "adopt", "path", "pid", "group", "slot", "clear", "query", "quit", "size",
];
/// Actions that clear nothing.
const NOT_CLEARING: [&str; 10] = [
    "register", "adopt", "path", "pid", "group", "slot", "query", "quit", "list", "size",
];

/// Where a keepalive daemon has its files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct PlaceArguments {
    /// A directory of its own for the table, the control socket and the pid file, for root alone; below that of lb without it
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,
}

/// Monitor and respawn processes and daemons: keepalive(1M)
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Keepalive {
    /// Start with an empty table: nothing is monitored, and what runs goes on
    #[arg(short = 'i')]
    pub empty: bool,
    /// Seconds until a start is tried again that failed because the system lacked something
    #[arg(short = 't', value_name = "INTERVAL", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub interval: u32,
    /// The node to run on; on another, a warning is logged
    #[arg(short = 'P', value_name = "NODE")]
    pub primary: Option<String>,
    /// The node to run on when the primary one is not there
    #[arg(short = 'S', value_name = "NODE")]
    pub secondary: Option<String>,
    /// What this node is called; the host name by default
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// Log to the console (stderr) as well as to syslog
    #[arg(long)]
    pub log_console: bool,
    /// Do not log to syslog
    #[arg(long)]
    pub no_syslog: bool,
    /// Take requests, one JSON line each, from this named pipe as well
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = "/dev/keepalivecfg")]
    pub fifo: Option<PathBuf>,
    /// Where the output of processes goes
    #[arg(long, value_name = "DIR", default_value = LOGS)]
    pub log_dir: PathBuf,
    /// Where scripts are that are named without a path
    #[arg(long, value_name = "DIR", default_value = SCRIPTS)]
    pub script_dir: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it")]
    pub places: PlaceArguments,
}

impl PlaceArguments {
    /// The directory of the table and the control socket, for the daemon of this run directory of lb.
    #[must_use]
    pub fn run(&self, run_dir: &RunDir) -> PathBuf {
        let own = || run_dir.keepalive().path().to_owned();
        self.run_dir.clone().unwrap_or_else(own)
    }

    /// The same with places that only the daemon has.
    #[must_use]
    pub fn places(&self, run_dir: &RunDir) -> Places {
        Places {
            run: self.run(run_dir),
            logs: LOGS.into(),
            scripts: SCRIPTS.into(),
        }
    }
}

impl Keepalive {
    /// Where this daemon has its files.
    #[must_use]
    pub fn places(&self, run_dir: &RunDir) -> Places {
        Places {
            run: self.places.run(run_dir),
            logs: self.log_dir.clone(),
            scripts: self.script_dir.clone(),
        }
    }
}

/// For whom a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Reader {
    /// Columns.
    #[default]
    Human,
    /// A JSON object a line.
    Machine,
}

/// What is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// What is registered.
    #[default]
    Processes,
    /// The daemon.
    Keepalive,
}

/// An exit code with a meaning (`-c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Do not start it again.
    Down(u8),
    /// Not on this node.
    Reject(u8),
}

/// Register processes with keepalive, list and unregister them: spawndaemon(1M)
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("action").required(true))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the original has so many flags"
)]
pub struct Spawndaemon {
    /// Register and start what this file has: a process, or a group
    #[arg(short = 'r', value_name = "FILE", group = "action")]
    pub register: Option<PathBuf>,
    /// Register the running process with this pid, as this file says
    #[arg(short = 'R', value_names = ["FILE", "PID"], num_args = 2, group = "action")]
    pub adopt: Option<Vec<String>>,
    /// How many instances of it run on a node
    #[arg(short = 'n', value_name = "TIMES", conflicts_with_all = OTHERS)]
    pub instances: Option<u32>,
    /// The nodes that run it: cluster_wide, or a list with commas
    #[arg(short = 'i', value_name = "NODES", conflicts_with_all = ["favored", "backups"], conflicts_with_all = OTHERS)]
    pub nodes: Option<String>,
    /// The node that has it first of all
    #[arg(short = 'F', value_name = "NODE", conflicts_with_all = OTHERS)]
    pub favored: Option<String>,
    /// The nodes it may move to, best first
    #[arg(short = 'B', value_name = "NODE", num_args = 1.., conflicts_with_all = OTHERS)]
    pub backups: Vec<String>,
    /// Where it goes when it has died: F_node, last_node or round_robin
    #[arg(short = 'Z', value_name = "POLICY", value_parser = policy, conflicts_with_all = OTHERS)]
    pub policy: Option<MovePolicy>,
    /// It may run on any node
    #[arg(short = 'U', conflicts_with_all = ["nodes", "favored", "backups"], conflicts_with_all = OTHERS)]
    pub unpinned: bool,
    /// Arguments count too where processes are told by their program
    #[arg(short = 'a', conflicts_with_all = ["register", "pid", "group", "slot", "clear", "query", "quit", "list", "size"])]
    pub arguments: bool,
    /// What an exit code means: down=CODE or reject=CODE
    #[arg(short = 'c', value_name = "MEANING=CODE", value_parser = code, conflicts_with_all = OTHERS)]
    pub codes: Vec<Code>,
    /// Unregister the processes of this program, with -a those with these arguments
    #[arg(short = 'd', value_names = ["PATH", "ARGS"], num_args = 1.., allow_hyphen_values = true, group = "action")]
    pub path: Option<Vec<String>>,
    /// Unregister this process
    #[arg(short = 'p', value_name = "PID", group = "action")]
    pub pid: Option<u32>,
    /// Unregister this group
    #[arg(short = 'g', value_name = "GROUP", group = "action")]
    pub group: Option<String>,
    /// Unregister this slot
    #[arg(short = 's', value_name = "SLOT", group = "action")]
    pub slot: Option<u32>,
    /// End the processes too
    #[arg(short = 'k', conflicts_with_all = ["register", "adopt", "query", "list", "size"])]
    pub kill: bool,
    /// Clear errors and start what is down, of -D, -P or -S; with -k restart what runs
    #[arg(short = 'x', group = "action")]
    pub clear: bool,
    /// With -x: the processes of this program
    #[arg(short = 'D', value_name = "PATH", conflicts_with_all = ["of_pid", "of_slot"], conflicts_with_all = NOT_CLEARING)]
    pub of_path: Option<String>,
    /// With -x: this process
    #[arg(
        short = 'P',
        value_name = "PID",
        conflicts_with = "of_slot",
        conflicts_with_all = NOT_CLEARING
    )]
    pub of_pid: Option<u32>,
    /// With -x: this slot
    #[arg(short = 'S', value_name = "SLOT", conflicts_with_all = NOT_CLEARING)]
    pub of_slot: Option<u32>,
    /// Is keepalive running? 0 when it is
    #[arg(short = 'q', group = "action")]
    pub query: bool,
    /// End keepalive for good, without its table; with -k its processes too
    #[arg(short = 'Q', group = "action")]
    pub quit: bool,
    /// List what is registered; also without a daemon
    #[arg(short = 'L', group = "action")]
    pub list: bool,
    /// With -L: for whom
    #[arg(short = 'v', value_name = "READER", value_enum, conflicts_with_all = NOT_LISTING)]
    pub reader: Option<Reader>,
    /// With -L: of what
    #[arg(value_enum, conflicts_with_all = NOT_LISTING)]
    pub listed: Option<Listed>,
    /// Slots of the table
    #[arg(short = 'z', value_name = "MAX_PROCESSES", group = "action")]
    pub size: Option<u32>,
    /// Refused: what it meant is not known
    #[arg(short = 'o', hide = true, group = "action")]
    pub unknown_o: bool,
    /// Refused: what it meant is not known
    #[arg(short = 'X', hide = true, group = "action")]
    pub unknown_x: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it")]
    pub places: PlaceArguments,
}

fn policy(word: &str) -> Result<MovePolicy, String> {
    match word {
        "F_node" => Ok(MovePolicy::Favored),
        "last_node" => Ok(MovePolicy::Last),
        "round_robin" => Ok(MovePolicy::RoundRobin),
        _ => Err("F_node, last_node or round_robin".to_owned()),
    }
}

fn code(word: &str) -> Result<Code, String> {
    let (meaning, code) = word.split_once('=').unwrap_or((word, ""));
    match (meaning, code.parse()) {
        ("down", Ok(code)) => Ok(Code::Down(code)),
        ("reject", Ok(code)) => Ok(Code::Reject(code)),
        _ => Err("down=CODE or reject=CODE, with a code from 0 to 255".to_owned()),
    }
}

/// Started as `keepalive` or `spawndaemon`, this is `lb keepalive` or `lb spawndaemon`.
#[must_use]
pub fn by_name(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    let program = ["keepalive", "spawndaemon"]
        .into_iter()
        .find(|program| name == Some(OsStr::new(program)));
    if let Some(program) = program {
        arguments.splice(0..1, ["lb".into(), program.into()]);
    }
    arguments
}
