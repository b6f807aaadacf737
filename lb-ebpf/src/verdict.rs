//! What an [`Outcome`] means to the kernel, and the counting of outcomes.

use aya_ebpf::{
    bindings::{TC_ACT_OK, TC_ACT_SHOT, xdp_action},
    helpers::bpf_redirect,
};
use lb_common::counter::Counter;

use crate::{maps, outcome::Outcome};

/// The kernel goes on with a packet that arrived.
pub const PASS: u32 = xdp_action::XDP_PASS;
/// A packet leaves by the interface it came from.
pub const SENT_BACK: u32 = xdp_action::XDP_TX;
/// A program met what cannot be.
pub const ABORTED: u32 = xdp_action::XDP_ABORTED;
/// The kernel goes on with a packet that leaves.
pub const UNHINDERED: i32 = TC_ACT_OK;

/// No verdict yet: the packet goes into a tunnel, to the dest in the low 16 bits.
const TUNNEL: u32 = 1 << 16;
/// No verdict yet: the packet's sender is told how long it may be, which is in the low 16 bits.
const TOO_BIG: u32 = 2 << 16;
/// No verdict yet: full NAT sends the packet to the dest in the low 16 bits.
const FULL_NAT: u32 = 6 << 16;
/// No verdict yet: the same of an ICMP error.
const FULL_NAT_ERROR: u32 = 7 << 16;
/// No verdict yet: the packet's flow needs an entry.
const BEGIN: u32 = 3 << 16;
/// No verdict yet: the packet goes to the dest in the low 16 bits.
const BEGUN: u32 = 4 << 16;
/// No verdict yet: the packet goes to a client.
const REPLIED: u32 = 5 << 16;

/// What a global function says of a packet.
#[derive(Clone, Copy)]
pub enum Answer {
    /// It is done.
    Verdict,
    /// [`Outcome::Tunnel`].
    Tunnel(u32),
    /// [`Outcome::FullNat`].
    FullNat(u32),
    /// [`Outcome::FullNatError`].
    FullNatError(u32),
    /// [`Outcome::TooBig`].
    TooBig(u32),
    /// [`Outcome::Begin`].
    Begin,
    /// [`Outcome::Begun`].
    Begun(u32),
    /// [`Outcome::Replied`].
    Replied,
}

impl Answer {
    /// Reads the answer of [`xdp_verdict`].
    #[inline(always)]
    pub const fn of(answer: u32) -> Self {
        match answer & 0xffff_0000 {
            TUNNEL => Self::Tunnel(answer & 0xffff),
            FULL_NAT => Self::FullNat(answer & 0xffff),
            FULL_NAT_ERROR => Self::FullNatError(answer & 0xffff),
            TOO_BIG => Self::TooBig(answer & 0xffff),
            BEGIN => Self::Begin,
            BEGUN => Self::Begun(answer & 0xffff),
            REPLIED => Self::Replied,
            _ => Self::Verdict,
        }
    }
}

/// The verdict of `lb_xdp` about a packet, counted; or an [`Answer`] that is none yet.
#[inline(always)]
pub fn xdp_verdict(outcome: Outcome) -> u32 {
    let (verdict, counter) = match outcome {
        Outcome::Tunnel(dest) => return TUNNEL | dest,
        Outcome::FullNat(dest) => return FULL_NAT | dest,
        Outcome::FullNatError(dest) => return FULL_NAT_ERROR | dest,
        Outcome::TooBig(mtu) => return TOO_BIG | mtu,
        Outcome::Begin => return BEGIN,
        Outcome::Replied => return REPLIED,
        Outcome::Begun(dest) => return BEGUN | dest,
        Outcome::TunnelRouted => (xdp_action::XDP_PASS, Counter::Forwarded),
        Outcome::TooBigTold => (xdp_action::XDP_TX, Counter::TooBig),
        Outcome::NoRoom => (xdp_action::XDP_DROP, Counter::NoRoom),
        Outcome::NoPort => (xdp_action::XDP_DROP, Counter::NoPort),
        Outcome::Pass | Outcome::LeaseRenewed => (xdp_action::XDP_PASS, Counter::Passed),
        Outcome::Delivered => (xdp_action::XDP_PASS, Counter::Delivered),
        Outcome::GateClosed => (xdp_action::XDP_PASS, Counter::GateClosed),
        Outcome::FlowMissed => (xdp_action::XDP_PASS, Counter::FlowMissed),
        Outcome::FlowContended => (xdp_action::XDP_DROP, Counter::FlowContended),
        Outcome::NoDest => (xdp_action::XDP_PASS, Counter::NoDest),
        Outcome::Yielded => (xdp_action::XDP_PASS, Counter::Yielded),
        Outcome::Forward => (xdp_action::XDP_TX, Counter::Forwarded),
        Outcome::ForwardTo(ifindex) => (redirect(ifindex), Counter::Forwarded),
        Outcome::Reply => (xdp_action::XDP_TX, Counter::Replied),
        Outcome::ReplyTo(ifindex) => (redirect(ifindex), Counter::Replied),
        Outcome::ReplyRouted => (xdp_action::XDP_PASS, Counter::Replied),
        Outcome::AdvertAbsorbed => (xdp_action::XDP_DROP, Counter::AdvertAbsorbed),
        Outcome::AdvertExcess(counter) => (xdp_action::XDP_DROP, counter),
        Outcome::BfdAbsorbed => (xdp_action::XDP_DROP, Counter::BfdAbsorbed),
        Outcome::Fenced => (xdp_action::XDP_DROP, Counter::FencedDrop),
        Outcome::FencedNeighbour => (xdp_action::XDP_DROP, Counter::FencedNeighbour),
        Outcome::NotAccepted => (xdp_action::XDP_DROP, Counter::NotAccepted),
        Outcome::Unresolved => (xdp_action::XDP_DROP, Counter::Unresolved),
        Outcome::Malformed => (xdp_action::XDP_DROP, Counter::Malformed),
        Outcome::TtlExpired => (xdp_action::XDP_DROP, Counter::TtlExpired),
    };
    maps::count(counter);
    verdict
}

/// The verdict of `lb_tc`. Only what it does is counted: packets leaving are not ours to count.
#[inline(always)]
pub fn tc_verdict(outcome: Outcome) -> i32 {
    let (verdict, counter) = match outcome {
        Outcome::LeaseRenewed => (TC_ACT_OK, Some(Counter::LeaseRenewed)),
        Outcome::Fenced => (TC_ACT_SHOT, Some(Counter::FencedDrop)),
        Outcome::FencedNeighbour => (TC_ACT_SHOT, Some(Counter::FencedNeighbour)),
        Outcome::NotAccepted => (TC_ACT_SHOT, Some(Counter::NotAccepted)),
        Outcome::Pass
        | Outcome::GateClosed
        | Outcome::FlowMissed
        | Outcome::FlowContended
        | Outcome::NoDest
        | Outcome::Yielded
        | Outcome::Delivered
        | Outcome::Forward
        | Outcome::ForwardTo(_)
        | Outcome::Begin
        | Outcome::Replied
        | Outcome::Begun(_)
        | Outcome::Tunnel(_)
        | Outcome::FullNat(_)
        | Outcome::FullNatError(_)
        | Outcome::NoPort
        | Outcome::TunnelRouted
        | Outcome::TooBig(_)
        | Outcome::TooBigTold
        | Outcome::NoRoom
        | Outcome::Reply
        | Outcome::ReplyTo(_)
        | Outcome::ReplyRouted
        | Outcome::AdvertAbsorbed
        | Outcome::AdvertExcess(_)
        | Outcome::BfdAbsorbed
        | Outcome::Unresolved
        | Outcome::Malformed
        | Outcome::TtlExpired => (TC_ACT_OK, None),
    };
    if let Some(counter) = counter {
        maps::count(counter);
    }
    verdict
}

/// The verdict of `lb_local` about a packet for a service, counted; or an [`Answer`] that is none yet.
#[inline(always)]
pub fn local_verdict(outcome: Outcome) -> u32 {
    let (verdict, counter) = match outcome {
        Outcome::Begin => return BEGIN,
        Outcome::Begun(dest) => return BEGUN | dest,
        Outcome::ForwardTo(ifindex) => (redirect(ifindex), Counter::Forwarded),
        Outcome::Delivered => (TC_ACT_OK as u32, Counter::Delivered),
        Outcome::GateClosed => (TC_ACT_OK as u32, Counter::GateClosed),
        Outcome::FlowMissed => (TC_ACT_OK as u32, Counter::FlowMissed),
        Outcome::NoDest => (TC_ACT_OK as u32, Counter::NoDest),
        Outcome::FlowContended => (TC_ACT_SHOT as u32, Counter::FlowContended),
        Outcome::Fenced => (TC_ACT_SHOT as u32, Counter::FencedDrop),
        Outcome::Unresolved => (TC_ACT_SHOT as u32, Counter::Unresolved),
        Outcome::TooBig(_) => (TC_ACT_SHOT as u32, Counter::TooBig),
        Outcome::Malformed => (TC_ACT_SHOT as u32, Counter::Malformed),
        Outcome::TtlExpired => (TC_ACT_SHOT as u32, Counter::TtlExpired),
        _ => return TC_ACT_OK as u32,
    };
    maps::count(counter);
    verdict
}

#[inline(always)]
fn redirect(ifindex: u32) -> u32 {
    // SAFETY: notes the interface for the driver.
    unsafe { bpf_redirect(ifindex, 0) as u32 }
}
