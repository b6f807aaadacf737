//! What happens to the monitor.

use std::collections::BTreeMap;

use super::record::{Ending, ProcessId, SlotNumber};

/// A fact from outside. Facts about a slot name the process or the start they are of, so that late ones change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The process exists and waits for [`Release`](super::output::Output::Release).
    Forked {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
        /// The process.
        process: ProcessId,
    },
    /// Its program runs.
    Executed {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
    },
    /// There is no such process, or it never ran its program.
    StartFailed {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
        /// Nothing is wrong with the program: the system lacks something.
        shortage: bool,
        /// The system's word.
        why: String,
    },
    /// A process is gone.
    Ended {
        /// Where.
        slot: SlotNumber,
        /// Which.
        process: ProcessId,
        /// How.
        ending: Ending,
    },
    /// The search for the main process of one that went to the background is over.
    Found {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
        /// What was found.
        main: Option<ProcessId>,
    },
    /// The process says where its main process is (`MAINPID=`).
    MainProcess {
        /// Where.
        slot: SlotNumber,
        /// The main process.
        main: ProcessId,
    },
    /// The process is ready.
    Ready {
        /// Where.
        slot: SlotNumber,
        /// Of which start.
        start: u64,
    },
    /// The process is alive (`WATCHDOG=1`).
    Alive {
        /// Where.
        slot: SlotNumber,
    },
    /// `restart_script` is over.
    ScriptEnded {
        /// Where.
        slot: SlotNumber,
    },
    /// What virtual routers are here now; of others nothing is known.
    Roles(BTreeMap<String, Role>),
    /// These virtual routers are about to be given up; every one without any.
    Leaving(Vec<String>),
}

/// What a virtual router is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has the addresses.
    Master,
    /// Another has them.
    Backup,
    /// It takes no part.
    Fault,
}

impl Role {
    /// Its name for scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
        }
    }
}
