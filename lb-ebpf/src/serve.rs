//! A packet for a service: judged, sent to a real server, counted.

use lb_common::{
    hash,
    service::{SERVICE_ALL_PORTS, SERVICE_HASH_PORT, ServiceValue},
};

use crate::{
    flow::{Key, Segment},
    forward,
    frame::{Frame, opaque},
    maps,
    outcome::Outcome,
    parse::Packet,
    quic,
    select::{self, Choice},
    service, transport,
    verdict::Answer,
};

/// The global functions that a packet for a service may need.
pub trait Service {
    /// Serves the packet; 0 leaves it to find where to.
    fn serve(&self, dest: u32) -> u32;
    /// Makes its flow entry.
    fn begin(&self) -> u32;
    /// The dest that it names itself, see [`quic::named`].
    fn named(&self) -> u32;

    /// The answer about the packet, a flow entry made where one is needed.
    #[inline(always)]
    fn answer(&self) -> u32 {
        let answer = self.serve(self.named());
        if !matches!(Answer::of(answer), Answer::Begin) {
            return answer;
        }
        let begun = self.begin();
        match Answer::of(begun) {
            Answer::Begun(dest) => self.serve(dest),
            _ => begun,
        }
    }
}

/// Decides about a packet for `service`, which came by interface `ingress`, and goes to the dest `id`; 0 is where its flow goes.
#[inline(always)]
pub fn serve(
    frame: &mut Frame,
    packet: &Packet,
    service: &ServiceValue,
    id: u32,
    ingress: u32,
) -> Outcome {
    let segment = match admit(frame, packet, service) {
        Ok(segment) => segment,
        Err(outcome) => return outcome,
    };
    let Some(choice) = choice(packet, service, segment, id) else {
        return select::missed(service, segment);
    };
    let outcome = forward::forward(frame, packet, &choice, ingress);
    if matches!(
        outcome,
        Outcome::Delivered
            | Outcome::Forward
            | Outcome::ForwardTo(_)
            | Outcome::Tunnel(_)
            | Outcome::FullNat(_)
    ) {
        maps::count_traffic(service.id, choice.id, packet.end as u64, choice.new_flow);
    }
    outcome
}

/// The dest of a packet of `service`: `id`, or where its flow goes.
#[inline(always)]
pub fn choice(
    packet: &Packet,
    service: &ServiceValue,
    segment: Segment,
    id: u32,
) -> Option<Choice> {
    if id == 0 {
        let (key, entry) = (key(packet, service), entry(packet, service));
        return select::find(service, &key, entry, segment);
    }
    let chosen = select::usable(id as u16);
    chosen.map(|choice| Choice {
        new_flow: id & quic::NAMED == 0,
        ..choice
    })
}

/// Makes the flow entry of a packet for `service` that [`serve`] has asked for.
#[inline(always)]
pub fn begin(frame: &Frame, packet: &Packet, service: &ServiceValue) -> Outcome {
    match transport::segment(frame, packet) {
        Some(segment) => begin_with(packet, service, segment),
        None => Outcome::Malformed,
    }
}

/// The same of a packet that is known to do `segment` to its flow.
#[inline(always)]
pub fn begin_with(packet: &Packet, service: &ServiceValue, segment: Segment) -> Outcome {
    let (key, entry) = (key(packet, service), entry(packet, service));
    select::begin(service, &key, entry, segment)
}

#[inline(always)]
fn admit(frame: &Frame, packet: &Packet, service: &ServiceValue) -> Result<Segment, Outcome> {
    service::enter(service.gate)?;
    transport::check(frame, packet).ok_or(Outcome::Malformed)?;
    transport::segment(frame, packet).ok_or(Outcome::Malformed)
}

/// The flow that a packet from a client to `service` is of.
#[inline(always)]
pub const fn key(packet: &Packet, service: &ServiceValue) -> Key {
    Key {
        family: packet.family,
        client: packet.source,
        port: packet.ports.source,
        service: service.id,
        hash: hash(packet),
    }
}

/// The hash by which a packet from a client to `service` enters its ring.
#[inline(always)]
pub fn entry(packet: &Packet, service: &ServiceValue) -> u32 {
    let ports = &packet.ports;
    // Branches, which the processor foresees: a mask would make the hash wait for the service.
    let none = (opaque(0) as u16).to_ne_bytes();
    let (mut source, mut destination) = (none, ports.destination);
    if service.flags & (SERVICE_HASH_PORT | SERVICE_ALL_PORTS) != 0 {
        if service.flags & SERVICE_HASH_PORT != 0 {
            source = ports.source;
        }
        if service.flags & SERVICE_ALL_PORTS != 0 {
            destination = [0; 2];
        }
    }
    hash::flow(&packet.source.address(), source, destination)
}

/// The hash of the flow of a packet from a client.
#[inline(always)]
const fn hash(packet: &Packet) -> u32 {
    let ports = &packet.ports;
    hash::flow(&packet.source.address(), ports.source, ports.destination)
}
