//! TCP, UDP and SCTP headers: what they do to a flow, and whether their lengths can be true.

use crate::{
    flow::Segment,
    frame::{self, Frame},
    packet::{
        PROTOCOL_SCTP, PROTOCOL_TCP, SCTP_ABORT, SCTP_INIT, SCTP_INIT_ACK, SCTP_SHUTDOWN,
        SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE, Sctp, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, Tcp,
        Udp,
    },
    parse::Packet,
};

/// What the packet does to its flow; `None` when the frame ends within the header.
#[inline(always)]
pub fn segment(frame: &Frame, packet: &Packet) -> Option<Segment> {
    match packet.protocol {
        PROTOCOL_TCP | PROTOCOL_SCTP if packet.is_later_fragment() => Some(Segment::Middle),
        PROTOCOL_TCP => Some(of_tcp(frame.get::<Tcp>(packet.transport)?.flags)),
        PROTOCOL_SCTP => Some(of_sctp(frame.get::<Sctp>(packet.transport)?.chunk)),
        _ => Some(Segment::Datagram),
    }
}

#[inline(always)]
const fn of_tcp(flags: u8) -> Segment {
    if flags & (TCP_FIN | TCP_RST) != 0 {
        Segment::Close
    } else if flags & (TCP_SYN | TCP_ACK) == TCP_SYN {
        Segment::Open
    } else if flags & TCP_SYN != 0 {
        Segment::Accept
    } else {
        Segment::Middle
    }
}

#[inline(always)]
const fn of_sctp(chunk: u8) -> Segment {
    match chunk {
        SCTP_INIT => Segment::Open,
        SCTP_INIT_ACK => Segment::Accept,
        SCTP_ABORT | SCTP_SHUTDOWN | SCTP_SHUTDOWN_ACK | SCTP_SHUTDOWN_COMPLETE => Segment::Close,
        _ => Segment::Middle,
    }
}

/// Checks that frame, IP header and transport header agree on where the packet ends. A fragment says nothing of the length of the
/// whole.
#[inline(always)]
pub fn check(frame: &Frame, packet: &Packet) -> Option<()> {
    let header = if packet.is_later_fragment() {
        0
    } else if packet.protocol == PROTOCOL_TCP {
        let words = frame.get::<Tcp>(packet.transport)?.length >> 4;
        let length = usize::from(words) * 4;
        (length >= size_of::<Tcp>()).then_some(length)?
    } else if packet.protocol == PROTOCOL_SCTP {
        size_of::<Sctp>()
    } else {
        let udp = frame.get::<Udp>(packet.transport)?;
        let length = frame::length(udp.length);
        let length = (length >= size_of::<Udp>()).then_some(length)?;
        if packet.is_fragment() {
            size_of::<Udp>()
        } else {
            length
        }
    };
    let fits = packet.transport + header <= packet.end && frame.holds(packet.end);
    fits.then_some(())
}
