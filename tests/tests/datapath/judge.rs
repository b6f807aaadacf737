//! One table of adverts, judged twice: by the daemon and by the programs, which must agree.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

use bytemuck::Zeroable;
use lb::{
    config::model::{Family, InterfaceName, Version, VirtualAddress, VrrpInstance, vrrp::Adverts},
    vrrp::{
        LinkState, Router, RxMeta,
        output::State,
        wire::{Carrier, Incoming, Keys, WallClock, Wire},
    },
};
use lb_common::{
    counter::Counter,
    gate::{GATE_FENCED, GATE_OPEN},
    router::{ROUTER_FLAG_YIELD, ROUTER_LEASE, RouterKey, RouterValue},
};
use tests::{
    packet::{Packet, address, advert, checksum},
    prog::{DROP, INGRESS, PASS, Plane},
};

const GATE: u32 = 9;
const VRID: u8 = 51;

/// What becomes of an advert at a MASTER of priority 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It does not count: the daemon's name of the reason, and the programs'.
    Refused(&'static str, Counter),
    /// It counts, and the other one must yield.
    Lower,
    /// It counts, and we yield.
    Better,
}
use Fate::{Better, Lower, Refused};

/// Virtual router, our source, another's source, and the virtual address.
#[derive(Clone, Copy, Debug)]
struct Segment {
    version: u8,
    own: &'static str,
    other: &'static str,
    lower: &'static str,
    vip: &'static str,
}

const SEGMENTS: [Segment; 3] = [
    Segment {
        version: 2,
        own: "10.0.0.5",
        other: "10.0.0.9",
        lower: "10.0.0.2",
        vip: "10.0.0.100",
    },
    Segment {
        version: 3,
        own: "10.0.0.5",
        other: "10.0.0.9",
        lower: "10.0.0.2",
        vip: "10.0.0.100",
    },
    Segment {
        version: 3,
        own: "fe80::5",
        other: "fe80::9",
        lower: "fe80::2",
        vip: "fe80::100",
    },
];

impl Segment {
    fn advert(self, priority: u8, source: &str) -> Packet {
        advert(self.version, VRID, priority, source, &[self.vip])
    }

    fn is_v4(self) -> bool {
        !self.own.contains(':')
    }
}

/// The packet changed by `change`, with a checksum that is right again.
fn changed(packet: &Packet, change: impl Fn(&mut Vec<u8>)) -> Packet {
    let mut packet = packet.clone();
    change(&mut packet.payload);
    packet.payload[6..8].copy_from_slice(&[0, 0]);
    let covered = if packet.payload[0] >> 4 == 2 && packet.source.is_ipv4() {
        packet.payload.clone()
    } else {
        [
            packet.pseudo_header(packet.payload.len()),
            packet.payload.clone(),
        ]
        .concat()
    };
    packet.payload[6..8].copy_from_slice(&checksum(&covered));
    packet
}

fn far(mut packet: Packet) -> Packet {
    packet.ttl = 254;
    packet
}

fn table(segment: Segment) -> Vec<(&'static str, Packet, Fate)> {
    let better = segment.advert(101, segment.other);
    let mut cases = vec![
        ("higher priority", better.clone(), Better),
        ("owner", segment.advert(255, segment.lower), Better),
        ("higher address", segment.advert(100, segment.other), Better),
        ("lower address", segment.advert(100, segment.lower), Lower),
        ("lower priority", segment.advert(99, segment.other), Lower),
        ("resignation", segment.advert(0, segment.other), Lower),
        (
            "other addresses",
            advert(segment.version, VRID, 101, segment.other, &[]),
            Better,
        ),
        (
            "TTL 254",
            far(better.clone()),
            Refused("ip_ttl_err", Counter::AdvertTtl),
        ),
        (
            "packet type 2",
            changed(&better, |bytes| bytes[0] ^= 3),
            Refused("invalid_type_rcvd", Counter::AdvertType),
        ),
        (
            "version 4",
            changed(&better, |bytes| bytes[0] = 0x41),
            Refused("vers_err", Counter::AdvertVersion),
        ),
        (
            "one address too few",
            changed(&better, |bytes| bytes[3] += 1),
            Refused("packet_len_err", Counter::AdvertLength),
        ),
    ];
    for at in [2, 3, 5, 6, 7, 8] {
        let mut damaged = better.clone();
        damaged.payload[at] ^= 0x80;
        // A wrong number of addresses is seen before the checksum is.
        if at != 3 {
            let fate = Refused("chk_err", Counter::AdvertChecksum);
            let is_interval = segment.version == 2 && at == 5;
            cases.extend((!is_interval).then_some(("damaged", damaged, fate)));
        }
    }
    if segment.version == 2 {
        let interval = changed(&better, |bytes| bytes[5] = 2);
        let password = changed(&better, |bytes| bytes[4] = 1);
        cases.extend([
            (
                "another interval",
                interval,
                Refused("advert_interval_err", Counter::AdvertInterval),
            ),
            (
                "a password",
                password,
                Refused("authtype_mismatch", Counter::AdvertAuthentication),
            ),
        ]);
    } else {
        let none = changed(&better, |bytes| bytes[4..6].fill(0));
        let slow = changed(&better, |bytes| bytes[5] = 200);
        cases.extend([
            (
                "no interval",
                none,
                Refused("advert_interval_err", Counter::AdvertInterval),
            ),
            ("another interval", slow, Better),
        ]);
    }
    if segment.version == 3 && segment.is_v4() {
        let mut plain = better;
        plain.payload[6..8].fill(0);
        let sum = checksum(&plain.payload);
        plain.payload[6..8].copy_from_slice(&sum);
        cases.push(("a sum without pseudo header", plain, Better));
    }
    cases
}

/// The daemon's judgement.
fn daemon(segment: Segment, packet: &Packet) -> Fate {
    let mut now = Instant::now();
    let interface: InterfaceName = "eth0".to_owned().try_into().unwrap();
    let vip: IpAddr = segment.vip.parse().unwrap();
    let family = Family::of(vip);
    let mut config = VrrpInstance::new("a", interface.clone(), 51.try_into().unwrap(), family);
    config.version = match segment.version {
        2 => Version::V2,
        _ => Version::V3,
    };
    config.addresses = vec![VirtualAddress {
        address: vip,
        prefix: 24.try_into().unwrap(),
        interface: interface.clone(),
    }];
    let link = LinkState {
        up: true,
        v4: Some(Ipv4Addr::new(10, 0, 0, 5)),
        v6: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5)),
        arp: true,
    };
    let mut router = Router::new();
    let mut wire = Wire::new(&config, Keys::new());
    router.handle_config(std::slice::from_ref(&config), &[], now);
    router.handle_link(&interface, Some(link), now);
    now += Duration::from_secs(30);
    router.handle_timeout(now);
    assert_eq!(router.snapshot(now)[0].state, State::Master);
    let rx = RxMeta {
        interface,
        source: packet.source,
        ttl: packet.ttl,
    };
    let incoming = Incoming {
        source: packet.source,
        destination: Adverts::group(family),
        ttl: packet.ttl,
        carrier: Carrier::Plain,
        header: &[],
        payload: &packet.payload,
    };
    let clock = WallClock::since_epoch(Duration::from_secs(1_700_000_000));
    match wire.open(&config, &incoming, clock) {
        Ok(opened) => router.handle_advert(&rx, &opened.advert, now),
        Err(refusal) => {
            let id = router.instance_id("a").unwrap();
            router.handle_refusal(id, refusal.name(), now);
        }
    }
    let after = &router.snapshot(now)[0];
    let refused = after
        .counts
        .refused
        .keys()
        .find(|name| *name != "addr_list_err");
    match refused {
        Some(name) => {
            let (_, _, fate) = table(segment)
                .into_iter()
                .find(|(_, _, fate)| matches!(fate, Refused(ours, _) if ours == name))
                .expect("a reason of the table");
            fate
        }
        None if after.state == State::Backup => Better,
        None => Lower,
    }
}

/// The programs' judgement. Each advert is sent until its sender's budget is spent: within it the daemon judges.
fn programs(segment: Segment, packet: &Packet) -> Fate {
    let own: IpAddr = segment.own.parse().unwrap();
    let key = RouterKey {
        ifindex: INGRESS,
        vlan: 0,
        vrid: VRID,
        family: if own.is_ipv4() { 4 } else { 6 },
    };
    let hour = Duration::from_secs(3600).as_nanos() as u64;
    let value = RouterValue {
        interval: hour,
        spacing: hour,
        gate: GATE,
        role: ROUTER_LEASE,
        priority: 100,
        version: segment.version,
        flags: ROUTER_FLAG_YIELD,
        min_ttl: 255,
        max_ttl: 255,
        seconds: 1,
        own: address(own),
        destination: address(packet.destination),
        ..RouterValue::zeroed()
    };
    let mut plane = Plane::new();
    plane.set_gate(GATE, GATE_OPEN);
    plane.set_router(key, &value);
    let before = plane.read.all_counters().unwrap();
    let verdicts: Vec<u32> = (0..40)
        .map(|_| plane.xdp(&packet.bytes()).verdict)
        .collect();
    let after = plane.read.all_counters().unwrap();
    let fenced = plane.vrrp.gates.get(&GATE, 0).unwrap().state == GATE_FENCED;
    if fenced {
        assert!(verdicts.iter().all(|verdict| *verdict == PASS));
        return Better;
    }
    assert_eq!((verdicts[0], verdicts[39]), (PASS, DROP));
    let counted = before
        .iter()
        .zip(&after)
        .find(|(before, after)| before.0 != Counter::Passed && before.1 != after.1);
    match counted.expect("what is dropped is counted").0.0 {
        Counter::AdvertExcess => Lower,
        reason => {
            let fate = table(segment)
                .into_iter()
                .find(|(_, _, fate)| matches!(fate, Refused(_, ours) if *ours == reason));
            fate.expect("a reason of the table").2
        }
    }
}

#[test]
fn daemon_and_programs_judge_alike() {
    for segment in SEGMENTS {
        for (what, packet, fate) in table(segment) {
            assert_eq!(
                daemon(segment, &packet),
                fate,
                "daemon, {what}: {segment:?}"
            );
            assert_eq!(
                programs(segment, &packet),
                fate,
                "programs, {what}: {segment:?}"
            );
        }
    }
}
