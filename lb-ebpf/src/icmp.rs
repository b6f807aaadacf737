//! ICMP errors about packets of flows: they go where the flow goes, found by the packet inside.
//!
//! One for a real server is about a reply of it, which names the service's front as its source; one for a client is about a
//! request of its, which NAT has sent to the real server.

use lb_common::{
    checksum::{Sum, update},
    dest::{DEST_LOCAL, FORWARD_FULLNAT, FrontValue, is_nat, is_tunnel},
    service::ServiceValue,
};

use crate::{
    flow::Segment,
    forward::{self, End, Endpoint, Hop},
    frame::{Frame, opaque},
    maps,
    outcome::Outcome,
    packet::{
        ICMP_PARAMETER, ICMP_TIME_EXCEEDED, ICMP_UNREACHABLE, ICMPV6_INFORMATION, Icmp,
        PROTOCOL_ICMP, PROTOCOL_ICMPV6, PortsHeader, ether_type,
    },
    parse::{self, Link, Packet, Ports},
    select, serve, service,
};

/// An ICMP error and what it is about.
pub struct Error<'a> {
    /// The error itself.
    pub outer: &'a Packet,
    /// What it is about, with its ports.
    pub inner: Packet,
}

/// True for ICMP of the packet's family.
#[inline(always)]
pub const fn is_icmp(packet: &Packet) -> bool {
    let protocol = if packet.family == 4 {
        PROTOCOL_ICMP
    } else {
        PROTOCOL_ICMPV6
    };
    packet.protocol == protocol && !packet.is_fragment()
}

/// The error, if the packet is one, and tells the ports of what it is about.
#[inline(always)]
pub fn parse<'a>(frame: &Frame, outer: &'a Packet) -> Option<Error<'a>> {
    let kind = frame.get::<Icmp>(outer.transport)?.kind;
    let is_error = if outer.family == 4 {
        kind == ICMP_UNREACHABLE || kind == ICMP_TIME_EXCEEDED || kind == ICMP_PARAMETER
    } else {
        kind < ICMPV6_INFORMATION
    };
    if !is_error {
        return None;
    }
    let at = Link {
        kind: ether_type(outer.family),
        payload: outer.transport + size_of::<Icmp>(),
        ..Link::PLAIN
    };
    let mut inner = parse::ip(frame, &at)?;
    inner.ports = parse::ports(frame, &inner)?;
    let is_whole =
        inner.transport + size_of::<PortsHeader>() <= outer.end && frame.holds(opaque(outer.end));
    // It goes to who sent what it is about.
    (is_whole && outer.destination == inner.source).then_some(Error { outer, inner })
}

impl Error<'_> {
    /// A packet the other way, of the same flow as the packet inside.
    #[inline(always)]
    pub const fn opposite(&self) -> Packet {
        Packet {
            source: self.inner.destination,
            destination: self.inner.source,
            ports: Ports {
                source: self.inner.ports.destination,
                destination: self.inner.ports.source,
            },
            ..self.inner
        }
    }

    /// Sends it to the real server of the flow that `request` belongs to, too.
    #[inline(always)]
    pub fn serve(
        &self,
        frame: &mut Frame,
        request: &Packet,
        service: &ServiceValue,
        ingress: u32,
    ) -> Outcome {
        match self.served(frame, request, service, ingress) {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    #[inline(always)]
    fn served(
        &self,
        frame: &mut Frame,
        request: &Packet,
        service: &ServiceValue,
        ingress: u32,
    ) -> Result<Outcome, Outcome> {
        service::enter(service.gate)?;
        let key = serve::key(request, service);
        let entry = serve::entry(request, service);
        let choice = select::find(service, &key, entry, Segment::Related)
            .ok_or_else(|| select::missed(service, Segment::Related))?;
        let is_local = choice.dest.flags & DEST_LOCAL != 0;
        if !is_local {
            forward::may_leave(self.outer, choice.dest, ingress)?;
            if is_tunnel(choice.dest.method) {
                return Ok(Outcome::Tunnel(u32::from(choice.id)));
            }
            if choice.dest.method == FORWARD_FULLNAT {
                return Ok(Outcome::FullNatError(u32::from(choice.id)));
            }
        }
        if is_nat(choice.dest.method) {
            let real = Endpoint::of(choice.dest, request.ports.destination);
            let hop = if is_local { Hop::Others } else { Hop::Ours };
            self.rewrite(frame, End::Destination, &real, hop)
                .ok_or(Outcome::Malformed)?;
        }
        let outcome = if is_local {
            Outcome::Delivered
        } else {
            forward::send(frame, choice.dest, ingress)
        };
        maps::count_traffic(service.id, choice.id, self.outer.end as u64, false);
        Ok(outcome)
    }

    /// Sends it to the client, as replies are: without tags.
    #[inline(always)]
    pub fn reply(&self, frame: &mut Frame, front: &FrontValue) -> Option<Outcome> {
        if self.outer.tags != 0 {
            return None;
        }
        Some(match self.replied(frame, front) {
            Ok(()) => Outcome::Replied,
            Err(outcome) => outcome,
        })
    }

    #[inline(always)]
    fn replied(&self, frame: &mut Frame, front: &FrontValue) -> Result<(), Outcome> {
        service::enter(front.gate)?;
        if self.outer.ttl <= 1 {
            return Err(Outcome::TtlExpired);
        }
        let virtual_end = Endpoint::before(front, self.inner.ports.destination);
        self.rewrite(frame, End::Source, &virtual_end, Hop::Others)
            .ok_or(Outcome::Malformed)
    }

    /// Replaces one end of the packet and the same end of the packet inside, which went the other way. The checksum inside stays,
    /// as in IPVS: nobody looks at it.
    #[inline(always)]
    pub fn rewrite(&self, frame: &mut Frame, end: End, to: &Endpoint, hop: Hop) -> Option<()> {
        let Self { outer, inner } = self;
        let (before, inside, address, port) = match end {
            End::Destination => (
                outer.destination,
                End::Source,
                inner.source,
                inner.ports.source,
            ),
            End::Source => (
                outer.source,
                End::Destination,
                inner.destination,
                inner.ports.destination,
            ),
        };
        let outside_change = before.change(to.address, outer.family);
        let inside_change = address.change(to.address, inner.family);
        let ports = frame.get_mut::<PortsHeader>(inner.transport)?;
        match inside {
            End::Destination => ports.destination = to.port,
            End::Source => ports.source = to.port,
        }
        forward::rewrite_network(frame, inner, inside, to.address, inside_change, Hop::Others)?;
        let icmp = frame.get_mut::<Icmp>(outer.transport)?;
        let change = Sum::new().sub16(port).add16(to.port);
        let change = if outer.family == 4 {
            // An IPv4 header adds nothing to a sum that its own checksum is part of.
            change
        } else {
            change.add(outside_change).add(inside_change)
        };
        icmp.checksum = update(icmp.checksum, change);
        forward::rewrite_network(frame, outer, end, to.address, outside_change, hop)
    }
}
