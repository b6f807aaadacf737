//! What virtual routers and real servers can watch: scripts, processes, files; and what watches together.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::global::Owner;

/// What a result adds to a priority; with 0 a failure is a FAULT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackWeight {
    /// Added on success where positive, on failure where negative.
    pub value: i16,
    /// `reverse`: taken away instead of added; with 0 success is the FAULT.
    pub is_reversed: bool,
}

impl fmt::Display for TrackWeight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reverse = if self.is_reversed { " reverse" } else { "" };
        write!(f, "{}{reverse}", self.value)
    }
}

/// `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpScript {
    /// The block's name, unique among scripts.
    pub name: String,
    /// `script`: the program and its arguments.
    pub command: Vec<String>,
    /// `interval`: time between two starts.
    pub interval: Duration,
    /// `timeout`: the longest it may take; the interval by default.
    pub timeout: Duration,
    /// `weight`, -253 to 253.
    pub weight: TrackWeight,
    /// `rise`: successes in a row that end a failure.
    pub rise: u32,
    /// `fall`: failures in a row that are one.
    pub fall: u32,
    /// `user`; that of `script_user` by default.
    pub user: Option<Owner>,
    /// `init_fail`: failed until the first success.
    pub init_fail: bool,
}

impl VrrpScript {
    /// A script with every default.
    #[must_use]
    pub fn new(name: &str, command: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            command,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            weight: TrackWeight::default(),
            rise: 1,
            fall: 1,
            user: None,
            init_fail: false,
        }
    }
}

/// How the parameters of a process are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterMatch {
    /// Not at all.
    #[default]
    Ignored,
    /// All of them are the same.
    Exact,
    /// The last one may go on.
    Initial,
    /// There may be more of them.
    Partial,
}

/// `vrrp_track_process`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackProcess {
    /// The block's name, unique among processes.
    pub name: String,
    /// `process`: name or path.
    pub process: String,
    /// Its parameters.
    pub parameters: Vec<String>,
    /// `param_match`.
    pub parameter_match: ParameterMatch,
    /// `full_command`: the command line is compared, not the name; also where parameters are.
    pub full_command: bool,
    /// `weight`, -254 to 254.
    pub weight: TrackWeight,
    /// `quorum`: the fewest that are well.
    pub quorum: u16,
    /// `quorum_max`: the most that are well; with 0 the process must not run.
    pub quorum_max: u16,
    /// `fork_delay`: how long a start is not believed.
    pub fork_delay: Duration,
    /// `terminate_delay`: how long an end is not believed.
    pub terminate_delay: Duration,
}

impl TrackProcess {
    /// A process with every default.
    #[must_use]
    pub fn new(name: &str, process: &str) -> Self {
        Self {
            name: name.to_owned(),
            process: process.to_owned(),
            parameters: Vec::new(),
            parameter_match: ParameterMatch::default(),
            full_command: false,
            weight: TrackWeight::default(),
            quorum: 1,
            quorum_max: u16::MAX,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }
}

/// `track_file`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackFile {
    /// The block's name, unique among files.
    pub name: String,
    /// `file`: its path.
    pub path: String,
    /// `weight`, -254 to 254: times the number in the file.
    pub weight: TrackWeight,
    /// `init_file`: it is written when it is first watched.
    pub init: Option<InitialContent>,
}

impl TrackFile {
    /// A file with every default.
    #[must_use]
    pub fn new(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            weight: TrackWeight {
                value: 1,
                is_reversed: false,
            },
            init: None,
        }
    }
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialContent {
    /// The number written.
    pub value: i32,
    /// Also where there is a file.
    pub overwrite: bool,
}

/// `track_group`: instances that go to FAULT when something static of the group vanishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackGroup {
    /// The block's name, unique among groups.
    pub name: String,
    /// `group`: names of vrrp_instances.
    pub instances: Vec<String>,
}
