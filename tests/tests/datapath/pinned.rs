//! On real interfaces, in namespaces of the test's own: what is pinned works on when the loader is gone.

use std::{
    fs::File,
    io::ErrorKind,
    net::Ipv4Addr,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use bytemuck::Zeroable as _;
use lb::{
    io::xdp::{CheckerMaps, DataPlane, Options, Pins, ReadMaps, VrrpMaps, XdpModeInUse},
    mirror::room::Room,
};
use lb_common::{
    counter::Counter,
    dest::{DestValue, FORWARD_DIRECT_ROUTE},
    gate::{ALWAYS_OPEN, GATE_OPEN, GATE_PASS, GateValue, OwnedKey, OwnedValue},
    hash,
    hint::HINT_VIRTUAL_MAC,
    mapped, maps,
    ring::RingChunk,
    service::{RingRef, SCHEDULER_MH, ServiceSlot, ServiceTableHeader, ServiceValue},
    virtual_mac::{VIRTUAL_MAC_FLAG_LINK, VirtualMacKey, VirtualMacValue},
};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};
use tests::{
    packet::{Packet, SYN, Transport, arp},
    prog::{REDIRECT, dest, service_key},
};

const FRONT: &str = "10.9.0.100:80";
/// Next hop and source of the dest: what comes back to the client carries them.
const NEXT_HOP: [u8; 6] = [2, 0, 0, 0, 9, 9];
const SOURCE: [u8; 6] = [2, 0, 0, 0, 9, 8];

const VIRTUAL_MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];
/// The MAC that tests of virtual MACs give `d0`.
const OWN_MAC: [u8; 6] = [2, 0, 0, 0, 9, 1];
const GATE: u32 = 5;

/// Two namespaces joined by a veth pair: `d0` in the director's, `c0` in the client's.
struct Link {
    director: String,
    client: String,
    pins: Pins,
}

impl Link {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dp-link{}-{number}", std::process::id());
        let link = Self {
            director: format!("{name}-d"),
            client: format!("{name}-c"),
            pins: Pins::of_daemon(&name),
        };
        let (d, c) = (&link.director, &link.client);
        for command in [
            format!("ip netns add {d}"),
            format!("ip netns add {c}"),
            format!("ip -n {d} link add d0 type veth peer name c0 netns {c}"),
            format!("ip -n {d} link set lo up"),
            format!("ip -n {d} addr add 10.9.0.1/24 dev d0"),
            format!("ip -n {d} link set d0 up"),
            format!("ip -n {c} link set c0 up"),
        ] {
            sh(&command);
        }
        // A veth takes what XDP sends back only while it has a program itself; an empty plane passes all.
        within(c, || {
            let (mut plane, _) = DataPlane::load(&link.client_pins(), &options()).expect("load");
            plane.attach("c0").expect("attach");
        });
        link
    }

    fn client_pins(&self) -> Pins {
        Pins::of_daemon(&self.client)
    }

    /// Runs `f` in the director's namespace.
    fn in_director<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        within(&self.director, f)
    }

    /// The kernel detaches a moment after the last reference is gone.
    fn falls_silent(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.is_answered(&request()) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// Sends a frame from the client and waits for one that XDP sent back.
    fn is_answered(&self, packet: &[u8]) -> bool {
        self.hears(sends(packet), |frame| {
            frame[..6] == NEXT_HOP && frame[6..12] == SOURCE
        })
    }

    /// Listens at the client while `act` is done, and says whether a frame came that `is_wanted`.
    fn hears(
        &self,
        act: impl FnOnce(&Socket) + Send,
        is_wanted: impl Fn(&[u8]) -> bool + Sync,
    ) -> bool {
        within(&self.client, || {
            let socket = packet_socket("c0");
            act(&socket);
            let deadline = Instant::now() + Duration::from_millis(500);
            let mut frame = [0; 2048];
            while Instant::now() < deadline {
                match std::io::Read::read(&mut &socket, &mut frame) {
                    Ok(len) if len >= 14 && is_wanted(&frame[..len]) => return true,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(error) => panic!("receive: {error}"),
                }
            }
            false
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let removed = DataPlane::remove(&self.pins).and(DataPlane::remove(&self.client_pins()));
        sh(&format!("ip netns del {}", self.director));
        sh(&format!("ip netns del {}", self.client));
        assert!(removed.is_ok() || std::thread::panicking(), "{removed:?}");
    }
}

fn sh(command: &str) {
    let mut words = command.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
}

fn within<T: Send>(namespace: &str, f: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{namespace}")).expect("the namespace");
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            setns(file, CloneFlags::CLONE_NEWNET).expect("enter the namespace");
            f()
        });
        thread.join().expect("the thread in the namespace")
    })
}

fn sends(packet: &[u8]) -> impl FnOnce(&Socket) + Send {
    |socket| {
        socket.send(packet).expect("send");
    }
}

fn packet_socket(interface: &str) -> Socket {
    const ETH_P_ALL: u16 = 3;
    let socket = Socket::new(
        Domain::PACKET,
        Type::RAW,
        Some(Protocol::from(i32::from(ETH_P_ALL.to_be()))),
    )
    .expect("a packet socket");
    let index = nix::net::if_::if_nametoindex(interface).expect("the interface");
    let mut storage = SockAddrStorage::zeroed();
    let len = size_of::<nix::libc::sockaddr_ll>();
    // SAFETY: the storage is large enough for any address, and zero is a legal value of every field.
    let address = unsafe { storage.view_as::<nix::libc::sockaddr_ll>() };
    address.sll_family = nix::libc::AF_PACKET as u16;
    address.sll_protocol = ETH_P_ALL.to_be();
    address.sll_ifindex = index.cast_signed();
    // SAFETY: the storage holds a `sockaddr_ll`.
    let address = unsafe { SockAddr::new(storage, len as u32) };
    socket.bind(&address).expect("bind");
    let timeout = Some(Duration::from_millis(50));
    socket.set_read_timeout(timeout).expect("time-out");
    socket
}

fn options() -> Options {
    Options {
        max_entries: vec![(maps::FLOWS4, 64), (maps::FLOWS6, 64)],
        plain: false,
        ..Options::default()
    }
}

/// Writes a service that sends every packet back to the client, as the checker child would.
fn serve(pins: &Pins, ifindex: u32) {
    let mut checker = CheckerMaps::open(pins).unwrap();
    let target = DestValue {
        ifindex,
        source: SOURCE,
        ..dest("10.9.0.10:80", FORWARD_DIRECT_ROUTE, 0, NEXT_HOP)
    };
    checker.dests.set(1, target, 0).unwrap();
    let ring = RingChunk {
        dests: [1; lb_common::ring::CHUNK_LEN],
    };
    checker.rings.set(0, ring, 0).unwrap();
    let ring = RingRef {
        chunk: 0,
        len: lb_common::ring::CHUNK_LEN as u32,
    };
    let key = service_key(FRONT, 6);
    let value = ServiceValue {
        id: 0,
        gate: ALWAYS_OPEN,
        scheduler: SCHEDULER_MH,
        flags: 0,
        ring,
        previous: ring,
        ..ServiceValue::zeroed()
    };
    checker.services.insert(key, value, 0).unwrap();
    let mask = maps::SERVICE_TABLE.max_entries / 2 - 1;
    let slot = ServiceSlot {
        key,
        occupied: 1,
        value,
        pad: [0; 8],
    };
    let [index, _] = hash::service_slots(&key, 0, mask);
    checker.service_table.set(index, slot, 0).unwrap();
    let header = ServiceTableHeader {
        base: 0,
        mask,
        seed: 0,
        services: 1,
        nat_sources: 0,
        flags: 0,
    };
    checker.service_header.set(0, header, 0).unwrap();
}

fn request() -> Vec<u8> {
    Packet::new(Transport::Tcp(SYN), "10.9.0.2:4000", FRONT).bytes()
}

fn load(link: &Link) -> (DataPlane, XdpModeInUse) {
    link.in_director(|| {
        let (mut plane, _) = DataPlane::load(&link.pins, &options()).expect("load");
        let mode = plane.attach("d0").expect("attach");
        (plane, mode)
    })
}

fn index_of_d0(link: &Link) -> u32 {
    link.in_director(|| nix::net::if_::if_nametoindex("d0").expect("d0"))
}

#[test]
fn traffic_goes_on_without_the_loader_and_through_a_restart() {
    let link = Link::new();
    let (plane, mode) = load(&link);
    assert_eq!(mode, XdpModeInUse::Native);
    serve(&link.pins, index_of_d0(&link));
    assert!(link.is_answered(&request()), "with the loader");

    drop(plane);
    assert!(link.is_answered(&request()), "without the loader");

    let (plane, mode) = load(&link);
    assert_eq!(mode, XdpModeInUse::Inherited);
    drop(plane);
    assert!(link.is_answered(&request()), "after a restart");
    let read = ReadMaps::open(&link.pins).unwrap();
    assert_eq!(
        read.counter(Counter::Forwarded).unwrap(),
        3,
        "counters went on"
    );
}

#[test]
fn a_final_stop_leaves_nothing() {
    let link = Link::new();
    drop(load(&link));
    serve(&link.pins, index_of_d0(&link));
    assert!(link.is_answered(&request()));
    DataPlane::remove(&link.pins).unwrap();
    assert!(link.falls_silent());
    assert!(!link.pins.directory().exists());
    DataPlane::remove(&link.pins).expect("twice is as well");
}

#[test]
fn one_interface_is_detached_and_attached_again() {
    let link = Link::new();
    let (mut plane, _) = load(&link);
    serve(&link.pins, index_of_d0(&link));
    link.in_director(|| plane.detach("d0")).unwrap();
    assert!(link.falls_silent());
    let mode = link.in_director(|| plane.attach("d0")).unwrap();
    assert_eq!(mode, XdpModeInUse::Native);
    assert!(link.is_answered(&request()));
}

#[test]
fn the_program_of_another_stays_and_is_told_from_other_refusals() {
    let link = Link::new();
    drop(load(&link));
    let (d, other) = (&link.director, Pins::of_daemon("dp-other"));
    let object = "the other's interface";
    let (mut second, _) = link
        .in_director(|| DataPlane::load(&other, &options()))
        .expect(object);
    let refused = link.in_director(|| second.attach("d0"));
    DataPlane::remove(&other).unwrap();
    assert!(refused.expect_err(object).is_occupied());
    let missing = link.in_director(|| second.attach("none")).expect_err(d);
    assert!(!missing.is_occupied(), "{missing}");
    serve(&link.pins, index_of_d0(&link));
    assert!(link.is_answered(&request()), "the first goes on");
}

#[test]
fn the_link_of_a_vanished_interface_is_replaced() {
    let link = Link::new();
    drop(load(&link));
    let (d, c) = (&link.director, &link.client);
    sh(&format!("ip -n {d} link del d0"));
    sh(&format!(
        "ip -n {d} link add d0 type veth peer name c0 netns {c}"
    ));
    let (_, mode) = load(&link);
    assert_eq!(mode, XdpModeInUse::Native);
}

#[test]
fn a_driver_without_native_xdp_gets_the_generic_mode() {
    let link = Link::new();
    let (mut plane, _) = load(&link);
    let mode = link.in_director(|| plane.attach("lo")).expect("attach");
    assert_eq!(mode, XdpModeInUse::Generic);
}

#[test]
fn maps_of_another_shape_start_empty() {
    let link = Link::new();
    drop(load(&link));
    serve(&link.pins, index_of_d0(&link));
    let kept = CheckerMaps::open(&link.pins).unwrap();
    assert!(kept.services.get(&service_key(FRONT, 6), 0).is_ok());
    let bigger = Options {
        max_entries: vec![(maps::FLOWS4, 128), (maps::FLOWS6, 64)],
        plain: false,
        ..Options::default()
    };
    link.in_director(|| DataPlane::load(&link.pins, &bigger))
        .expect("load");
    let fresh = CheckerMaps::open(&link.pins).unwrap();
    assert!(fresh.services.get(&service_key(FRONT, 6), 0).is_err());
}

#[test]
fn maps_with_more_room_are_taken_over() {
    let link = Link::new();
    let bigger = Options {
        max_entries: vec![(maps::FLOWS4, 128), (maps::FLOWS6, 64)],
        plain: false,
        ..Options::default()
    };
    drop(link.in_director(|| DataPlane::load(&link.pins, &bigger)));
    serve(&link.pins, index_of_d0(&link));
    drop(load(&link));
    let kept = CheckerMaps::open(&link.pins).unwrap();
    assert!(kept.services.get(&service_key(FRONT, 6), 0).is_ok());
    assert_eq!(ReadMaps::open(&link.pins).unwrap().flows4.len(), 128);
}

#[test]
fn a_file_that_grew_keeps_the_maps_it_fits_in() {
    let link = Link::new();
    let room = |services| Room {
        local_ports: 1,
        services,
        chunks: services,
    };
    let options = |services| {
        let made = Options::with_room(&room(services), 1024);
        made.or_pinned(&room(services / 2))
    };
    drop(link.in_director(|| DataPlane::load(&link.pins, &options(16))));
    let mut maps = CheckerMaps::open(&link.pins).unwrap();
    let key = service_key(FRONT, 6);
    maps.services
        .insert(key, ServiceValue::zeroed(), 0)
        .unwrap();
    for (services, is_kept) in [(32, true), (64, false)] {
        drop(link.in_director(|| DataPlane::load(&link.pins, &options(services))));
        let maps = CheckerMaps::open(&link.pins).unwrap();
        let found = maps.services.get(&service_key(FRONT, 6), 0);
        assert_eq!(found.is_ok(), is_kept, "{services}");
    }
}

#[test]
fn bpftool_prints_the_names_of_fields() {
    let link = Link::new();
    drop(load(&link));
    serve(&link.pins, 1);
    let dump = Command::new("bpftool")
        .args(["map", "dump", "pinned"])
        .arg(link.pins.map(&maps::SERVICES))
        .output()
        .expect("bpftool");
    let text = String::from_utf8(dump.stdout).unwrap();
    for field in [
        "address",
        "port",
        "protocol",
        "scheduler",
        "gate",
        "ring",
        "previous",
    ] {
        assert!(text.contains(&format!("\"{field}\"")), "{field} in {text}");
    }
}

#[test]
fn programs_without_timers_forward_alike() {
    let link = Link::new();
    let plain = Options {
        plain: true,
        ..options()
    };
    link.in_director(|| {
        let (mut plane, capabilities) = DataPlane::load(&link.pins, &plain).expect("load");
        assert!(!capabilities.timers);
        plane.attach("d0").expect("attach");
    });
    serve(&link.pins, index_of_d0(&link));
    assert!(link.is_answered(&request()));
}

#[test]
fn a_reply_leaves_by_the_kernels_route() {
    let scene = crate::scene::all().find(|s| s.method == lb_common::dest::FORWARD_NAT);
    let scene = scene.unwrap();
    let link = Link::new();
    let d = &link.director;
    // The test run comes from the loopback device; the kernel looks where a packet from there may go.
    link.in_director(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1"))
        .expect("the director forwards");
    for command in [
        format!("ip -n {d} neigh add 10.9.0.2 lladdr 02:00:00:00:07:07 dev d0"),
        format!("ip -n {d} route add 172.16.0.0/16 via 10.9.0.2"),
    ] {
        sh(&command);
    }
    let mut plane = scene.plane();
    let id = crate::scene::dest_of(&plane.xdp(&scene.packet(1, SYN).bytes()).packet);
    let reply = scene.reply(1, id, SYN);
    let answer = link.in_director(|| plane.xdp(&reply.bytes()));
    assert_eq!(answer.verdict, REDIRECT);
    let front: std::net::SocketAddr = scene.front().parse().unwrap();
    let expected = Packet {
        to_mac: [2, 0, 0, 0, 7, 7],
        from_mac: answer.packet[6..12].try_into().unwrap(),
        source: front.ip(),
        source_port: front.port(),
        ttl: reply.ttl - 1,
        ..reply
    };
    assert_eq!(answer.packet, expected.bytes());
}

/// The maps of the VRRP child, with the virtual MAC on an interface.
fn bear(link: &Link, ifindex: u32, flags: u32) -> VrrpMaps {
    let mut maps = VrrpMaps::open(&link.pins).unwrap();
    let pad = [0; 2];
    let key = VirtualMacKey {
        ifindex,
        mac: VIRTUAL_MAC,
        pad,
    };
    let value = VirtualMacValue {
        gate: GATE,
        flags,
        mac: OWN_MAC,
        pad,
    };
    maps.virtual_macs.insert(key, value, 0).unwrap();
    maps
}

#[test]
fn the_kernel_answers_at_a_virtual_mac_that_no_link_has() {
    // Both in generic mode, see `DataPlane::attach_generic`. A bridge lets what is for another MAC through once it is
    // promiscuous.
    let bridge = [
        "addr flush dev d0",
        "link add br0 address 02:00:00:00:09:01 type bridge",
        "link set d0 master br0",
        "addr add 10.9.0.1/24 dev br0",
        "link set br0 promisc on up",
    ];
    let plain = ["link set d0 address 02:00:00:00:09:01"];
    let cases = [("d0", &plain[..]), ("br0", &bridge)];
    for (interface, commands) in cases {
        let link = Link::new();
        for command in commands {
            sh(&format!("ip -n {} {command}", link.director));
        }
        let (mut plane, _) = DataPlane::load(&link.pins, &options()).expect("load");
        let mode = link.in_director(|| plane.attach_generic(interface));
        assert_eq!(mode.unwrap(), XdpModeInUse::Generic);
        let index = || nix::net::if_::if_nametoindex(interface).expect("the interface");
        let mut maps = bear(&link, link.in_director(index), 0);
        let owned = OwnedValue {
            gate: GATE,
            flags: 0,
            mac: VIRTUAL_MAC,
            pad: [0; 2],
        };
        let ours = [10, 9, 0, 1];
        let address = mapped(ours);
        maps.owned.insert(OwnedKey { address }, owned, 0).unwrap();
        maps.hints.set(0, HINT_VIRTUAL_MAC, 0).unwrap();
        let mut question = arp(1, [10, 9, 0, 2], ours);
        question[..6].copy_from_slice(&VIRTUAL_MAC);
        let is_answer = |frame: &[u8]| {
            frame[12..14] == [8, 6]
                && frame[20..22] == [0, 2]
                && frame[6..12] == VIRTUAL_MAC
                && frame[22..28] == VIRTUAL_MAC
        };
        for (state, answered) in [(GATE_PASS, false), (GATE_OPEN, true)] {
            maps.gates.set(GATE, GateValue { state }, 0).unwrap();
            let heard = link.hears(sends(&question), is_answer);
            assert_eq!(heard, answered, "{interface}, {state}");
        }
    }
}

#[test]
fn membership_reports_of_a_macvlan_do_not_carry_its_mac() {
    let link = Link::new();
    let d = &link.director;
    for command in [
        format!("ip -n {d} link set d0 address 02:00:00:00:09:01"),
        format!("ip -n {d} link add link d0 name m0 address 00:00:5e:00:01:33 type macvlan"),
        format!("ip -n {d} addr add 10.9.0.51/32 dev m0"),
        format!("ip -n {d} link set m0 up"),
    ] {
        sh(&command);
    }
    drop(load(&link));
    let udp = || Socket::new(Domain::IPV4, Type::DGRAM, None).expect("a socket");
    let socket = link.in_director(udp);
    let is_heard = |group: [u8; 4], source: [u8; 6]| {
        let join = |_: &Socket| {
            let interface = Ipv4Addr::new(10, 9, 0, 51);
            socket.join_multicast_v4(&group.into(), &interface).unwrap();
        };
        link.hears(join, |frame| {
            let names = frame.windows(4).any(|bytes| bytes == group);
            names && frame[23] == 2 && frame[6..12] == source
        })
    };
    assert!(is_heard([239, 1, 2, 3], VIRTUAL_MAC), "nobody minds it yet");
    drop(bear(&link, index_of_d0(&link), VIRTUAL_MAC_FLAG_LINK));
    assert!(is_heard([239, 1, 2, 4], OWN_MAC));
}
