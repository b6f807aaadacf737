//! A packet for a service: judged, sent to a real server, counted.

use lb_common::{hash, service::ServiceValue};

use crate::{
    flow::{Key, Segment},
    forward,
    frame::Frame,
    maps,
    outcome::Outcome,
    parse::Packet,
    select::{self, Choice},
    service, transport,
};

/// Decides about a packet for `service`, which came by interface `ingress`.
#[inline(always)]
pub fn serve(frame: &mut Frame, packet: &Packet, service: &ServiceValue, ingress: u32) -> Outcome {
    let choice = match judged(frame, packet, service) {
        Ok(choice) => choice,
        Err(outcome) => return outcome,
    };
    let outcome = forward::forward(frame, packet, choice.dest, ingress);
    if matches!(outcome, Outcome::Forward | Outcome::ForwardTo(_)) {
        maps::count_traffic(service.id, choice.id, packet.end as u64, choice.new_flow);
    }
    outcome
}

#[inline(always)]
fn judged(frame: &Frame, packet: &Packet, service: &ServiceValue) -> Result<Choice, Outcome> {
    service::enter(service.gate)?;
    transport::check(frame, packet).ok_or(Outcome::Malformed)?;
    let segment = transport::segment(frame, packet).ok_or(Outcome::Malformed)?;
    choose(packet, service, segment)
}

/// The dest of a packet from a client to `service`.
///
/// # Errors
/// What becomes of the packet where there is none.
#[inline(always)]
pub fn choose(
    packet: &Packet,
    service: &ServiceValue,
    segment: Segment,
) -> Result<Choice, Outcome> {
    let key = Key {
        family: packet.family,
        client: packet.source,
        port: packet.ports.source,
        service: service.id,
        hash: hash(packet),
    };
    select::select(service, &key, segment)
}

/// The hash of the flow of a packet from a client.
#[inline(always)]
pub const fn hash(packet: &Packet) -> u32 {
    let ports = &packet.ports;
    hash::flow(&packet.source.address(), ports.source, ports.destination)
}
