//! IPVS: the table that the kernel should have, the difference to the one it has, and the messages that say so.
//!
//! Desired services → [`table()`] → wanted [`Table`] → [`Ipvs`] → [`Operation`]s → acknowledged → installed [`Table`]. What the kernel has is
//! read at the start and now and then, because it tells nobody when somebody else changes it. Services that are not wanted
//! and were not made here are somebody else's.
#![deny(clippy::disallowed_methods)]

mod about;
mod attribute;
mod desired;
mod figures;
pub mod message;
pub mod nftables;
pub mod sync;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use crate::{config::model::Protocol, outputs};

pub use self::{
    about::About,
    desired::{Refusal, table},
    figures::{AllFigures, Figures},
    table::{Entry, Operation, Table},
};

/// How long until the table is read again, to see what others did to it.
const AUDIT: Duration = Duration::from_secs(30);
/// How long until it is read again after an operation failed, at first.
const RETRY: Duration = Duration::from_secs(1);

/// How long until it is looked again whether services that leave have connections.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A service as the kernel tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    /// Packets to an address and a port; port 0 is every port.
    Address {
        /// IP protocol number.
        protocol: u16,
        /// The virtual address.
        address: IpAddr,
        /// The virtual port.
        port: u16,
    },
    /// Packets that the firewall marked.
    Mark {
        /// The mark.
        mark: u32,
        /// Whether they are IPv6.
        is_v6: bool,
    },
}

/// Prints as `10.0.0.100:80 (tcp)` or `mark 7 (IPv4)`.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => {
                let known = u8::try_from(protocol).ok().and_then(Protocol::of_number);
                let name = known.map_or("another protocol", Protocol::name);
                write!(f, "{} ({name})", SocketAddr::new(address, port))
            }
            Self::Mark { mark, is_v6 } => {
                write!(f, "mark {mark} ({})", if is_v6 { "IPv6" } else { "IPv4" })
            }
        }
    }
}

/// What the kernel knows of a service beside its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Name of the scheduler.
    pub scheduler: String,
    /// `FLAG_*` bits.
    pub flags: u32,
    /// Seconds of persistence, with [`FLAG_PERSISTENT`].
    pub timeout: u32,
    /// Bits of the client's address that count.
    pub granularity: u8,
    /// Name of the persistence engine.
    pub engine: Option<String>,
}

/// `IP_VS_SVC_F_PERSISTENT`.
pub const FLAG_PERSISTENT: u32 = 0x1;
/// `IP_VS_SVC_F_ONEPACKET`.
pub const FLAG_ONE_PACKET: u32 = 0x4;
/// `IP_VS_SVC_F_SCHED1` and the two that follow: what they mean is the scheduler's.
pub const FLAG_SCHEDULER: [u32; 3] = [0x8, 0x10, 0x20];

/// A dest as its service tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestKey {
    /// The real address.
    pub address: IpAddr,
    /// The real port.
    pub port: u16,
}

/// Prints as `10.0.0.1:80`.
impl fmt::Display for DestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// What the kernel knows of a dest beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dest {
    /// How packets reach it.
    pub method: Method,
    /// Share of new connections.
    pub weight: u32,
    /// Connections at which it takes no more; 0 is no limit.
    pub upper: u32,
    /// Connections below which it takes some again.
    pub lower: u32,
}

/// How packets reach a dest: `IP_VS_CONN_F_FWD_MASK`, and what carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `IP_VS_CONN_F_MASQ`.
    Nat,
    /// `IP_VS_CONN_F_DROUTE`.
    DirectRoute,
    /// `IP_VS_CONN_F_TUNNEL`.
    Tunnel {
        /// `IP_VS_CONN_F_TUNNEL_TYPE_*`: 0 ipip, 1 gue, 2 gre.
        kind: u8,
        /// UDP port of a gue tunnel.
        port: u16,
        /// `IP_VS_TUNNEL_ENCAP_FLAG_*`: 1 a checksum, 2 a remote one.
        flags: u16,
    },
    /// One that is not ours: the number.
    Other(u32),
}

/// An effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Answered by [`Ipvs::handle_done`], in this order.
    Change(Operation),
    /// Read the table; answered by [`Ipvs::handle_observed`].
    Observe,
    /// Read what the kernel counts; answered by [`Ipvs::handle_figures`].
    Count,
}

/// Keeps the kernel's table equal to the desired one.
#[derive(Debug)]
pub struct Ipvs {
    desired: Table,
    installed: Table,
    /// What this process has wanted at any time.
    ours: BTreeSet<ServiceKey>,
    /// Services go on with the connections they have, take no more, and go with their last one.
    is_leaving: bool,
    /// When it is looked next whether services that leave have connections.
    look: Option<Instant>,
    observe: Option<Instant>,
    /// How long until the table is read again after the next failure: what fails again and again is tried less and less often.
    pause: Duration,
    outputs: VecDeque<Output>,
}

impl Ipvs {
    /// One that knows nothing of the kernel's table and asks for it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            desired: Table::default(),
            installed: Table::default(),
            ours: BTreeSet::new(),
            is_leaving: false,
            look: None,
            observe: None,
            pause: RETRY,
            outputs: VecDeque::from([Output::Observe]),
        }
    }

    /// What the kernel has of ours, as far as it said so.
    #[must_use]
    pub const fn installed(&self) -> &Table {
        &self.installed
    }

    /// Whether this process has wanted the service at any time.
    #[must_use]
    pub fn is_ours(&self, key: &ServiceKey) -> bool {
        self.ours.contains(key)
    }

    /// Whether XDP takes what begins from now on, heeded by the next [`Self::handle_desired`].
    pub const fn set_leaving(&mut self, is_leaving: bool) {
        self.is_leaving = is_leaving;
    }

    /// Whether IPVS takes nothing that begins.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Whether nothing is left of what was to leave.
    #[must_use]
    pub fn has_left(&self) -> bool {
        self.is_leaving
            && self.installed.services.is_empty()
            && !self.outputs.contains(&Output::Observe)
    }

    /// Wants this table and no other. Where IPVS is leaving it is those of these services that the kernel has, with nothing for new
    /// connections.
    pub fn handle_desired(&mut self, desired: Table, now: Instant) {
        if self.is_leaving {
            self.look.get_or_insert(now + LOOK_AGAIN);
        } else {
            self.look = None;
        }
        self.ours.extend(desired.services.keys());
        if desired != self.desired {
            self.pause = RETRY;
        }
        self.desired = desired;
        self.update();
    }

    /// Takes services over that others made: those that are not wanted go (`lvs_flush`).
    pub fn handle_adopted(&mut self, keys: impl IntoIterator<Item = ServiceKey>) {
        self.ours.extend(keys);
        self.outputs = VecDeque::from([Output::Observe]);
    }

    /// Wants an empty table, whoever made what is in it (`lvs_flush_on_stop`).
    pub fn handle_flush(&mut self) {
        self.desired = Table::default();
        self.outputs = VecDeque::from([Output::Change(Operation::Flush)]);
    }

    /// The kernel's table as it is.
    pub fn handle_observed(&mut self, mut table: Table, now: Instant) {
        table.services.retain(|key, _| self.ours.contains(key));
        self.installed = table;
        self.observe = Some(now + AUDIT);
        self.pause = (self.pause * 2).min(AUDIT);
        self.update();
    }

    /// The table could not be read.
    pub fn handle_unobserved(&mut self, now: Instant) {
        self.observe = Some(now + self.pause);
    }

    /// The answer to [`Output::Count`], `None` when nobody could count them. A service that is leaving goes with its last connection.
    pub fn handle_figures(&mut self, figures: Option<&AllFigures>, now: Instant) {
        if !self.is_leaving {
            return;
        }
        self.look = Some(now + LOOK_AGAIN);
        if let Some(figures) = figures {
            let has_connections = |(_, dests): &(Figures, BTreeMap<DestKey, Figures>)| {
                dests.values().any(|dest| dest.active + dest.inactive > 0)
            };
            let services = &mut self.desired.services;
            services.retain(|key, _| figures.get(key).is_some_and(has_connections));
        }
        self.update();
    }

    /// The answer to [`Output::Change`]. After a failure the table is read again, a little later.
    pub fn handle_done<E>(&mut self, operation: &Operation, result: &Result<(), E>, now: Instant) {
        if result.is_ok() {
            self.installed.apply(operation);
        } else {
            self.observe = Some(now + self.pause);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.observe.is_some_and(|due| due <= now) {
            self.observe = None;
            self.outputs.push_back(Output::Observe);
        }
        if self.look.is_some_and(|due| due <= now) && !self.outputs.contains(&Output::Count) {
            self.outputs.push_back(Output::Count);
        }
    }

    /// When [`Self::handle_timeout`] is due next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let observe = self.observe.map(|due| (due, "audit"));
        let look = self.look.map(|due| (due, "leave"));
        observe.into_iter().chain(look).min()
    }

    /// The next effect; drain to `None` after every input, before the answers to what was drained.
    pub fn poll_output(&mut self) -> Option<Output> {
        outputs::next(&mut self.outputs)
    }

    fn update(&mut self) {
        // Until the kernel's table is known everything would look missing.
        if self.outputs.contains(&Output::Observe) {
            return;
        }
        if self.is_leaving {
            let installed = &self.installed.services;
            self.desired
                .services
                .retain(|key, _| installed.contains_key(key));
            let entries = self.desired.services.values_mut();
            for dest in entries.flat_map(|entry| entry.dests.values_mut()) {
                dest.weight = 0;
            }
        }
        let operations = table::difference(&self.installed, &self.desired);
        self.outputs = operations.into_iter().map(Output::Change).collect();
    }
}

impl Default for Ipvs {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
