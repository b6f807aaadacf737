//! A service with three real servers, in every combination of family, method and scheduler.

use std::{
    thread,
    time::{Duration, Instant},
};

use bytemuck::{AnyBitPattern, Zeroable as _};
use lb::io::xdp::Events;
use lb_common::{
    dest::{FORWARD_DIRECT_ROUTE, FORWARD_NAT, is_nat},
    service::{RingRef, SCHEDULER_MH, SCHEDULER_RR, SERVICE_NAT, ServiceValue},
};
use tests::{
    packet::{DIRECTOR_MAC, Packet, Transport},
    prog::{Plane, dest, service_key},
};

/// Gate of the service.
pub const GATE: u32 = 7;
/// Id of the service.
pub const SERVICE: u32 = 3;
/// Ids of its dests.
pub const DESTS: [u16; 3] = [11, 12, 13];

/// One combination.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// 4 or 6.
    pub family: u8,
    /// `FORWARD_*`.
    pub method: u8,
    /// `SCHEDULER_*`.
    pub scheduler: u8,
    /// 6 or 17.
    pub protocol: u8,
}

/// Every combination.
pub fn all() -> impl Iterator<Item = Scene> {
    [4, 6].into_iter().flat_map(|family| {
        [FORWARD_DIRECT_ROUTE, FORWARD_NAT]
            .into_iter()
            .flat_map(move |method| {
                [SCHEDULER_MH, SCHEDULER_RR]
                    .into_iter()
                    .flat_map(move |scheduler| {
                        [6, 17].into_iter().map(move |protocol| Scene {
                            family,
                            method,
                            scheduler,
                            protocol,
                        })
                    })
            })
    })
}

impl Scene {
    /// The front, as `address:port`.
    pub const fn front(self) -> &'static str {
        if self.family == 4 {
            "10.0.0.100:80"
        } else {
            "[2001:db8::100]:80"
        }
    }

    /// The front's address.
    pub const fn vip(self) -> &'static str {
        if self.family == 4 {
            "10.0.0.100"
        } else {
            "2001:db8::100"
        }
    }

    /// Address and port of the real server of `id`.
    pub fn real(self, id: u16) -> String {
        let port = if is_nat(self.method) { 8080 } else { 80 };
        if self.family == 4 {
            format!("192.168.1.{id}:{port}")
        } else {
            format!("[fd00::{id}]:{port}")
        }
    }

    /// A client's endpoint.
    pub fn client(self, number: u16) -> String {
        let port = 1024 + number % 50_000;
        if self.family == 4 {
            format!("172.16.{}.9:{port}", number % 250)
        } else {
            format!("[2001:db8:1::{number:x}]:{port}")
        }
    }

    /// A packet of client `number`; `flags` count for TCP only.
    pub fn packet(self, number: u16, flags: u8) -> Packet {
        let transport = if self.protocol == 6 {
            Transport::Tcp(flags)
        } else {
            Transport::Udp
        };
        Packet::new(transport, &self.client(number), self.front())
    }

    /// The reply to [`Self::packet`] from the real server of `id`.
    pub fn reply(self, number: u16, id: u16, flags: u8) -> Packet {
        let transport = if self.protocol == 6 {
            Transport::Tcp(flags)
        } else {
            Transport::Udp
        };
        Packet::new(transport, &self.real(id), &self.client(number))
    }

    /// What of [`Self::packet`] must leave towards the real server of `id`.
    pub fn forwarded(self, packet: &Packet, id: u16) -> Packet {
        let mut packet = Packet {
            to_mac: next_hop(id),
            from_mac: DIRECTOR_MAC,
            ..packet.clone()
        };
        if self.method == FORWARD_NAT {
            let real: std::net::SocketAddr = self.real(id).parse().unwrap();
            packet.destination = real.ip();
            packet.destination_port = real.port();
            packet.ttl -= 1;
        }
        packet
    }

    /// What of [`Self::reply`] the client must see.
    pub fn replied(self, reply: &Packet) -> Packet {
        let front: std::net::SocketAddr = self.front().parse().unwrap();
        Packet {
            source: front.ip(),
            source_port: front.port(),
            ..reply.clone()
        }
    }

    /// A plane with the service, its gate open and its ring stable.
    pub fn plane(self) -> Plane {
        self.on(Plane::new())
    }

    /// The same on an empty plane.
    pub fn on(self, mut plane: Plane) -> Plane {
        plane.set_gate(GATE, lb_common::gate::GATE_OPEN);
        plane.set_owned(self.vip(), GATE);
        for id in DESTS {
            plane.set_dest(id, &self.dest(id), self.protocol);
        }
        let ring = self.ring(&mut plane, 0, &DESTS);
        self.set_service(&mut plane, ring, ring);
        plane
    }

    /// The dest of `id`.
    pub fn dest(self, id: u16) -> lb_common::dest::DestValue {
        dest(&self.real(id), self.method, SERVICE, next_hop(id))
    }

    /// Writes a ring as this scheduler wants it.
    pub fn ring(self, plane: &mut Plane, chunk: u32, dests: &[u16]) -> RingRef {
        plane.set_ring(chunk, dests, self.scheduler != SCHEDULER_MH)
    }

    /// Writes the service with these rings.
    pub fn set_service(self, plane: &mut Plane, ring: RingRef, previous: RingRef) {
        self.set_service_with(plane, 0, ring, previous);
    }

    /// Writes the service with these `SERVICE_*` flags and rings.
    pub fn set_service_with(self, plane: &mut Plane, flags: u8, ring: RingRef, previous: RingRef) {
        let mut value = self.service(ring, previous);
        value.flags |= flags;
        self.write(plane, value);
    }

    /// Writes the service as `value` has it.
    pub fn write(self, plane: &mut Plane, value: ServiceValue) {
        plane.set_services(&[(service_key(self.front(), self.protocol), value)]);
    }

    /// The service with these rings.
    pub fn service(self, ring: RingRef, previous: RingRef) -> ServiceValue {
        ServiceValue {
            id: SERVICE,
            gate: GATE,
            scheduler: self.scheduler,
            flags: if is_nat(self.method) { SERVICE_NAT } else { 0 },
            ring,
            previous,
            ..ServiceValue::zeroed()
        }
    }
}

/// Link-layer address of the real server of `id`.
pub fn next_hop(id: u16) -> lb_common::Mac {
    [2, 0, 0, 0, 1, id as u8]
}

/// The dest a forwarded packet went to, by its Ethernet destination.
pub fn dest_of(packet: &[u8]) -> u16 {
    assert_eq!(packet[..5], [2, 0, 0, 0, 1], "forwarded to a real server");
    u16::from(packet[5])
}

/// The next event, and how long it took; `None` when none comes `within` that.
pub fn next_event<T: AnyBitPattern>(
    events: &mut Events<T>,
    within: Duration,
) -> Option<(T, Duration)> {
    let start = Instant::now();
    while start.elapsed() < within {
        if let Some(event) = events.next_event() {
            return Some((event, start.elapsed()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}
