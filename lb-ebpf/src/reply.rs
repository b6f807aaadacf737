//! Back to the client: replies of real servers behind NAT get their virtual source again.
//!
//! The next hop towards a client is the one thing userspace does not resolve, because there may be as many as
//! clients. So a reply costs a look-up in the kernel's own routing and neighbour tables. Where those have no
//! answer yet the packet is handed to the kernel with its source rewritten: it resolves the neighbour and sends
//! it (the interface needs `accept_local`, since the source is an address of this host).

use core::mem::zeroed;

use aya_ebpf::{
    bindings::{BPF_FIB_LKUP_RET_SUCCESS, bpf_fib_lookup as FibLookup},
    helpers::bpf_fib_lookup,
};
use lb_common::{
    dest::{DestValue, FORWARD_NAT, FrontValue, NatSourceKey},
    hash,
    service::SERVICE_ONE_PACKET,
};

use crate::{
    flow::{self, Key, Segment},
    forward::{self, End, Endpoint, age, rewrite},
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{Ethernet, Ipv4, Ipv6},
    parse::Packet,
    service, transport,
};

/// `AF_INET`, the same on every architecture.
const AF_INET: u8 = 2;
/// `AF_INET6`, the same on every architecture.
const AF_INET6: u8 = 10;

/// A packet that no service takes: a reply, if it comes from a real server and belongs to a flow.
#[inline(always)]
pub fn find(packet: &Packet, segment: Segment) -> Option<&'static FrontValue> {
    let source = NatSourceKey {
        address: packet.source.address(),
        port: packet.ports.source,
        protocol: packet.protocol,
        pad: 0,
    };
    let now = flow::now();
    for id in maps::nat_source(&source)?.dests {
        if id == 0 {
            return None;
        }
        let dest = maps::dest(id)?;
        let front = maps::front(dest.service)?;
        let is_possible = forward::can_change_port(packet, packet.ports.source, front.port);
        if !is_possible || !is(dest, &source) {
            continue;
        }
        if front.flags & SERVICE_ONE_PACKET != 0 || has_flow(packet, id, dest, front, now, segment)
        {
            return Some(front);
        }
    }
    None
}

/// Rewrites a reply from `front` and says what becomes of it.
#[inline(always)]
pub fn reply(
    frame: &mut Frame,
    context: *mut core::ffi::c_void,
    packet: &Packet,
    ingress: u32,
    front: &FrontValue,
) -> Outcome {
    match rewritten(frame, context, packet, ingress, front) {
        Ok(outcome) | Err(outcome) => outcome,
    }
}

#[inline(always)]
fn rewritten(
    frame: &mut Frame,
    context: *mut core::ffi::c_void,
    packet: &Packet,
    ingress: u32,
    front: &FrontValue,
) -> Result<Outcome, Outcome> {
    service::enter(front.gate)?;
    transport::check(frame, packet).ok_or(Outcome::Malformed)?;
    if packet.ttl <= 1 {
        return Err(Outcome::TtlExpired);
    }
    rewrite(frame, packet, End::Source, &Endpoint::before(front)).ok_or(Outcome::Malformed)?;
    Ok(send(frame, context, packet, ingress))
}

/// Sends a packet that has its virtual source to the client.
#[inline(always)]
pub fn send(
    frame: &mut Frame,
    context: *mut core::ffi::c_void,
    packet: &Packet,
    ingress: u32,
) -> Outcome {
    let Some(route) = route(frame, context, packet, ingress) else {
        return Outcome::ReplyRouted;
    };
    if age(frame, packet).is_none() {
        return Outcome::Malformed;
    }
    let Some(ethernet) = frame.get_mut::<Ethernet>(0) else {
        return Outcome::Malformed;
    };
    ethernet.readdress(&route.dmac, &route.smac);
    if route.ifindex == ingress {
        Outcome::Reply
    } else {
        Outcome::ReplyTo(route.ifindex)
    }
}

/// The list of `nat_sources` may be older or newer than the dest.
#[inline(always)]
fn is(dest: &DestValue, source: &NatSourceKey) -> bool {
    dest.method == FORWARD_NAT
        && dest.port == source.port
        && Ip::new(&dest.address) == Ip::new(&source.address)
}

#[inline(always)]
fn has_flow(
    packet: &Packet,
    id: u16,
    dest: &DestValue,
    front: &FrontValue,
    now: u32,
    segment: Segment,
) -> bool {
    let key = Key {
        family: packet.family,
        client: packet.destination,
        port: packet.ports.destination,
        service: dest.service,
        hash: hash::flow(
            &packet.destination.address(),
            packet.ports.destination,
            front.port,
        ),
    };
    flow::find(&key, now, segment, |value| {
        value.dest == id && value.generation == dest.generation
    })
    .is_some()
}

/// The way to the client by the kernel's tables, for the packet as it is now.
#[inline(always)]
fn route(
    frame: &Frame,
    context: *mut core::ffi::c_void,
    packet: &Packet,
    ingress: u32,
) -> Option<FibLookup> {
    // SAFETY: all fields are integers or arrays of them.
    let mut lookup: FibLookup = unsafe { zeroed() };
    lookup.ifindex = ingress;
    lookup.l4_protocol = packet.protocol;
    if packet.family == 4 {
        let header = frame.get::<Ipv4>(packet.network)?;
        lookup.family = AF_INET;
        lookup.__bindgen_anon_1.tot_len = u16::from_be_bytes(header.total_length);
        lookup.__bindgen_anon_2.tos = header.service;
        lookup.__bindgen_anon_3.ipv4_src = u32::from_ne_bytes(header.source);
        lookup.__bindgen_anon_4.ipv4_dst = u32::from_ne_bytes(header.destination);
    } else {
        let header = frame.get::<Ipv6>(packet.network)?;
        lookup.family = AF_INET6;
        lookup.__bindgen_anon_1.tot_len = u16::from_be_bytes(header.payload_length);
        lookup.__bindgen_anon_3.ipv6_src = bytemuck::cast(header.source);
        lookup.__bindgen_anon_4.ipv6_dst = bytemuck::cast(header.destination);
    }
    let len = size_of::<FibLookup>() as i32;
    // SAFETY: `context` is the program's own, and `lookup` is `len` bytes long.
    let answer = unsafe { bpf_fib_lookup(context, &raw mut lookup, len, 0) };
    (answer == i64::from(BPF_FIB_LKUP_RET_SUCCESS)).then_some(lookup)
}
