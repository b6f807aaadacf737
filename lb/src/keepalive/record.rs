//! What is known of a registered process: what the table keeps.

use std::{collections::VecDeque, fmt};

use serde::{Deserialize, Serialize};

use super::{Moment, backoff::Backoff, registration::Registration};

/// A place in the table: what operators call a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlotNumber(pub u32);

impl fmt::Display for SlotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One running process, told apart from all that had or will have its pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its pid.
    pub pid: u32,
    /// When it was started, in clock ticks since boot (`/proc/PID/stat`, field 22).
    pub start_time: u64,
    /// Its inode in pidfs, which no other process has before the next boot; `None` before Linux 6.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// Nobody saw how: it was not our child, and the kernel does not tell.
    Unknown,
    /// It was never started.
    NotStarted,
}

/// The original's states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is being started for the first time, or waits for its turn.
    Start,
    /// It runs, and is ready.
    Ok,
    /// It has ended.
    Dead,
    /// It is being started again, or waits for that.
    Respawn,
    /// It is not started any more: too many failures, or a code that says so.
    Down,
    /// It is stopped for another's sake: its group's, or the virtual router's.
    Shutdown,
    /// It is going to the background by itself.
    Daemonize,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Ok,
        Self::Dead,
        Self::Respawn,
        Self::Down,
        Self::Shutdown,
        Self::Daemonize,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Ok => "ok",
            Self::Dead => "dead",
            Self::Respawn => "respawn",
            Self::Down => "down",
            Self::Shutdown => "shutdown",
            Self::Daemonize => "daemonize",
        }
    }
}

/// What goes on in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// No process, and none is due.
    Idle,
    /// To be started at this moment.
    Waiting(Moment),
    /// `restart_script` runs.
    Script,
    /// A process is being made.
    Forking,
    /// It exists, but whether its program could be executed is not known yet.
    Executing(ProcessId),
    /// It runs.
    Running(ProcessId),
    /// It has gone to the background, and its main process is looked for.
    Searching,
    /// It has been told to end.
    Stopping(ProcessId),
}

impl Phase {
    /// The process, as long as there is one.
    #[must_use]
    pub const fn process(&self) -> Option<ProcessId> {
        match self {
            Self::Executing(process) | Self::Running(process) | Self::Stopping(process) => {
                Some(*process)
            }
            Self::Idle | Self::Waiting(_) | Self::Script | Self::Forking | Self::Searching => None,
        }
    }

    /// Whether there is nothing to wait for before another can be started.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        matches!(self, Self::Idle | Self::Waiting(_))
    }
}

/// Why a slot is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DownBy {
    /// Too many failures.
    ErrorLimit,
    /// An exit code of `down_codes`.
    Code,
    /// An exit code of `reject_codes`.
    Reject,
    /// A critical member of its group is down.
    Group,
}

/// Everything about a slot that outlives the daemon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What is registered.
    pub registration: Registration,
    /// Counts registrations: the order within a group.
    pub sequence: u64,
    /// Which of the instances, from 1.
    pub instance: u32,
    /// For operators.
    pub state: State,
    /// What goes on.
    pub phase: Phase,
    /// Not started by a keepalive daemon.
    #[serde(default)]
    pub adopted: bool,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down_by: Option<DownBy>,
    /// It stops until the rest of its group has.
    #[serde(default)]
    pub halted: bool,
    /// It stops and then leaves the table.
    #[serde(default)]
    pub leaving: bool,
    /// It leaves this node to another when it can.
    #[serde(default)]
    pub yielding: bool,
    /// Failures within the probation period, oldest first.
    #[serde(default)]
    pub failures: VecDeque<Moment>,
    /// How long the next restart waits.
    #[serde(default)]
    pub backoff: Backoff,
    /// Starts so far.
    #[serde(default)]
    pub starts: u64,
    /// The last start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_started: Option<Moment>,
    /// The first death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_died: Option<Moment>,
    /// The last death.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_died: Option<Moment>,
    /// How it ended then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ending: Option<Ending>,
    /// The pid of the latest process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pid: Option<u32>,
}

impl Record {
    /// A slot that has not been started.
    #[must_use]
    pub const fn new(registration: Registration, sequence: u64, instance: u32) -> Self {
        Self {
            registration,
            sequence,
            instance,
            state: State::Start,
            phase: Phase::Idle,
            adopted: false,
            down_by: None,
            halted: false,
            leaving: false,
            yielding: false,
            failures: VecDeque::new(),
            backoff: Backoff::new(),
            starts: 0,
            last_started: None,
            first_died: None,
            last_died: None,
            last_ending: None,
            last_pid: None,
        }
    }

    /// What marks the processes of the latest start, on this host, since its boot.
    #[must_use]
    pub fn mark(&self) -> String {
        format!("{}.{}", self.sequence, self.starts)
    }
}
