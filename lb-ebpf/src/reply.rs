//! Back to the client: replies of real servers behind NAT get their virtual source again.
//!
//! The next hop towards a client is the one thing userspace does not resolve, because there may be as many as
//! clients. So a reply costs a look-up in the kernel's own routing and neighbour tables. Where those have no
//! answer yet the packet is handed to the kernel with its source rewritten: it resolves the neighbour and sends
//! it (the interface needs `accept_local`, since the source is an address of this host).

use core::mem::zeroed;

use aya_ebpf::{
    EbpfContext as _,
    bindings::{BPF_FIB_LKUP_RET_SUCCESS, bpf_fib_lookup as FibLookup, xdp_md},
    helpers::bpf_fib_lookup,
    programs::XdpContext,
};
use lb_common::{
    dest::{DEST_KEEPS_PORT, DestValue, FORWARD_FULLNAT, FORWARD_NAT, FrontValue, NatSourceKey},
    hash,
    service::{SERVICE_ONE_PACKET, TABLE_WILDCARD_NAT_SOURCE},
};

use crate::{
    flow::{self, Key, Segment},
    forward::{self, End, Endpoint, Hop, age},
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{Ethernet, Ipv4, Ipv6},
    parse::{self, Packet},
    service, transport,
    verdict::xdp_verdict,
};

/// `AF_INET`, the same on every architecture.
const AF_INET: u8 = 2;
/// `AF_INET6`, the same on every architecture.
const AF_INET6: u8 = 10;

/// Decides about a packet that no service takes, if it is a reply.
#[inline(always)]
pub fn answer(frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
    let segment = transport::segment(frame, packet)?;
    // What full NAT has sent is the long way's.
    let front = find_from(&source(packet), packet, segment, FORWARD_NAT)?;
    Some(rewrite(frame, packet, front.value))
}

/// What a reply comes from, as clients know it.
#[derive(Clone, Copy)]
pub struct Front {
    /// Id of the service.
    pub service: u32,
    /// Its front.
    pub value: &'static FrontValue,
    /// The client is not told by the packet: it came to the address that full NAT has, and whether it is of a flow is not known.
    pub is_masked: bool,
}

/// A packet that no service takes: a reply, if it comes from a real server, be it one that answers from every port, and belongs to a
/// flow.
#[inline(always)]
pub fn find(packet: &Packet, segment: Segment) -> Option<Front> {
    let found = find_from(&source(packet), packet, segment, FORWARD_FULLNAT);
    if found.is_some() || !service::table_has(TABLE_WILDCARD_NAT_SOURCE) {
        return found;
    }
    let any = NatSourceKey {
        port: [0; 2],
        ..source(packet)
    };
    find_from(&any, packet, segment, FORWARD_NAT)
}

#[inline(always)]
fn find_from(
    source: &NatSourceKey,
    packet: &Packet,
    segment: Segment,
    method: u8,
) -> Option<Front> {
    for id in maps::nat_source(source)?.dests {
        if id == 0 {
            return None;
        }
        let dest = maps::dest(id)?;
        let service = dest.service;
        let value = maps::front(service)?;
        let port = Endpoint::before(value, packet.ports.source).port;
        let is_possible = forward::can_change_port(packet, packet.ports.source, port);
        if !is_possible || !is(dest, source) {
            continue;
        }
        let is_full = method == FORWARD_FULLNAT && dest.method == FORWARD_FULLNAT;
        if !is_full && dest.method != FORWARD_NAT {
            continue;
        }
        let is_masked = is_full && Ip::new(&dest.local) == packet.destination;
        let client = Endpoint {
            address: packet.destination,
            port: packet.ports.destination,
        };
        if is_masked
            || value.flags & SERVICE_ONE_PACKET != 0
            || has_flow(packet.family, &client, id, dest, port, segment)
        {
            return Some(Front {
                service,
                value,
                is_masked,
            });
        }
    }
    None
}

/// What a packet comes from, as a real server.
#[inline(always)]
pub const fn source(packet: &Packet) -> NatSourceKey {
    NatSourceKey {
        address: packet.source.address(),
        port: packet.ports.source,
        protocol: packet.protocol,
        pad: 0,
    }
}

/// Gives a reply its virtual source.
#[inline(always)]
pub fn rewrite(frame: &mut Frame, packet: &Packet, front: &FrontValue) -> Outcome {
    match rewritten(frame, packet, front) {
        Ok(()) => Outcome::Replied,
        Err(outcome) => outcome,
    }
}

#[inline(always)]
fn rewritten(frame: &mut Frame, packet: &Packet, front: &FrontValue) -> Result<(), Outcome> {
    service::enter(front.gate)?;
    transport::check(frame, packet).ok_or(Outcome::Malformed)?;
    if packet.ttl <= 1 {
        return Err(Outcome::TtlExpired);
    }
    let front = Endpoint::before(front, packet.ports.source);
    forward::rewrite(frame, packet, End::Source, &front, Hop::Others).ok_or(Outcome::Malformed)
}

/// Sends a packet that has its virtual source to the client.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn send_reply(pointer: *mut xdp_md) -> u32 {
    let context = XdpContext::new(pointer);
    let mut frame = Frame::new(context.data(), context.data_end());
    let ingress = context.ingress_ifindex() as u32;
    let sent = send(&mut frame, context.as_ptr(), ingress);
    xdp_verdict(sent.unwrap_or(Outcome::Malformed))
}

#[inline(always)]
fn send(frame: &mut Frame, context: *mut core::ffi::c_void, ingress: u32) -> Option<Outcome> {
    let packet = &parse::ip(frame, &parse::link(frame)?)?;
    let Some(route) = route(frame, context, packet, ingress) else {
        return Some(Outcome::ReplyRouted);
    };
    age(frame, packet)?;
    let ethernet = frame.get_mut::<Ethernet>(0)?;
    ethernet.readdress(&route.dmac, &route.smac);
    Some(if route.ifindex == ingress {
        Outcome::Reply
    } else {
        Outcome::ReplyTo(route.ifindex)
    })
}

/// The list of `nat_sources` may be older or newer than the dest.
#[inline(always)]
fn is(dest: &DestValue, source: &NatSourceKey) -> bool {
    let answers_from = dest.flags & DEST_KEEPS_PORT != 0 || dest.port == source.port;
    answers_from && Ip::new(&dest.address) == Ip::new(&source.address)
}

/// Whether the dest `id` has a flow of `client` that came to `virtual_port`, refreshed by `segment`.
#[inline(always)]
pub fn has_flow(
    family: u8,
    client: &Endpoint,
    id: u16,
    dest: &DestValue,
    virtual_port: [u8; 2],
    segment: Segment,
) -> bool {
    let key = Key {
        family,
        client: client.address,
        port: client.port,
        service: dest.service,
        hash: hash::flow(&client.address.address(), client.port, virtual_port),
    };
    flow::find(&key, flow::now(), segment, |value| {
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
