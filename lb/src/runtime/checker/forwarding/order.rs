//! What the two loops of the checker child tell each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    checker::CheckChange,
    observe::status::Wait,
    pool::{Health, RealServerId, VirtualServerId},
    runtime::channel::{DrainRequest, FromChild, Plan},
};

/// To the thread that forwards.
pub(in crate::runtime::checker) enum Order {
    /// Open the planes for the first time; answered by [`Answer::Remembered`].
    Open(Arc<Plan>),
    /// Make it so; answered by [`FromChild::Configured`].
    Configure {
        plan: Arc<Plan>,
        /// Of the real servers that are not simply up.
        health: BTreeMap<RealServerId, Health>,
    },
    /// What the checks say.
    News(Vec<News>),
    /// Do what an operator asks; answered by [`FromChild::Answer`].
    Drain { number: u64, drain: DrainRequest },
    /// Tell the status; answered by [`FromChild::Checkers`].
    Status {
        /// The last result of the checks of each real server.
        words: BTreeMap<RealServerId, String>,
        /// By how much a timer of the checks has run too late at most.
        longest_delay: Duration,
        /// What that loop waits for.
        waits: Vec<Wait>,
    },
    /// Reload to nothing, but leave the IPVS table as it is if it is to be kept, and end.
    Stop { keeps_ipvs: bool },
}

/// What the checks say.
pub(in crate::runtime::checker) enum News {
    /// Of a real server, something else than before.
    Health {
        real_server: RealServerId,
        health: Health,
    },
    /// A check changed its mind: mail.
    CheckChanged(CheckChange),
    /// A check has run for the first time, and said what its real server was taken for.
    Confirmed {
        real_server: RealServerId,
        alpha: bool,
    },
}

/// From the thread that forwards.
pub(in crate::runtime::checker) enum Answer {
    /// The real servers that the planes hold as failed.
    Remembered(BTreeSet<RealServerId>),
    /// The checks of these virtual servers rest from now on, and no others.
    Suspended(BTreeSet<VirtualServerId>),
    /// For the parent.
    Tell(FromChild),
}
