//! What the kernel does for a BFD session between two wake-ups of the daemon: absorbing the packets that say what was said before.

use lb_common::bfd::{MULTIHOP_PORT, SINGLE_HOP_PORT, SessionValue, YOUR_DISCRIMINATOR};

use crate::{
    frame::Frame,
    maps,
    outcome::Outcome,
    packet::{PROTOCOL_UDP, Udp},
    parse::{Packet, Ports},
    timer,
};

/// True for BFD packets, whole and without options, by their `ports`.
#[inline(always)]
pub fn is_control(packet: &Packet, ports: &Ports) -> bool {
    let port = ports.destination;
    packet.protocol == PROTOCOL_UDP
        && (port == SINGLE_HOP_PORT.to_be_bytes() || port == MULTIHOP_PORT.to_be_bytes())
        && packet.is_plain()
}

/// A BFD packet arrived. `None` when it is the daemon's, or for another host.
#[inline(always)]
pub fn receive(frame: &Frame, packet: &Packet) -> Option<Outcome> {
    let control = packet.transport + size_of::<Udp>();
    let discriminator = frame.get::<[u8; 4]>(control + YOUR_DISCRIMINATOR)?;
    let session = maps::session(u32::from_ne_bytes(*discriminator))?;
    // SAFETY: an entry of `bfd_sessions`, alive until the program ends. The daemon never changes one in place.
    let value = unsafe { &*session };
    if !is_expected(frame, packet, value) {
        return None;
    }
    // SAFETY: as before; the packets of one session come through one queue.
    unsafe { timer::beat_and_put_off(session.cast()) }.then_some(Outcome::BfdAbsorbed)
}

/// True when the packet is the watched one, byte for byte, from the same sender, to the same address.
#[inline(always)]
fn is_expected(frame: &Frame, packet: &Packet, value: &SessionValue) -> bool {
    let Some(udp) = frame.get::<Udp>(packet.transport) else {
        return false;
    };
    let (len, udp_len) = (value.len as usize, u16::from_be_bytes(udp.length) as usize);
    if udp_len != size_of::<Udp>() + len
        || packet.end != packet.transport + udp_len
        || packet.ports.destination != value.port
        || packet.family != value.family
        || packet.ttl < value.min_ttl
        || !packet.source.is(&value.source)
        || !packet.destination.is(&value.destination)
    {
        return false;
    }
    let control = packet.transport + size_of::<Udp>();
    frame.has_words(control, &value.packet, len) && has_end(frame, control, value, len)
}

/// Compares the last four bytes, which need not be a whole word.
#[inline(always)]
fn has_end(frame: &Frame, control: usize, value: &SessionValue, len: usize) -> bool {
    let start = len.wrapping_sub(4);
    let expected = value.packet.get(start..).and_then(<[u8]>::first_chunk::<4>);
    let Some(expected) = expected else {
        return false;
    };
    frame
        .get::<[u8; 4]>(control + start)
        .is_some_and(|end| end == expected)
}
