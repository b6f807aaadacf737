//! ICMP errors about packets of flows: they go where the flow goes, found by the packet inside.
//!
//! One for a real server is about a reply of it, which names the service's front as its source; one for a client is about a
//! request of its, which NAT has sent to the real server.

use core::ffi::c_void;

use lb_common::{
    checksum::{Sum, update},
    dest::{DEST_RESOLVED, FORWARD_NAT, FrontValue},
    hash,
    service::{ServiceKey, ServiceValue},
};

use crate::{
    flow::{Key, Segment},
    forward::{self, End, Endpoint},
    frame::Frame,
    ip::Ip,
    maps,
    outcome::Outcome,
    packet::{
        ICMP_PARAMETER, ICMP_TIME_EXCEEDED, ICMP_UNREACHABLE, ICMPV6_INFORMATION, Icmp,
        PROTOCOL_ICMP, PROTOCOL_ICMPV6, Ports,
    },
    parse::{self, Link, Packet},
    reply, select, service,
};

/// An ICMP error and what it is about.
pub struct Error<'a> {
    outer: &'a Packet,
    inner: Packet,
    ports: Ports,
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
        payload: outer.transport + size_of::<Icmp>(),
        ..Link::PLAIN
    };
    let inner = if outer.family == 4 {
        parse::ipv4(frame, &at)?
    } else {
        parse::ipv6(frame, &at)?
    };
    let ports = *parse::ports(frame, &inner)?;
    Some(Error {
        outer,
        inner,
        ports,
    })
}

impl Error<'_> {
    /// The service that the packet inside comes from.
    #[inline(always)]
    pub fn service(&self) -> Option<&'static ServiceValue> {
        if self.outer.destination != self.inner.source {
            return None;
        }
        service::find(&ServiceKey {
            address: self.inner.source.address(),
            port: self.ports.source,
            protocol: self.inner.protocol,
            pad: 0,
        })
    }

    /// Sends it to the real server of the flow.
    #[inline(always)]
    pub fn serve(&self, frame: &mut Frame, service: &ServiceValue, ingress: u32) -> Outcome {
        if let Err(outcome) = service::enter(service.gate) {
            return outcome;
        }
        let key = Key {
            family: self.outer.family,
            client: self.inner.destination,
            port: self.ports.destination,
            service: service.id,
            hash: hash::flow(
                &self.inner.destination.address(),
                self.ports.destination,
                self.ports.source,
            ),
        };
        let choice = match select::select(service, &key, Segment::Related) {
            Ok(choice) => choice,
            Err(outcome) => return outcome,
        };
        let dest = choice.dest;
        if dest.flags & DEST_RESOLVED == 0 {
            return Outcome::Unresolved;
        }
        if self.outer.tags != 0 && dest.ifindex != ingress {
            return Outcome::Pass;
        }
        if dest.method == FORWARD_NAT {
            if self.outer.ttl <= 1 {
                return Outcome::TtlExpired;
            }
            let to = Endpoint {
                address: Ip::new(&dest.address),
                port: dest.port,
            };
            let rewritten = self.rewrite(frame, End::Destination, &to);
            if rewritten.is_none() || forward::age(frame, self.outer).is_none() {
                return Outcome::Malformed;
            }
        }
        let outcome = forward::send(frame, dest, ingress);
        maps::count_traffic(service.id, choice.id, self.outer.end as u64, false);
        outcome
    }

    /// The front that the packet inside was for, before NAT sent it to the real server.
    #[inline(always)]
    pub fn front(&self) -> Option<&'static FrontValue> {
        if self.outer.destination != self.inner.source || self.outer.tags != 0 {
            return None;
        }
        // The reply to the packet inside.
        let reply = Packet {
            source: self.inner.destination,
            destination: self.inner.source,
            ..self.inner
        };
        let ports = Ports {
            source: self.ports.destination,
            destination: self.ports.source,
        };
        reply::find(&reply, &ports, Segment::Related)
    }

    /// Sends it to the client.
    #[inline(always)]
    pub fn reply(
        &self,
        frame: &mut Frame,
        context: *mut c_void,
        front: &FrontValue,
        ingress: u32,
    ) -> Outcome {
        if let Err(outcome) = service::enter(front.gate) {
            return outcome;
        }
        if self.outer.ttl <= 1 {
            return Outcome::TtlExpired;
        }
        let from = Endpoint {
            address: Ip::new(&front.address),
            port: front.port,
        };
        if self.rewrite(frame, End::Source, &from).is_none() {
            return Outcome::Malformed;
        }
        reply::send(frame, context, self.outer, ingress)
    }

    /// Replaces one end of the packet and the same end of the packet inside, which went the other way. The checksum inside stays,
    /// as in IPVS: nobody looks at it.
    #[inline(always)]
    fn rewrite(&self, frame: &mut Frame, end: End, to: &Endpoint) -> Option<()> {
        let (inside, address, port) = match end {
            End::Destination => (End::Source, self.inner.source, self.ports.source),
            End::Source => (
                End::Destination,
                self.inner.destination,
                self.ports.destination,
            ),
        };
        let before = match end {
            End::Destination => self.outer.destination,
            End::Source => self.outer.source,
        };
        let outer = to.address.sum().sub_address(&before.address());
        let inner = to.address.sum().sub_address(&address.address());
        let ports = frame.get_mut::<Ports>(self.inner.transport)?;
        match inside {
            End::Destination => ports.destination = to.port,
            End::Source => ports.source = to.port,
        }
        forward::rewrite_network(frame, &self.inner, inside, to.address, inner)?;
        let icmp = frame.get_mut::<Icmp>(self.outer.transport)?;
        let change = Sum::new().sub16(port).add16(to.port);
        let change = if self.outer.family == 4 {
            // An IPv4 header adds nothing to a sum that its own checksum is part of.
            change
        } else {
            change.add(outer).add(inner)
        };
        icmp.checksum = update(icmp.checksum, change);
        forward::rewrite_network(frame, self.outer, end, to.address, outer)
    }
}
