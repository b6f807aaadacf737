//! Counters: one enum for the programs, `lb status`, metrics and SNMP.

use bytemuck::{Pod, Zeroable};

use crate::shape;

macro_rules! counters {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// Index of a global per-CPU counter; names are the names in `lb status` and metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $variant,)+ }

        impl Counter {
            /// Every counter, in index order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Name shown to people and scraped by machines.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Packets handed to the kernel untouched.
    Passed = "passed",
    /// Packets forwarded to a real server.
    Forwarded = "forwarded",
    /// NAT replies given their virtual source again.
    Replied = "replied",
    /// Adverts absorbed by the fast path.
    AdvertAbsorbed = "advert_absorbed",
    /// Leases renewed by an advert sent.
    LeaseRenewed = "lease_renewed",
    /// Leases that ran out.
    LeaseLost = "lease_lost",
    /// Gates fenced because a received advert beats ours.
    Yielded = "yielded",
    /// Master-down timers that expired in the kernel.
    MasterDown = "master_down",
    /// Events lost because the ring buffer was full.
    EventLost = "event_lost",
    /// Packets dropped because the gate is fenced.
    FencedDrop = "fenced_drop",
    /// ARP and neighbour discovery messages held back because the gate is fenced.
    FencedNeighbour = "fenced_neighbour",
    /// Packets to a service whose gate is closed, handed to the kernel.
    GateClosed = "gate_closed",
    /// Flow entries made.
    FlowCreated = "flow_created",
    /// Flow entries overwritten before their time because the bucket was full.
    FlowEvicted = "flow_evicted",
    /// TCP segments without SYN that belong to no flow, handed to the kernel.
    FlowMissed = "flow_missed",
    /// Packets of a service without a usable real server, handed to the kernel.
    NoDest = "no_dest",
    /// Packets dropped because the next hop's address is not known yet.
    Unresolved = "unresolved",
    /// Packets of a service dropped because headers and lengths disagree.
    Malformed = "malformed",
    /// Packets dropped because their TTL or hop limit would reach zero.
    TtlExpired = "ttl_expired",
}

/// Packets and bytes of one service or dest, per CPU. 24 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Traffic {
    /// New flows scheduled.
    pub flows: u64,
    /// Packets from clients.
    pub packets: u64,
    /// Bytes from clients, from the Ethernet header on.
    pub bytes: u64,
}

shape!(Traffic = 24);
