//! What operators ask, as it goes over the control socket.

use serde::{Deserialize, Serialize};

use super::{
    record::{ProcessId, SlotNumber},
    registration::Registration,
};

/// A request of `spawndaemon`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Register and start processes; several are a group, in this order.
    Register(Vec<Registration>),
    /// Register a process that runs.
    Adopt {
        /// What it is started as when it has died.
        registration: Box<Registration>,
        /// The process.
        pid: u32,
        /// Its arguments must be those registered.
        arguments: bool,
    },
    /// Monitor no more.
    Unregister {
        /// Which.
        which: Selector,
        /// End them too.
        kill: bool,
    },
    /// Forget failures and start what is down.
    Clear {
        /// Which.
        which: Selector,
        /// Restart also what runs.
        kill: bool,
    },
    /// Is anybody there?
    Query,
    /// Forget everything and end.
    Quit {
        /// End the processes too.
        kill: bool,
    },
    /// Change the number of slots.
    Resize(u32),
}

/// Which slots are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selector {
    /// Those of this program, and of these arguments where they are given.
    Path {
        /// The program.
        path: String,
        /// Its arguments.
        args: Option<Vec<String>>,
    },
    /// That of this process.
    Pid(u32),
    /// Those of this group.
    Group(String),
    /// This one.
    Slot(SlotNumber),
}

/// What comes of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is done, to these slots.
    Done(Vec<SlotNumber>),
    /// The daemon is there.
    Here {
        /// Its pid.
        pid: u32,
        /// Its node.
        node: String,
        /// Slots in use.
        used: u32,
        /// Slots there are.
        slots: u32,
    },
    /// Nothing is done; why, and what to do.
    Refused(String),
}

/// A process that an operator wants monitored, as the system shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which it is.
    pub process: ProcessId,
    /// The program it runs.
    pub program: String,
    /// Its words, the program first.
    pub words: Vec<String>,
}
