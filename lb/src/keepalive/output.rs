//! What the monitor wants done, in this order.

use std::path::PathBuf;

use super::{
    record::{Ending, ProcessId, SlotNumber},
    registration::Registration,
};

/// An effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The record of a slot changed: write it before anything that follows is done.
    Record(SlotNumber),
    /// A slot is free: erase its record.
    Erase {
        /// Which.
        slot: SlotNumber,
        /// Number of the registration it had.
        sequence: u64,
    },
    /// Make a process that waits before it runs its program; answered by `Forked` or `StartFailed`.
    Fork(Box<Launch>),
    /// The process is recorded: let it run its program; answered by `Executed` or `StartFailed`.
    Release(SlotNumber),
    /// Watch a process to its end; answered by `Ended`.
    Watch {
        /// Where.
        slot: SlotNumber,
        /// Which.
        process: ProcessId,
    },
    /// Watch a process no more: it is not ours any longer.
    Forget(SlotNumber),
    /// Send SIGTERM.
    Terminate {
        /// Where.
        slot: SlotNumber,
        /// To whom.
        process: ProcessId,
        /// To this process alone, which is not of our making.
        alone: bool,
    },
    /// Send SIGKILL, to all there is of it.
    Kill {
        /// Where.
        slot: SlotNumber,
        /// To whom.
        process: ProcessId,
        /// To this process alone, which is not of our making.
        alone: bool,
    },
    /// The main process is gone: end what it left behind.
    Sweep {
        /// Number of the registration.
        sequence: u64,
        /// What marks its processes.
        mark: String,
    },
    /// Look for the main process of one that went to the background; answered by `Found`.
    Search {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
        /// Number of the registration.
        sequence: u64,
        /// What marks its processes.
        mark: String,
        /// Where it writes its pid.
        pid_file: Option<PathBuf>,
    },
    /// Ask whether the process is ready until it is; answered by `Ready`.
    Probe {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
        /// What to ask.
        registration: Box<Registration>,
    },
    /// Nobody needs the answer any more.
    StopProbe(SlotNumber),
    /// Run a script.
    Script(Box<Script>),
    /// Remove the output of an ended process.
    RemoveOutput {
        /// The first part of the file's name.
        basename: String,
        /// The second.
        pid: u32,
    },
    /// Write whether all is well to a file that virtual routers track.
    Track {
        /// The file.
        file: PathBuf,
        /// What is in it.
        down: bool,
    },
    /// Tell operators.
    Tell {
        /// Where.
        slot: SlotNumber,
        /// Who, as they know it.
        name: String,
        /// What.
        event: Event,
    },
}

/// A process to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Where.
    pub slot: SlotNumber,
    /// Which start of the slot.
    pub start: u64,
    /// Number of the registration: the name of its control group.
    pub sequence: u64,
    /// What marks it and its children.
    pub mark: String,
    /// What to run.
    pub registration: Registration,
}

/// A script to be run as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where.
    pub slot: SlotNumber,
    /// Which of the two.
    pub kind: ScriptKind,
    /// Program and arguments.
    pub words: Vec<String>,
    /// What it is told.
    pub environment: Vec<(&'static str, String)>,
}

/// When a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKind {
    /// Before a restart, which waits for it.
    Restart,
    /// After the slot went down.
    Down,
}

impl ScriptKind {
    /// Its keyword.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Restart => "restart_script",
            Self::Down => "down_script",
        }
    }
}

/// Something an operator wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A process was started.
    Started(ProcessId),
    /// A running process is monitored from now on.
    Adopted(ProcessId),
    /// A running process is monitored again, by this daemon.
    TakenOver(ProcessId),
    /// It is ready.
    Ready,
    /// It went to the background; this is its main process.
    Daemonized(ProcessId),
    /// It ended; it is started again after this many milliseconds.
    Died {
        /// Which.
        pid: u32,
        /// How.
        ending: Ending,
        /// Until the restart.
        wait_ms: u64,
    },
    /// It could not be started.
    NotStarted {
        /// Why.
        why: String,
        /// Until the next try.
        wait_ms: u64,
    },
    /// It ended because it was told to.
    Stopped {
        /// Which.
        pid: u32,
        /// How.
        ending: Ending,
    },
    /// It is told to end.
    Stopping {
        /// Which.
        pid: u32,
        /// Why.
        why: &'static str,
    },
    /// It did not end by SIGTERM.
    Killed {
        /// Which.
        pid: u32,
    },
    /// It was not ready in time.
    NotReady,
    /// It did not say that it is alive.
    Silent,
    /// It went to the background and cannot be found.
    Lost,
    /// Too many failures.
    ErrorLimit {
        /// So many.
        failures: usize,
        /// Within so many seconds.
        seconds: u64,
        /// When it is tried again, in seconds.
        retry: Option<u64>,
    },
    /// Its exit code says that it is not to be started again.
    DownByCode(i32),
    /// Its exit code says that it does not run on this node.
    Rejected(i32),
    /// A critical member of its group is down.
    DownByGroup,
    /// A critical member of its group died.
    Halted,
    /// It left the table.
    Unregistered,
    /// It is tried again although it was down.
    Cleared,
}
