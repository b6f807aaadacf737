//! The programs of the data plane.
//!
//! Entry points are here; the global functions they call are in `fast`, `long`, `service`, `flow`, `quic`, `forward`, `tunnel`, `too_big`,
//! `reply`, `local`, `full_nat`, `local_port`, `bytes`, `search` and `sweep`. The modules return an [`Outcome`](outcome::Outcome), of which `verdict` makes the
//! kernel's word.
#![cfg_attr(
    target_arch = "bpf",
    no_std,
    no_main,
    feature(asm_experimental_arch, core_intrinsics)
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        internal_features,
        reason = "nothing else tells what the compiler knows"
    )
)]
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
mod bfd;
mod budget;
mod bytes;
mod client;
mod clock;
mod connection;
mod egress;
mod fast;
mod fence;
mod flow;
mod forward;
mod frame;
mod full_nat;
mod heartbeat;
mod icmp;
mod ip;
mod judge;
mod local;
mod local_port;
mod long;
mod maps;
#[cfg(target_arch = "bpf")]
mod object;
mod outcome;
mod packet;
mod parse;
mod quic;
mod reply;
mod search;
mod select;
mod serve;
mod service;
mod sweep;
mod timer;
mod too_big;
mod transport;
mod tunnel;
mod verdict;
mod virtual_mac;

use aya_ebpf::{
    bindings::xdp_md,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use bytemuck::Zeroable as _;
use lb_common::{bench::YARDSTICK, counter::Counter, programs, service::TABLE_LOCAL_NAT_SOURCE};

use crate::{
    fast::Rest,
    frame::Frame,
    heartbeat::Place,
    long::UNDECIDED,
    outcome::{Outcome, TimerOutcome},
    parse::Packet,
    serve::Service as _,
    verdict::{Answer, tc_verdict, xdp_verdict},
};

/// Forwards, absorbs adverts, keeps fenced addresses quiet; on ingress of every interface.
#[xdp]
pub fn lb_xdp(context: XdpContext) -> u32 {
    receive::<true>(&context)
}

/// [`lb_xdp`] for kernels without BPF timers.
#[xdp]
pub fn lb_xdp_plain(context: XdpContext) -> u32 {
    receive::<false>(&context)
}

/// Renews leases, keeps fenced addresses quiet, writes virtual MACs, gives replies of real servers on this host their virtual source; on egress of
/// every interface.
#[classifier]
pub fn lb_tc(context: TcContext) -> i32 {
    send::<true>(&context)
}

/// [`lb_tc`] for kernels without BPF timers.
#[classifier]
pub fn lb_tc_plain(context: TcContext) -> i32 {
    send::<false>(&context)
}

/// Sends what clients on this host send to services behind NAT; on egress of `lo`.
#[classifier]
pub fn lb_local(context: TcContext) -> i32 {
    client::leave(context.skb.skb)
}

/// Arms or cancels the timer of a virtual router. Never attached: the daemon runs it with a request as packet.
#[classifier]
pub fn lb_timer(context: TcContext) -> i32 {
    timer_answer(timer::serve(&Frame::new(
        context.data(),
        context.data_end(),
    )))
}

/// Arms the timer of a BFD session, likewise.
#[classifier]
pub fn lb_bfd_timer(context: TcContext) -> i32 {
    timer_answer(timer::serve_session(&Frame::new(
        context.data(),
        context.data_end(),
    )))
}

/// Tells the low 32 bits of jiffies. Never attached: the daemon runs it to know the age of flows.
#[classifier]
pub fn lb_clock(_context: TcContext) -> i32 {
    flow::now().cast_signed()
}

/// Sweeps ended flows out of some buckets. Never attached: the daemon runs it with a request as packet.
#[classifier]
pub fn lb_sweep(context: TcContext) -> i32 {
    let swept = sweep::serve(&Frame::new(context.data(), context.data_end()));
    swept.unwrap_or(0).cast_signed()
}

/// [`lb_xdp`] in the wrapper of [`bench`]. Never attached, and loaded by benchmarks only, like the next four.
#[xdp]
pub fn lb_bench(context: XdpContext) -> u32 {
    let length = bench::length(&context);
    let verdict = receive::<true>(&context);
    if bench::cut(&context, length) {
        measured(&context, verdict)
    } else {
        verdict::ABORTED
    }
}

/// The wrapper alone, to be taken off.
#[xdp]
pub fn lb_bench_nothing(context: XdpContext) -> u32 {
    measured(&context, verdict::PASS)
}

/// The wrapper around one look-up in a hash map, the yardstick.
#[xdp]
pub fn lb_bench_lookup(context: XdpContext) -> u32 {
    let verdict = if maps::has_service(&YARDSTICK) {
        verdict::PASS
    } else {
        verdict::ABORTED
    };
    measured(&context, verdict)
}

/// The wrapper around what every load balancer does at least.
#[xdp]
pub fn lb_bench_swap(context: XdpContext) -> u32 {
    let mut frame = Frame::new(context.data(), context.data_end());
    let verdict = match bench::parse_and_swap(&mut frame) {
        Some(()) => verdict::SENT_BACK,
        None => verdict::ABORTED,
    };
    measured(&context, verdict)
}

/// The wrapper around one look-up of the flow in an LRU hash map; one that is not there is put there.
#[xdp]
pub fn lb_bench_lru(context: XdpContext) -> u32 {
    let verdict = match bench::look_up(&Frame::new(context.data(), context.data_end())) {
        Some(()) => verdict::PASS,
        None => verdict::ABORTED,
    };
    measured(&context, verdict)
}

#[inline(always)]
fn measured(context: &XdpContext, verdict: u32) -> u32 {
    // Afterwards, and with the clock read, which waits: what was just written would have to be forwarded from the store
    // buffer to loads of other widths, which no packet from a NIC suffers.
    let next = bench::next_round(&mut Frame::new(context.data(), context.data_end()));
    clock::now();
    match next {
        Some(()) => verdict,
        None => verdict::ABORTED,
    }
}

#[inline(always)]
const fn timer_answer(outcome: TimerOutcome) -> i32 {
    let answer = match outcome {
        TimerOutcome::Done => programs::TIMER_DONE,
        TimerOutcome::Unknown => programs::TIMER_UNKNOWN,
        TimerOutcome::Refused(error) => error.unsigned_abs() as u32,
        TimerOutcome::Invalid => programs::TIMER_INVALID,
    };
    answer.cast_signed()
}

/// The short way, or the long one.
#[inline(always)]
fn receive<const TIMERS: bool>(context: &XdpContext) -> u32 {
    let mut frame = Frame::new(context.data(), context.data_end());
    let answer = match fast::handle(&mut frame, context.ingress_ifindex() as u32) {
        // Nobody's, where there is no virtual MAC either.
        Ok(Outcome::Pass) => return xdp_verdict(Outcome::Pass),
        Ok(outcome) => xdp_verdict(outcome),
        Err(Rest::Service4(slot)) => fast::Service4(context.ctx, slot).answer(),
        Err(Rest::Service6(slot)) => fast::Service6(context.ctx, slot).answer(),
        Err(Rest::Reply4) => fast::reply4(context.ctx),
        Err(Rest::Reply6) => fast::reply6(context.ctx),
        Err(Rest::Long) => UNDECIDED,
    };
    let is_done = answer != UNDECIDED && matches!(Answer::of(answer), Answer::Verdict);
    let verdict = if is_done {
        answer
    } else {
        finish::<TIMERS>(context.ctx, answer)
    };
    if verdict == verdict::PASS {
        let mut frame = Frame::new(context.data(), context.data_end());
        if virtual_mac::turn_back(&mut frame, context.ingress_ifindex() as u32) {
            maps::count(Counter::VirtualMac);
        }
    }
    verdict
}

/// The verdict about a packet of which the short way has said `answer`, which is none yet.
#[inline(always)]
fn finish<const TIMERS: bool>(context: *mut xdp_md, answer: u32) -> u32 {
    let is_full_nat = matches!(
        Answer::of(answer),
        Answer::FullNat(_) | Answer::FullNatError(_)
    );
    let answer = if answer == UNDECIDED || is_full_nat {
        parsed::<TIMERS>(context, answer)
    } else {
        answer
    };
    let answer = match Answer::of(answer) {
        Answer::Tunnel(dest) => tunnel::tunnel(context, dest),
        Answer::Replied => reply::send_reply(context),
        _ => answer,
    };
    match Answer::of(answer) {
        Answer::TooBig(mtu) => too_big::too_big(context, mtu),
        _ => answer,
    }
}

/// The answer about a packet that has to be parsed whole: it goes the long way, or to a real server with full NAT.
#[inline(always)]
fn parsed<const TIMERS: bool>(context: *mut xdp_md, answer: u32) -> u32 {
    let mut packet = Packet::zeroed();
    let answer = if answer == UNDECIDED {
        long::way::<TIMERS>(context, &mut packet)
    } else {
        answer
    };
    match Answer::of(answer) {
        Answer::FullNat(dest) => full_nat::send(context, &mut packet, dest),
        Answer::FullNatError(dest) => full_nat::send_error(context, &mut packet, dest),
        _ => answer,
    }
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
    if verdict != verdict::UNHINDERED {
        return verdict;
    }
    if let Some(source) = source {
        if source.write(context) {
            maps::count(Counter::VirtualMac);
        }
    } else if ingress == 0 && service::table_has(TABLE_LOCAL_NAT_SOURCE) {
        return local::reply(context.skb.skb);
    }
    verdict
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
