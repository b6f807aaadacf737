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
    /// Packets handed to the kernel, untouched but for a virtual MAC.
    Passed = "passed",
    /// Packets forwarded to a real server.
    Forwarded = "forwarded",
    /// Packets for a real server that is this host, handed to the kernel.
    Delivered = "delivered",
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
    /// Packets dropped, for their senders to repeat, because other processors were at their flow's place in the table.
    FlowContended = "flow_contended",
    /// Packets of a service without a usable real server, handed to the kernel.
    NoDest = "no_dest",
    /// Packets dropped because the next hop's address is not known yet.
    Unresolved = "unresolved",
    /// Packets of a service dropped because headers and lengths disagree.
    Malformed = "malformed",
    /// Packets dropped because their TTL or hop limit would reach zero.
    TtlExpired = "ttl_expired",
    /// Packets too long for the tunnel to their real server, whose senders were told so.
    TooBig = "too_big",
    /// Packets dropped because their driver leaves no room for an outer header.
    NoRoom = "no_room",
    /// Packets dropped because full NAT has no free port for their flow.
    NoPort = "no_port",
    /// Packets to or from a virtual address that this host does not accept (`no_accept`).
    NotAccepted = "not_accepted",
    /// Adverts beyond their sender's budget, of wrong length. Those within it are the daemon's to judge and to count,
    /// here and below.
    AdvertLength = "advert_excess_length",
    /// The same, with a TTL or hop limit that does not count.
    AdvertTtl = "advert_excess_ttl",
    /// The same, of another VRRP version.
    AdvertVersion = "advert_excess_version",
    /// The same, with another authentication type.
    AdvertAuthentication = "advert_excess_authentication",
    /// The same, with another password.
    AdvertPassword = "advert_excess_password",
    /// The same, with another interval (version 2), or none.
    AdvertInterval = "advert_excess_interval",
    /// The same, of an unknown VRRP packet type.
    AdvertType = "advert_excess_type",
    /// The same, with a wrong checksum.
    AdvertChecksum = "advert_excess_checksum",
    /// The same, from no configured peer.
    AdvertPeer = "advert_excess_peer",
    /// The same, with our own source.
    AdvertEcho = "advert_excess_echo",
    /// The same, valid, but of no consequence for who is MASTER.
    AdvertExcess = "advert_excess_valid",
    /// The same, of a virtual router that is not configured here.
    AdvertStranger = "advert_excess_vrid",
    /// Packets given another source because of a virtual MAC, or turned back from one; each has its other counter too.
    VirtualMac = "virtual_mac",
    /// Packets of BFD sessions absorbed by the fast path.
    BfdAbsorbed = "bfd_absorbed",
    /// Detection times of BFD sessions that expired in the kernel.
    BfdSilent = "bfd_silent",
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

impl core::ops::AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.flows += more.flows;
        self.packets += more.packets;
        self.bytes += more.bytes;
    }
}
