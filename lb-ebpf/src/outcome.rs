//! What became of a packet. `verdict` turns outcomes into the kernel's and counts them.

use lb_common::counter::Counter;

/// The end of a packet's way through a program.
#[derive(Clone, Copy)]
pub enum Outcome {
    /// Not for us.
    Pass,
    /// For a service whose virtual router is not ours now.
    GateClosed,
    /// A TCP segment in the middle of a connection nobody here knows.
    FlowMissed,
    /// For a service, but other processors were at its flow's place in the table.
    FlowContended,
    /// For a service without a usable real server.
    NoDest,
    /// An advert that beats ours; its gate is fenced now, the daemon reads the rest.
    Yielded,
    /// For a real server that is this host, rewritten where it is behind NAT.
    Delivered,
    /// Rewritten for a real server, leaving by the interface it came from.
    Forward,
    /// Rewritten for a real server, leaving by another interface.
    ForwardTo(u32),
    /// For a service, and a flow begins with it: [`crate::begin`] goes on.
    Begin,
    /// A flow begins with it at this dest id: [`crate::serve`] goes on.
    Begun(u32),
    /// For the real server of this dest id, which is behind a tunnel: [`crate::tunnel`] goes on.
    Tunnel(u32),
    /// For the real server of this dest id, to which it comes from this host: [`crate::full_nat`] goes on.
    FullNat(u32),
    /// An ICMP error for the same.
    FullNatError(u32),
    /// Full NAT has no port for its flow.
    NoPort,
    /// In its tunnel, but the kernel has to cut it into fragments and to find the way.
    TunnelRouted,
    /// More bytes of IP than this go into no tunnel: [`crate::too_big`] goes on.
    TooBig(u32),
    /// What was too big is the answer that says so by now, leaving by the interface the packet came from.
    TooBigTold,
    /// The driver leaves no room for an outer header.
    NoRoom,
    /// A reply of a real server, given its virtual source: [`crate::reply::send_reply`] goes on.
    Replied,
    /// A reply of a real server, leaving by the interface it came from.
    Reply,
    /// The same, leaving by another interface.
    ReplyTo(u32),
    /// The same, but the kernel has to find the way.
    ReplyRouted,
    /// An advert the daemon need not see.
    AdvertAbsorbed,
    /// A packet of a BFD session that the daemon need not see.
    BfdAbsorbed,
    /// An advert without consequence, beyond its sender's budget; counted under this name.
    AdvertExcess(Counter),
    /// An advert of ours that renewed its lease.
    LeaseRenewed,
    /// For or from an address behind a fenced gate.
    Fenced,
    /// ARP or neighbour discovery about an address behind a fenced gate.
    FencedNeighbour,
    /// For this host itself, or from it, at an address it does not accept (`no_accept`).
    NotAccepted,
    /// For a real server whose link-layer address is not known.
    Unresolved,
    /// For a service, but headers and lengths disagree.
    Malformed,
    /// TTL or hop limit used up.
    TtlExpired,
}

/// The end of `lb_timer`, of which `main.rs` makes the answer.
#[derive(Clone, Copy)]
pub enum TimerOutcome {
    /// The timer was started or cancelled.
    Done,
    /// There is no such router.
    Unknown,
    /// The kernel refused; its (negative) answer.
    Refused(i64),
    /// The packet is not a request.
    Invalid,
}
