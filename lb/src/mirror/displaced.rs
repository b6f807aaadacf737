//! Which flows are held at a real server by their flow entry alone.
//!
//! A ring may count as stable, and the ring before it be forgotten, when every live flow entry says what the ring
//! says: programs do not look at entries of a stable ring.

use std::collections::BTreeMap;

use lb_common::{
    Address,
    dest::DestValue,
    hash,
    service::{SCHEDULER_MH, SERVICE_HASH_PORT},
};

use super::image::{Image, is_live};

/// A live flow entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Client address, IPv4-mapped for IPv4.
    pub client: Address,
    /// Client port, network byte order.
    pub port: [u8; 2],
    /// Service id.
    pub service: u32,
    /// Dest id.
    pub dest: u16,
    /// The dest's generation when the entry was made.
    pub generation: u8,
    /// One of the `FLOW_*` constants.
    pub state: u8,
    /// Seconds since its last packet.
    pub idle: u32,
}

impl Flow {
    /// Whether `dest`, which has its dest id now, is the one it was sent to.
    #[must_use]
    pub fn is_at(&self, dest: &DestValue) -> bool {
        is_live(dest) && dest.service == self.service && dest.generation == self.generation
    }
}

/// The hash by which a client enters the ring of a service with these `SERVICE_*` flags, as the programs work it out.
#[must_use]
pub fn entry(client: &Address, port: [u8; 2], service_port: [u8; 2], flags: u8) -> u32 {
    let with_port = flags & SERVICE_HASH_PORT != 0;
    hash::flow(client, if with_port { port } else { [0; 2] }, service_port)
}

struct Ring {
    service_port: [u8; 2],
    flags: u8,
    entries: Vec<u16>,
}

/// Counts displaced flows of the services whose ring is not stable.
pub struct Displaced {
    rings: BTreeMap<u32, Ring>,
    counts: BTreeMap<u32, u64>,
}

impl Displaced {
    /// A count against the rings in `image`.
    #[must_use]
    pub fn new(image: &Image) -> Self {
        let rings = image
            .live()
            .filter(|(_, value)| value.scheduler == SCHEDULER_MH && value.ring != value.previous)
            .map(|(key, value)| {
                let ring = Ring {
                    service_port: key.port,
                    flags: value.flags,
                    entries: image.ring(value.ring).collect(),
                };
                (value.id, ring)
            })
            .collect();
        Self {
            rings,
            counts: BTreeMap::new(),
        }
    }

    /// Takes one flow into account.
    pub fn see(&mut self, flow: &Flow) {
        let Some(ring) = self.rings.get(&flow.service) else {
            return;
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no ring is longer than 65536"
        )]
        let len = ring.entries.len() as u32;
        let hash = entry(&flow.client, flow.port, ring.service_port, ring.flags);
        let place = ring.entries.get(hash::position(hash, len) as usize);
        if place != Some(&flow.dest) {
            *self.counts.entry(flow.service).or_default() += 1;
        }
    }

    /// Displaced flows by service id; services without any are left out.
    #[must_use]
    pub fn into_counts(self) -> BTreeMap<u32, u64> {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytemuck::Zeroable;
    use lb_common::{
        flow::FLOW_ESTABLISHED,
        ring::RingChunk,
        service::{RingRef, ServiceSlot, ServiceTableHeader, ServiceValue},
    };

    use super::*;

    #[test]
    fn only_flows_that_the_ring_would_move_are_displaced() {
        let mut slot = ServiceSlot::zeroed();
        slot.occupied = 1;
        slot.value = ServiceValue {
            id: 5,
            scheduler: SCHEDULER_MH,
            ring: RingRef { chunk: 1, len: 1 },
            previous: RingRef { chunk: 2, len: 1 },
            ..ServiceValue::zeroed()
        };
        let mut chunk = RingChunk::zeroed();
        chunk.dests[0] = 7;
        let image = Image {
            slots: [(0, slot)].into(),
            header: ServiceTableHeader {
                base: 0,
                mask: 1,
                seed: 0,
                services: 1,
                nat_sources: 0,
                flags: 0,
            },
            rings: [(1, Arc::new(chunk))].into(),
            ..Image::default()
        };
        for (service, dest, expected) in [(5, 7, 0), (5, 8, 1), (6, 8, 0)] {
            let mut displaced = Displaced::new(&image);
            displaced.see(&Flow {
                client: lb_common::mapped([198, 51, 100, 1]),
                port: [1, 2],
                service,
                dest,
                generation: 0,
                state: FLOW_ESTABLISHED,
                idle: 0,
            });
            let counts = displaced.into_counts();
            assert_eq!(counts.get(&5).copied().unwrap_or_default(), expected);
        }
    }
}
