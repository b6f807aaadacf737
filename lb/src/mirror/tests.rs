use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use lb_common::{
    Address,
    dest::{
        DEST_DRAINING, DEST_KEEPS_PORT, DEST_LIMITED, DEST_LOCAL, DEST_RESOLVED,
        DEST_TUNNEL_CHECKSUM, DEST_USABLE, DestValue, FORWARD_FULLNAT, FORWARD_GRE, FORWARD_GUE,
        FORWARD_IPIP, FORWARD_NAT,
    },
    hash::{self, service_slots},
    ring::CHUNK_LEN,
    service::{
        RingRef, SCHEDULER_MH, SCHEDULER_MH_COUNTED, SCHEDULER_WLC, SERVICE_ALL_PORTS, SERVICE_NAT,
        SERVICE_ONE_PACKET, SERVICE_QUIC, ServiceValue, TABLE_LOCAL_NAT_SOURCE,
        TABLE_WILDCARD_NAT_SOURCE, TABLE_WILDCARD_SERVICE,
    },
};
use proptest::prelude::*;

use super::{plan::service_key, *};
use crate::{
    config::model::{
        ForwardMethod, PrefixLength, Protocol, Scheduler, Tunnel,
        lvs::{Persistence, QuicServerId, SchedulerFlags, Thresholds, TunnelChecksum},
    },
    pool::{
        DestId, Hop, NextHop,
        desired::{Dest, Service},
        mapped,
    },
};

/// Chunks of a ring for few real servers.
const SMALL_CHUNKS: usize = (maglev::SMALL as usize).div_ceil(CHUNK_LEN);

#[expect(
    clippy::disallowed_methods,
    reason = "any instant is as good a start as another"
)]
fn start() -> Instant {
    Instant::now()
}

fn front(n: u8) -> Front {
    Front {
        address: [192, 0, 2, n].into(),
        port: 80,
        protocol: Protocol::Tcp,
    }
}

fn hop(n: u8) -> Hop {
    Hop {
        interface: "eth0".to_owned(),
        ifindex: 2,
        next_hop: [2, 0, 0, 0, 0, n],
        source: [2, 0, 0, 0, 1, 0],
        local: Some([10, 0, 0, 254].into()),
        mtu: 1500,
    }
}

fn dest(n: u8) -> Dest {
    Dest {
        id: DestId {
            address: [10, 0, 0, n].into(),
            port: 80,
            protocol: Protocol::Tcp,
        },
        method: ForwardMethod::Nat,
        weight: 1,
        configured_weight: 1,
        draining: false,
        quic_server_id: None,
        thresholds: Thresholds { upper: 0, lower: 0 },
        usable: true,
        next_hop: Some(NextHop::Link(hop(n))),
    }
}

fn service(n: u8, dests: &[u8]) -> Service {
    Service {
        front: front(n),
        gate: 0,
        scheduler: Scheduler::MaglevHash,
        flags: SchedulerFlags::NONE,
        one_packet: false,
        persistence: None,
        dests: dests.iter().map(|d| dest(*d)).collect(),
    }
}

/// What a packet to `front` finds, by the programs' own steps.
fn lookup(image: &Image, front: Front) -> Option<ServiceValue> {
    let key = service_key(front);
    let header = image.header;
    if header.services == 0 {
        return None;
    }
    service_slots(&key, header.seed, header.mask)
        .into_iter()
        .filter_map(|at| image.slots.get(&(header.base + at)))
        .find(|slot| slot.occupied != 0 && slot.key == key)
        .map(|slot| slot.value)
}

/// Real servers a service's ring names; panics on a reference to anything but a dest of the service.
fn targets(image: &Image, value: &ServiceValue) -> BTreeSet<IpAddr> {
    let ids: BTreeSet<u16> = image.ring(value.ring).collect();
    ids.iter()
        .map(|id| {
            let dest = image.dests.get(id).expect("the ring names a dest");
            assert_eq!(dest.service, value.id, "the ring names its own dests");
            assert!(image::is_live(dest), "the ring names a dest in use");
            crate::pool::unmapped(dest.address)
        })
        .collect()
}

fn usable_targets(image: &Image, front: Front) -> usize {
    lookup(image, front).map_or(0, |value| {
        let ids: BTreeSet<u16> = image.ring(value.ring).collect();
        let usable = |id: &&u16| image.dests[id].flags & DEST_USABLE != 0;
        ids.iter().filter(usable).count()
    })
}

/// Carries every write out, as a kernel that never fails; returns the writes.
fn drain(mirror: &mut Mirror, now: Instant) -> Vec<MapOp> {
    let mut ops = Vec::new();
    while let Some(output) = mirror.poll_output() {
        if let Output::Write(op) = output {
            mirror.handle_written::<()>(&op, &Ok(()), now);
            ops.push(op);
        }
    }
    ops
}

fn installed(services: &[Service]) -> (Mirror, Instant) {
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.handle_services(services.to_vec(), now);
    drain(&mut mirror, now);
    (mirror, now)
}

#[test]
fn packets_find_a_service_with_its_real_servers() {
    let (mirror, _) = installed(&[service(1, &[1, 2]), service(2, &[3])]);
    let image = mirror.installed();
    let value = lookup(image, front(1)).expect("service 1");
    assert_eq!(value.ring, value.previous);
    let expected: BTreeSet<IpAddr> = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()].into();
    assert_eq!(targets(image, &value), expected);
    assert_eq!(image.services[&service_key(front(1))], value);
    assert_eq!(image.fronts[&value.id].address, mapped(front(1).address));
    assert_eq!(image.nat_sources.len(), 3);
    assert!(lookup(image, front(3)).is_none());
}

#[test]
fn a_service_of_every_port_is_found_with_port_0_and_so_are_its_real_servers() {
    let mut every = service(1, &[1, 2]);
    every.front.port = 0;
    for (dest, port) in every.dests.iter_mut().zip([80, 81]) {
        dest.id.port = port;
    }
    let (mut mirror, mut now) = installed(&[every.clone(), service(2, &[3])]);
    let image = mirror.installed();
    assert_eq!(
        image.header.flags,
        TABLE_WILDCARD_SERVICE | TABLE_WILDCARD_NAT_SOURCE
    );
    let value = lookup(image, every.front).expect("the service");
    assert_ne!(value.flags & SERVICE_ALL_PORTS, 0);
    let own = image.dests.values().filter(|dest| dest.service == value.id);
    assert!(own.clone().all(|dest| dest.flags & DEST_KEEPS_PORT != 0));
    assert_eq!(own.count(), 2);
    let sources: Vec<_> = image.nat_sources.keys().map(|key| key.port).collect();
    assert_eq!(sources, [[0; 2], [0; 2], 80_u16.to_be_bytes()]);
    now += Duration::from_secs(1);
    mirror.handle_services(vec![service(2, &[3])], now);
    drain(&mut mirror, now);
    assert_eq!(mirror.installed().header.flags, 0);
}

#[test]
fn tunnels_have_an_address_they_begin_at_and_room_or_are_not_resolved() {
    let gue = Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Plain,
    };
    let gre = Tunnel::Gre {
        checksum: TunnelChecksum::None,
    };
    let table = [
        (Tunnel::Ipip, FORWARD_IPIP, 0, 0),
        (gue, FORWARD_GUE, 6080, DEST_TUNNEL_CHECKSUM),
        (gre, FORWARD_GRE, 0, 0),
    ];
    for (tunnel, method, port, checksum) in table {
        for local in [Some([10, 0, 0, 254].into()), None] {
            let mut wish = service(1, &[1]);
            wish.dests[0].method = ForwardMethod::Tunnel(tunnel);
            wish.dests[0].next_hop = Some(NextHop::Link(Hop { local, ..hop(1) }));
            let (mirror, _) = installed(&[wish]);
            let image = mirror.installed();
            let dest = image.dests.values().find(|dest| image::is_live(dest));
            let dest = dest.expect("a dest");
            let resolved = if local.is_some() { DEST_RESOLVED } else { 0 };
            assert_eq!(dest.flags, DEST_USABLE | resolved | checksum, "{tunnel:?}");
            assert_eq!((dest.method, dest.tunnel_port), (method, port_of(port)));
            let expected = local.map_or((Address::default(), 0), |local| (mapped(local), 1500));
            assert_eq!((dest.local, dest.mtu), expected, "{tunnel:?}");
            assert!(image.nat_sources.is_empty());
        }
    }
}

#[test]
fn a_real_server_that_moves_off_this_host_as_it_comes_up_is_usable_before_it_is_needed() {
    let now = start();
    let mut before = service(1, &[1, 5]);
    before.dests[1].usable = false;
    before.dests[1].next_hop = Some(NextHop::Host);
    let (mut mirror, _) = installed(&[before.clone()]);
    mirror.handle_services(vec![service(1, &[5])], now);
    while let Some(output) = mirror.poll_output() {
        if let Output::Write(op) = output {
            mirror.handle_written::<()>(&op, &Ok(()), now);
            assert_ne!(
                usable_targets(mirror.installed(), before.front),
                0,
                "{op:?}"
            );
        }
    }
}

fn direct(n: u8, dests: &[u8]) -> Service {
    let mut wish = service(n, dests);
    for dest in &mut wish.dests {
        dest.method = ForwardMethod::DirectRoute;
    }
    wish
}

#[test]
fn where_ipvs_has_a_service_too_every_flow_that_begins_in_xdp_has_an_entry() {
    let now = start();
    let wish = direct(1, &[1, 2]);
    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.set_part(Part::Shared);
    mirror.handle_services(vec![wish.clone()], now);
    drain(&mut mirror, now);
    let shared = lookup(mirror.installed(), wish.front).unwrap();
    assert_eq!(shared.scheduler, SCHEDULER_MH_COUNTED);
    // Alone again, entries go first for as long as there may be some.
    mirror.set_part(Part::Alone);
    mirror.handle_services(vec![wish.clone()], now);
    drain(&mut mirror, now);
    let alone = lookup(mirror.installed(), wish.front).unwrap();
    let expected = (SCHEDULER_MH, shared.ring, RingRef::default());
    assert_eq!((alone.scheduler, alone.ring, alone.previous), expected);
}

#[test]
fn flows_without_entries_stay_where_they_are_when_ipvs_comes() {
    let wish = direct(1, &[1, 2]);
    let (mut mirror, now) = installed(std::slice::from_ref(&wish));
    let before = lookup(mirror.installed(), wish.front);
    mirror.set_part(Part::Shared);
    mirror.handle_services(vec![wish.clone()], now);
    assert_eq!(drain(&mut mirror, now), []);
    assert_eq!(lookup(mirror.installed(), wish.front), before);
}

/// Lets the time come to look at what leaves; the services of these numbers have so many connections.
fn look(mirror: &mut Mirror, now: &mut Instant, connections: Option<&[(u8, u64)]>) -> Vec<MapOp> {
    *now += LOOK_AGAIN;
    mirror.handle_timeout(*now);
    assert_eq!(mirror.poll_output(), Some(Output::CountConnections));
    let services = &mirror.installed().services;
    let by_id = |connections: &[(u8, u64)]| {
        let of = |(n, count): &(u8, u64)| (services[&service_key(front(*n))].id, *count);
        connections.iter().map(of).collect()
    };
    let counted: Option<BTreeMap<u32, u64>> = connections.map(by_id);
    mirror.handle_connections(counted.as_ref(), *now);
    drain(mirror, *now)
}

#[test]
fn a_service_that_leaves_keeps_its_flows_takes_no_more_and_goes_with_the_last() {
    let now = &mut start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    let mut robin = service(2, &[1, 2]);
    robin.scheduler = Scheduler::RoundRobin;
    let wishes = vec![direct(1, &[1, 2]), robin];
    mirror.set_part(Part::Shared);
    mirror.handle_services(wishes.clone(), *now);
    drain(&mut mirror, *now);
    let before = [1, 2].map(|n| lookup(mirror.installed(), front(n)).unwrap());
    let dests = mirror.installed().dests.clone();

    mirror.set_part(Part::Leaving);
    // IPVS alone has what is new, and may have another scheduler.
    let mut others = [wishes.clone(), vec![service(3, &[3])]].concat();
    others[1].scheduler = Scheduler::LocalityBased;
    mirror.handle_services(others.clone(), *now);
    drain(&mut mirror, *now);
    for (n, before) in [1, 2].into_iter().zip(before) {
        let value = lookup(mirror.installed(), front(n)).unwrap();
        let nobody = RingRef::default();
        let expected = ServiceValue {
            ring: nobody,
            previous: nobody,
            ..before
        };
        assert_eq!(value, expected, "the same service without a ring");
    }
    assert!(lookup(mirror.installed(), front(3)).is_none());
    for (id, before) in dests {
        let flags = before.flags | DEST_DRAINING;
        assert_eq!(mirror.installed().dests[&id], DestValue { flags, ..before });
    }

    assert_eq!(look(&mut mirror, now, Some(&[(1, 1), (2, 9)])), []);
    assert_eq!(look(&mut mirror, now, None), [], "nobody counted");
    look(&mut mirror, now, Some(&[(1, 0), (2, 9)]));
    assert!(lookup(mirror.installed(), front(1)).is_none());
    // What went stays away while health changes, and the next look is not put off by that.
    *now += LOOK_AGAIN / 2;
    mirror.handle_services(others.clone(), *now);
    drain(&mut mirror, *now);
    assert_eq!(mirror.installed().services.len(), 1);
    assert_eq!(
        mirror.poll_timeout(),
        Some((*now + LOOK_AGAIN / 2, "leave"))
    );
    look(&mut mirror, now, Some(&[(2, 0)]));
    assert!(mirror.installed().services.is_empty());
    assert_eq!(mirror.poll_timeout(), None);

    mirror.set_part(Part::Shared);
    mirror.handle_services(wishes, *now);
    drain(&mut mirror, *now);
    assert_eq!(usable_targets(mirror.installed(), front(2)), 2);
}

#[test]
fn a_service_that_stays_after_all_takes_flows_again() {
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    let wish = vec![direct(1, &[1, 2])];
    for part in [Part::Shared, Part::Leaving, Part::Shared] {
        mirror.set_part(part);
        mirror.handle_services(wish.clone(), now);
        drain(&mut mirror, now);
    }
    let value = lookup(mirror.installed(), front(1)).unwrap();
    assert_eq!(value.scheduler, SCHEDULER_MH_COUNTED);
    assert_eq!(usable_targets(mirror.installed(), front(1)), 2);
    assert_eq!(mirror.poll_timeout(), None);
    mirror.handle_connections(Some(&BTreeMap::new()), now);
    assert_eq!(drain(&mut mirror, now), [], "an answer that comes too late");
}

#[test]
fn what_had_no_entries_leaves_at_once_and_full_nat_like_all_others() {
    let mut full = service(1, &[1]);
    full.dests[0].method = ForwardMethod::FullNat;
    let now = start();
    let room = Room {
        local_ports: 2,
        ..Room::default()
    };
    let mut mirror = Mirror::new(Image::default(), room);
    mirror.handle_services(vec![direct(2, &[1, 2]), full.clone()], now);
    drain(&mut mirror, now);
    let before = lookup(mirror.installed(), front(2)).unwrap();
    assert_eq!(before.scheduler, SCHEDULER_MH);
    mirror.set_part(Part::Leaving);
    mirror.handle_services(vec![direct(2, &[1, 2]), full], now);
    drain(&mut mirror, now);
    for n in [1, 2] {
        let value = lookup(mirror.installed(), front(n)).unwrap();
        let expected = (SCHEDULER_MH_COUNTED, RingRef::default(), RingRef::default());
        assert_eq!((value.scheduler, value.ring, value.previous), expected);
    }
}

#[test]
fn while_ipvs_leaves_every_flow_has_an_entry_and_nothing_is_left_to_it() {
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    let mut limited = direct(1, &[1, 2]);
    limited.dests[0].thresholds.upper = 9;
    let wishes = vec![limited, direct(2, &[1, 2])];
    let schedulers = |mirror: &Mirror| {
        let of = |n| lookup(mirror.installed(), front(n)).map(|value| value.scheduler);
        [of(1), of(2)]
    };
    let counted = Some(SCHEDULER_MH_COUNTED);
    for (part, expected) in [
        (Part::Shared, [None, counted]),
        (Part::Successor, [counted, counted]),
        (Part::Alone, [counted, Some(SCHEDULER_MH)]),
    ] {
        mirror.set_part(part);
        mirror.handle_services(wishes.clone(), now);
        drain(&mut mirror, now);
        assert_eq!(schedulers(&mirror), expected, "{part:?}");
    }
}

#[test]
fn what_xdp_would_do_otherwise_is_left_to_ipvs_unless_it_has_flows() {
    let now = start();
    let refusals = |wish: &Service| {
        let mut mirror = Mirror::new(Image::default(), Room::default());
        mirror.set_part(Part::Shared);
        mirror.handle_services(vec![wish.to_owned()], now);
        let outputs = std::iter::from_fn(|| mirror.poll_output());
        let refused = outputs.filter_map(|output| match output {
            Output::Refused { why, .. } => Some(why),
            _ => None,
        });
        refused.collect::<Vec<_>>()
    };
    let mut limited = direct(1, &[1, 2]);
    limited.dests[0].thresholds.upper = 9;
    assert_eq!(refusals(&limited), [Refusal::Thresholds]);
    let mut unknown = direct(1, &[1, 2]);
    unknown.dests[1].next_hop = None;
    assert_eq!(refusals(&unknown), [Refusal::NextHops]);
    unknown.dests[1].usable = false;
    assert_eq!(refusals(&unknown), []);

    let (mut mirror, now) = installed(&[direct(1, &[1, 2])]);
    mirror.set_part(Part::Shared);
    mirror.handle_services(vec![limited.clone()], now);
    drain(&mut mirror, now);
    assert!(lookup(mirror.installed(), limited.front).is_some());
}

#[test]
fn full_nat_sends_from_an_address_of_this_host_where_there_are_ports_for_it() {
    let mut wish = service(1, &[1, 2]);
    for dest in &mut wish.dests {
        dest.method = ForwardMethod::FullNat;
    }
    let now = start();
    let room = Room {
        local_ports: 2,
        ..Room::default()
    };
    let mut mirror = Mirror::new(Image::default(), room);
    mirror.handle_services(vec![wish.clone()], now);
    drain(&mut mirror, now);
    let image = mirror.installed();
    assert_eq!(image.nat_sources.len(), 2);
    for dest in image.dests.values() {
        let local = mapped([10, 0, 0, 254].into());
        assert_eq!(
            (dest.method, dest.local, dest.mtu),
            (FORWARD_FULLNAT, local, 0)
        );
    }
    let flags = lookup(image, wish.front).unwrap().flags;
    assert_ne!(flags & SERVICE_NAT, 0);

    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.handle_services(vec![wish.clone()], now);
    let refused = Output::Refused {
        front: wish.front,
        why: Refusal::LocalPorts,
    };
    assert!(std::iter::from_fn(|| mirror.poll_output()).any(|output| output == refused));
}

#[test]
fn services_beyond_the_last_dest_are_refused_and_those_before_are_served() {
    let now = start();
    let wishes: Vec<Service> = (1..=20)
        .map(|n| {
            let mut wish = service(n, &[]);
            wish.dests = (1..=4_000)
                .map(|port| {
                    let mut dest = dest(n);
                    dest.id.port = port;
                    dest.usable = false;
                    dest
                })
                .collect();
            wish
        })
        .collect();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.handle_services(wishes, now);
    let outputs: Vec<_> = std::iter::from_fn(|| mirror.poll_output()).collect();
    let refused = outputs.into_iter().filter_map(|output| match output {
        Output::Refused { front, why } => Some((front, why)),
        _ => None,
    });
    // Number 0 is nobody's, so there are 65,535.
    let beyond = (17..=20).map(|n| (front(n), Refusal::Dests));
    assert_eq!(refused.collect::<Vec<_>>(), beyond.collect::<Vec<_>>());
}

#[test]
fn quic_server_ids_come_and_go_with_their_real_servers() {
    let id = |text: &str| QuicServerId::parse(text).expect("a server id");
    let mut wish = service(1, &[1, 2, 3]);
    wish.front.protocol = Protocol::Udp;
    wish.dests[0].quic_server_id = Some(id("00a1"));
    wish.dests[1].quic_server_id = Some(id("00a2"));
    let (mut mirror, now) = installed(&[wish.clone()]);
    let named = |mirror: &Mirror| -> Vec<(u64, IpAddr)> {
        let image = mirror.installed();
        let servers = image.quic_servers.iter();
        let address = |dest: &u32| crate::pool::unmapped(image.dests[&(*dest as u16)].address);
        servers
            .map(|(key, dest)| (key.server, address(dest)))
            .collect()
    };
    let addresses = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
    assert_eq!(named(&mirror), [(0xa1, addresses[0]), (0xa2, addresses[1])]);
    let value = lookup(mirror.installed(), wish.front).expect("the service");
    assert_eq!(
        (value.flags & SERVICE_QUIC, value.quic_length),
        (SERVICE_QUIC, 2)
    );
    wish.dests.remove(0);
    wish.dests[0].quic_server_id = None;
    mirror.handle_services(vec![wish.clone()], now);
    drain(&mut mirror, now);
    assert_eq!(named(&mirror), []);
    let value = lookup(mirror.installed(), wish.front).expect("the service");
    assert_eq!((value.flags & SERVICE_QUIC, value.quic_length), (0, 0));
}

#[test]
fn a_real_server_that_is_this_host_has_no_next_hop() {
    let mut wish = service(1, &[1, 2]);
    wish.dests[0].next_hop = Some(NextHop::Host);
    let (mut mirror, now) = installed(&[wish.clone()]);
    let image = mirror.installed();
    assert_eq!(image.header.flags, TABLE_LOCAL_NAT_SOURCE);
    let dest = |image: &Image| {
        let address = mapped(wish.dests[0].id.address);
        let mut dests = image.dests.values();
        let found = dests.find(|dest| dest.address == address);
        *found.expect("a dest")
    };
    let here = dest(image);
    assert_eq!(here.flags, DEST_USABLE | DEST_LOCAL);
    assert_eq!((here.ifindex, here.next_hop), (0, [0; 6]));
    let mut elsewhere = wish.clone();
    elsewhere.dests[0].next_hop = Some(NextHop::Link(hop(1)));
    mirror.handle_services(vec![elsewhere], now);
    drain(&mut mirror, now);
    let flags = dest(mirror.installed()).flags;
    assert_eq!(flags, DEST_USABLE | DEST_RESOLVED);
    assert_eq!(mirror.installed().header.flags, 0);
}

#[test]
fn a_new_process_that_knows_no_next_hop_yet_leaves_this_host_its_packets() {
    let mut wish = service(1, &[1, 2]);
    wish.dests[0].next_hop = Some(NextHop::Host);
    let (mirror, now) = installed(&[wish.clone()]);
    let image = mirror.installed().clone();
    let mut next = Mirror::new(image.clone(), Room::default());
    for dest in &mut wish.dests {
        dest.next_hop = None;
    }
    next.handle_services(vec![wish], now);
    assert_eq!(drain(&mut next, now), []);
    assert_eq!(next.installed(), &image);
}

#[test]
fn sctp_gets_no_other_port_on_this_host() {
    for (port, is_refused) in [(80, false), (8080, true)] {
        let mut wish = service(1, &[1]);
        wish.front.protocol = Protocol::Sctp;
        let dest = &mut wish.dests[0];
        (dest.id.protocol, dest.id.port) = (Protocol::Sctp, port);
        dest.next_hop = Some(NextHop::Host);
        let refused = Refusal::SctpHere(dest.id);
        let mut mirror = Mirror::new(Image::default(), Room::default());
        mirror.handle_services(vec![wish.clone()], start());
        let mut refusals = Vec::new();
        while let Some(output) = mirror.poll_output() {
            match output {
                Output::Write(op) => mirror.handle_written::<()>(&op, &Ok(()), start()),
                Output::Refused { why, .. } => refusals.push(why),
                Output::CountDisplaced | Output::CountConnections => {}
            }
        }
        let expected = if is_refused { vec![refused] } else { vec![] };
        assert_eq!(refusals, expected);
        let dests = mirror.installed().dests.values();
        let is_local = dests.clone().any(|dest| dest.flags & DEST_LOCAL != 0);
        assert_eq!(is_local, !is_refused);
    }
}

const fn port_of(port: u16) -> [u8; 2] {
    port.to_be_bytes()
}

#[test]
fn weights_thresholds_persistence_and_timeouts_reach_the_maps() {
    let mut wish = service(1, &[1]);
    wish.scheduler = Scheduler::WeightedLeastConnections;
    wish.one_packet = true;
    wish.persistence = Some(Persistence {
        timeout: Duration::from_secs(50),
        granularity: PrefixLength::try_from(24).expect("24 of 32"),
        engine: None,
    });
    wish.dests[0].weight = 7;
    wish.dests[0].thresholds = Thresholds { upper: 9, lower: 3 };
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.set_timeouts([(u32::from(FLOW_ESTABLISHED), 40)].into());
    mirror.handle_services(vec![wish], now);
    let ops = drain(&mut mirror, now);
    let image = mirror.installed();
    let value = lookup(image, front(1)).expect("the service");
    assert_eq!(value.scheduler, SCHEDULER_WLC);
    assert_eq!(value.flags, SERVICE_ONE_PACKET | SERVICE_NAT);
    assert_eq!((value.persistence, value.granularity), (50, 24));
    let front = image.fronts[&value.id];
    assert_eq!((front.persistence, front.granularity), (50, 24));
    assert_eq!(image.timeouts, [(2, 40)].into());
    let (id, limits) = image.limits.first_key_value().expect("limits");
    assert_eq!((limits.weight, limits.upper, limits.lower), (7, 9, 3));
    assert!(image.dests[id].flags & DEST_LIMITED != 0);
    let place = |wanted: &MapOp| ops.iter().position(|op| op == wanted);
    let dest = MapOp::SetDest(*id, image.dests[id]);
    assert!(place(&MapOp::ClearConnections(*id)) < place(&dest));
    assert!(place(&MapOp::SetLimits(*id, *limits)) < place(&dest));
}

#[test]
fn mh_keeps_flow_entries_only_where_somebody_needs_them() {
    let plain = service(1, &[1]);
    let mut limited = service(1, &[1]);
    limited.dests[0].thresholds.upper = 9;
    let mut persistent = service(1, &[1]);
    persistent.persistence = Some(Persistence {
        timeout: Duration::from_secs(50),
        granularity: PrefixLength::try_from(32).expect("32 of 32"),
        engine: None,
    });
    let table = [
        (plain, SCHEDULER_MH),
        (limited, SCHEDULER_MH_COUNTED),
        (persistent, SCHEDULER_MH_COUNTED),
    ];
    for (wish, expected) in table {
        let (mirror, _) = installed(&[wish]);
        let value = lookup(mirror.installed(), front(1)).expect("the service");
        assert_eq!(value.scheduler, expected);
    }
}

#[test]
fn the_same_again_writes_nothing() {
    let services = [service(1, &[1, 2]), service(2, &[3])];
    let (mut mirror, now) = installed(&services);
    mirror.handle_services(services.to_vec(), now);
    assert_eq!(drain(&mut mirror, now), []);
}

#[test]
fn a_new_process_that_reads_the_maps_back_writes_nothing() {
    let services = [service(1, &[1, 2]), service(2, &[3])];
    let (mirror, now) = installed(&services);
    let mut successor = Mirror::new(mirror.installed().clone(), Room::default());
    let mut unresolved = services.to_vec();
    for dest in unresolved.iter_mut().flat_map(|s| &mut s.dests) {
        dest.next_hop = None;
    }
    successor.handle_services(unresolved, now);
    assert_eq!(drain(&mut successor, now), [], "known next hops stay");
}

#[test]
fn nothing_wanted_leaves_nothing_but_generations() {
    let (mut mirror, now) = installed(&[service(1, &[1, 2])]);
    mirror.handle_services(Vec::new(), now);
    drain(&mut mirror, now);
    let image = mirror.installed();
    assert!(lookup(image, front(1)).is_none());
    assert!(image.services.is_empty() && image.fronts.is_empty() && image.nat_sources.is_empty());
    assert!(
        image
            .dests
            .values()
            .all(|dest| !image::is_live(dest) && dest.generation == 1)
    );
}

#[test]
fn a_dest_id_used_again_has_another_generation() {
    let (mirror, now) = installed(&[service(1, &[1])]);
    let id = *mirror.installed().dests.keys().next().unwrap();
    let mut successor = Mirror::new(mirror.installed().clone(), Room::default());
    successor.handle_services(Vec::new(), now);
    drain(&mut successor, now);
    successor.handle_services(vec![service(2, &[2])], now);
    drain(&mut successor, now);
    let reused = successor.installed().dests[&id];
    assert!(image::is_live(&reused));
    assert_eq!(reused.generation, 2);
}

#[test]
fn weight_zero_keeps_flows_and_takes_no_new_ones() {
    let mut drained = service(1, &[1, 2]);
    drained.dests[0].weight = 0;
    let (mirror, _) = installed(&[drained]);
    let image = mirror.installed();
    let value = lookup(image, front(1)).unwrap();
    assert_eq!(targets(image, &value), [[10, 0, 0, 2].into()].into());
    assert!(
        image
            .dests
            .values()
            .all(|dest| dest.flags == DEST_USABLE | DEST_RESOLVED)
    );
}

#[test]
fn a_failed_real_server_is_not_usable_and_not_in_the_ring() {
    let mut failed = service(1, &[1, 2]);
    failed.dests[0].usable = false;
    let (mirror, _) = installed(&[failed]);
    let image = mirror.installed();
    let value = lookup(image, front(1)).unwrap();
    assert_eq!(targets(image, &value), [[10, 0, 0, 2].into()].into());
    let usable: Vec<u8> = image
        .dests
        .values()
        .filter(|dest| dest.flags & DEST_USABLE != 0)
        .map(|dest| dest.address[15])
        .collect();
    assert_eq!(usable, [2]);
}

#[test]
fn round_robin_names_each_live_real_server_once_the_last_of_the_file_first() {
    let mut robin = service(1, &[3, 1, 2]);
    robin.scheduler = Scheduler::RoundRobin;
    robin.dests[1].weight = 7;
    let (mirror, _) = installed(&[robin]);
    let image = mirror.installed();
    let value = lookup(image, front(1)).unwrap();
    let order: Vec<u8> = image
        .ring(value.ring)
        .map(|id| image.dests[&id].address[15])
        .collect();
    assert_eq!(order, [2, 1, 3]);
}

#[test]
fn previous_is_the_ring_before_the_first_of_quick_changes() {
    let (mut mirror, now) = installed(&[service(1, &[1, 2, 3])]);
    let stable = lookup(mirror.installed(), front(1)).unwrap().ring;
    let second = Duration::from_secs(1);
    for (n, dests) in [(1, &[1, 2][..]), (2, &[1]), (3, &[1, 2, 3])] {
        let now = now + second * n;
        mirror.handle_services(vec![service(1, dests)], now);
        drain(&mut mirror, now);
        let value = lookup(mirror.installed(), front(1)).unwrap();
        assert_eq!(value.previous, stable);
        assert_ne!(value.ring, stable, "even the same ring is not stable yet");
    }
    assert_eq!(mirror.installed().chunks_in_use().len(), 2 * SMALL_CHUNKS);
}

#[test]
fn a_ring_settles_when_no_flow_holds_on_to_an_older_one() {
    for (protocol, seconds) in [(Protocol::Tcp, 900), (Protocol::Udp, 300)] {
        let (mut mirror, now) = changed_ring(protocol);
        let front = mirror.desired[0].front;
        let (due, why) = mirror.poll_timeout().unwrap();
        assert_eq!((due, why), (now + Duration::from_secs(seconds), "settle"));

        let due = count(&mut mirror, Some(1));
        let value = lookup(mirror.installed(), front).unwrap();
        assert_eq!(
            value.previous,
            RingRef::default(),
            "a long download has its entry, the rest follows the ring"
        );
        assert_eq!(mirror.installed().chunks_in_use().len(), SMALL_CHUNKS);
        drain(&mut mirror, due);

        count(&mut mirror, Some(0));
        let value = lookup(mirror.installed(), front).unwrap();
        assert_eq!(value.ring, value.previous);
        assert_eq!(mirror.poll_timeout(), None);
    }
}

#[test]
fn a_ring_whose_displaced_flows_nobody_counted_is_not_settled() {
    let (mut mirror, _) = changed_ring(Protocol::Tcp);
    count(&mut mirror, None);
    let value = lookup(mirror.installed(), front(1)).unwrap();
    assert_eq!(value.previous, RingRef::default());
    assert!(mirror.poll_timeout().is_some());
}

#[test]
fn a_ring_with_displaced_flows_is_the_previous_one_of_the_next_change() {
    let (mut mirror, _) = changed_ring(Protocol::Udp);
    let due = count(&mut mirror, Some(1));
    let desired = mirror.desired.clone();
    mirror.handle_services(desired.clone(), due);
    assert_eq!(
        drain(&mut mirror, due),
        [],
        "wanting the same writes nothing"
    );

    let held = lookup(mirror.installed(), desired[0].front).unwrap().ring;
    let mut other = desired;
    other[0].dests = vec![dest(1)];
    mirror.handle_services(other.clone(), due);
    drain(&mut mirror, due);
    let value = lookup(mirror.installed(), other[0].front).unwrap();
    assert_ne!(value.ring, held);
    assert_eq!(value.previous, held);
}

/// A mirror whose only service lost a real server just now.
fn changed_ring(protocol: Protocol) -> (Mirror, Instant) {
    let mut before = service(1, &[1, 2, 3]);
    before.front.protocol = protocol;
    let (mut mirror, now) = installed(&[before.clone()]);
    before.dests.pop();
    mirror.handle_services(vec![before], now);
    drain(&mut mirror, now);
    (mirror, now)
}

/// Lets the mirror count when it is due, and answers; `None` is nobody's answer.
fn count(mirror: &mut Mirror, displaced: Option<u64>) -> Instant {
    let (due, _) = mirror.poll_timeout().unwrap();
    mirror.handle_timeout(due);
    assert_eq!(mirror.poll_output(), Some(Output::CountDisplaced));
    let id = lookup(mirror.installed(), mirror.desired[0].front)
        .unwrap()
        .id;
    let flows = displaced.map(|n| (n > 0).then_some((id, n)).into_iter().collect());
    mirror.handle_displaced(flows.as_ref(), due);
    drain(mirror, due);
    due
}

#[test]
fn a_write_that_fails_is_tried_again_and_installed_keeps_the_truth() {
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    mirror.handle_services(vec![service(1, &[1])], now);
    let Some(Output::Write(first)) = mirror.poll_output() else {
        panic!("a write");
    };
    mirror.handle_written(&first, &Err("no memory"), now);
    assert_eq!(mirror.poll_output(), None);
    assert_eq!(mirror.installed(), &Image::default());
    let (due, why) = mirror.poll_timeout().unwrap();
    assert_eq!(why, "retry");
    mirror.handle_timeout(due);
    drain(&mut mirror, due);
    assert_eq!(usable_targets(mirror.installed(), front(1)), 1);
}

#[test]
fn a_real_server_shared_by_too_many_nat_services_is_reported_once() {
    let services: Vec<Service> = (1..=5).map(|n| service(n, &[9])).collect();
    let now = start();
    let mut mirror = Mirror::new(Image::default(), Room::default());
    for expected in [1, 0] {
        mirror.handle_services(services.clone(), now);
        let mut refused = 0;
        while let Some(output) = mirror.poll_output() {
            match output {
                Output::Write(op) => mirror.handle_written::<()>(&op, &Ok(()), now),
                Output::Refused { front: which, .. } => {
                    assert_eq!(which, front(5));
                    refused += 1;
                }
                Output::CountDisplaced | Output::CountConnections => {}
            }
        }
        assert_eq!(refused, expected);
    }
}

fn any_dest() -> impl Strategy<Value = Dest> {
    (1u8..6, 0u32..3, any::<bool>(), 0..3, any::<bool>()).prop_map(
        move |(n, weight, usable, way, nat)| Dest {
            weight,
            configured_weight: weight,
            draining: false,
            quic_server_id: None,
            usable,
            next_hop: match way {
                0 => None,
                1 => Some(NextHop::Host),
                _ => Some(NextHop::Link(hop(n))),
            },
            method: if nat {
                ForwardMethod::Nat
            } else {
                ForwardMethod::DirectRoute
            },
            ..dest(n)
        },
    )
}

fn any_service(n: u8) -> impl Strategy<Value = Service> {
    (
        prop::collection::vec(any_dest(), 0..5),
        any::<bool>(),
        any::<bool>(),
        0u32..3,
    )
        .prop_map(move |(mut dests, robin, every_port, gate)| {
            dests.sort_by_key(|dest| dest.id);
            dests.dedup_by_key(|dest| dest.id);
            let mut front = front(n);
            if every_port {
                front.port = 0;
            }
            for dest in &mut dests {
                dest.id.protocol = front.protocol;
            }
            Service {
                front,
                gate,
                scheduler: if robin {
                    Scheduler::RoundRobin
                } else {
                    Scheduler::MaglevHash
                },
                dests,
                ..service(n, &[])
            }
        })
}

fn any_services() -> impl Strategy<Value = Vec<Service>> {
    let maybe = |n| prop::option::of(any_service(n));
    (maybe(1), maybe(2), maybe(3)).prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect())
}

/// Whether the header's flags say what there is.
fn announced(image: &Image) -> bool {
    let is_local = |dest: &DestValue| dest.method == FORWARD_NAT && dest.flags & DEST_LOCAL != 0;
    let every_port = [0; 2];
    [
        (image.dests.values().any(is_local), TABLE_LOCAL_NAT_SOURCE),
        (
            image.live().any(|(key, _)| key.port == every_port),
            TABLE_WILDCARD_SERVICE,
        ),
    ]
    .iter()
    .all(|(is_there, flag)| !is_there || image.header.flags & flag != 0)
}

fn takes_flows(services: &[Service], front: Front) -> bool {
    services
        .iter()
        .any(|service| service.front == front && service.dests.iter().any(Dest::takes_new_flows))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_write_leaves_whole_references_and_no_service_empty(
        wishes in prop::collection::vec(any_services(), 1..6),
        fail_at in any::<prop::sample::Index>(),
    ) {
        let mut now = start();
        let mut mirror = Mirror::new(Image::default(), Room::default());
        let mut before: Vec<Service> = Vec::new();
        for wish in wishes {
            now += Duration::from_secs(2);
            mirror.handle_services(wish.clone(), now);
            let fail = fail_at.index(40);
            let mut step = 0;
            loop {
                while let Some(output) = mirror.poll_output() {
                    let Output::Write(op) = output else { continue };
                    let result = if step == fail { Err(()) } else { Ok(()) };
                    step += 1;
                    mirror.handle_written(&op, &result, now);
                    let image = mirror.installed();
                    for (_, value) in image.live() {
                        targets(image, value);
                        let end = image::chunks(value.ring).chain(image::chunks(value.previous));
                        prop_assert!(end.into_iter().all(|at| image.rings.contains_key(&at)));
                    }
                    prop_assert!(announced(image), "flags of the header after {op:?}");
                    for key in image.nat_sources.keys() {
                        let (word, bit) = hash::filter_bit(key);
                        let bits = image.nat_filter.get(&word).copied().unwrap_or(0);
                        prop_assert!(bits & bit != 0, "a real server nobody finds after {op:?}");
                    }
                    for service in &before {
                        let front = service.front;
                        if takes_flows(&before, front) && takes_flows(&wish, front) {
                            // A real server of both is not needed: old and new ring take over from each other.
                            prop_assert!(usable_targets(image, front) > 0, "{front} is empty after {op:?}");
                        }
                    }
                }
                let Some((due, "retry")) = mirror.poll_timeout() else { break };
                now = due;
                mirror.handle_timeout(now);
            }
            for service in &wish {
                let image = mirror.installed();
                let value = lookup(image, service.front).expect("every service is found");
                let expected: BTreeSet<IpAddr> = service
                    .dests
                    .iter()
                    .filter(|dest| dest.takes_new_flows())
                    .map(|dest| dest.id.address)
                    .collect();
                prop_assert_eq!(targets(image, &value), expected);
            }
            let image = mirror.installed();
            prop_assert_eq!(image.services.len(), wish.len());
            let bits: u32 = image.nat_filter.values().map(|word| word.count_ones()).sum();
            prop_assert!(bits as usize <= image.nat_sources.len(), "bits of nobody");
            let is_live = |id: &u16| image.dests.get(id).is_some_and(image::is_live);
            prop_assert!(image.limits.keys().all(is_live), "limits of nobody");
            before = wish;
        }
    }
}

proptest! {
    #[test]
    fn free_chunks_in_a_row_are_found_wherever_there_are_some(
        taken in proptest::collection::btree_set(0u32..40, 0..30),
        next in 0u32..40,
        wanted in 1u32..8,
    ) {
        let len = wanted * CHUNK_LEN as u32;
        let is_free = |from: u32| (from..from + wanted).all(|at| at < 40 && !taken.contains(&at));
        let expected = (next..40).chain(0..40).find(|from| is_free(*from));
        let found = plan::free_run(&taken, 40, next, len);
        prop_assert_eq!(found.map(|ring| ring.chunk), expected);
    }
}
