//! Clients on this host: what they send to a virtual address that is here too leaves by `lo`, where `lb_local` gives it its real
//! server's address and sends it there.
//!
//! By NAT alone, as with IPVS: their source is the virtual address, and no real server behind DR or a tunnel takes a packet from an
//! address of its own. Replies come by `lb_xdp`, which gives them their virtual source and leaves them to the kernel.

use aya_ebpf::{
    EbpfContext as _, bindings::__sk_buff, helpers::bpf_check_mtu, programs::TcContext,
};
use bytemuck::Zeroable as _;
use lb_common::{
    dest::{DEST_LOCAL, DestValue, FORWARD_NAT},
    service::{SERVICE_NAT, ServiceValue, TABLE_LOCAL_NAT_SOURCE},
};

use crate::{
    flow::Segment,
    forward::{self, End, Endpoint},
    frame::put,
    local::{self, NOT_TRANSPORT},
    long, maps,
    outcome::Outcome,
    packet::PROTOCOL_SCTP,
    parse::Packet,
    select::{self, Choice},
    serve::{self, Service},
    service::{self, NOWHERE},
    verdict::{UNHINDERED, local_verdict},
};

/// `BPF_MTU_CHK_RET_FRAG_NEEDED` of `linux/bpf.h`.
const FRAGMENTS_NEEDED: i64 = 1;

/// Decides about a packet that leaves by `lo`. The pieces are walked by the verifier once each.
#[inline(always)]
pub fn leave(context: *mut __sk_buff) -> i32 {
    let mut packet = Packet::zeroed();
    let segment = local::leaving(context, &raw mut packet);
    if segment == NOT_TRANSPORT {
        return UNHINDERED;
    }
    match service::slot_of(&raw const packet) {
        NOWHERE if service::table_has(TABLE_LOCAL_NAT_SOURCE) => {
            local::reply_of(context, &packet, segment)
        }
        NOWHERE => UNHINDERED,
        slot => {
            let client = Client {
                context,
                packet: &raw const packet,
                slot,
                segment,
            };
            client.answer().cast_signed()
        }
    }
}

/// [`client_serve`] and [`client_begin`].
struct Client {
    context: *mut __sk_buff,
    packet: *const Packet,
    slot: u32,
    segment: u32,
}

impl Service for Client {
    #[inline(always)]
    fn serve(&self, dest: u32) -> u32 {
        client_serve(self.context, self.packet, self.slot, self.segment, dest)
    }
    #[inline(always)]
    fn begin(&self) -> u32 {
        client_begin(self.packet, self.slot, self.segment)
    }
    /// QUIC names none here: its services are not behind NAT.
    #[inline(always)]
    fn named(&self) -> u32 {
        0
    }
}

/// A packet for the service in `slot` of the fast table, to the dest `id`, or to where its flow goes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn client_serve(
    context: *mut __sk_buff,
    packet: *const Packet,
    slot: u32,
    segment: u32,
    id: u32,
) -> u32 {
    let context = TcContext::new(context);
    let outcome = Packet::handed(packet).and_then(|packet| {
        let service = service::of(&packet, slot)?;
        let segment = Segment::of_number(segment);
        Some(send(&context, &packet, service, segment, id))
    });
    local_verdict(outcome.unwrap_or(Outcome::Pass))
}

/// A packet that begins a flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn client_begin(packet: *const Packet, slot: u32, segment: u32) -> u32 {
    let outcome = Packet::handed(packet).and_then(|packet| {
        let service = service::of(&packet, slot)?;
        Some(serve::begin_with(
            &packet,
            service,
            Segment::of_number(segment),
        ))
    });
    local_verdict(outcome.unwrap_or(Outcome::Pass))
}

#[inline(always)]
fn send(
    context: &TcContext,
    packet: &Packet,
    service: &ServiceValue,
    segment: Segment,
    id: u32,
) -> Outcome {
    if service.flags & SERVICE_NAT == 0 {
        return Outcome::Pass;
    }
    if let Err(outcome) = service::enter(service.gate) {
        return outcome;
    }
    let Some(choice) = serve::choice(packet, service, segment, id) else {
        return select::missed(service, segment);
    };
    let outcome = forward(context, packet, &choice);
    if matches!(outcome, Outcome::Delivered | Outcome::ForwardTo(_)) {
        if packet.is_first_fragment() {
            long::remember(packet);
        }
        maps::count_traffic(service.id, choice.id, packet.end as u64, choice.new_flow);
    }
    outcome
}

/// Rewrites the packet for its real server and says where it leaves.
#[inline(always)]
fn forward(context: &TcContext, packet: &Packet, choice: &Choice) -> Outcome {
    let dest = choice.dest;
    let is_local = dest.flags & DEST_LOCAL != 0;
    let real = Endpoint::of(dest, packet.ports.destination);
    // The checksum of SCTP is over all of a packet.
    let is_possible = packet.protocol != PROTOCOL_SCTP || real.port == packet.ports.destination;
    if dest.method != FORWARD_NAT || !is_possible {
        return Outcome::Pass;
    }
    if !is_local {
        if let Err(outcome) = forward::may_leave(packet, dest, 0) {
            return outcome;
        }
        if !fits(context, dest) {
            return Outcome::TooBig(0);
        }
    }
    if local::write(context, packet, End::Destination, &real).is_none() {
        return Outcome::Malformed;
    }
    if is_local {
        return Outcome::Delivered;
    }
    let readdressed = put(context, 0, &dest.next_hop).and_then(|()| put(context, 6, &dest.source));
    match readdressed {
        Some(()) => Outcome::ForwardTo(dest.ifindex),
        None => Outcome::Malformed,
    }
}

/// Whether the interface towards `dest` takes a packet of this length; one that the kernel cuts into segments later it does.
#[inline(always)]
fn fits(context: &TcContext, dest: &DestValue) -> bool {
    let mut mtu = 0;
    // SAFETY: `context` is the program's own, and `mtu` is written by the kernel.
    let answer = unsafe { bpf_check_mtu(context.as_ptr(), dest.ifindex, &raw mut mtu, 0, 0) };
    answer != FRAGMENTS_NEEDED
}
