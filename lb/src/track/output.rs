//! What the tracker hears and what it wants.

use std::{fmt, net::IpAddr, time::Duration};

use crate::{
    config::model::{InterfaceName, global::Owner},
    vrrp::output::Standing,
};

/// One run of a script; never used twice, so that the end of a run that nobody waits for means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// A script that is to be started now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Given back in [`Event::ScriptEnded`].
    pub id: RunId,
    /// Name of the `vrrp_script`.
    pub script: String,
    /// The program's path and its arguments.
    pub words: Vec<String>,
    /// `user` of the block; `script_user` by default.
    pub owner: Option<Owner>,
    /// The longest it may take.
    pub timeout: Duration,
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal, not of ours.
    Signalled(i32),
    /// It took too long and was ended.
    TimedOut,
    /// It could not be started: a failure, where keepalived takes it for a success.
    NotStarted(String),
}

impl Ending {
    /// Whether the script succeeded.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Exited(0))
    }
}

/// In keepalived's words.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exited with status {status}"),
            Self::Signalled(signal) => write!(f, "due to signal {signal}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::NotStarted(why) => write!(f, "not started: {why}"),
        }
    }
}

/// What is in a tracked file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// There is no such file, which counts as 0.
    Missing,
    /// A number; 0 where the file starts with none, as in keepalived.
    Number(i32),
    /// A number that no priority can take: what was read before stays, as in keepalived.
    TooLarge,
    /// It cannot be read, which counts as 0.
    Unreadable(String),
}

/// A fact about something tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A script ended; answers [`Output::Run`].
    ScriptEnded {
        /// Which run.
        run: RunId,
        /// How.
        ending: Ending,
    },
    /// A file was read.
    FileRead {
        /// Name of the `track_file`.
        file: String,
        /// What is in it.
        reading: Reading,
    },
    /// Processes were counted.
    ProcessCounted {
        /// Name of the `vrrp_track_process`.
        process: String,
        /// How many run.
        count: u32,
    },
}

/// News for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A script returned another status than the time before.
    ScriptReturned {
        /// Its name.
        script: String,
        /// The status.
        status: i32,
    },
    /// A script counts as succeeding now.
    ScriptSucceeded(String),
    /// A script counts as failing now.
    ScriptFailed {
        /// Its name.
        script: String,
        /// How the last run ended.
        ending: Ending,
    },
    /// A script still runs when it should start again, for the first time in a row.
    ScriptSkipped(String),
    /// A file has another value.
    FileValue {
        /// Its name.
        file: String,
        /// The number in it.
        value: i32,
    },
    /// The number in a file is none that counts.
    FileIgnored {
        /// Its name.
        file: String,
        /// The value that stays.
        value: i32,
    },
    /// A file cannot be read, and counts as 0.
    FileUnreadable {
        /// Its name.
        file: String,
        /// Why.
        why: String,
    },
    /// The number of processes changed, and with it perhaps the quorum.
    ProcessCount {
        /// Its name.
        process: String,
        /// How many ran before.
        from: u32,
        /// How many run now.
        to: u32,
    },
    /// Processes are as many as they should be now, or no longer.
    ProcessQuorum {
        /// Its name.
        process: String,
        /// How many run.
        count: u32,
        /// Whether that is well.
        is_up: bool,
    },
    /// A tracked interface is up or down now.
    Interface {
        /// Its name.
        interface: InterfaceName,
        /// Up and running.
        is_up: bool,
    },
    /// A tracked BFD session is up or down now.
    Bfd {
        /// Its name.
        session: String,
        /// Up.
        is_up: bool,
    },
    /// Something static of a `track_group` is gone or back.
    Static {
        /// Name of the group.
        group: String,
        /// What it is, as a short phrase.
        object: String,
        /// Whether it is there.
        is_present: bool,
    },
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start a script; answered by [`Event::ScriptEnded`].
    Run(Run),
    /// What tracking adds up to for an instance has changed.
    Standing {
        /// Name of the `vrrp_instance`.
        instance: String,
        /// The sum now.
        standing: Standing,
    },
    /// A peer of an instance is silent, as a BFD session with it tells.
    PeerSilent {
        /// Name of the `vrrp_instance`.
        instance: String,
        /// The peer's address.
        peer: IpAddr,
    },
    /// Log.
    Changed(Change),
}
