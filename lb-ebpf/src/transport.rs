//! TCP and UDP headers: what they do to a flow, and whether their lengths can be true.

use crate::{
    flow::Segment,
    frame::Frame,
    packet::{PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp, Udp},
    parse::Packet,
};

/// What the packet does to its flow; `None` when the frame ends within the header.
#[inline(always)]
pub fn segment(frame: &Frame, packet: &Packet) -> Option<Segment> {
    if packet.protocol != PROTOCOL_TCP {
        return Some(Segment::Datagram);
    }
    let flags = frame.get::<Tcp>(packet.transport)?.flags;
    Some(if flags & (TCP_FIN | TCP_RST) != 0 {
        Segment::Close
    } else if flags & (TCP_SYN | TCP_ACK) == TCP_SYN {
        Segment::Open
    } else if flags & TCP_SYN != 0 {
        Segment::Accept
    } else {
        Segment::Middle
    })
}

/// Checks that frame, IP header and transport header agree on where the packet ends.
#[inline(always)]
pub fn check(frame: &Frame, packet: &Packet) -> Option<()> {
    let header = if packet.protocol == PROTOCOL_TCP {
        let words = frame.get::<Tcp>(packet.transport)?.length >> 4;
        let length = usize::from(words) * 4;
        (length >= size_of::<Tcp>()).then_some(length)?
    } else {
        let length = usize::from(u16::from_be_bytes(
            frame.get::<Udp>(packet.transport)?.length,
        ));
        (length >= size_of::<Udp>()).then_some(length)?
    };
    let fits = packet.transport + header <= packet.end && frame.holds(packet.end);
    fits.then_some(())
}
