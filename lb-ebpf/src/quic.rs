//! QUIC: packets go where their connection ID says, wherever their client is by now.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use lb_common::{
    quic::{LONG_HEADER, MOST_SERVER_ID, QuicKey, UNROUTABLE},
    service::{SERVICE_QUIC, ServiceValue},
};

use crate::{
    frame::{Frame, opaque},
    maps,
    packet::{PROTOCOL_UDP, Udp},
    parse, select,
};

/// Set in the id of a dest that the packet names itself: it begins no flow.
pub const NAMED: u32 = 1 << 16;

/// Offset of the connection ID in a short header.
const SHORT_ID: usize = 1;
/// Offset of the length of the connection ID in a long header.
const LONG_ID_LENGTH: usize = 5;

/// The dest that the packet names, with [`NAMED`], if the service in `slot` of the fast table asks for that; 0 is nobody.
#[inline(always)]
pub fn named(context: *mut xdp_md, slot: u32) -> u32 {
    let asks = maps::service_slot(slot).is_some_and(|slot| slot.value.flags & SERVICE_QUIC != 0);
    if asks { quic_dest(context, slot) } else { 0 }
}

/// [`named`] for a service that asks. The verifier is to walk it once.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn quic_dest(context: *mut xdp_md, slot: u32) -> u32 {
    let context = XdpContext::new(context);
    let frame = Frame::new(context.data(), context.data_end());
    let Some(slot) = maps::service_slot(slot) else {
        return 0;
    };
    dest(&frame, &slot.value).map_or(0, |id| NAMED | u32::from(id))
}

#[inline(always)]
fn dest(frame: &Frame, service: &ServiceValue) -> Option<u16> {
    let packet = parse::whole_ip(frame, &parse::link(frame)?)?;
    if packet.protocol != PROTOCOL_UDP || packet.is_later_fragment() {
        return None;
    }
    let at = opaque(packet.transport) + size_of::<Udp>();
    let [first] = *frame.get::<[u8; 1]>(at)?;
    let id = if first & LONG_HEADER == 0 {
        at + SHORT_ID
    } else {
        let [length] = *frame.get::<[u8; 1]>(at + LONG_ID_LENGTH)?;
        if length <= service.quic_length {
            return None;
        }
        at + LONG_ID_LENGTH + 1
    };
    let [first] = *frame.get::<[u8; 1]>(id)?;
    if first & UNROUTABLE == UNROUTABLE {
        return None;
    }
    // There are more bytes behind it in any packet: a nonce, a packet number, what is encrypted.
    let bytes = frame.get::<[u8; MOST_SERVER_ID as usize]>(id + 1)?;
    let spare = MOST_SERVER_ID.checked_sub(service.quic_length)?;
    let key = QuicKey {
        server: u64::from_be_bytes(*bytes) >> ((spare * 8) & 63),
        service: service.id,
        pad: 0,
    };
    let id = maps::quic_server(&key)?;
    let choice = select::usable(id)?;
    (choice.dest.service == service.id).then_some(id)
}
