//! A packet for a service: judged, sent to a real server, counted.

use lb_common::{hash, service::ServiceValue};

use crate::{
    flow::Key, forward, frame::Frame, maps, outcome::Outcome, packet::Ports, parse::Packet, select,
    service, transport,
};

/// Decides about a packet for `service`, which came by interface `ingress`.
#[inline(always)]
pub fn serve(
    frame: &mut Frame,
    packet: &Packet,
    ports: &Ports,
    service: &ServiceValue,
    ingress: u32,
) -> Outcome {
    if let Err(outcome) = service::enter(service.gate) {
        return outcome;
    }
    let segment = transport::segment(frame, packet);
    let (Some(()), Some(segment)) = (transport::check(frame, packet), segment) else {
        return Outcome::Malformed;
    };
    let key = Key {
        family: packet.family,
        client: packet.source,
        port: ports.source,
        service: service.id,
        hash: hash::flow(&packet.source.address(), ports.source, ports.destination),
    };
    let choice = match select::select(service, &key, segment) {
        Ok(choice) => choice,
        Err(outcome) => return outcome,
    };
    let outcome = forward::forward(frame, packet, ports.destination, choice.dest, ingress);
    if matches!(outcome, Outcome::Forward | Outcome::ForwardTo(_)) {
        maps::count_traffic(service.id, choice.id, packet.end as u64, choice.new_flow);
    }
    outcome
}
