//! What the maps say of a packet: its service, its gate, its flow and its place in the ring.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::Context as _;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use lb_common::{
    dest::{DEST_LOCAL, DEST_USABLE, DestValue, is_nat},
    flow::FLOW_SYN,
    gate::{ALWAYS_OPEN, GATE_FENCED, GATE_OPEN},
    hash,
    service::{
        RingRef, SCHEDULER_LC, SCHEDULER_MH, SCHEDULER_MH_COUNTED, SCHEDULER_NQ, SCHEDULER_OVF,
        SCHEDULER_RR, SCHEDULER_SED, SCHEDULER_SH, SCHEDULER_WLC, SERVICE_NAT, ServiceKey,
    },
};
use serde::Serialize;

use super::{Question, Real, real, state};
use crate::{
    config::model::Protocol,
    io::{
        mirror as border,
        xdp::{CheckerMaps, Pins, ReadMaps},
    },
    mirror::{
        displaced::{Flow, entry},
        image::is_live,
        plan::service_key,
    },
    pool::{Front, mapped, unmapped},
};

/// Where a packet belongs.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    /// None where no service has the destination.
    service: Option<ServicePlace>,
}

#[derive(Debug, Serialize)]
struct ServicePlace {
    id: u32,
    scheduler: &'static str,
    gate: &'static str,
    /// The client's flow, where there is an entry.
    flow: Option<FlowPlace>,
    /// The place in the ring, where a hash of the client says it.
    ring: Option<RingPlace>,
    #[serde(skip)]
    would_change: bool,
    #[serde(skip)]
    dests: BTreeMap<u16, DestValue>,
}

#[derive(Debug, Serialize)]
struct FlowPlace {
    state: &'static str,
    idle_seconds: u32,
    real_server: Option<Real>,
}

#[derive(Debug, Serialize)]
struct RingPlace {
    position: u32,
    length: u32,
    is_stable: bool,
    /// The ring before has the same for it.
    #[serde(skip)]
    is_agreed: bool,
    real_server: Option<Real>,
}

impl Place {
    /// Reads the maps below `pins`.
    pub(super) fn find(pins: &Pins, question: &Question) -> anyhow::Result<Self> {
        let image = border::load(&CheckerMaps::open(pins)?)?;
        let read = ReadMaps::open(pins)?;
        let front = |port| Front {
            address: question.destination.ip(),
            port,
            protocol: question.protocol,
        };
        let keys = [question.destination.port(), 0].map(|port| service_key(front(port)));
        let at = |key: &ServiceKey| image.live().find(|(live, _)| *live == key);
        let Some((key, value)) = keys.iter().find_map(at) else {
            return Ok(Self { service: None });
        };
        let own = |dest: &DestValue| is_live(dest) && dest.service == value.id;
        let dests = image.dests.iter().filter(|(_, dest)| own(dest));
        let dests: BTreeMap<u16, DestValue> = dests.map(|(id, dest)| (*id, *dest)).collect();
        let client = mapped(question.source.ip());
        let port = question.source.port().to_be_bytes();
        let real = |dest: &DestValue| real(dest, question.destination.port());
        let mut found = None;
        read.each_flow(|one| {
            if (one.client, one.port, one.service) == (client, port, value.id) {
                found = Some(one);
            }
        })?;
        let at = |flow: &Flow| dests.get(&flow.dest).filter(|dest| flow.is_at(dest));
        let counts = found.as_ref().is_some_and(|flow| {
            // What is half open would be taken for established.
            flow.state != FLOW_SYN && at(flow).is_some_and(|dest| dest.flags & DEST_USABLE != 0)
        });
        let flow = found.map(|flow| FlowPlace {
            state: state(flow.state),
            idle_seconds: flow.idle,
            real_server: at(&flow).map(real),
        });
        let hash = entry(&client, port, key.port, value.flags);
        let placed = |ring: RingRef| {
            let position = hash::position(hash, ring.len);
            image.ring(ring).nth(position as usize)
        };
        let is_hashed = matches!(value.scheduler, SCHEDULER_MH | SCHEDULER_MH_COUNTED);
        let dest = placed(value.ring).filter(|_| is_hashed);
        let ring = dest.map(|dest| RingPlace {
            is_agreed: placed(value.previous).is_none_or(|before| before == dest),
            position: hash::position(hash, value.ring.len),
            length: value.ring.len,
            is_stable: value.ring == value.previous,
            real_server: dests.get(&dest).map(real),
        });
        let is_agreed = ring.as_ref().is_some_and(|ring| ring.is_agreed);
        let is_stateless =
            value.scheduler == SCHEDULER_MH && value.flags & SERVICE_NAT == 0 && is_agreed;
        // A segment in the middle of a connection that nobody knows begins none, but where the ring knows it.
        let begins_none = question.protocol != Protocol::Udp && value.scheduler != SCHEDULER_MH;
        Ok(Self {
            service: Some(ServicePlace {
                id: value.id,
                scheduler: scheduler(value.scheduler),
                gate: gate(&read, value.gate)?,
                would_change: match flow {
                    Some(_) => !counts,
                    None => !is_stateless && !begins_none,
                },
                flow,
                ring,
                dests,
            }),
        })
    }

    /// Whether the program would make a flow entry, or bring one on.
    pub(super) fn would_change(&self) -> bool {
        let service = self.service.as_ref();
        service.is_some_and(|service| service.would_change)
    }

    /// The real server on this host that a packet which the program passed is for: by its address where NAT gave it another, else
    /// that of its flow or its place in the ring.
    pub(super) fn here(&self, packet: &[u8]) -> Option<&DestValue> {
        let service = self.service.as_ref()?;
        let served = DEST_LOCAL | DEST_USABLE;
        let here = |dest: &&DestValue| dest.flags & served == served;
        if !service.gate.ends_with("open") {
            return None;
        }
        let mut own = service.dests.values().filter(here);
        let address = destination(packet)?.0;
        let is_translated =
            |dest: &&DestValue| is_nat(dest.method) && unmapped(dest.address) == address;
        if let Some(dest) = own.clone().find(is_translated) {
            return Some(dest);
        }
        let flow = service
            .flow
            .as_ref()
            .and_then(|flow| flow.real_server.as_ref());
        let ring = service
            .ring
            .as_ref()
            .and_then(|ring| ring.real_server.as_ref());
        let chosen = flow.or(ring)?;
        let is_chosen = |dest: &&DestValue| unmapped(dest.address) == chosen.address;
        own.find(|dest| !is_nat(dest.method) && is_chosen(dest))
    }

    /// The real server that a packet went to: by its Ethernet destination, and by address and port where several are behind one
    /// router, or on one host.
    pub(super) fn dest_at(&self, packet: &[u8], mac: lb_common::Mac) -> Option<&DestValue> {
        let (address, port) = destination(packet)?;
        let there: Vec<_> = self
            .service
            .iter()
            .flat_map(|service| service.dests.values())
            .filter(|dest| dest.next_hop == mac)
            .collect();
        let is_named = |dest: &&&DestValue| unmapped(dest.address) == address;
        let has_port = |dest: &&&DestValue| Some(u16::from_be_bytes(dest.port)) == port;
        let named = there.iter().filter(is_named);
        let exact = named.clone().find(has_port);
        exact
            .or_else(|| named.clone().next())
            .or(there.first())
            .copied()
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let Some(service) = &self.service else {
            return vec!["service   none has this address and port".to_owned()];
        };
        let mut lines = vec![format!(
            "service   {} by {}, its gate is {}",
            service.id, service.scheduler, service.gate
        )];
        lines.push(match &service.flow {
            Some(flow) => format!(
                "flow      {}, idle for {} s, at {}",
                flow.state,
                flow.idle_seconds,
                shown(flow.real_server.as_ref())
            ),
            None => "flow      no entry".to_owned(),
        });
        if let Some(ring) = &service.ring {
            let stable = if ring.is_stable {
                "stable"
            } else {
                "changed lately"
            };
            lines.push(format!(
                "ring      place {} of {}, {stable}: {}",
                ring.position,
                ring.length,
                shown(ring.real_server.as_ref())
            ));
        }
        lines
    }
}

/// Where a frame is for; the port of TCP and UDP.
fn destination(packet: &[u8]) -> Option<(IpAddr, Option<u16>)> {
    let sliced = SlicedPacket::from_ethernet(packet).ok()?;
    let address = match sliced.net? {
        NetSlice::Ipv4(ip) => ip.header().destination_addr().into(),
        NetSlice::Ipv6(ip) => ip.header().destination_addr().into(),
        NetSlice::Arp(_) => return None,
    };
    let port = match sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => Some(tcp.destination_port()),
        Some(TransportSlice::Udp(udp)) => Some(udp.destination_port()),
        _ => None,
    };
    Some((address, port))
}

fn shown(real: Option<&Real>) -> String {
    real.map_or_else(
        || "nobody".to_owned(),
        |real| std::net::SocketAddr::new(real.address, real.port).to_string(),
    )
}

fn gate(read: &ReadMaps, gate: u32) -> anyhow::Result<&'static str> {
    if gate == ALWAYS_OPEN {
        return Ok("always open");
    }
    Ok(match read.gates.get(&gate, 0).context("gates")?.state {
        GATE_OPEN => "open",
        GATE_FENCED => "fenced",
        _ => "closed",
    })
}

const fn scheduler(scheduler: u8) -> &'static str {
    match scheduler {
        SCHEDULER_MH | SCHEDULER_MH_COUNTED => "mh",
        SCHEDULER_RR => "turns (rr, wrr, fo, dh)",
        SCHEDULER_SH => "sh",
        SCHEDULER_LC => "lc",
        SCHEDULER_WLC => "wlc",
        SCHEDULER_SED => "sed",
        SCHEDULER_NQ => "nq",
        SCHEDULER_OVF => "ovf",
        _ => "unknown",
    }
}
