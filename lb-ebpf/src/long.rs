//! The long way of a packet through `lb_xdp`, for whatever the [short one](crate::fast) does not decide.
//!
//! It is cut into global functions, which the verifier walks once each, and not once for every way that leads to them. A service
//! is matched before anything is judged: what is not for a service, a virtual router or a fenced address passes as it came.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::{
    flow::age,
    fragment::{FRAGMENT_SECONDS, FragmentKey, FragmentValue},
};

use crate::{
    bfd,
    fence::{self, Say},
    flow::{self, Segment},
    frame::Frame,
    full_nat,
    heartbeat::{self, Place},
    icmp, maps,
    outcome::Outcome,
    packet::{ETHER_ARP, Ethernet},
    parse::{self, HAS_PORTS, Packet, Ports},
    quic, reply,
    serve::{self, Service},
    service::{self, NOWHERE},
    transport,
    verdict::xdp_verdict,
};

/// The answer of a piece that leaves the packet to the next: no verdict of XDP.
pub const UNDECIDED: u32 = u32::MAX;
/// The answer about a packet that came to an address which full NAT has.
const MASKED: u32 = u32::MAX - 1;

/// TCP, UDP and SCTP for the service in `slot` of the fast table, to the dest `id`, or to where its flow goes.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_serve(
    context: *mut xdp_md,
    packet: *const Packet,
    slot: u32,
    id: u32,
) -> u32 {
    piece(context, packet, &Requests { slot, id })
}

/// TCP, UDP and SCTP that begins a flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_begin(context: *mut xdp_md, packet: *const Packet, slot: u32) -> u32 {
    piece(context, packet, &Beginnings { slot })
}

/// The id of the service that TCP, UDP or SCTP is a reply of, [`MASKED`] where that is not told yet, or [`UNDECIDED`]; `quoted` is not 0
/// where the packet is only quoted.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_front(context: *mut xdp_md, packet: *const Packet, quoted: u32) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    let front = Packet::handed(packet).and_then(|packet| {
        // A tagged reply would leave by an interface that need not know the tag.
        if packet.tags != 0 {
            return None;
        }
        let segment = if quoted == 0 {
            transport::segment(&frame, &packet)?
        } else {
            Segment::Related
        };
        reply::find(&packet, segment)
    });
    match front {
        Some(front) if front.is_masked => MASKED,
        Some(front) => front.service,
        None => UNDECIDED,
    }
}

/// A reply of a service.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_reply(context: *mut xdp_md, packet: *const Packet, service: u32) -> u32 {
    piece(context, packet, &Replies { service })
}

/// [`remember`].
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_remember(packet: *const Packet) -> u32 {
    if let Some(packet) = Packet::handed(packet) {
        remember(&packet);
    }
    UNDECIDED
}

/// Tells the fragments that follow `packet` which ports they have.
#[inline(always)]
pub fn remember(packet: &Packet) {
    let value = FragmentValue {
        source: packet.ports.source,
        destination: packet.ports.destination,
        seen: flow::now(),
    };
    maps::remember_fragment(&fragment_key(packet), &value);
}

/// Puts the packet that an ICMP error is about, turned round, in place of the error; says whether it is one.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_quoted(context: *mut xdp_md, packet: *mut Packet) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    let Some(outer) = Packet::handed(packet) else {
        return 0;
    };
    let Some(error) = icmp::parse(&frame, &outer) else {
        return 0;
    };
    // SAFETY: the verifier sees to it that a caller hands a whole one or none.
    if let Some(to) = unsafe { packet.as_mut() } {
        *to = error.opposite();
    }
    1
}

/// An ICMP error about a packet from the service in `slot`, to the real server of its flow.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_error(context: *mut xdp_md, packet: *const Packet, slot: u32) -> u32 {
    piece(context, packet, &Errors { slot })
}

/// An ICMP error about a packet that NAT has sent to a real server of `service`, to the client.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_error_back(
    context: *mut xdp_md,
    packet: *const Packet,
    service: u32,
) -> u32 {
    piece(context, packet, &ErrorsBack { service })
}

/// Adverts of virtual routers.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_advert(context: *mut xdp_md, packet: *const Packet) -> u32 {
    piece(context, packet, &Adverts)
}

/// BFD.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_bfd(context: *mut xdp_md, packet: *const Packet) -> u32 {
    piece(context, packet, &Sessions)
}

/// What is for nobody else is for this host, which may have the address but not use it.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_restrict(context: *mut xdp_md, packet: *const Packet) -> u32 {
    piece(context, packet, &Restrictions)
}

/// What a global function does.
pub trait Piece {
    /// `None` leaves the packet to the next piece.
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome>;
}

#[inline(always)]
pub fn piece<P: Piece>(context: *mut xdp_md, packet: *const Packet, piece: &P) -> u32 {
    let context = XdpContext::new(context);
    let mut frame = Frame::new(context.data(), context.data_end());
    let Some(packet) = Packet::handed(packet) else {
        return UNDECIDED;
    };
    // Twice the same call, so that the compiler knows the family in each.
    let outcome = if packet.family == 4 {
        piece.decide(
            &context,
            &mut frame,
            &Packet {
                family: 4,
                ..packet
            },
        )
    } else {
        piece.decide(
            &context,
            &mut frame,
            &Packet {
                family: 6,
                ..packet
            },
        )
    };
    outcome.map_or(UNDECIDED, xdp_verdict)
}

/// Parses a packet into what the other pieces are handed; the answer is who decides about it, one of the `KIND_*` constants.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn long_parse(context: *mut xdp_md, packet: *mut Packet) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    // SAFETY: the verifier sees to it that a caller hands a whole one or none.
    let Some(to) = (unsafe { packet.as_mut() }) else {
        return KIND_OTHER;
    };
    let Some(link) = parse::link(&frame) else {
        return KIND_OTHER;
    };
    if link.kind == ETHER_ARP && fence::arp_asks(&frame, link.payload) {
        return KIND_FENCED_ARP;
    }
    let Some(mut parsed) = parse::whole_ip(&frame, &link) else {
        return KIND_OTHER;
    };
    if let Some(ports) = ports(&frame, &parsed) {
        parsed.ports = ports;
        parsed.flags |= HAS_PORTS;
    }
    *to = parsed;
    let is_to_group = frame.get::<Ethernet>(0).is_some_and(Ethernet::is_to_group);
    if heartbeat::is_advert(&parsed) {
        KIND_ADVERT
    } else if is_to_group {
        KIND_HOST
    } else if icmp::is_icmp(&parsed) {
        KIND_ICMP
    } else if bfd::is_control(&parsed, &parsed.ports) {
        KIND_BFD
    } else if parsed.flags & HAS_PORTS != 0 {
        KIND_TRANSPORT
    } else {
        KIND_HOST
    }
}

/// Nothing that anybody here cares for.
const KIND_OTHER: u32 = 0;
/// ARP that asks for an address behind a fenced gate.
const KIND_FENCED_ARP: u32 = 1;
/// An advert.
const KIND_ADVERT: u32 = 2;
/// ICMP.
const KIND_ICMP: u32 = 3;
/// Perhaps for a service, or from a real server.
const KIND_TRANSPORT: u32 = 4;
/// For this host, or for another.
const KIND_HOST: u32 = 5;
/// Perhaps of a BFD session.
const KIND_BFD: u32 = 6;

/// The answer about a packet that goes the long way; `packet` is room for what is parsed of it. Without `TIMERS` the kernel has none, and every advert is the daemon's.
#[inline(always)]
pub fn way<const TIMERS: bool>(context: *mut xdp_md, packet: &mut Packet) -> u32 {
    let kind = long_parse(context, packet);
    if TIMERS && kind == KIND_BFD {
        let verdict = long_bfd(context, packet);
        if verdict != UNDECIDED {
            return verdict;
        }
    }
    let verdict = match kind {
        KIND_FENCED_ARP => return xdp_verdict(Outcome::FencedNeighbour),
        KIND_ADVERT if TIMERS => long_advert(context, packet),
        KIND_ICMP => error(context, packet),
        KIND_TRANSPORT | KIND_BFD => with_ports(context, packet),
        KIND_ADVERT | KIND_HOST => UNDECIDED,
        _ => return xdp_verdict(Outcome::Pass),
    };
    if verdict != UNDECIDED {
        return verdict;
    }
    match long_restrict(context, packet) {
        UNDECIDED => xdp_verdict(Outcome::Pass),
        verdict => verdict,
    }
}

/// Decides about ICMP; `packet` is as it was where nothing is decided.
#[inline(always)]
fn error(context: *mut xdp_md, packet: &mut Packet) -> u32 {
    if long_quoted(context, packet) == 0 {
        return UNDECIDED;
    }
    let slot = service::slot_of(packet);
    let service = if slot == NOWHERE {
        long_front(context, packet, 1)
    } else {
        UNDECIDED
    };
    if service == MASKED {
        return full_nat::error_back(context, packet);
    }
    long_parse(context, packet);
    if slot != NOWHERE {
        long_error(context, packet, slot)
    } else if service != UNDECIDED {
        long_error_back(context, packet, service)
    } else {
        UNDECIDED
    }
}

#[inline(always)]
fn with_ports(context: *mut xdp_md, packet: &Packet) -> u32 {
    let verdict = match service::slot_of(packet) {
        NOWHERE => match long_front(context, packet, 0) {
            UNDECIDED => UNDECIDED,
            MASKED => full_nat::reply(context, packet),
            service => long_reply(context, packet, service),
        },
        slot => {
            let service = LongService {
                context,
                packet,
                slot,
            };
            service.answer()
        }
    };
    if verdict != UNDECIDED && packet.is_first_fragment() {
        long_remember(packet);
    }
    verdict
}

/// [`long_serve`] and [`long_begin`].
struct LongService {
    context: *mut xdp_md,
    packet: *const Packet,
    slot: u32,
}

impl Service for LongService {
    #[inline(always)]
    fn serve(&self, dest: u32) -> u32 {
        long_serve(self.context, self.packet, self.slot, dest)
    }
    #[inline(always)]
    fn begin(&self) -> u32 {
        long_begin(self.context, self.packet, self.slot)
    }
    #[inline(always)]
    fn named(&self) -> u32 {
        quic::named(self.context, self.slot)
    }
}

struct Adverts;

impl Piece for Adverts {
    #[inline(always)]
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        // The key has room for one VLAN id.
        if packet.tags > 1 {
            return Some(Outcome::Pass);
        }
        let place = Place {
            ifindex: context.ingress_ifindex() as u32,
            vlan: packet.vlan,
        };
        heartbeat::receive(frame, packet, &place)
    }
}

struct Sessions;

impl Piece for Sessions {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        bfd::receive(frame, packet)
    }
}

struct Errors {
    slot: u32,
}

impl Piece for Errors {
    #[inline(always)]
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let error = icmp::parse(frame, packet)?;
        let request = error.opposite();
        let service = service::of(&request, self.slot)?;
        Some(error.serve(frame, &request, service, context.ingress_ifindex() as u32))
    }
}

struct ErrorsBack {
    service: u32,
}

impl Piece for ErrorsBack {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let error = icmp::parse(frame, packet)?;
        error.reply(frame, maps::front(self.service)?)
    }
}

struct Restrictions;

impl Piece for Restrictions {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        if fence::neighbour_asks(frame, packet) {
            return Some(Outcome::FencedNeighbour);
        }
        match fence::say(packet.destination) {
            Say::Nothing => None,
            Say::Fenced => Some(Outcome::Fenced),
            Say::NotAccepted => {
                let is_refused = !fence::is_neighbour_discovery(frame, packet);
                is_refused.then_some(Outcome::NotAccepted)
            }
        }
    }
}

struct Requests {
    slot: u32,
    id: u32,
}

impl Piece for Requests {
    #[inline(always)]
    fn decide(&self, context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let service = service::of(packet, self.slot)?;
        let ingress = context.ingress_ifindex() as u32;
        Some(serve::serve(frame, packet, service, self.id, ingress))
    }
}

struct Beginnings {
    slot: u32,
}

impl Piece for Beginnings {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        let service = service::of(packet, self.slot)?;
        Some(serve::begin(frame, packet, service))
    }
}

struct Replies {
    service: u32,
}

impl Piece for Replies {
    #[inline(always)]
    fn decide(&self, _context: &XdpContext, frame: &mut Frame, packet: &Packet) -> Option<Outcome> {
        Some(reply::rewrite(frame, packet, maps::front(self.service)?))
    }
}

/// The packet's own, or those of the first fragment.
#[inline(always)]
pub fn ports(frame: &Frame, packet: &Packet) -> Option<Ports> {
    if !packet.is_later_fragment() {
        return parse::ports(frame, packet);
    }
    if !parse::has_ports(packet.protocol) {
        return None;
    }
    let ports = maps::fragment(&fragment_key(packet))?;
    let lasts = FRAGMENT_SECONDS * maps::jiffies_per_second();
    (age(flow::now(), ports.seen) < lasts).then_some(Ports {
        source: ports.source,
        destination: ports.destination,
    })
}

#[inline(always)]
fn fragment_key(packet: &Packet) -> FragmentKey {
    FragmentKey {
        source: packet.source.address(),
        destination: packet.destination.address(),
        id: packet.id,
        protocol: packet.protocol,
        pad: [0; 3],
    }
}
