//! What is registered: a program, how it runs, and what to do when it ends.

mod file;
mod placed;
mod text;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::text::{is_false, seconds, seconds_or_none, words};
pub use self::{
    file::{FileError, read},
    placed::{MovePolicy, Readiness, RunOn},
};

/// Processes of one registration at most.
const INSTANCES_MAX: u32 = 4096;
/// Failures that are remembered, so the highest error limit.
pub const ERROR_LIMIT_MAX: u32 = 32;
/// Bytes that a registration may take in its record: the rest is for what happens to it.
pub const BYTES_MAX: usize = 2800;
/// Longest name.
const NAME_MAX: usize = 64;

/// One registered program. Times are in seconds in files, in the table and on the control socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The program, from the root.
    pub path: String,
    /// What it is called in the log and to scripts; the last part of the path by default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its arguments, without the program itself.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "words"
    )]
    pub args: Vec<String>,
    /// The user it runs as; that of the daemon by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The Unix group it runs as; that of the user by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How many of it run on a node.
    #[serde(default = "one")]
    pub instances: u32,
    /// Failures older than this no longer count.
    #[serde(default = "probation_period", with = "seconds")]
    pub probation_period: Duration,
    /// With this many failures within the probation period it is down; 0 is no limit.
    #[serde(default = "error_limit")]
    pub error_limit: u32,
    /// Time between SIGTERM and SIGKILL.
    #[serde(default = "term_wait", with = "seconds")]
    pub term_wait: Duration,
    /// What ends sooner than this after its start is started again no sooner than this after its end.
    #[serde(default, with = "seconds", skip_serializing_if = "Duration::is_zero")]
    pub respawn_time: Duration,
    /// Longest wait of the back-off.
    #[serde(default = "back_off", with = "seconds")]
    pub back_off: Duration,
    /// When to try again what is down; never without it.
    #[serde(
        default,
        with = "seconds_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after: Option<Duration>,
    /// The group of processes it belongs to; its members start in the order of their registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// The rest of the group stops and starts again when it dies.
    #[serde(default, skip_serializing_if = "is_false")]
    pub critical: bool,
    /// The nodes it runs on; every node without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// The node it runs on first of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favored_node: Option<String>,
    /// The nodes it may move to, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backup_nodes: Vec<String>,
    /// Which node has it after a death.
    #[serde(default, skip_serializing_if = "MovePolicy::is_default")]
    pub move_policy: MovePolicy,
    /// The state of a virtual router that it runs in.
    #[serde(default, skip_serializing_if = "RunOn::is_always")]
    pub run_on: RunOn,
    /// Time between the virtual router's change and the start, which the other node has to stop it; a second more than
    /// `term_wait` by default.
    #[serde(
        default,
        with = "seconds_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub start_delay: Option<Duration>,
    /// A file that gets `1` while it is down or rejected here, else `0`; for `vrrp_track_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_file: Option<PathBuf>,
    /// Run before each restart.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "words"
    )]
    pub restart_script: Vec<String>,
    /// Run when it goes down.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "words"
    )]
    pub down_script: Vec<String>,
    /// Exit codes that say: do not start me again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub down_codes: Vec<u8>,
    /// Exit codes that say: not on this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reject_codes: Vec<u8>,
    /// It goes to the background by itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub daemonize: bool,
    /// Where it writes the pid of its main process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_file: Option<PathBuf>,
    /// How it tells that it is ready.
    #[serde(default, skip_serializing_if = "Readiness::is_none")]
    pub readiness: Readiness,
    /// The longest it may take to be ready.
    #[serde(default = "ready_timeout", with = "seconds")]
    pub ready_timeout: Duration,
    /// It must say `WATCHDOG=1` at least this often.
    #[serde(
        default,
        with = "seconds_or_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub watchdog: Option<Duration>,
    /// Variables beside `PATH`, `NOTIFY_SOCKET` and the like.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// `/` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<PathBuf>,
    /// Resource limits by the name of setrlimit(2), soft and hard.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<Limit, u64>,
    /// Where its output goes.
    #[serde(default, skip_serializing_if = "Sink::is_file")]
    pub output: Sink,
}

/// A resource limit, `RLIMIT_` and the name in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// Bytes of address space.
    As,
    /// Bytes of a core file.
    Core,
    /// Seconds of processor time.
    Cpu,
    /// Bytes of data segment.
    Data,
    /// Bytes of a file.
    Fsize,
    /// Bytes of locked memory.
    Memlock,
    /// Open files.
    Nofile,
    /// Processes of the user.
    Nproc,
    /// Bytes of stack.
    Stack,
}

/// Where standard output and standard error go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sink {
    /// `BASENAME.PID` in the log directory.
    #[default]
    File,
    /// journald, with the name as identifier.
    Journal,
    /// Nowhere.
    None,
}

impl Sink {
    fn is_file(&self) -> bool {
        *self == Self::File
    }
}

/// Why a registration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A relative program.
    #[error("path `{0}`: a program is named from the root, as /usr/sbin/NAME")]
    Path(String),
    /// A name that cannot be part of a file's.
    #[error("name `{0}`: up to {NAME_MAX} characters, without `/`, blanks and control characters")]
    Name(String),
    /// Something that C cannot have in a string.
    #[error("{0}: has a zero byte in it")]
    ZeroByte(&'static str),
    /// A number out of bounds.
    #[error("{key} {value}: from {least} to {most}")]
    Bounds {
        /// The keyword.
        key: &'static str,
        /// What it is.
        value: u32,
        /// What it may be.
        least: u32,
        /// What it may be.
        most: u32,
    },
    /// A variable that is none, or ours.
    #[error("environment `{0}`: a name without `=`, other than those that keepalive sets itself")]
    Variable(String),
    /// Two things that cannot be at once.
    #[error("{0} and {1} exclude each other")]
    Conflict(&'static str, &'static str),
    /// One thing without another.
    #[error("{what} needs {needs}: {why}")]
    Needs {
        /// The keyword.
        what: &'static str,
        /// What is missing.
        needs: &'static str,
        /// What for.
        why: &'static str,
    },
    /// It does not fit into a record.
    #[error(
        "it takes {0} bytes of the table, and a record has {BYTES_MAX}: move arguments or environment into a file"
    )]
    TooLong(usize),
}

/// Variables that a process gets from us.
pub const OWN_VARIABLES: [&str; 5] = [
    "KEEPALIVE_ID",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "KEEPALIVE_NAME",
];

impl Registration {
    /// The same with its name filled in, if it can be used at all.
    ///
    /// # Errors
    /// Says what to change.
    pub fn checked(mut self) -> Result<Self, Refusal> {
        if self.name.is_empty() {
            self.name = self.basename().to_owned();
        }
        self.check_words()?;
        self.check_numbers()?;
        self.check_placement()?;
        let bytes = serde_json::to_vec(&self).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > BYTES_MAX {
            return Err(Refusal::TooLong(bytes));
        }
        Ok(self)
    }

    /// Time between the virtual router's change and the start.
    #[must_use]
    pub fn start_delay(&self) -> Duration {
        self.start_delay
            .unwrap_or(self.term_wait + Duration::from_secs(1))
    }

    /// How long its virtual router may be unknown until it has to stop: the other node starts it after the same delay.
    #[must_use]
    pub fn grace(&self) -> Duration {
        self.start_delay().saturating_sub(self.term_wait)
    }

    /// The last part of the path.
    #[must_use]
    pub fn basename(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Program and arguments.
    pub fn command(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.path)
            .chain(&self.args)
            .map(String::as_str)
    }

    fn check_words(&self) -> Result<(), Refusal> {
        if !self.path.starts_with('/') || self.path.ends_with('/') {
            return Err(Refusal::Path(self.path.clone()));
        }
        for name in std::iter::once(&self.name).chain(&self.group_name) {
            let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
            if name.is_empty() || name.chars().count() > NAME_MAX || !name.chars().all(is_plain) {
                return Err(Refusal::Name(name.clone()));
            }
        }
        for name in self.environment.keys() {
            if name.is_empty() || name.contains('=') || OWN_VARIABLES.contains(&&**name) {
                return Err(Refusal::Variable(name.clone()));
            }
        }
        let has_zero = |word: &String| word.contains('\0');
        if has_zero(&self.path) || self.args.iter().any(has_zero) {
            return Err(Refusal::ZeroByte("path or args"));
        }
        let mut variables = self.environment.iter();
        if variables.any(|(name, value)| has_zero(name) || has_zero(value)) {
            return Err(Refusal::ZeroByte("environment"));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), Refusal> {
        for (key, value, least, most) in [
            ("instances", self.instances, 1, INSTANCES_MAX),
            ("error_limit", self.error_limit, 0, ERROR_LIMIT_MAX),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Refusal::Bounds {
                    key,
                    value,
                    least,
                    most,
                });
            }
        }
        let both = |code: &u8| self.reject_codes.contains(code);
        if self.down_codes.iter().any(both) {
            return Err(Refusal::Conflict(
                "an exit code for down",
                "the same one for reject",
            ));
        }
        Ok(())
    }

    fn check_placement(&self) -> Result<(), Refusal> {
        let ordered = self.favored_node.is_some() || !self.backup_nodes.is_empty();
        if ordered && !self.nodes.is_empty() {
            return Err(Refusal::Conflict("nodes", "favored_node or backup_nodes"));
        }
        if self.pid_file.is_some() && !self.daemonize {
            return Err(Refusal::Needs {
                what: "pid_file",
                needs: "daemonize",
                why: "a process that stays in the foreground is known by its pid",
            });
        }
        if self.daemonize && self.instances > 1 && self.pid_file.is_some() {
            return Err(Refusal::Conflict("pid_file", "several instances"));
        }
        if !self.backup_nodes.is_empty() && self.run_on.instance().is_none() {
            return Err(Refusal::Needs {
                what: "backup_nodes",
                needs: "run_on",
                why: "which of several nodes has the process is for a virtual router to decide",
            });
        }
        let moves = self.move_policy != MovePolicy::default() || !self.reject_codes.is_empty();
        if moves && (self.track_file.is_none() || self.run_on.instance().is_none()) {
            return Err(Refusal::Needs {
                what: "move_policy or reject_codes",
                needs: "run_on and track_file",
                why: "a process moves when the virtual router does, which tracks that file",
            });
        }
        Ok(())
    }
}

const fn one() -> u32 {
    1
}

const fn probation_period() -> Duration {
    Duration::from_secs(300)
}

const fn error_limit() -> u32 {
    10
}

const fn term_wait() -> Duration {
    Duration::from_secs(2)
}

const fn back_off() -> Duration {
    Duration::from_secs(60)
}

const fn ready_timeout() -> Duration {
    Duration::from_secs(90)
}

#[cfg(test)]
mod tests;
