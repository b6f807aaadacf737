//! The programs of the data plane.
//!
//! Entry points and verdicts are here and nowhere else; the modules return an [`Outcome`].
#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![expect(
    unreachable_pub,
    reason = "`pub` says what a module offers; nothing leaves a binary"
)]
#![expect(
    missing_docs,
    reason = "the entry points are documented, but their attributes drop it"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the attributes of the entry points call them so"
)]

mod atomic;
mod bench;
mod budget;
mod clock;
mod egress;
mod fast;
mod fence;
mod flow;
mod forward;
mod frame;
mod heartbeat;
mod ingress;
mod ip;
mod judge;
mod maps;
mod outcome;
mod packet;
mod parse;
mod reply;
mod select;
mod service;
mod timer;
mod transport;
mod virtual_mac;

use aya_ebpf::{
    EbpfContext,
    bindings::{TC_ACT_OK, TC_ACT_SHOT, xdp_action, xdp_md},
    helpers::bpf_redirect,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use lb_common::{bench::YARDSTICK, counter::Counter, programs};

use crate::{
    frame::Frame,
    heartbeat::Place,
    outcome::{Outcome, TimerOutcome},
};

/// Forwards, absorbs adverts, keeps fenced addresses quiet; on ingress of every interface.
#[xdp]
pub fn lb_xdp(context: XdpContext) -> u32 {
    receive(&context, long)
}

/// [`lb_xdp`] for kernels without BPF timers.
#[xdp]
pub fn lb_xdp_plain(context: XdpContext) -> u32 {
    receive(&context, long_plain)
}

/// Renews leases, keeps fenced addresses quiet, writes virtual MACs; on egress of every interface.
#[classifier]
pub fn lb_tc(context: TcContext) -> i32 {
    send::<true>(&context)
}

/// [`lb_tc`] for kernels without BPF timers.
#[classifier]
pub fn lb_tc_plain(context: TcContext) -> i32 {
    send::<false>(&context)
}

/// Arms or cancels the timer of a virtual router. Never attached: the daemon runs it with a request as packet.
#[classifier]
pub fn lb_timer(context: TcContext) -> i32 {
    let answer = match timer::serve(&Frame::new(context.data(), context.data_end())) {
        TimerOutcome::Done => programs::TIMER_DONE,
        TimerOutcome::Unknown => programs::TIMER_UNKNOWN,
        TimerOutcome::Refused(error) => error.unsigned_abs() as u32,
        TimerOutcome::Invalid => programs::TIMER_INVALID,
    };
    answer.cast_signed()
}

/// Tells the low 32 bits of jiffies. Never attached: the daemon runs it to know the age of flows.
#[classifier]
pub fn lb_clock(_context: TcContext) -> i32 {
    flow::now().cast_signed()
}

/// [`lb_xdp`] in the wrapper of [`bench`]. Never attached, and loaded by benchmarks only, like the next four.
#[xdp]
pub fn lb_bench(context: XdpContext) -> u32 {
    let verdict = receive(&context, long);
    measured(&context, verdict)
}

/// The wrapper alone, to be taken off.
#[xdp]
pub fn lb_bench_nothing(context: XdpContext) -> u32 {
    measured(&context, xdp_action::XDP_PASS)
}

/// The wrapper around one look-up in a hash map, the yardstick.
#[xdp]
pub fn lb_bench_lookup(context: XdpContext) -> u32 {
    let verdict = if maps::has_service(&YARDSTICK) {
        xdp_action::XDP_PASS
    } else {
        xdp_action::XDP_ABORTED
    };
    measured(&context, verdict)
}

/// The wrapper around what every load balancer does at least.
#[xdp]
pub fn lb_bench_swap(context: XdpContext) -> u32 {
    let mut frame = Frame::new(context.data(), context.data_end());
    let verdict = match bench::parse_and_swap(&mut frame) {
        Some(()) => xdp_action::XDP_TX,
        None => xdp_action::XDP_ABORTED,
    };
    measured(&context, verdict)
}

/// The wrapper around one look-up of the flow in an LRU hash map; one that is not there is put there.
#[xdp]
pub fn lb_bench_lru(context: XdpContext) -> u32 {
    let verdict = match bench::look_up(&Frame::new(context.data(), context.data_end())) {
        Some(()) => xdp_action::XDP_PASS,
        None => xdp_action::XDP_ABORTED,
    };
    measured(&context, verdict)
}

#[inline(always)]
fn measured(context: &XdpContext, verdict: u32) -> u32 {
    // Afterwards: what was just written would have to be forwarded from the store buffer to loads of other widths,
    // which no packet from a NIC suffers.
    match bench::next_round(&mut Frame::new(context.data(), context.data_end())) {
        Some(()) => verdict,
        None => xdp_action::XDP_ABORTED,
    }
}

/// The short way, or the long one.
#[inline(always)]
fn receive(context: &XdpContext, long: extern "C" fn(*mut xdp_md) -> u32) -> u32 {
    let mut frame = Frame::new(context.data(), context.data_end());
    match fast::handle(&mut frame, context.ingress_ifindex() as u32) {
        Some(outcome) => xdp_verdict(outcome),
        None => long(context.ctx),
    }
}

/// The verdict about a packet that goes the long way. A global function: the verifier walks it once, and not once for every way
/// that leads to it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long(context: *mut xdp_md) -> u32 {
    receive_long::<true>(&XdpContext::new(context))
}

/// [`long`] for kernels without BPF timers.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_plain(context: *mut xdp_md) -> u32 {
    receive_long::<false>(&XdpContext::new(context))
}

#[inline(always)]
fn receive_long<const TIMERS: bool>(context: &XdpContext) -> u32 {
    let mut frame = Frame::new(context.data(), context.data_end());
    let ifindex = context.ingress_ifindex() as u32;
    let outcome = ingress::handle::<TIMERS>(&mut frame, context.as_ptr(), ifindex);
    let verdict = xdp_verdict(outcome);
    if verdict == xdp_action::XDP_PASS && virtual_mac::turn_back(&mut frame, ifindex) {
        maps::count(Counter::VirtualMac);
    }
    verdict
}

#[inline(always)]
fn send<const TIMERS: bool>(context: &TcContext) -> i32 {
    let frame = Frame::new(context.data(), context.data_end());
    // SAFETY: the kernel's context of this run.
    let (ifindex, tci, tagged, ingress) = unsafe {
        let skb = &*context.skb.skb;
        (
            skb.ifindex,
            skb.vlan_tci,
            skb.vlan_present,
            skb.ingress_ifindex,
        )
    };
    let vlan = if tagged == 0 { 0 } else { tci as u16 & 0xfff };
    let place = Place { ifindex, vlan };
    let (outcome, source) = egress::handle::<TIMERS>(&frame, place, ingress == 0);
    let verdict = tc_verdict(outcome);
    if verdict == TC_ACT_OK && source.is_some_and(|source| source.write(context)) {
        maps::count(Counter::VirtualMac);
    }
    verdict
}

#[inline(always)]
fn xdp_verdict(outcome: Outcome) -> u32 {
    let (verdict, counter) = match outcome {
        Outcome::Pass | Outcome::LeaseRenewed => (xdp_action::XDP_PASS, Counter::Passed),
        Outcome::GateClosed => (xdp_action::XDP_PASS, Counter::GateClosed),
        Outcome::FlowMissed => (xdp_action::XDP_PASS, Counter::FlowMissed),
        Outcome::NoDest => (xdp_action::XDP_PASS, Counter::NoDest),
        Outcome::Yielded => (xdp_action::XDP_PASS, Counter::Yielded),
        Outcome::Forward => (xdp_action::XDP_TX, Counter::Forwarded),
        Outcome::ForwardTo(ifindex) => (redirect(ifindex), Counter::Forwarded),
        Outcome::Reply => (xdp_action::XDP_TX, Counter::Replied),
        Outcome::ReplyTo(ifindex) => (redirect(ifindex), Counter::Replied),
        Outcome::ReplyRouted => (xdp_action::XDP_PASS, Counter::Replied),
        Outcome::AdvertAbsorbed => (xdp_action::XDP_DROP, Counter::AdvertAbsorbed),
        Outcome::AdvertExcess(counter) => (xdp_action::XDP_DROP, counter),
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

/// Counts only what it does: packets leaving are not ours to count.
#[inline(always)]
fn tc_verdict(outcome: Outcome) -> i32 {
    let (verdict, counter) = match outcome {
        Outcome::LeaseRenewed => (TC_ACT_OK, Some(Counter::LeaseRenewed)),
        Outcome::Fenced => (TC_ACT_SHOT, Some(Counter::FencedDrop)),
        Outcome::FencedNeighbour => (TC_ACT_SHOT, Some(Counter::FencedNeighbour)),
        Outcome::NotAccepted => (TC_ACT_SHOT, Some(Counter::NotAccepted)),
        Outcome::Pass
        | Outcome::GateClosed
        | Outcome::FlowMissed
        | Outcome::NoDest
        | Outcome::Yielded
        | Outcome::Forward
        | Outcome::ForwardTo(_)
        | Outcome::Reply
        | Outcome::ReplyTo(_)
        | Outcome::ReplyRouted
        | Outcome::AdvertAbsorbed
        | Outcome::AdvertExcess(_)
        | Outcome::Unresolved
        | Outcome::Malformed
        | Outcome::TtlExpired => (TC_ACT_OK, None),
    };
    if let Some(counter) = counter {
        maps::count(counter);
    }
    verdict
}

#[inline(always)]
fn redirect(ifindex: u32) -> u32 {
    // SAFETY: notes the interface for the driver.
    unsafe { bpf_redirect(ifindex, 0) as u32 }
}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// Licence as the kernel reads it: it lends some helpers to GPL programs only.
#[cfg(target_arch = "bpf")]
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(target_arch = "bpf"))]
fn main() {}
