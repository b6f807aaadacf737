//! Packets that are longer than the way through their tunnel.

use etherparse::{
    Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, icmpv4::DestUnreachableHeader,
};

use super::{
    Counter, DESTS, IpAddr, Ipv4Header, Ipv6Header, PASS, Packet, SYN, Scene, TX, checksum, kinds,
    older, scenes, set_service,
};

const MTU: u16 = 1500;

/// The SYN of a flow, with so many bytes from the IP header on. Where TCP is not, a datagram.
fn of_length(scene: Scene, length: usize) -> Packet {
    let packet = scene.packet(1, SYN);
    let own = packet.bytes().len() - 14 - packet.payload.len();
    Packet {
        payload: vec![0x5a; length - own],
        ..packet
    }
}

#[test]
fn what_just_fits_goes_and_one_byte_more_is_answered() {
    for scene in scenes() {
        for kind in kinds() {
            for vlans in [vec![], vec![5], vec![6, 7]] {
                let room = usize::from(MTU) - kind.overhead();
                let fits = Packet {
                    vlans: vlans.clone(),
                    ..of_length(scene, room)
                };
                let mut plane = kind.plane(scene, MTU);
                let answer = plane.xdp(&fits.bytes());
                assert_eq!(answer.verdict, TX, "{scene:?} {kind:?}");
                let opened = kind.open(&answer.packet, vlans.len(), scene.family);
                assert_eq!(opened.packet, older(&fits));

                let long = Packet {
                    vlans: vlans.clone(),
                    ..of_length(scene, room + 1)
                };
                let answer = plane.xdp(&long.bytes());
                assert_eq!(answer.verdict, TX, "{scene:?} {kind:?}");
                assert_eq!(plane.counter(Counter::TooBig), 1);
                assert_eq!(plane.counter(Counter::Forwarded), 1);
                check_answer(&answer.packet, &long, room);
            }
        }
    }
}

/// The answer goes back to the sender, from the address it spoke to, tells the MTU and quotes what it is about.
fn check_answer(frame: &[u8], about: &Packet, mtu: usize) {
    assert_eq!(frame[..6], about.from_mac);
    assert_eq!(frame[6..12], about.to_mac);
    let at = 14 + 4 * about.vlans.len();
    let quotable = about.bytes();
    assert_eq!(frame[12..at], quotable[12..at]);
    let (bytes, quotable) = (&frame[at..], &quotable[at..]);
    let quoted = match about.source {
        IpAddr::V4(client) => {
            let (ip, icmp) = Ipv4Header::from_slice(bytes).unwrap();
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            assert_eq!(usize::from(ip.total_len), bytes.len());
            assert_eq!(bytes.len(), 576);
            assert_eq!(ip.destination, client.octets());
            assert_eq!(IpAddr::from(ip.source), about.destination);
            assert_eq!(checksum(icmp), [0, 0]);
            let (header, quoted) = Icmpv4Header::from_slice(icmp).unwrap();
            let expected = DestUnreachableHeader::FragmentationNeeded {
                next_hop_mtu: mtu as u16,
            };
            assert_eq!(
                header.icmp_type,
                Icmpv4Type::DestinationUnreachable(expected)
            );
            quoted
        }
        IpAddr::V6(client) => {
            let (ip, icmp) = Ipv6Header::from_slice(bytes).unwrap();
            assert_eq!(usize::from(ip.payload_length), icmp.len());
            assert_eq!(bytes.len(), 1280);
            assert_eq!(ip.destination, client.octets());
            assert_eq!(IpAddr::from(ip.source), about.destination);
            let (header, quoted) = Icmpv6Header::from_slice(icmp).unwrap();
            let right = header
                .icmp_type
                .calc_checksum(ip.source, ip.destination, quoted);
            assert_eq!(header.checksum, right.unwrap());
            assert_eq!(
                header.icmp_type,
                Icmpv6Type::PacketTooBig { mtu: mtu as u32 }
            );
            quoted
        }
    };
    assert_eq!(quoted, &quotable[..quoted.len()]);
}

#[test]
fn what_may_be_fragmented_is_the_kernels_in_its_tunnel() {
    for scene in scenes().filter(|scene| scene.family == 4) {
        for kind in kinds() {
            let packet = of_length(scene, usize::from(MTU));
            let mut frame = packet.bytes();
            set_service(&mut frame, 0, false);
            let mut plane = kind.plane(scene, MTU);
            for id in DESTS {
                // So that it is known which of them it goes to.
                let dest = kind.dest(DESTS[0], MTU);
                plane.set_dest(id, &dest, scene.protocol);
            }
            let answer = plane.xdp(&frame);
            assert_eq!(answer.verdict, PASS, "{scene:?} {kind:?}");
            assert_eq!(answer.packet[..12], frame[..12], "{scene:?} {kind:?}");
            let opened = kind.open(&answer.packet, 0, 4);
            assert!(!opened.is_whole);
            let mut expected = older(&packet);
            let mut whole = vec![0; 14];
            whole[12..].copy_from_slice(&[8, 0]);
            whole.append(&mut expected);
            set_service(&mut whole, 0, false);
            assert_eq!(opened.packet, whole[14..], "{scene:?} {kind:?}");
        }
    }
}

#[test]
fn the_smallest_packets_that_ipv6_must_carry_get_through_any_way() {
    for scene in scenes().filter(|scene| scene.family == 6) {
        for kind in kinds() {
            let mut plane = kind.plane(scene, 1280);
            for id in DESTS {
                let dest = kind.dest(DESTS[0], 1280);
                plane.set_dest(id, &dest, scene.protocol);
            }
            let packet = of_length(scene, 1280);
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, PASS, "{scene:?} {kind:?}");
            let opened = kind.open(&answer.packet, 0, 6);
            assert_eq!(opened.packet, older(&packet), "{scene:?} {kind:?}");

            let packet = of_length(scene, 1281);
            let answer = plane.xdp(&packet.bytes());
            assert_eq!(answer.verdict, TX, "{scene:?} {kind:?}");
            check_answer(&answer.packet, &packet, 1280);
        }
    }
}
